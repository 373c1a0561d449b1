/* What the files of the cell core share; no part of its interface. */
#ifndef BMS_HIL_CELL_INSIDE_H
#define BMS_HIL_CELL_INSIDE_H
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "cell.h"

#ifdef HOT /* as the builder says */
#elif defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12 && defined(__x86_64__) && defined(__linux__)
#define HOT __attribute__((target_clones("arch=x86-64-v4", "avx2", "default")))
#else
#define HOT
#endif
#if defined(__GNUC__)
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static inline
#endif

#define KELVIN 273.15
#define TILE 128 /* cells per row of a tile */
#define LANES 8  /* partial sums: their order is fixed here, not by the width of the machine's registers */

INLINE size_t groups_of(const cell_layout *layout) { return layout->strings * layout->series; }
INLINE size_t cells_of(const cell_layout *layout) { return groups_of(layout) * layout->parallel; }

/* An odd number of cache lines: no two rows of a state then share their place in a 4 KiB page, which would make
 * a load of one wait for a store of another. */
INLINE size_t stride_of(size_t count) { return ((count + 7) / 8 | 1) * 8; }

INLINE double *row(const cell_layout *layout, const double *state, int index)
{
    return (double *)state + CELL_HEAD + (size_t)index * stride_of(cells_of(layout));
}

INLINE double *group_row(const cell_layout *layout, const double *state, int index)
{
    return row(layout, state, CELL_ROWS) + (size_t)index * stride_of(groups_of(layout));
}

INLINE double *string_row(const cell_layout *layout, const double *state, int index)
{
    return row(layout, state, CELL_ROWS) + GROUP_ROWS * stride_of(groups_of(layout))
           + (size_t)index * stride_of(layout->strings);
}

/* A cell alone, with nothing around it, is its group. */
INLINE int alone(const cell_layout *layout, const double *state)
{
    return layout->parallel == 1 && !(state[HEAD_CIRCUIT] > 0.0);
}

INLINE double *group_emf(const cell_layout *layout, const double *state)
{
    return alone(layout, state) ? row(layout, state, CELL_E) : group_row(layout, state, GROUP_E);
}

INLINE double *group_resistance(const cell_layout *layout, const double *state)
{
    return alone(layout, state) ? row(layout, state, CELL_R) : group_row(layout, state, GROUP_R);
}

INLINE double clamp(double x, double low, double high)
{
    const double raised = x < low ? low : x;
    return raised > high ? high : raised;
}

/* e^x without a library call, so that loops vectorise and every machine gets the same bits: x = n ln 2 + r, Taylor
 * on |r| <= 0.35, and n put into the exponent. Relative error < 1e-15 for |x| < 700, beyond which it holds. */
INLINE double exponential(double x)
{
    const double shift = 6755399441055744.0; /* 1.5 x 2^52: adding it rounds to an integer */
    const double held = clamp(x, -700.0, 700.0);
    const double moved = held * 1.4426950408889634 + shift, n = moved - shift;
    const double r = (held - n * 0x1.62e42fefa38p-1) - n * 0x1.ef35793c7673p-45; /* ln 2 in two parts */
    double p = 1.0 / 479001600.0;
    p = p * r + 1.0 / 39916800.0;
    p = p * r + 1.0 / 3628800.0;
    p = p * r + 1.0 / 362880.0;
    p = p * r + 1.0 / 40320.0;
    p = p * r + 1.0 / 5040.0;
    p = p * r + 1.0 / 720.0;
    p = p * r + 1.0 / 120.0;
    p = p * r + 1.0 / 24.0;
    p = p * r + 1.0 / 6.0;
    p = p * r + 0.5;
    p = p * r + 1.0;
    p = p * r + 1.0;
    uint64_t bits, power;
    memcpy(&bits, &moved, sizeof bits);
    memcpy(&power, &p, sizeof power);
    power += bits << 52;
    memcpy(&p, &power, sizeof p);
    return p;
}

/* 1 - exp(-x) for x >= 0, also without a library call: Taylor on x/32, doubled five times. Error < 2e-10; to
 * rounding, and relative to the result, for the small x of a usual step. */
INLINE double relaxed(double x)
{
    const double y = (x < 60.0 ? x : 60.0) * (1.0 / 32.0);
    double q = y * (1.0 - y * (0.5 - y * (1.0 / 6 - y * (1.0 / 24 - y * (1.0 / 120 - y * (1.0 / 720))))));
    q *= 2.0 - q; q *= 2.0 - q; q *= 2.0 - q; q *= 2.0 - q; q *= 2.0 - q;
    return q;
}

/* Of the way that e^-x goes from 0 to x, the part that its mean has behind it: 1 / (1 - e^-x) - 1 / x, by its series.
 * Error < 1e-4 up to 2, where it is held: hysteresis has mostly turned by then. */
INLINE double before_mean(double x)
{
    const double y = x < 2.0 ? x : 2.0;
    return 0.5 + y * (1.0 / 12 - y * y * (1.0 / 720 - y * y * (1.0 / 30240)));
}

/* Resistance at a temperature over that at the reference: a(T). */
INLINE double warmth_at(const cell_type *type, double t)
{
    const double below = type->cold_below_degC;
    const int cold = t < below;
    const double b_K = cold ? type->cold_K : type->arrhenius_K, from = cold ? below : type->reference_degC;
    const double grown = exponential(b_K * (1.0 / (t + KELVIN) - 1.0 / (from + KELVIN)));
    return cold ? type->cold_factor * grown : type->constant + (1.0 - type->constant) * grown;
}

/* OCV by interval. Beyond SOC 0..1 the last interval goes on: overcharge rises. (With a restrict here GCC 12 does
 * not vectorise the loops that call it.) */
INLINE double ocv_at(const double *ocv, double first_degC, double per_K, double soc, double temperature)
{
    const double x = soc * CELL_GRID, y = clamp((temperature - first_degC) * per_K, 0.0, CELL_OCV_ROWS - 1);
    const int j = (int)clamp(x, 0.0, CELL_GRID - 1);
    const int i = (int)(y > CELL_OCV_ROWS - 2 ? CELL_OCV_ROWS - 2 : y);
    const double f = x - j, g = y - i;
    const int at = 4 * (i * CELL_GRID + j);
    return ocv[at] + f * ocv[at + 1] + g * (ocv[at + 2] + f * ocv[at + 3]);
}

/* dOCV/dSOC there. */
INLINE double slope_at(const double *ocv, double first_degC, double per_K, double soc, double temperature)
{
    const double y = clamp((temperature - first_degC) * per_K, 0.0, CELL_OCV_ROWS - 1);
    const int j = (int)clamp(soc * CELL_GRID, 0.0, CELL_GRID - 1);
    const int i = (int)(y > CELL_OCV_ROWS - 2 ? CELL_OCV_ROWS - 2 : y);
    const int at = 4 * (i * CELL_GRID + j);
    return CELL_GRID * (ocv[at + 1] + (y - i) * ocv[at + 3]);
}

/* Voltages of groups at their string's current. A balancing resistor across the group: V = (E - I R) / (1 + R S). */
INLINE void group_voltages(const double *restrict e, const double *restrict r, const double *restrict bleed,
                           double current, double *restrict v, size_t count, int bleeding)
{
    for (size_t n = 0; n < count; n++) v[n] = e[n] - current * r[n];
    if (bleeding)
        for (size_t n = 0; n < count; n++) v[n] /= 1.0 + r[n] * bleed[n];
}

/* Of one step for all cells. */
typedef struct {
    double dt_s, relax1, relax2, phi1, phi2, warming_K_per_W;
} step_gains;

/* cell.c: resistances of cells at their SOC and temperature; sums along a string; the instant rows of all. */
void cell_slow_rows(const cell_type *type, const cell_layout *layout, double *state, size_t first, size_t count);
/* Notes that the slow rows are for the cells' present SOC and temperature. */
void cell_rows_are_for(const cell_layout *layout, double *state);
void cell_add_up(const cell_layout *layout, double *state, size_t string, const double *e, const double *r, int to);
void cell_instant(const cell_layout *layout, double *state);
/* circuit.c */
void cell_fold(const cell_layout *layout, const double *state, const double *e, const double *r, size_t first,
               size_t count, double *group_e, double *group_r);
void cell_weigh(const cell_layout *layout, double *state);
void cell_branch(const cell_layout *layout, const double *state, size_t branch, size_t first, size_t count,
                 const double *e, const double *r, double *volts, double *through, double *inside, double *tab);
/* full.c */
void cell_full_advance(const cell_type *type, const cell_layout *layout, double *state, double current_A, double dt_s,
                       long steps);
int cell_type_is_full(const cell_type *type);
void cell_book_pairs(const cell_type *type, const cell_layout *layout, double *state, double sign);
/* thermal.c: heat of `elapsed_s` spreads, exactly. */
void cell_conduct(const cell_type *type, const cell_layout *layout, double *state, double elapsed_s);
/* abuse.c: charge that goes without passing the terminals, decomposition, a molten separator; whether one has molten. */
int cell_lose(const cell_type *type, const cell_layout *layout, double *state, double elapsed_s);
/* The row of self-discharge at the temperatures that the resistances are for. */
void cell_leaks(const cell_type *type, const cell_layout *layout, double *state);
/* ageing.c: whether it was worked out this time. */
int cell_age(const cell_type *type, const cell_layout *layout, double *state, double elapsed_s);
#endif
