/* Cells in a group with what is around them: an internal short across each, its tab (or an open contact) in series,
 * and two bus bars that run from cell to cell, both terminals at cell 0. A ladder: it folds up from its far end into an
 * EMF and a resistance, in closed form, and unfolds from the terminals into the current of each cell. */
#include "inside.h"

/* A cell with its short and tab, from its terminals: E / D and R / D + tab, D = 1 + R S. */
INLINE void dress(const double *e, const double *r, const double *shunt, const double *tab, double *own_e,
                  double *own_r, size_t count)
{
    for (size_t n = 0; n < count; n++) {
        const double d = 1.0 + r[n] * shunt[n];
        own_e[n] = e[n] / d;
        own_r[n] = r[n] / d + tab[n];
    }
}

HOT void cell_fold(const cell_layout *layout, const double *state, const double *e, const double *r, size_t first,
                   size_t count, double *group_e, double *group_r)
{
    const double *shunt = row(layout, state, CELL_SHORT_S), *tab = row(layout, state, CELL_TAB_Ohm);
    const double bars = 2.0 * state[HEAD_BAR_Ohm];
    const size_t groups = groups_of(layout);
    double own_e[TILE], own_r[TILE];
    for (size_t p = layout->parallel; p-- > 0;) {
        const size_t k = p * groups + first;
        dress(e + k, r + k, shunt + k, tab + k, own_e, own_r, count);
        for (size_t n = 0; n < count; n++) {
            const double beyond = group_r[n] + bars;
            const double share = p + 1 == layout->parallel ? 1.0 : beyond / (own_r[n] + beyond);
            group_e[n] = share < 1.0 ? own_e[n] * share + group_e[n] * (1.0 - share) : own_e[n];
            group_r[n] = own_r[n] * share;
        }
    }
}

/* The same for the mean rows, as a share of each cell's EMF in its group's; they hold until the resistances move. */
HOT static void weigh_tile(const cell_layout *layout, double *state, size_t first, size_t count)
{
    const double *rm = row(layout, state, CELL_RM), *shunt = row(layout, state, CELL_SHORT_S);
    double *weight = row(layout, state, CELL_WEIGHT), *sm = row(layout, state, CELL_SM);
    double *group_rm = group_row(layout, state, GROUP_RM) + first;
    const double *tab = row(layout, state, CELL_TAB_Ohm);
    const double bars = 2.0 * state[HEAD_BAR_Ohm];
    const size_t groups = groups_of(layout);
    double left[TILE];
    for (size_t p = layout->parallel; p-- > 0;)
        for (size_t n = 0; n < count; n++) {
            const size_t k = p * groups + first + n;
            const double own = rm[k] / (1.0 + rm[k] * shunt[k]) + tab[k], beyond = group_rm[n] + bars;
            sm[k] = 1.0 / own;
            weight[k] = p + 1 == layout->parallel ? 1.0 : beyond / (own + beyond);
            group_rm[n] = own * weight[k];
        }
    for (size_t n = 0; n < count; n++) left[n] = 1.0;
    for (size_t p = 0; p < layout->parallel; p++)
        for (size_t n = 0; n < count; n++) {
            const size_t k = p * groups + first + n;
            const double share = weight[k];
            weight[k] = left[n] * share / (1.0 + rm[k] * shunt[k]);
            left[n] *= 1.0 - share;
        }
}

void cell_weigh(const cell_layout *layout, double *state)
{
    for (size_t first = 0; first < groups_of(layout); first += TILE) {
        const size_t left = groups_of(layout) - first;
        weigh_tile(layout, state, first, left < TILE ? left : TILE);
    }
}

/* Cell `branch` of groups `first` .. : from the voltage between the bars at it and the current that the bars still
 * carry there, the current in its chemistry and in its tab; then both for the next cell. */
HOT void cell_branch(const cell_layout *layout, const double *state, size_t branch, size_t first, size_t count,
                     const double *e, const double *r, double *volts, double *through, double *inside, double *tab)
{
    const size_t at = branch * groups_of(layout) + first;
    const double *shunt = row(layout, state, CELL_SHORT_S) + at, *tab_Ohm = row(layout, state, CELL_TAB_Ohm) + at;
    const double bars = 2.0 * state[HEAD_BAR_Ohm];
    double own_e[TILE], own_r[TILE];
    dress(e + at, r + at, shunt, tab_Ohm, own_e, own_r, count);
    for (size_t n = 0; n < count; n++) {
        tab[n] = layout->parallel == 1 ? through[n] : (own_e[n] - volts[n]) / own_r[n];
        inside[n] = tab[n] + (volts[n] + tab[n] * tab_Ohm[n]) * shunt[n];
        through[n] -= tab[n];
        volts[n] += through[n] * bars;
    }
}
