/* What a cell does that nobody wants. Self-discharge: a part of the charge per second, more when warm. A side reaction
 * of charging (electrolyte oxidised in overcharge, gas in lead-acid): grows by e for each `side_slope_V` of the cell's
 * EMF, and takes charge whose energy is heat. Decomposition in stages, each A exp(-B/T) of what is left (Hatchard et
 * al., J. Electrochem. Soc. 148 (2001) A755; Kim et al., J. Power Sources 170 (2007) 476), those of the electrodes in
 * proportion to the charge. A separator that melts leaves an internal short. */
#include "inside.h"

#define DECOMPOSES_degC 60.0 /* below, all stages together are slower than self-discharge */

/* Charge of a cell that goes without passing its terminals leaves all of its energy as heat. */
INLINE void leak(const cell_type *type, const cell_layout *layout, double *state, double elapsed_s)
{
    const double *t = row(layout, state, CELL_T), *factor = row(layout, state, CELL_LEAK_FACTOR);
    const double *e = row(layout, state, CELL_E), *inv_q = row(layout, state, CELL_INV_Q);
    double *restrict soc = row(layout, state, CELL_SOC), *restrict heat = row(layout, state, CELL_HEAT_J);
    double *restrict lost = row(layout, state, CELL_LOST_As);
    const double from = 1.0 / (type->reference_degC + KELVIN), rate = elapsed_s * type->leak_per_s, b = type->leak_K;
    const size_t cells = cells_of(layout);
    for (size_t k = 0; k < cells; k++) {
        const double warmer = exponential(b * (from - 1.0 / (t[k] + KELVIN)));
        const double part = (soc[k] > 0.0 ? soc[k] : 0.0) * relaxed(rate * factor[k] * warmer);
        const double charge = part / inv_q[k];
        soc[k] -= part;
        lost[k] += charge;
        heat[k] += charge * e[k];
    }
}

/* ds/dt = -k e^(E / slope) along the tangent of the OCV has the solution of a logarithm: stable at any step. */
static void side_reaction(const cell_type *type, const cell_layout *layout, double *state, double elapsed_s)
{
    const double *e = row(layout, state, CELL_E), *inv_q = row(layout, state, CELL_INV_Q);
    const double *t = row(layout, state, CELL_T);
    double *soc = row(layout, state, CELL_SOC), *heat = row(layout, state, CELL_HEAT_J);
    double *lost = row(layout, state, CELL_LOST_As);
    const double per_s = type->side_per_h / 3600.0, slope_V = type->side_slope_V;
    for (size_t k = 0; k < cells_of(layout); k++) {
        const double over = (e[k] - type->side_V) / slope_V;
        if (over < -30.0) continue;
        const double rise = slope_at(&type->ocv_cell[0][0], type->ocv_first_degC, 1.0 / type->ocv_step_K, soc[k], t[k]);
        const double bend = fmax(rise, 1e-6) / slope_V;
        const double part = log1p(bend * per_s * elapsed_s * exp(fmin(over, 200.0))) / bend;
        const double charge = part / inv_q[k];
        soc[k] -= part;
        lost[k] += charge;
        heat[k] += charge * e[k];
    }
}

static void decompose(const cell_type *type, const cell_layout *layout, double *state, double elapsed_s)
{
    const double *t = row(layout, state, CELL_T), *soc = row(layout, state, CELL_SOC);
    double *heat = row(layout, state, CELL_HEAT_J);
    for (size_t k = 0; k < cells_of(layout); k++) {
        if (t[k] < DECOMPOSES_degC) continue;
        for (int i = 0; i < CELL_REACTIONS; i++) {
            if (type->reaction_per_s[i] <= 0.0) continue;
            double *gone = row(layout, state, CELL_GONE + i) + k;
            const double rate = type->reaction_per_s[i] * exp(-type->reaction_K[i] / (t[k] + KELVIN));
            const double part = (1.0 - *gone) * -expm1(-fmin(rate * elapsed_s, 700.0));
            *gone += part;
            heat[k] += part * type->reaction_J[i] * (i == 0 ? 1.0 : clamp(soc[k], 0.0, 1.0));
        }
    }
}

static void melt(const cell_type *type, const cell_layout *layout, double *state)
{
    const double *t = row(layout, state, CELL_T);
    double *shunt = row(layout, state, CELL_SHORT_S);
    for (size_t k = 0; k < cells_of(layout); k++)
        if (t[k] > type->separator_degC && shunt[k] < 1.0 / type->separator_Ohm) {
            shunt[k] = 1.0 / type->separator_Ohm;
            state[HEAD_CIRCUIT] = 1.0;
        }
}

HOT void cell_lose(const cell_type *type, const cell_layout *layout, double *state, double elapsed_s)
{
    double stages = 0.0;
    for (int i = 0; i < CELL_REACTIONS; i++) stages += type->reaction_per_s[i];
    if (type->leak_per_s > 0.0) leak(type, layout, state, elapsed_s);
    if (type->side_per_h > 0.0) side_reaction(type, layout, state, elapsed_s);
    if (stages > 0.0) decompose(type, layout, state, elapsed_s);
    if (type->separator_degC < 1e4) melt(type, layout, state);
}
