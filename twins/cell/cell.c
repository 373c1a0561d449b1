/* The hot loops work on tiles: a few groups of one string at a time, every phase of the step over the tile while it
 * is in the first-level cache. Loops are plain enough for the compiler to vectorise them without reassociating a sum,
 * so that every machine computes the same bits. */
#include "cell.h"

#include <math.h>

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

typedef struct { /* what a step needs, the same for all cells */
    double dt_s, relax1, relax2, warming_K_per_W;
} step_gains;

/* An odd number of cache lines: no two rows of a state then share their place in a 4 KiB page, which would make
 * a load of one wait for a store of another. */
size_t cell_stride(size_t count)
{
    const size_t lines = (count + 7) / 8;
    return (lines | 1) * 8;
}

static size_t groups_of(const cell_layout *layout) { return layout->strings * layout->series; }
static size_t cells_of(const cell_layout *layout) { return groups_of(layout) * layout->parallel; }

static double *row(const cell_layout *layout, const double *state, int index)
{
    return (double *)state + CELL_HEAD + (size_t)index * cell_stride(cells_of(layout));
}

static double *group_row(const cell_layout *layout, const double *state, int index)
{
    /* A cell alone is its group. */
    if (layout->parallel == 1 && index == GROUP_E) return row(layout, state, CELL_E);
    if (layout->parallel == 1 && index == GROUP_R) return row(layout, state, CELL_R);
    return row(layout, state, CELL_ROWS) + (size_t)index * cell_stride(groups_of(layout));
}

static double *string_row(const cell_layout *layout, const double *state, int index)
{
    return row(layout, state, CELL_ROWS) + GROUP_ROWS * cell_stride(groups_of(layout))
           + (size_t)index * cell_stride(layout->strings);
}

size_t cell_state_size(const cell_layout *layout)
{
    return CELL_HEAD + CELL_ROWS * cell_stride(cells_of(layout)) + GROUP_ROWS * cell_stride(groups_of(layout))
           + STRING_ROWS * cell_stride(layout->strings);
}

/* e^(B (1/T - 1/Tref)) */
INLINE double arrhenius(double b_K, double at_degC, double reference_degC)
{
    return exp(b_K * (1.0 / (at_degC + KELVIN) - 1.0 / (reference_degC + KELVIN)));
}

/* Resistance at a temperature over that at the reference: a(T). */
INLINE double warmth_at(const cell_type *type, double t)
{
    const double below = type->cold_below_degC;
    if (t < below) return type->cold_factor * arrhenius(type->cold_K, t, below);
    return type->constant + (1.0 - type->constant) * arrhenius(type->arrhenius_K, t, type->reference_degC);
}

void cell_prepare(cell_type *type)
{
    type->cold_factor = warmth_at(type, type->cold_below_degC);
    for (size_t t = 0; t < CELL_OCV_ROWS - 1; t++)
        for (size_t j = 0; j < CELL_GRID; j++) {
            const double *cold = &type->ocv_V[t][j], *warm = &type->ocv_V[t + 1][j];
            double *to = type->ocv_cell[t * CELL_GRID + j];
            to[0] = cold[0];
            to[1] = cold[1] - cold[0];
            to[2] = warm[0] - cold[0];
            to[3] = (warm[1] - warm[0]) - (cold[1] - cold[0]);
        }
}

/* exp(-x) for x >= 0 without a library call, so that loops vectorise: Taylor on x/32, squared five times.
 * Error < 2e-10; < 1e-15 for the small x of a usual step. */
INLINE double decay(double x)
{
    const double y = (x < 60.0 ? x : 60.0) * (1.0 / 32.0);
    double p = 1.0 - y * (1.0 - y * (0.5 - y * (1.0 / 6 - y * (1.0 / 24 - y * (1.0 / 120 - y * (1.0 / 720))))));
    p *= p; p *= p; p *= p; p *= p; p *= p;
    return p;
}

INLINE double clamp(double x, double low, double high)
{
    const double raised = x < low ? low : x;
    return raised > high ? high : raised;
}

/* Resistances and entropic coefficient of cells from `first` on, at their SOC and temperature. */
static void slow_rows(const cell_type *type, const cell_layout *layout, double *state, size_t first, size_t count)
{
    const double *soc = row(layout, state, CELL_SOC), *t = row(layout, state, CELL_T);
    const double *factor = row(layout, state, CELL_R_FACTOR);
    double *r = row(layout, state, CELL_R), *s = row(layout, state, CELL_S);
    double *r1 = row(layout, state, CELL_R1), *r2 = row(layout, state, CELL_R2);
    double *entropic = row(layout, state, CELL_ENTROPIC);
    for (size_t k = first; k < first + count; k++) {
        const double x = clamp(soc[k] * CELL_GRID, 0.0, CELL_GRID);
        const int j = (int)(x < CELL_GRID - 1 ? x : CELL_GRID - 1);
        const double f = x - j, scale = factor[k] * warmth_at(type, t[k]);
        r[k] = scale * (type->r0_Ohm[j] + f * (type->r0_Ohm[j + 1] - type->r0_Ohm[j]));
        r1[k] = scale * (type->r1_Ohm[j] + f * (type->r1_Ohm[j + 1] - type->r1_Ohm[j]));
        r2[k] = scale * (type->r2_Ohm[j] + f * (type->r2_Ohm[j + 1] - type->r2_Ohm[j]));
        entropic[k] = type->entropic_V_per_K[j] + f * (type->entropic_V_per_K[j + 1] - type->entropic_V_per_K[j]);
        s[k] = 1.0 / r[k];
    }
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

INLINE void look_up(const cell_type *restrict type, const double *restrict soc, const double *restrict h,
                    const double *restrict v1, const double *restrict v2, const double *restrict t,
                    double *restrict e, size_t count)
{
    const double *restrict ocv = &type->ocv_cell[0][0];
    const double first = type->ocv_first_degC, per_K = 1.0 / type->ocv_step_K, m = type->hysteresis_V;
    for (size_t k = 0; k < count; k++)
        e[k] = ocv_at(ocv, first, per_K, soc[k], t[k]) + m * h[k] - v1[k] - v2[k];
}

/* One step of cells at their currents: charge, hysteresis, RC pairs and heat, the latter two by their exact
 * exponential; then the EMF. */
INLINE void move(const cell_type *restrict type, step_gains gains, double ambient, const double *restrict i,
                 const double *restrict inv_q, const double *restrict r, const double *restrict r1,
                 const double *restrict r2, const double *restrict entropic, double *restrict soc, double *restrict h,
                 double *restrict v1, double *restrict v2, double *restrict t, double *restrict e, size_t count)
{
    const double m = type->hysteresis_V, gamma = type->gamma, loss = type->loss_W_per_K;
    const double arriving = type->charge_efficiency, first = type->ocv_first_degC, per_K = 1.0 / type->ocv_step_K;
    const double *restrict ocv = &type->ocv_cell[0][0];
    for (size_t k = 0; k < count; k++) {
        const double current = i[k];
        const double sign = current > 0.0 ? 1.0 : -1.0;
        const double moved = current * gains.dt_s * inv_q[k] * (current > 0.0 ? 1.0 : arriving);
        const double heat = current * current * r[k]
                            + (v1[k] * v1[k] * r2[k] + v2[k] * v2[k] * r1[k]) / (r1[k] * r2[k])
                            - current * (m * h[k] + (t[k] + KELVIN) * entropic[k]);
        h[k] -= (sign + h[k]) * (1.0 - decay(gamma * fabs(moved)));
        v1[k] += (r1[k] * current - v1[k]) * gains.relax1;
        v2[k] += (r2[k] * current - v2[k]) * gains.relax2;
        t[k] += (heat + loss * (ambient - t[k])) * gains.warming_K_per_W;
        soc[k] -= moved;
        e[k] = ocv_at(ocv, first, per_K, soc[k], t[k]) + m * h[k] - v1[k] - v2[k];
    }
}

/* Cells in parallel share one voltage (Kirchhoff): E = sum(E/R) / sum(1/R), R = 1 / sum(1/R). The latter only changes
 * with the slow rows. */
INLINE void gather_group(const cell_layout *layout, const double *restrict e, const double *restrict s,
                         double *restrict group_e, double *restrict group_r, size_t count, int slow)
{
    double sum[TILE];
    const size_t groups = groups_of(layout);
    if (slow) {
        for (size_t n = 0; n < count; n++) sum[n] = 0.0;
        for (size_t p = 0; p < layout->parallel; p++)
            for (size_t n = 0; n < count; n++) sum[n] += s[p * groups + n];
        for (size_t n = 0; n < count; n++) group_r[n] = 1.0 / sum[n];
    }
    for (size_t n = 0; n < count; n++) sum[n] = 0.0;
    for (size_t p = 0; p < layout->parallel; p++)
        for (size_t n = 0; n < count; n++) sum[n] += e[p * groups + n] * s[p * groups + n];
    for (size_t n = 0; n < count; n++) group_e[n] = sum[n] * group_r[n];
}

/* Voltages of groups at their string's current. A balancing resistor across the group: V = (E - I R) / (1 + R S). */
INLINE void group_voltages(const double *restrict e, const double *restrict r, const double *restrict bleed,
                           double current, double *restrict v, size_t count, int bleeding)
{
    for (size_t n = 0; n < count; n++) v[n] = e[n] - current * r[n];
    if (bleeding)
        for (size_t n = 0; n < count; n++) v[n] /= 1.0 + r[n] * bleed[n];
}

/* Sums along a string: E and R of its groups with their balancing resistors. */
INLINE void add_up(const double *restrict e, const double *restrict r, const double *restrict bleed, size_t count,
                   int bleeding, double *restrict sum_e, double *restrict sum_r)
{
    double part_e[TILE], part_r[TILE];
    if (bleeding) {
        for (size_t n = 0; n < count; n++) {
            const double share = 1.0 / (1.0 + r[n] * bleed[n]);
            part_e[n] = e[n] * share;
            part_r[n] = r[n] * share;
        }
        e = part_e;
        r = part_r;
    }
    size_t n = 0;
    for (; n + LANES <= count; n += LANES)
        for (size_t l = 0; l < LANES; l++) {
            sum_e[l] += e[n + l];
            sum_r[l] += r[n + l];
        }
    for (size_t l = 0; n + l < count; l++) {
        sum_e[l] += e[n + l];
        sum_r[l] += r[n + l];
    }
}

/* One step of the tile of groups `first` .. `first + count` of one string, at the string's current. */
INLINE void step_tile(const cell_type *type, const cell_layout *layout, double *state, step_gains gains,
                      double current, size_t first, size_t count, int slow)
{
    const size_t groups = groups_of(layout), parallel = layout->parallel;
    const double *bleed = group_row(layout, state, GROUP_BLEED_S) + first;
    double *group_e = group_row(layout, state, GROUP_E) + first, *group_r = group_row(layout, state, GROUP_R) + first;
    double volts[TILE], amperes[TILE];
    const int bleeding = state[HEAD_BLEEDING] > 0.0;
    if (parallel > 1 || bleeding) group_voltages(group_e, group_r, bleed, current, volts, count, bleeding);
    if (parallel == 1)
        for (size_t n = 0; n < count; n++) amperes[n] = current;
    if (parallel == 1 && bleeding)
        for (size_t n = 0; n < count; n++) amperes[n] += volts[n] * bleed[n];
    for (size_t p = 0; p < parallel; p++) {
        const size_t k = p * groups + first;
        double *e = row(layout, state, CELL_E) + k, *soc = row(layout, state, CELL_SOC) + k;
        double *h = row(layout, state, CELL_H) + k, *t = row(layout, state, CELL_T) + k;
        double *v1 = row(layout, state, CELL_V1) + k, *v2 = row(layout, state, CELL_V2) + k;
        const double *s = row(layout, state, CELL_S) + k;
        if (parallel > 1)
            for (size_t n = 0; n < count; n++) amperes[n] = (e[n] - volts[n]) * s[n];
        move(type, gains, layout->ambient_degC, amperes, row(layout, state, CELL_INV_Q) + k,
             row(layout, state, CELL_R) + k, row(layout, state, CELL_R1) + k, row(layout, state, CELL_R2) + k,
             row(layout, state, CELL_ENTROPIC) + k, soc, h, v1, v2, t, e, count);
        if (slow) slow_rows(type, layout, state, k, count);
    }
    if (parallel > 1)
        gather_group(layout, row(layout, state, CELL_E) + first, row(layout, state, CELL_S) + first, group_e, group_r,
                     count, slow);
}

/* `steps` steps of one string at its current, and the sums along it. Tiles are independent of each other while the
 * current is given, so each takes all its steps before the next one is fetched. Returns the age of the slow rows. */
HOT static double run_string(const cell_type *type, const cell_layout *layout, double *state, step_gains gains,
                           double current, size_t string, long steps)
{
    double sum_e[LANES] = {0.0}, sum_r[LANES] = {0.0}, age = state[HEAD_AGE_S];
    const size_t end = (string + 1) * layout->series;
    for (size_t first = string * layout->series; first < end; first += TILE) {
        const size_t count = end - first < TILE ? end - first : TILE;
        age = state[HEAD_AGE_S];
        for (long n = 0; n < steps; n++) {
            age += gains.dt_s;
            step_tile(type, layout, state, gains, current, first, count, age >= CELL_SLOW_S);
            if (age >= CELL_SLOW_S) age = 0.0;
        }
        add_up(group_row(layout, state, GROUP_E) + first, group_row(layout, state, GROUP_R) + first,
               group_row(layout, state, GROUP_BLEED_S) + first, count, state[HEAD_BLEEDING] > 0.0, sum_e, sum_r);
    }
    double e = 0.0, r = 0.0;
    for (size_t l = 0; l < LANES; l++) {
        e += sum_e[l];
        r += sum_r[l];
    }
    string_row(layout, state, STRING_E)[string] = e;
    string_row(layout, state, STRING_R)[string] = r;
    return age;
}

void cell_refresh(const cell_type *type, const cell_layout *layout, double *state)
{
    const step_gains none = {0.0, 0.0, 0.0, 0.0};
    const size_t cells = cells_of(layout);
    const double *bleed = group_row(layout, state, GROUP_BLEED_S);
    slow_rows(type, layout, state, 0, cells);
    state[HEAD_AGE_S] = state[HEAD_BLEEDING] = 0.0;
    for (size_t g = 0; g < groups_of(layout); g++)
        if (bleed[g] > 0.0) state[HEAD_BLEEDING] = 1.0;
    look_up(type, row(layout, state, CELL_SOC), row(layout, state, CELL_H), row(layout, state, CELL_V1),
            row(layout, state, CELL_V2), row(layout, state, CELL_T), row(layout, state, CELL_E), cells);
    for (size_t first = 0; first < groups_of(layout) && layout->parallel > 1; first += TILE) {
        const size_t left = groups_of(layout) - first;
        gather_group(layout, row(layout, state, CELL_E) + first, row(layout, state, CELL_S) + first,
                     group_row(layout, state, GROUP_E) + first, group_row(layout, state, GROUP_R) + first,
                     left < TILE ? left : TILE, 1);
    }
    for (size_t s = 0; s < layout->strings; s++) run_string(type, layout, state, none, 0.0, s, 0);
}

void cell_thevenin(const cell_layout *layout, const double *state, double *emf_V, double *resistance_Ohm)
{
    const double *e = string_row(layout, state, STRING_E), *r = string_row(layout, state, STRING_R);
    double conductance = 0.0, inflow = 0.0;
    for (size_t s = 0; s < layout->strings; s++) {
        conductance += 1.0 / r[s];
        inflow += e[s] / r[s];
    }
    *resistance_Ohm = 1.0 / conductance;
    *emf_V = layout->strings == 1 ? e[0] : inflow / conductance;
}

/* Strings share the terminal voltage. */
static double string_current(const cell_layout *layout, const double *state, double current_A, double terminal_V,
                             size_t string)
{
    if (layout->strings == 1) return current_A;
    return (string_row(layout, state, STRING_E)[string] - terminal_V) / string_row(layout, state, STRING_R)[string];
}

static double terminal_voltage(const cell_layout *layout, const double *state, double current_A)
{
    double emf, resistance;
    cell_thevenin(layout, state, &emf, &resistance);
    return emf - current_A * resistance;
}

double cell_advance(const cell_type *type, const cell_layout *layout, double *state, double current_A, double dt_s,
                    long steps)
{
    const double per_K = type->loss_W_per_K, heat = type->heat_J_per_K;
    const step_gains gains = {dt_s, -expm1(-dt_s / type->tau1_s), -expm1(-dt_s / type->tau2_s),
                              per_K > 0.0 ? -expm1(-dt_s * per_K / heat) / per_K : dt_s / heat};
    const long stride = layout->strings == 1 ? steps : 1; /* strings share the current anew at each step */
    for (long n = 0; n < steps; n += stride) {
        const double terminal = terminal_voltage(layout, state, current_A);
        double age = 0.0;
        for (size_t s = 0; s < layout->strings; s++)
            age = run_string(type, layout, state, gains, string_current(layout, state, current_A, terminal, s), s,
                             stride);
        state[HEAD_AGE_S] = age;
    }
    return terminal_voltage(layout, state, current_A);
}

void cell_voltages(const cell_layout *layout, const double *state, double current_A, double *group_V)
{
    const double terminal = terminal_voltage(layout, state, current_A);
    for (size_t s = 0; s < layout->strings; s++) {
        const size_t first = s * layout->series;
        group_voltages(group_row(layout, state, GROUP_E) + first, group_row(layout, state, GROUP_R) + first,
                       group_row(layout, state, GROUP_BLEED_S) + first,
                       string_current(layout, state, current_A, terminal, s), group_V + first, layout->series,
                       state[HEAD_BLEEDING] > 0.0);
    }
}

void cell_currents(const cell_layout *layout, const double *state, const double *group_V, double *cell_A)
{
    const double *e = row(layout, state, CELL_E), *s = row(layout, state, CELL_S);
    const size_t groups = groups_of(layout);
    for (size_t p = 0; p < layout->parallel; p++)
        for (size_t g = 0; g < groups; g++) {
            const size_t k = p * groups + g;
            cell_A[k] = (e[k] - group_V[g]) * s[k];
        }
}
