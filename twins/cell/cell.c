/* The plain step, and the interface. The hot loops work on tiles: a few groups of one string at a time, every phase of
 * the step over the tile while it is in the first-level cache. Loops are plain enough for the compiler to vectorise
 * them without reassociating a sum, so that every machine computes the same bits. What a plain cell does not have
 * (full.c, circuit.c, thermal.c, abuse.c, ageing.c) costs it nothing. */
#include "inside.h"

size_t cell_stride(size_t count) { return stride_of(count); }

size_t cell_state_size(const cell_layout *layout)
{
    return CELL_HEAD + CELL_ROWS * stride_of(cells_of(layout)) + GROUP_ROWS * stride_of(groups_of(layout))
           + STRING_ROWS * stride_of(layout->strings);
}

void cell_prepare(cell_type *type)
{
    type->cold_factor = 1.0;
    const double constant = type->constant, from = 1.0 / (type->reference_degC + KELVIN);
    const double grown = exponential(type->arrhenius_K * (1.0 / (type->cold_below_degC + KELVIN) - from));
    type->cold_factor = constant + (1.0 - constant) * grown;
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

INLINE double table_at(const double *table, int j, double f) { return table[j] + f * (table[j + 1] - table[j]); }

INLINE void resist(const cell_type *type, const double *soc, const double *t, const double *factor,
                   const double *growth, double *restrict r, double *restrict s, double *restrict r1,
                   double *restrict r2, double *restrict entropic, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        const double x = clamp(soc[k] * CELL_GRID, 0.0, CELL_GRID);
        const int j = (int)(x < CELL_GRID - 1 ? x : CELL_GRID - 1);
        const double f = x - j, scale = factor[k] * (1.0 + growth[k]) * warmth_at(type, t[k]);
        r[k] = scale * table_at(type->r0_Ohm, j, f);
        r1[k] = scale * table_at(type->r1_Ohm, j, f);
        r2[k] = scale * table_at(type->r2_Ohm, j, f);
        entropic[k] = table_at(type->entropic_V_per_K, j, f);
        s[k] = 1.0 / r[k];
    }
}

/* Resistances and entropic coefficient of cells from `first` on, at their SOC and temperature. */
HOT void cell_slow_rows(const cell_type *type, const cell_layout *layout, double *state, size_t first, size_t count)
{
    resist(type, row(layout, state, CELL_SOC) + first, row(layout, state, CELL_T) + first,
           row(layout, state, CELL_R_FACTOR) + first, row(layout, state, CELL_GROWTH) + first,
           row(layout, state, CELL_R) + first, row(layout, state, CELL_S) + first, row(layout, state, CELL_R1) + first,
           row(layout, state, CELL_R2) + first, row(layout, state, CELL_ENTROPIC) + first, count);
}

void cell_rows_are_for(const cell_layout *layout, double *state)
{
    memcpy(row(layout, state, CELL_AT_SOC), row(layout, state, CELL_SOC), cells_of(layout) * sizeof *state);
    memcpy(row(layout, state, CELL_AT_T), row(layout, state, CELL_T), cells_of(layout) * sizeof *state);
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

/* One step of cells at their currents: charge, hysteresis, RC pairs and heat, the pairs and their heat by their exact
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
        const double turning = gamma * fabs(moved);
        const double turned = (sign + h[k]) * relaxed(turning);
        const double away1 = r1[k] * current - v1[k], away2 = r2[k] * current - v2[k];
        const double rise1 = away1 * gains.relax1, rise2 = away2 * gains.relax2;
        const double unlike1 = gains.phi1 * away1 * (r1[k] * current + v1[k] + 0.5 * rise1);
        const double unlike2 = gains.phi2 * away2 * (r2[k] * current + v2[k] + 0.5 * rise2);
        const double heat = current * current * (r[k] + r1[k] + r2[k])
                            - (unlike1 * r2[k] + unlike2 * r1[k]) / (r1[k] * r2[k])
                            - current * (m * (h[k] - turned * before_mean(turning)) + (t[k] + KELVIN) * entropic[k]);
        h[k] -= turned;
        v1[k] += rise1;
        v2[k] += rise2;
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

INLINE void put_sums(const cell_layout *layout, double *state, size_t string, const double *sum_e,
                     const double *sum_r, int to)
{
    double e = 0.0, r = 0.0;
    for (size_t l = 0; l < LANES; l++) {
        e += sum_e[l];
        r += sum_r[l];
    }
    if (state[HEAD_CIRCUIT] > 0.0) {
        const double *link = group_row(layout, state, GROUP_LINK_Ohm) + string * layout->series;
        for (size_t j = 0; j < layout->series; j++) r += link[j];
    }
    string_row(layout, state, to)[string] = e;
    string_row(layout, state, to + 1)[string] = r;
}

HOT void cell_add_up(const cell_layout *layout, double *state, size_t string, const double *e, const double *r, int to)
{
    double sum_e[LANES] = {0.0}, sum_r[LANES] = {0.0};
    const size_t end = (string + 1) * layout->series;
    for (size_t first = string * layout->series; first < end; first += TILE)
        add_up(e + first, r + first, group_row(layout, state, GROUP_BLEED_S) + first,
               end - first < TILE ? end - first : TILE, state[HEAD_BLEEDING] > 0.0, sum_e, sum_r);
    put_sums(layout, state, string, sum_e, sum_r, to);
}

/* One step of the tile of groups `first` .. `first + count` of one string, at the string's current. */
INLINE void step_tile(const cell_type *type, const cell_layout *layout, double *state, step_gains gains,
                      double current, size_t first, size_t count, int slow)
{
    const size_t parallel = layout->parallel, groups = groups_of(layout);
    const double *bleed = group_row(layout, state, GROUP_BLEED_S) + first;
    double *group_e = group_emf(layout, state) + first, *group_r = group_resistance(layout, state) + first;
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
        if (slow) cell_slow_rows(type, layout, state, k, count);
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
            step_tile(type, layout, state, gains, current, first, count, age >= CELL_DUE_S);
            if (age >= CELL_DUE_S) age = 0.0;
        }
        add_up(group_emf(layout, state) + first, group_resistance(layout, state) + first,
               group_row(layout, state, GROUP_BLEED_S) + first, count, state[HEAD_BLEEDING] > 0.0, sum_e, sum_r);
    }
    put_sums(layout, state, string, sum_e, sum_r, STRING_E);
    return age;
}

/* Group and string rows of EMF and resistance, from those of the cells. */
HOT void cell_instant(const cell_layout *layout, double *state)
{
    const double *e = row(layout, state, CELL_E), *r = row(layout, state, CELL_R), *s = row(layout, state, CELL_S);
    double *group_e = group_row(layout, state, GROUP_E), *group_r = group_row(layout, state, GROUP_R);
    const int circuit = state[HEAD_CIRCUIT] > 0.0;
    for (size_t first = 0; first < groups_of(layout) && !alone(layout, state); first += TILE) {
        const size_t left = groups_of(layout) - first, count = left < TILE ? left : TILE;
        if (circuit)
            cell_fold(layout, state, e, r, first, count, group_e + first, group_r + first);
        else
            gather_group(layout, e + first, s + first, group_e + first, group_r + first, count, 1);
    }
    for (size_t string = 0; string < layout->strings; string++)
        cell_add_up(layout, state, string, group_emf(layout, state), group_resistance(layout, state), STRING_E);
}

static int any(const double *values, size_t count)
{
    for (size_t n = 0; n < count; n++)
        if (values[n] > 0.0) return 1;
    return 0;
}

/* Which parts of the model this pack needs, as it is now. */
static void choose(const cell_type *type, const cell_layout *layout, double *state)
{
    const size_t cells = cells_of(layout), groups = groups_of(layout);
    const int circuit = any(row(layout, state, CELL_SHORT_S), cells) || any(row(layout, state, CELL_TAB_Ohm), cells)
                        || any(group_row(layout, state, GROUP_LINK_Ohm), groups)
                        || (state[HEAD_BAR_Ohm] > 0.0 && layout->parallel > 1);
    state[HEAD_CIRCUIT] = circuit;
    state[HEAD_FULL] = circuit || state[HEAD_BOOKS] > 0.0 || cell_type_is_full(type);
    state[HEAD_BLEEDING] = any(group_row(layout, state, GROUP_BLEED_S), groups);
}

HOT void cell_refresh(const cell_type *type, const cell_layout *layout, double *state)
{
    const size_t cells = cells_of(layout);
    const int booked = state[HEAD_FULL] > 0.0 && row(layout, state, CELL_R1)[0] > 0.0; /* it has been refreshed before */
    double *inv_q = row(layout, state, CELL_INV_Q), *new_q = row(layout, state, CELL_INV_Q0);
    for (size_t k = 0; k < cells; k++) new_q[k] = new_q[k] > 0.0 ? new_q[k] : inv_q[k];
    choose(type, layout, state);
    if (booked) cell_book_pairs(type, layout, state, 1.0);
    cell_slow_rows(type, layout, state, 0, cells);
    cell_rows_are_for(layout, state);
    if (booked) cell_book_pairs(type, layout, state, -1.0);
    look_up(type, row(layout, state, CELL_SOC), row(layout, state, CELL_H), row(layout, state, CELL_V1),
            row(layout, state, CELL_V2), row(layout, state, CELL_T), row(layout, state, CELL_E), cells);
    cell_instant(layout, state);
    state[HEAD_DT_S] = 0.0; /* the mean rows are of no use any more */
}

void cell_thevenin(const cell_layout *layout, const double *state, double *emf_V, double *resistance_Ohm)
{
    const double *e = string_row(layout, state, STRING_E), *r = string_row(layout, state, STRING_R);
    const double *off = string_row(layout, state, STRING_OFF);
    double conductance = 0.0, inflow = 0.0, sum = 0.0;
    size_t on = 0, last = 0;
    for (size_t s = 0; s < layout->strings; s++) {
        sum += e[s];
        if (off[s] > 0.0) continue;
        on++;
        last = s;
        conductance += 1.0 / r[s];
        inflow += e[s] / r[s];
    }
    *resistance_Ohm = on ? 1.0 / conductance : CELL_OPEN_Ohm;
    *emf_V = on == 1 ? e[last] : on ? inflow / conductance : sum / (double)layout->strings;
}

/* Strings share the terminal voltage. */
static double string_current(const cell_layout *layout, const double *state, double current_A, double terminal_V,
                             size_t string)
{
    if (string_row(layout, state, STRING_OFF)[string] > 0.0) return 0.0;
    if (layout->strings == 1) return current_A;
    return (string_row(layout, state, STRING_E)[string] - terminal_V) / string_row(layout, state, STRING_R)[string];
}

static double terminal_voltage(const cell_layout *layout, const double *state, double current_A)
{
    double emf, resistance;
    cell_thevenin(layout, state, &emf, &resistance);
    return emf - current_A * resistance;
}

static void plain_advance(const cell_type *type, const cell_layout *layout, double *state, double current_A,
                          double dt_s, long steps)
{
    const double per_K = type->loss_W_per_K, heat = type->heat_J_per_K;
    const double relax1 = -expm1(-dt_s / type->tau1_s), relax2 = -expm1(-dt_s / type->tau2_s);
    const step_gains gains = {dt_s, relax1, relax2, relax1 * type->tau1_s / dt_s, relax2 * type->tau2_s / dt_s,
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
}

double cell_advance(const cell_type *type, const cell_layout *layout, double *state, double current_A, double dt_s,
                    long steps)
{
    const int coarse = dt_s > CELL_SLOW_S && (layout->parallel > 1 || layout->strings > 1);
    if (state[HEAD_FULL] > 0.0 || coarse)
        cell_full_advance(type, layout, state, current_A, dt_s, steps);
    else
        plain_advance(type, layout, state, current_A, dt_s, steps);
    return terminal_voltage(layout, state, current_A);
}

void cell_strings(const cell_layout *layout, const double *state, double current_A, double *string_A)
{
    const double terminal = terminal_voltage(layout, state, current_A);
    for (size_t s = 0; s < layout->strings; s++)
        string_A[s] = string_current(layout, state, current_A, terminal, s);
}

HOT void cell_voltages(const cell_layout *layout, const double *state, double current_A, double *group_V)
{
    const double terminal = terminal_voltage(layout, state, current_A);
    for (size_t s = 0; s < layout->strings; s++) {
        const size_t first = s * layout->series;
        group_voltages(group_emf(layout, state) + first, group_resistance(layout, state) + first,
                       group_row(layout, state, GROUP_BLEED_S) + first,
                       string_current(layout, state, current_A, terminal, s), group_V + first, layout->series,
                       state[HEAD_BLEEDING] > 0.0);
    }
}

static void tile_currents(const cell_layout *layout, const double *state, double string_A, size_t first, size_t count,
                          double *cell_A)
{
    const double *e = row(layout, state, CELL_E), *r = row(layout, state, CELL_R), *s = row(layout, state, CELL_S);
    const double *bleed = group_row(layout, state, GROUP_BLEED_S) + first;
    const size_t groups = groups_of(layout);
    double volts[TILE], through[TILE], inside[TILE], tab[TILE];
    group_voltages(group_emf(layout, state) + first, group_resistance(layout, state) + first, bleed, string_A, volts,
                   count, state[HEAD_BLEEDING] > 0.0);
    for (size_t n = 0; n < count; n++) through[n] = string_A + volts[n] * bleed[n];
    for (size_t p = 0; p < layout->parallel; p++) {
        double *to = cell_A + p * groups + first;
        if (state[HEAD_CIRCUIT] > 0.0) {
            cell_branch(layout, state, p, first, count, e, r, volts, through, inside, tab);
            memcpy(to, tab, count * sizeof *to);
        } else if (layout->parallel == 1) {
            memcpy(to, through, count * sizeof *to);
        } else {
            for (size_t n = 0; n < count; n++)
                to[n] = (e[p * groups + first + n] - volts[n]) * s[p * groups + first + n];
        }
    }
}

void cell_currents(const cell_layout *layout, const double *state, double current_A, double *cell_A)
{
    const double terminal = terminal_voltage(layout, state, current_A);
    for (size_t s = 0; s < layout->strings; s++) {
        const double string_A = string_current(layout, state, current_A, terminal, s);
        const size_t end = (s + 1) * layout->series;
        for (size_t first = s * layout->series; first < end; first += TILE)
            tile_currents(layout, state, string_A, first, end - first < TILE ? end - first : TILE, cell_A);
    }
}
