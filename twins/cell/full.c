/* The full step: time constants that follow temperature, everything in circuit.c, and currents shared by the mean
 * voltage over the step rather than by that at its beginning, which is stable and exact to second order at any step:
 * with x = dt / tau and f = (1 - e^-x) / x, a cell at constant current I has the mean voltage
 *     E_m - I R_m,  E_m = OCV + M h - f1 v1 - f2 v2,  R_m = R0 + (1 - f1) R1 + (1 - f2) R2 + K dt / (2 Q),
 * K = dOCV/ds + M gamma (1 - |h|): how the cell's own voltage answers its charge.
 * Heat is counted here and spread at the slow period (thermal.c), where also everything else that is slow happens.
 * What follows SOC and temperature is worked out anew there once a cell has moved by FOLLOWS_..: a resistance is then
 * off by less than 0.1 % away from the ends of SOC. */
#include "inside.h"

#define FOLLOWS_SOC 2e-4 /* a twentieth of the tables' interval */
#define FOLLOWS_K 0.02

int cell_type_is_full(const cell_type *type)
{
    double sum = type->tau1_K + type->tau2_K + type->core_W_per_K + type->neighbour_W_per_K + type->coolant_W_per_K
                 + type->leak_per_s + type->side_per_h + type->ageing_law + fabs(type->peukert - 1.0);
    for (int i = 0; i < CELL_REACTIONS; i++) sum += type->reaction_per_s[i];
    return sum > 0.0 || type->separator_degC < 1e4;
}

/* Whether currents are shared at all. */
INLINE int sharing(const cell_layout *layout, const double *state)
{
    return layout->strings > 1 || !alone(layout, state);
}

INLINE double *mean_emf(const cell_layout *layout, const double *state)
{
    return alone(layout, state) ? row(layout, state, CELL_EM) : group_row(layout, state, GROUP_EM);
}

INLINE double *mean_resistance(const cell_layout *layout, const double *state)
{
    return alone(layout, state) ? row(layout, state, CELL_RM) : group_row(layout, state, GROUP_RM);
}

/* Mean and instant EMF of cells as they are. (Outputs as restrict parameters: GCC 12 vectorises a gather only then.) */
INLINE void look(const cell_type *restrict type, const double *restrict soc, const double *restrict h,
                 const double *restrict v1, const double *restrict v2, const double *restrict t,
                 const double *restrict phi1, const double *restrict phi2, double *restrict e, double *restrict em,
                 size_t count)
{
    const double *restrict ocv = &type->ocv_cell[0][0];
    const double from = type->ocv_first_degC, per_K = 1.0 / type->ocv_step_K, m = type->hysteresis_V;
    for (size_t k = 0; k < count; k++) {
        const double rest = ocv_at(ocv, from, per_K, soc[k], t[k]) + m * h[k];
        e[k] = rest - v1[k] - v2[k];
        em[k] = rest - phi1[k] * v1[k] - phi2[k] * v2[k];
    }
}

/* How far the pairs go in a step, at the temperatures that the resistances are for. */
INLINE void relax_rows(const cell_type *restrict type, const cell_layout *layout, double *state, double dt,
                       int together)
{
    const double *t = row(layout, state, CELL_AT_T);
    double *restrict relax1 = row(layout, state, CELL_RELAX1), *restrict relax2 = row(layout, state, CELL_RELAX2);
    double *restrict phi1 = row(layout, state, CELL_PHI1), *restrict phi2 = row(layout, state, CELL_PHI2);
    const double b1 = type->tau1_K, b2 = type->tau2_K, reference = 1.0 / (type->reference_degC + KELVIN);
    const double per_tau1 = dt / type->tau1_s, per_tau2 = dt / type->tau2_s;
    const size_t cells = cells_of(layout);
    for (size_t k = 0; k < cells; k++) {
        const double colder = reference - 1.0 / (t[k] + KELVIN);
        const double faster1 = exponential(b1 * colder), faster2 = together ? faster1 : exponential(b2 * colder);
        const double x1 = per_tau1 * faster1, x2 = per_tau2 * faster2;
        relax1[k] = relaxed(x1);
        relax2[k] = relaxed(x2);
        phi1[k] = relax1[k] / x1;
        phi2[k] = relax2[k] / x2;
    }
}

/* The same where time constants do not follow temperature. */
INLINE void relax_alike(const cell_type *type, const cell_layout *layout, double *state, double dt)
{
    const double relax1 = -expm1(-dt / type->tau1_s), relax2 = -expm1(-dt / type->tau2_s);
    const double phi1 = relax1 * type->tau1_s / dt, phi2 = relax2 * type->tau2_s / dt;
    const size_t cells = cells_of(layout);
    for (size_t k = 0; k < cells; k++) {
        row(layout, state, CELL_RELAX1)[k] = relax1;
        row(layout, state, CELL_RELAX2)[k] = relax2;
        row(layout, state, CELL_PHI1)[k] = phi1;
        row(layout, state, CELL_PHI2)[k] = phi2;
    }
}

INLINE void mean_resistances(const cell_type *restrict type, double dt, const double *restrict r,
                             const double *restrict r1, const double *restrict r2, const double *restrict phi1,
                             const double *restrict phi2, const double *restrict soc, const double *restrict t,
                             const double *restrict h, const double *restrict inv_q, double *restrict rm,
                             double *restrict sm, size_t count)
{
    const double from = type->ocv_first_degC, per_K = 1.0 / type->ocv_step_K;
    const double turning = type->hysteresis_V * type->gamma, *restrict ocv = &type->ocv_cell[0][0];
    for (size_t k = 0; k < count; k++) {
        const double slope = slope_at(ocv, from, per_K, soc[k], t[k]) + turning * (1.0 - fabs(h[k]));
        rm[k] = r[k] + (1.0 - phi1[k]) * r1[k] + (1.0 - phi2[k]) * r2[k] + 0.5 * slope * dt * inv_q[k];
        sm[k] = 1.0 / rm[k];
    }
}

/* Group rows of the mean EMF. */
INLINE void gather_mean(const cell_layout *layout, double *state, size_t first, size_t count)
{
    const double *em = row(layout, state, CELL_EM) + first, *weight = row(layout, state, CELL_WEIGHT) + first;
    double *restrict to = group_row(layout, state, GROUP_EM) + first;
    const size_t groups = groups_of(layout);
    for (size_t n = 0; n < count; n++) to[n] = 0.0;
    for (size_t p = 0; p < layout->parallel; p++)
        for (size_t n = 0; n < count; n++) to[n] += em[p * groups + n] * weight[p * groups + n];
}

/* Mean and instant EMF of all as they are. */
HOT static void look_again(const cell_type *type, const cell_layout *layout, double *state)
{
#define OF(name) row(layout, state, CELL_##name)
    look(type, OF(SOC), OF(H), OF(V1), OF(V2), OF(T), OF(PHI1), OF(PHI2), OF(E), OF(EM), cells_of(layout));
#undef OF
    for (size_t first = 0; first < groups_of(layout) && !alone(layout, state); first += TILE) {
        const size_t left = groups_of(layout) - first;
        gather_mean(layout, state, first, left < TILE ? left : TILE);
    }
    if (layout->strings == 1) return;
    for (size_t s = 0; s < layout->strings; s++)
        cell_add_up(layout, state, s, mean_emf(layout, state), mean_resistance(layout, state), STRING_EM);
}

/* The means over the next step, of all as they are: how a cell answers its charge goes with its hysteresis, which turns
 * long before resistances have to follow. */
HOT static void mean_rows(const cell_type *type, const cell_layout *layout, double *state)
{
#define OF(name) row(layout, state, CELL_##name)
    if (sharing(layout, state))
        mean_resistances(type, state[HEAD_DT_S], OF(R), OF(R1), OF(R2), OF(PHI1), OF(PHI2), OF(SOC), OF(T), OF(H),
                         OF(INV_Q), OF(RM), OF(SM), cells_of(layout));
#undef OF
    if (!alone(layout, state)) cell_weigh(layout, state);
    look_again(type, layout, state);
}

/* Everything that a step needs and that only changes with the slow rows or the step. */
HOT static void prepare(const cell_type *type, const cell_layout *layout, double *state, double dt)
{
    if (type->tau1_K > 0.0 && type->tau1_K == type->tau2_K)
        relax_rows(type, layout, state, dt, 1);
    else if (type->tau1_K > 0.0 || type->tau2_K > 0.0)
        relax_rows(type, layout, state, dt, 0);
    else if (state[HEAD_DT_S] != dt)
        relax_alike(type, layout, state, dt);
    state[HEAD_DT_S] = dt;
    cell_leaks(type, layout, state);
    mean_rows(type, layout, state);
}

/* A pair's energy tau v^2 / (2 R) changes with its parameters at the same v. What it loses is heat, so that the books
 * stay closed; with `sign` -1 it is taken off, with +1 put on. */
HOT void cell_book_pairs(const cell_type *type, const cell_layout *layout, double *state, double sign)
{
    const double *r1 = row(layout, state, CELL_R1), *r2 = row(layout, state, CELL_R2);
    const double *v1 = row(layout, state, CELL_V1), *v2 = row(layout, state, CELL_V2);
    const double *t = row(layout, state, CELL_AT_T);
    double *restrict heat = row(layout, state, CELL_HEAT_J);
    const double half1 = 0.5 * sign * type->tau1_s, half2 = 0.5 * sign * type->tau2_s;
    const double b1 = type->tau1_K, b2 = type->tau2_K, reference = 1.0 / (type->reference_degC + KELVIN);
    const size_t cells = cells_of(layout);
    for (size_t k = 0; k < cells; k++) {
        const double warmer = 1.0 / (t[k] + KELVIN) - reference;
        heat[k] += half1 * exponential(b1 * warmer) * v1[k] * v1[k] / r1[k]
                   + half2 * exponential(b2 * warmer) * v2[k] * v2[k] / r2[k];
    }
}

/* Part of the charge that a cell at this rate gives up in vain: I (I H / C)^(k - 1), in discharge. */
static void stretch(const cell_type *type, const double *i, const double *inv_q, double *factor, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        const double rate = i[k] * inv_q[k] * 3600.0 * type->peukert_h;
        factor[k] = rate > 0.0 ? pow(rate, type->peukert - 1.0) : 1.0;
    }
}

INLINE void move_full(const cell_type *restrict type, double dt, const double *restrict i,
                      const double *restrict factor, const double *restrict inv_q, const double *restrict r,
                      const double *restrict r1, const double *restrict r2, const double *restrict entropic,
                      const double *restrict relax1, const double *restrict relax2, const double *restrict phi1,
                      const double *restrict phi2, const double *restrict t, double *restrict soc, double *restrict h,
                      double *restrict v1, double *restrict v2, double *restrict warmed, double *restrict e,
                      double *restrict em, size_t count, int stretched, int shared)
{
    const double m = type->hysteresis_V, gamma = type->gamma, arriving = type->charge_efficiency;
    const double from = type->ocv_first_degC, per_K = 1.0 / type->ocv_step_K;
    const double *restrict ocv = &type->ocv_cell[0][0];
    for (size_t k = 0; k < count; k++) {
        const double current = i[k];
        const double sign = current > 0.0 ? 1.0 : -1.0;
        const double part = current > 0.0 ? (stretched ? factor[k] : 1.0) : arriving;
        const double moved = current * dt * inv_q[k] * part;
        const double turning = gamma * fabs(moved);
        const double turned = (sign + h[k]) * relaxed(turning);
        const double away1 = r1[k] * current - v1[k], away2 = r2[k] * current - v2[k];
        const double rise1 = away1 * relax1[k], rise2 = away2 * relax2[k];
        const double unlike1 = phi1[k] * away1 * (r1[k] * current + v1[k] + 0.5 * rise1);
        const double unlike2 = phi2[k] * away2 * (r2[k] * current + v2[k] + 0.5 * rise2);
        const double heat = current * current * (r[k] + r1[k] + r2[k])
                            - (unlike1 * r2[k] + unlike2 * r1[k]) / (r1[k] * r2[k])
                            - current * (m * (h[k] - turned * before_mean(turning)) + (t[k] + KELVIN) * entropic[k]);
        warmed[k] += heat * dt;
        h[k] -= turned;
        v1[k] += rise1;
        v2[k] += rise2;
        soc[k] -= moved;
        const double rest = ocv_at(ocv, from, per_K, soc[k], t[k]) + m * h[k];
        e[k] = rest - v1[k] - v2[k];
        if (shared) em[k] = rest - phi1[k] * v1[k] - phi2[k] * v2[k];
    }
}

INLINE void move_cells(const cell_type *type, const cell_layout *layout, double *state, double dt, const double *i,
                       size_t k, size_t count, int shared)
{
#define OF(name) (row(layout, state, CELL_##name) + k)
    double factor[TILE];
    const int stretched = type->peukert != 1.0;
    if (stretched) stretch(type, i, OF(INV_Q), factor, count);
    if (stretched)
        move_full(type, dt, i, factor, OF(INV_Q), OF(R), OF(R1), OF(R2), OF(ENTROPIC), OF(RELAX1), OF(RELAX2),
                  OF(PHI1), OF(PHI2), OF(T), OF(SOC), OF(H), OF(V1), OF(V2), OF(HEAT_J), OF(E), OF(EM), count, 1, 1);
    else if (shared)
        move_full(type, dt, i, factor, OF(INV_Q), OF(R), OF(R1), OF(R2), OF(ENTROPIC), OF(RELAX1), OF(RELAX2),
                  OF(PHI1), OF(PHI2), OF(T), OF(SOC), OF(H), OF(V1), OF(V2), OF(HEAT_J), OF(E), OF(EM), count, 0, 1);
    else
        move_full(type, dt, i, factor, OF(INV_Q), OF(R), OF(R1), OF(R2), OF(ENTROPIC), OF(RELAX1), OF(RELAX2),
                  OF(PHI1), OF(PHI2), OF(T), OF(SOC), OF(H), OF(V1), OF(V2), OF(HEAT_J), OF(E), OF(EM), count, 0, 0);
#undef OF
}

/* Cell p of the tile's groups where there is a circuit: its current, and heat in its short, tab and bars. */
static void branch(const cell_layout *layout, double *state, double dt, size_t p, size_t first, size_t count,
                   double *volts, double *through, double *amperes)
{
    const size_t k = p * groups_of(layout) + first;
    const double *tab_Ohm = row(layout, state, CELL_TAB_Ohm) + k, *shunt = row(layout, state, CELL_SHORT_S) + k;
    const double bars = 2.0 * state[HEAD_BAR_Ohm];
    double *heat = row(layout, state, CELL_HEAT_J) + k, *wire = group_row(layout, state, GROUP_WIRE_J) + first;
    double *lost = row(layout, state, CELL_LOST_As) + k;
    double tab[TILE], before[TILE];
    memcpy(before, volts, count * sizeof *volts);
    cell_branch(layout, state, p, first, count, row(layout, state, CELL_EM), row(layout, state, CELL_RM), volts,
                through, amperes, tab);
    for (size_t n = 0; n < count; n++) {
        const double own = before[n] + tab[n] * tab_Ohm[n];
        heat[n] += own * own * shunt[n] * dt;
        lost[n] += own * shunt[n] * dt;
        wire[n] += (tab[n] * tab[n] * tab_Ohm[n] + through[n] * through[n] * bars * (p + 1 < layout->parallel)) * dt;
    }
}

/* Voltages of the tile's groups and what they deliver, with the heat of balancing resistors and links. */
INLINE void deliver(const cell_layout *layout, double *state, double dt, double current, size_t first, size_t count,
                    double *volts, double *through)
{
    const int shared = sharing(layout, state);
    const double *e = shared ? mean_emf(layout, state) : row(layout, state, CELL_E);
    const double *r = shared ? mean_resistance(layout, state) : row(layout, state, CELL_R);
    const double *bleed = group_row(layout, state, GROUP_BLEED_S) + first;
    const double *link = group_row(layout, state, GROUP_LINK_Ohm) + first;
    double *wire = group_row(layout, state, GROUP_WIRE_J) + first;
    double *bled = group_row(layout, state, GROUP_BLEED_J) + first;
    double *bled_As = group_row(layout, state, GROUP_BLEED_As) + first;
    const int bleeding = state[HEAD_BLEEDING] > 0.0;
    group_voltages(e + first, r + first, bleed, current, volts, count, bleeding);
    for (size_t n = 0; n < count; n++) through[n] = current;
    if (bleeding)
        for (size_t n = 0; n < count; n++) {
            through[n] += volts[n] * bleed[n];
            bled[n] += volts[n] * volts[n] * bleed[n] * dt;
            bled_As[n] += volts[n] * bleed[n] * dt;
        }
    if (state[HEAD_CIRCUIT] > 0.0)
        for (size_t n = 0; n < count; n++) wire[n] += current * current * link[n] * dt;
}

INLINE void step_tile(const cell_type *type, const cell_layout *layout, double *state, double dt, double current,
                      size_t first, size_t count)
{
    const int circuit = state[HEAD_CIRCUIT] > 0.0, shared = sharing(layout, state);
    const size_t groups = groups_of(layout);
    double volts[TILE], through[TILE], amperes[TILE];
    deliver(layout, state, dt, current, first, count, volts, through);
    for (size_t p = 0; p < layout->parallel; p++) {
        const size_t k = p * groups + first;
        const double *em = row(layout, state, CELL_EM) + k, *sm = row(layout, state, CELL_SM) + k;
        if (circuit)
            branch(layout, state, dt, p, first, count, volts, through, amperes);
        else if (layout->parallel > 1)
            for (size_t n = 0; n < count; n++) amperes[n] = (em[n] - volts[n]) * sm[n];
        move_cells(type, layout, state, dt, layout->parallel == 1 && !circuit ? through : amperes, k, count, shared);
    }
    if (!alone(layout, state)) gather_mean(layout, state, first, count);
}

HOT static void run_string(const cell_type *type, const cell_layout *layout, double *state, double dt, double current,
                           size_t string, long steps)
{
    const size_t end = (string + 1) * layout->series;
    for (size_t first = string * layout->series; first < end; first += TILE)
        for (long n = 0; n < steps; n++)
            step_tile(type, layout, state, dt, current, first, end - first < TILE ? end - first : TILE);
    if (layout->strings > 1)
        cell_add_up(layout, state, string, mean_emf(layout, state), mean_resistance(layout, state), STRING_EM);
}

/* Mean current of each string in the coming step. */
static void share_out(const cell_layout *layout, double *state, double current_A)
{
    const double *e = string_row(layout, state, STRING_EM), *r = string_row(layout, state, STRING_RM);
    const double *off = string_row(layout, state, STRING_OFF);
    double *to = string_row(layout, state, STRING_A), conductance = 0.0, inflow = 0.0;
    for (size_t s = 0; s < layout->strings; s++) {
        to[s] = off[s] > 0.0 ? 0.0 : current_A;
        if (layout->strings == 1 || off[s] > 0.0) continue;
        conductance += 1.0 / r[s];
        inflow += e[s] / r[s];
    }
    for (size_t s = 0; s < layout->strings && layout->strings > 1; s++)
        if (!(off[s] > 0.0)) to[s] = (e[s] - (inflow - current_A) / conductance) / r[s];
}

/* Whether a cell has moved so far that its rows no longer suit it. */
HOT static int moved(const cell_layout *layout, const double *state)
{
    const double *soc = row(layout, state, CELL_SOC), *at_soc = row(layout, state, CELL_AT_SOC);
    const double *t = row(layout, state, CELL_T), *at_t = row(layout, state, CELL_AT_T);
    const size_t cells = cells_of(layout);
    double far = 0.0;
    for (size_t k = 0; k < cells; k++) {
        const double by_soc = fabs(soc[k] - at_soc[k]) * (1.0 / FOLLOWS_SOC);
        const double by_t = fabs(t[k] - at_t[k]) * (1.0 / FOLLOWS_K);
        const double by = by_soc > by_t ? by_soc : by_t;
        far = by > far ? by : far;
    }
    return far > 1.0;
}

/* The rows of resistances and time constants at the cells' present state. */
static void follow(const cell_type *type, const cell_layout *layout, double *state)
{
    cell_book_pairs(type, layout, state, 1.0);
    cell_slow_rows(type, layout, state, 0, cells_of(layout));
    cell_rows_are_for(layout, state);
    cell_book_pairs(type, layout, state, -1.0);
    prepare(type, layout, state, state[HEAD_DT_S]);
}

/* What happens at the slow period: charge that goes by itself, heat that spreads, ageing; then the rows that follow. */
static void slow_step(const cell_type *type, const cell_layout *layout, double *state)
{
    const double elapsed = state[HEAD_AGE_S];
    int changed = cell_lose(type, layout, state, elapsed);
    cell_conduct(type, layout, state, elapsed);
    if (type->ageing_law > 0.0) changed |= cell_age(type, layout, state, elapsed);
    if (changed || moved(layout, state))
        follow(type, layout, state);
    else
        mean_rows(type, layout, state);
    state[HEAD_AGE_S] = 0.0;
}

/* Steps until the slow rows are due, at most `left`; strings share the current anew at each. */
static long steps_until_slow(const cell_layout *layout, const double *state, double dt, long left)
{
    double age = state[HEAD_AGE_S];
    long steps = 0;
    const long most = layout->strings > 1 ? 1 : left;
    while (steps < most && (steps == 0 || age < CELL_DUE_S)) {
        age += dt;
        steps++;
    }
    return steps;
}

void cell_full_advance(const cell_type *type, const cell_layout *layout, double *state, double current_A, double dt_s,
                       long steps)
{
    const double *share = string_row(layout, state, STRING_A);
    if (state[HEAD_DT_S] != dt_s) prepare(type, layout, state, dt_s);
    while (steps > 0) {
        const long run = steps_until_slow(layout, state, dt_s, steps);
        share_out(layout, state, current_A);
        for (size_t s = 0; s < layout->strings; s++) {
            run_string(type, layout, state, dt_s, share[s], s, run);
            for (long n = 0; n < run; n++) string_row(layout, state, STRING_As)[s] += share[s] * dt_s;
        }
        for (long n = 0; n < run; n++) state[HEAD_AGE_S] += dt_s;
        if (state[HEAD_AGE_S] >= CELL_DUE_S) slow_step(type, layout, state);
        steps -= run;
    }
    cell_instant(layout, state);
}
