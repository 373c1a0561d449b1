/* What a cell does that nobody wants. Self-discharge: a part of the charge per second, more when warm. A side reaction
 * of charging (electrolyte oxidised in overcharge, gas in lead-acid): grows by e for each `side_slope_V` of the cell's
 * EMF, and takes charge whose energy is heat. Decomposition in stages, each A exp(-B/T) of what is left (Hatchard et
 * al., J. Electrochem. Soc. 148 (2001) A755; Kim et al., J. Power Sources 170 (2007) 476), those of the electrodes in
 * proportion to the charge. A separator that melts leaves an internal short. */
#include "inside.h"

#define DECOMPOSES_degC 60.0 /* below, all stages together are slower than self-discharge */
#define SIDE_SLOPES 12.0     /* so many slopes below side_V the side reaction is a 160,000th of that there: left out */

INLINE double highest(const double *values, size_t count)
{
    double most = values[0];
    for (size_t k = 1; k < count; k++) most = values[k] > most ? values[k] : most;
    return most;
}

/* OCV of each cell, into a scratch row: what its charge is worth. */
INLINE void rest_row(const cell_type *type, const cell_layout *layout, double *state)
{
    const double *e = row(layout, state, CELL_E), *h = row(layout, state, CELL_H);
    const double *v1 = row(layout, state, CELL_V1), *v2 = row(layout, state, CELL_V2), m = type->hysteresis_V;
    double *rest = row(layout, state, CELL_SCRATCH);
    const size_t cells = cells_of(layout);
    for (size_t k = 0; k < cells; k++) rest[k] = e[k] + v1[k] + v2[k] - m * h[k];
}

INLINE void leak_row(const cell_type *restrict type, const double *restrict t, const double *restrict factor,
                     double *restrict per_s, size_t count)
{
    const double from = 1.0 / (type->reference_degC + KELVIN), b = type->leak_K, rate = type->leak_per_s;
    for (size_t k = 0; k < count; k++) per_s[k] = rate * factor[k] * exponential(b * (from - 1.0 / (t[k] + KELVIN)));
}

HOT void cell_leaks(const cell_type *type, const cell_layout *layout, double *state)
{
    if (type->leak_per_s > 0.0)
        leak_row(type, row(layout, state, CELL_AT_T), row(layout, state, CELL_LEAK_FACTOR),
                 row(layout, state, CELL_LEAK_PER_S), cells_of(layout));
}

/* Charge of a cell that goes without passing its terminals leaves all of its energy as heat. */
INLINE void leak(double elapsed_s, const double *restrict per_s, const double *restrict rest,
                 const double *restrict inv_q, double *restrict soc, double *restrict heat, double *restrict lost,
                 size_t count)
{
    for (size_t k = 0; k < count; k++) {
        const double part = (soc[k] > 0.0 ? soc[k] : 0.0) * relaxed(per_s[k] * elapsed_s), charge = part / inv_q[k];
        soc[k] -= part;
        lost[k] += charge;
        heat[k] += charge * rest[k];
    }
}

/* ds/dt = -k e^(E / slope) along the tangent of the OCV: how far it goes is log(1 + x) / bend, x = bend k h e^(over).
 * Puts x and bend into scratch rows; returns the largest x. */
INLINE double side_rates(const cell_type *restrict type, double elapsed_s, const double *restrict e,
                         const double *restrict soc, const double *restrict t, double *restrict x,
                         double *restrict bend, size_t count)
{
    const double *restrict ocv = &type->ocv_cell[0][0];
    const double from = type->ocv_first_degC, per_K = 1.0 / type->ocv_step_K;
    const double per_V = 1.0 / type->side_slope_V, scale = elapsed_s * type->side_per_h / 3600.0;
    for (size_t k = 0; k < count; k++) {
        const double rise = slope_at(ocv, from, per_K, soc[k], t[k]), over = (e[k] - type->side_V) * per_V;
        bend[k] = (rise > 1e-6 ? rise : 1e-6) * per_V;
        x[k] = bend[k] * scale * exponential(over < 200.0 ? over : 200.0);
    }
    return highest(x, count);
}

/* The logarithm is stable at any step; below 1e-3 its series has a relative error under 1e-12. */
INLINE void side_losses(const double *restrict x, const double *restrict bend, const double *restrict rest,
                        const double *restrict inv_q, double *restrict soc, double *restrict heat,
                        double *restrict lost, size_t count, int large)
{
    for (size_t k = 0; k < count; k++) {
        const double near = x[k] * (1.0 - x[k] * (0.5 - x[k] * (1.0 / 3 - 0.25 * x[k])));
        const double part = (large ? log1p(x[k]) : near) / bend[k], charge = part / inv_q[k];
        soc[k] -= part;
        lost[k] += charge;
        heat[k] += charge * rest[k];
    }
}

INLINE void side_reaction(const cell_type *type, const cell_layout *layout, double *state, double elapsed_s)
{
    const size_t cells = cells_of(layout);
    double *x = row(layout, state, CELL_SCRATCH + 1), *bend = row(layout, state, CELL_SCRATCH + 2);
    const double *rest = row(layout, state, CELL_SCRATCH), *inv_q = row(layout, state, CELL_INV_Q);
    double *soc = row(layout, state, CELL_SOC), *heat = row(layout, state, CELL_HEAT_J);
    double *lost = row(layout, state, CELL_LOST_As);
    if (highest(row(layout, state, CELL_E), cells) < type->side_V - SIDE_SLOPES * type->side_slope_V) return;
    const double most = side_rates(type, elapsed_s, row(layout, state, CELL_E), soc, row(layout, state, CELL_T), x,
                                   bend, cells);
    if (most > 1e-3)
        side_losses(x, bend, rest, inv_q, soc, heat, lost, cells, 1);
    else
        side_losses(x, bend, rest, inv_q, soc, heat, lost, cells, 0);
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

static int melt(const cell_type *type, const cell_layout *layout, double *state)
{
    const double *t = row(layout, state, CELL_T);
    double *shunt = row(layout, state, CELL_SHORT_S);
    int molten = 0;
    for (size_t k = 0; k < cells_of(layout); k++)
        if (t[k] > type->separator_degC && shunt[k] < 1.0 / type->separator_Ohm) {
            shunt[k] = 1.0 / type->separator_Ohm;
            state[HEAD_CIRCUIT] = 1.0;
            molten = 1;
        }
    return molten;
}

HOT int cell_lose(const cell_type *type, const cell_layout *layout, double *state, double elapsed_s)
{
    const double hottest = highest(row(layout, state, CELL_T), cells_of(layout));
    if (type->leak_per_s > 0.0 || type->side_per_h > 0.0) rest_row(type, layout, state);
    if (type->leak_per_s > 0.0)
        leak(elapsed_s, row(layout, state, CELL_LEAK_PER_S), row(layout, state, CELL_SCRATCH),
             row(layout, state, CELL_INV_Q), row(layout, state, CELL_SOC), row(layout, state, CELL_HEAT_J),
             row(layout, state, CELL_LOST_As), cells_of(layout));
    if (type->side_per_h > 0.0) side_reaction(type, layout, state, elapsed_s);
    if (hottest >= DECOMPOSES_degC) decompose(type, layout, state, elapsed_s);
    return type->separator_degC < 1e4 && hottest > type->separator_degC && melt(type, layout, state);
}
