#include "cell.h"

#include <math.h>

#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__linux__)
#define HOT __attribute__((target_clones("avx2", "default")))
#else
#define HOT
#endif

#define KELVIN 273.15

/* Rows are staggered by a cache line, or their bases would alias in the first-level cache. */
size_t cell_stride(size_t count) { return (count + 7) / 8 * 8 + 8; }

static size_t groups_of(const cell_layout *layout) { return layout->strings * layout->series; }
static size_t cells_of(const cell_layout *layout) { return groups_of(layout) * layout->parallel; }

size_t cell_state_size(const cell_layout *layout)
{
    return CELL_ROWS * cell_stride(cells_of(layout)) + GROUP_ROWS * cell_stride(groups_of(layout));
}

static double *row(const cell_layout *layout, double *state, int index)
{
    return state + (size_t)index * cell_stride(cells_of(layout));
}

static double *group_row(const cell_layout *layout, double *state, int index)
{
    return state + CELL_ROWS * cell_stride(cells_of(layout)) + (size_t)index * cell_stride(groups_of(layout));
}

/* exp(-x) for x >= 0 without a library call, so that loops vectorise: Taylor on x/32, squared five times.
 * Relative error < 1e-13 for x < 0.3, which a step of a hysteresis or an RC pair never leaves in practice. */
static inline double decay(double x)
{
    double y = (x < 60.0 ? x : 60.0) * (1.0 / 32.0);
    double p = 1.0 - y + y * y * (0.5 - y * (1.0 / 6 - y * (1.0 / 24 - y * (1.0 / 120 - y * (1.0 / 720)))));
    p *= p; p *= p; p *= p; p *= p; p *= p;
    return p;
}

void cell_warm(const cell_type *type, const cell_layout *layout, double *state)
{
    const double *temperature = row(layout, state, CELL_T), *factor = row(layout, state, CELL_R_FACTOR);
    double *arrhenius = row(layout, state, CELL_ARRHENIUS);
    const size_t cells = cells_of(layout);
    for (size_t k = 0; k < cells; k++)
        arrhenius[k] = factor[k] * exp(type->arrhenius_K * (1.0 / (temperature[k] + KELVIN)
                                                            - 1.0 / (type->reference_degC + KELVIN)));
}

/* Groups: cells in parallel share one voltage (Kirchhoff): E = sum(E/R) / sum(1/R), R = 1 / sum(1/R). */
static void gather_groups(const cell_layout *layout, double *state)
{
    const double *e = row(layout, state, CELL_E), *r = row(layout, state, CELL_R);
    double *group_e = group_row(layout, state, GROUP_E), *group_r = group_row(layout, state, GROUP_R);
    const size_t groups = groups_of(layout), parallel = layout->parallel;
    if (parallel == 1) {
        for (size_t g = 0; g < groups; g++) { group_e[g] = e[g]; group_r[g] = r[g]; }
        return;
    }
    for (size_t g = 0; g < groups; g++) {
        double conductance = 0.0, inflow = 0.0;
        for (size_t k = g * parallel; k < (g + 1) * parallel; k++) {
            const double s = 1.0 / r[k];
            conductance += s;
            inflow += e[k] * s;
        }
        group_r[g] = 1.0 / conductance;
        group_e[g] = inflow * group_r[g];
    }
}

HOT void cell_refresh(const cell_type *type, const cell_layout *layout, double *state)
{
    const size_t cells = cells_of(layout);
    const double *restrict soc = row(layout, state, CELL_SOC), *restrict h = row(layout, state, CELL_H);
    const double *restrict v1 = row(layout, state, CELL_V1), *restrict v2 = row(layout, state, CELL_V2);
    const double *restrict arrhenius = row(layout, state, CELL_ARRHENIUS);
    const double *restrict t = row(layout, state, CELL_T);
    double *restrict e = row(layout, state, CELL_E), *restrict r = row(layout, state, CELL_R);
    for (size_t k = 0; k < cells; k++) {
        const double x = soc[k] * CELL_GRID;
        const double inside = x < 0.0 ? 0.0 : x > CELL_GRID - 1 ? CELL_GRID - 1 : x;
        const int j = (int)inside;
        const double f = x - j; /* beyond 0..1 the last interval goes on: overcharge keeps rising */
        const double in = f < 0.0 ? 0.0 : f > 1.0 ? 1.0 : f;
        const double entropic = type->entropic_V_per_K[j];
        e[k] = type->ocv_V[j] + f * (type->ocv_V[j + 1] - type->ocv_V[j])
               + entropic * (t[k] - type->reference_degC) + type->hysteresis_V * h[k] - v1[k] - v2[k];
        r[k] = arrhenius[k] * (type->r0_Ohm[j] + in * (type->r0_Ohm[j + 1] - type->r0_Ohm[j]));
    }
    gather_groups(layout, state);
}

void cell_thevenin(const cell_layout *layout, const double *state, double *emf_V, double *resistance_Ohm)
{
    const double *group_e = group_row(layout, (double *)state, GROUP_E);
    const double *group_r = group_row(layout, (double *)state, GROUP_R);
    double conductance = 0.0, inflow = 0.0;
    for (size_t s = 0; s < layout->strings; s++) {
        double e = 0.0, r = 0.0;
        for (size_t g = s * layout->series; g < (s + 1) * layout->series; g++) { e += group_e[g]; r += group_r[g]; }
        conductance += 1.0 / r;
        inflow += e / r;
    }
    *resistance_Ohm = 1.0 / conductance;
    *emf_V = inflow / conductance;
}

/* Terminal current -> string currents -> group voltages -> cell currents, all in closed form.
 * A balancing resistor hangs across its group: V = (E - I R) / (1 + R S). */
static void split(const cell_layout *layout, double *state, double current_A)
{
    const double *e = row(layout, state, CELL_E), *r = row(layout, state, CELL_R);
    double *i = row(layout, state, CELL_I), *v = group_row(layout, state, GROUP_V);
    const double *group_e = group_row(layout, state, GROUP_E), *group_r = group_row(layout, state, GROUP_R);
    const double *bleed = group_row(layout, state, GROUP_BLEED_S);
    const size_t series = layout->series, parallel = layout->parallel;
    double emf, resistance;
    cell_thevenin(layout, state, &emf, &resistance);
    const double terminal = emf - current_A * resistance;
    for (size_t s = 0; s < layout->strings; s++) {
        double string_e = 0.0, string_r = 0.0;
        for (size_t g = s * series; g < (s + 1) * series; g++) { string_e += group_e[g]; string_r += group_r[g]; }
        const double string_i = layout->strings == 1 ? current_A : (string_e - terminal) / string_r;
        for (size_t g = s * series; g < (s + 1) * series; g++)
            v[g] = (group_e[g] - string_i * group_r[g]) / (1.0 + group_r[g] * bleed[g]);
        if (parallel == 1)
            for (size_t g = s * series; g < (s + 1) * series; g++) i[g] = string_i + v[g] * bleed[g];
        else
            for (size_t g = s * series; g < (s + 1) * series; g++)
                for (size_t k = g * parallel; k < (g + 1) * parallel; k++) i[k] = (e[k] - v[g]) / r[k];
    }
}

/* One step of every cell at its current; RC pairs and the thermal node by their exact exponential. */
HOT static void move(const cell_type *type, const cell_layout *layout, double *state, double dt_s,
                     const double keep[3])
{
    const size_t cells = cells_of(layout);
    double *restrict soc = row(layout, state, CELL_SOC), *restrict h = row(layout, state, CELL_H);
    double *restrict v1 = row(layout, state, CELL_V1), *restrict v2 = row(layout, state, CELL_V2);
    double *restrict t = row(layout, state, CELL_T);
    const double *restrict i = row(layout, state, CELL_I), *restrict r = row(layout, state, CELL_R);
    const double *restrict inv_q = row(layout, state, CELL_INV_Q);
    const double *restrict arrhenius = row(layout, state, CELL_ARRHENIUS);
    const double keep1 = keep[0], keep2 = keep[1], keep_t = keep[2];
    const double m = type->hysteresis_V, gamma = type->gamma, ambient = layout->ambient_degC;
    const double per_loss = 1.0 / type->loss_W_per_K;
    for (size_t k = 0; k < cells; k++) {
        const double current = i[k], x = soc[k] * CELL_GRID;
        const double inside = x < 0.0 ? 0.0 : x > CELL_GRID - 1 ? CELL_GRID - 1 : x;
        const int j = (int)inside;
        const double r1 = arrhenius[k] * type->r1_Ohm[j], r2 = arrhenius[k] * type->r2_Ohm[j];
        const double moved = current * dt_s * inv_q[k];
        const double sign = current > 0.0 ? 1.0 : -1.0;
        const double heat = current * current * r[k] + v1[k] * v1[k] / r1 + v2[k] * v2[k] / r2
                            - current * m * h[k] - current * (t[k] + KELVIN) * type->entropic_V_per_K[j];
        const double settled = ambient + heat * per_loss;
        h[k] = -sign + (h[k] + sign) * decay(gamma * fabs(moved));
        v1[k] = r1 * current + (v1[k] - r1 * current) * keep1;
        v2[k] = r2 * current + (v2[k] - r2 * current) * keep2;
        t[k] = settled + (t[k] - settled) * keep_t;
        soc[k] -= moved;
    }
}

double cell_advance(const cell_type *type, const cell_layout *layout, double *state, double current_A, double dt_s,
                    long steps)
{
    const double keep[3] = {exp(-dt_s / type->tau1_s), exp(-dt_s / type->tau2_s),
                            exp(-dt_s * type->loss_W_per_K / type->heat_J_per_K)};
    double emf, resistance;
    for (long n = 0; n < steps; n++) {
        split(layout, state, current_A);
        move(type, layout, state, dt_s, keep);
        cell_refresh(type, layout, state);
    }
    split(layout, state, current_A); /* group voltages as they are now, at this current */
    cell_thevenin(layout, state, &emf, &resistance);
    return emf - current_A * resistance;
}
