/* How heat spreads: each cell a core and a surface (or one body), surfaces side by side in contact, and with coolant
 * and surroundings. A string is a rectangle of `series` x `parallel` cells; strings do not touch.
 *
 *   Cc dTc/dt = P + Gcs (Ts - Tc),
 *   Cs dTs/dt = Gcs (Tc - Ts) + Gn sum(Tn - Ts) + Gk (Tk - Ts) + hA (Ta - Ts)
 *
 * is linear, so over h at constant heat T(h) = T + h phi1(h A) (A T + b), phi1(z) = sum z^k / (k + 1)!. The series is
 * taken until its rest is below rounding: 1e-14 of its first term, which is itself small against T. Where h |A| > 1 the
 * step is cut into parts. The result does not depend on the step, and is exact for any chain. */
#include "inside.h"

typedef struct {
    double core_per_s, surface_per_s;  /* Gcs / Cc, Gcs / Cs */
    double neighbour_per_s, away_per_s; /* Gn / Cs, (Gk + hA) / Cs */
    double largest_per_s;              /* a bound of |A| */
    int two;
} rates;

static rates rates_of(const cell_type *type, double beside)
{
    const int two = type->core_W_per_K > 0.0;
    const double surface = two ? type->surface_share * type->heat_J_per_K : type->heat_J_per_K;
    const double core = type->heat_J_per_K - (two ? surface : 0.0), between = two ? type->core_W_per_K : 0.0;
    const double away = type->coolant_W_per_K + type->loss_W_per_K;
    rates found = {between / core, between / surface, type->neighbour_W_per_K / surface, away / surface, 0.0, two};
    const double outer = found.surface_per_s + beside * found.neighbour_per_s + found.away_per_s;
    found.largest_per_s = 2.0 * (outer > found.core_per_s ? outer : found.core_per_s);
    return found;
}

/* to = sum of neighbours' excess, along the series and across the parallel cells, of branch p of a string. */
INLINE void contact(const cell_layout *layout, const double *from, double *restrict to, size_t p)
{
    const size_t groups = groups_of(layout), series = layout->series;
    to[0] = series > 1 ? from[1] - from[0] : 0.0;
    for (size_t n = 1; n + 1 < series; n++) to[n] = (from[n + 1] - from[n]) + (from[n - 1] - from[n]);
    if (series > 1) to[series - 1] = from[series - 2] - from[series - 1];
    if (p > 0)
        for (size_t n = 0; n < series; n++) to[n] += from[n - groups] - from[n];
    if (p + 1 < layout->parallel)
        for (size_t n = 0; n < series; n++) to[n] += from[n + groups] - from[n];
}

/* to = scale x A from, for the cells of branch p of a string that begins at k, and where t is given, t += to. */
INLINE void apply(const cell_layout *layout, rates g, const double *core, const double *surface,
                  double *restrict to_core, double *restrict to_surface, double *restrict t, double *restrict ts,
                  size_t p, size_t k, double scale)
{
    const double per_core = scale * g.core_per_s, per_surface = scale * g.surface_per_s, away = scale * g.away_per_s;
    const double beside = scale * g.neighbour_per_s;
    core += k; surface += k; to_core += k; to_surface += k;
    if (beside > 0.0)
        contact(layout, surface, to_surface, p);
    else
        for (size_t n = 0; n < layout->series; n++) to_surface[n] = 0.0;
    for (size_t n = 0; n < layout->series; n++) {
        const double excess = g.two ? core[n] - surface[n] : 0.0;
        const double outer = beside * to_surface[n] - away * surface[n] + per_surface * excess;
        to_surface[n] = outer;
        if (t) ts[k + n] += outer;
        if (!g.two) continue;
        to_core[n] = -per_core * excess;
        if (t) t[k + n] += to_core[n];
    }
}

/* h (A T + b): what a step of h is to first order. */
INLINE void begin(const cell_type *type, const cell_layout *layout, const double *state, rates g, const double *heat_W,
                  double *restrict core, double *restrict surface, double h)
{
    const double *t = row(layout, state, CELL_T), *ts = g.two ? row(layout, state, CELL_SURFACE) : t;
    const double body = g.two ? (1.0 - type->surface_share) * type->heat_J_per_K : type->heat_J_per_K;
    const double outer = g.two ? type->surface_share * type->heat_J_per_K : type->heat_J_per_K;
    const double inflow = type->coolant_W_per_K * state[HEAD_COOLANT_degC] + type->loss_W_per_K * layout->ambient_degC;
    const size_t cells = cells_of(layout), groups = groups_of(layout);
    for (size_t s = 0; s < layout->strings; s++)
        for (size_t p = 0; p < layout->parallel; p++)
            apply(layout, g, t, ts, core, surface, NULL, NULL, p, p * groups + s * layout->series, h);
    for (size_t k = 0; k < cells; k++) surface[k] += h * inflow / outer;
    if (g.two)
        for (size_t k = 0; k < cells; k++) core[k] += h / body * heat_W[k];
    else
        for (size_t k = 0; k < cells; k++) surface[k] += h / body * heat_W[k];
}

INLINE void add(const cell_layout *layout, double *state, rates g, const double *core, const double *surface)
{
    double *t = row(layout, state, CELL_T), *ts = row(layout, state, CELL_SURFACE);
    const size_t cells = cells_of(layout);
    if (!g.two) {
        for (size_t k = 0; k < cells; k++) t[k] += surface[k];
        return;
    }
    for (size_t k = 0; k < cells; k++) {
        t[k] += core[k];
        ts[k] += surface[k];
    }
}

/* One step of h with h |A| <= 1. */
INLINE void spread(const cell_type *type, const cell_layout *layout, double *state, rates g, const double *heat_W,
                   double *const core[2], double *const surface[2], double h)
{
    const size_t groups = groups_of(layout);
    double *t = row(layout, state, CELL_T), *ts = g.two ? row(layout, state, CELL_SURFACE) : t;
    double rest = h * g.largest_per_s;
    begin(type, layout, state, g, heat_W, core[0], surface[0], h);
    add(layout, state, g, core[0], surface[0]);
    for (int k = 1; rest > 1e-14; k++) {
        const int from = (k + 1) & 1, to = k & 1;
        for (size_t s = 0; s < layout->strings; s++)
            for (size_t p = 0; p < layout->parallel; p++)
                apply(layout, g, core[from], surface[from], core[to], surface[to], t, ts, p,
                      p * groups + s * layout->series, h / (k + 1));
        rest *= h * g.largest_per_s / (k + 1);
    }
}

HOT void cell_conduct(const cell_type *type, const cell_layout *layout, double *state, double elapsed_s)
{
    const rates g = rates_of(type, layout->parallel > 1 ? 4.0 : 2.0);
    const double *heat = row(layout, state, CELL_HEAT_J);
    double *taken = row(layout, state, CELL_TAKEN_J), *warmth = row(layout, state, CELL_SCRATCH);
    double *const core[2] = {row(layout, state, CELL_SCRATCH + 1), row(layout, state, CELL_SCRATCH + 2)};
    double *const surface[2] = {row(layout, state, CELL_SCRATCH + 3), row(layout, state, CELL_SCRATCH + 4)};
    const size_t cells = cells_of(layout);
    for (size_t k = 0; k < cells; k++) {
        warmth[k] = (heat[k] - taken[k]) / elapsed_s;
        taken[k] = heat[k];
    }
    const long parts = (long)ceil(fmin(elapsed_s * g.largest_per_s, 1e6)) + (g.largest_per_s <= 0.0);
    for (long n = 0; n < parts; n++) spread(type, layout, state, g, warmth, core, surface, elapsed_s / (double)parts);
}
