/* Ageing: capacity lost and resistance grown by time (calendar) and by use (cycle).
 *
 * Each law is loss = k x^z with k depending on the stress, x time or full equivalent cycles. With changing stress the
 * loss goes on from the virtual x at which the present law would have reached it; y = loss^(1/z) then grows by
 * k^(1/z) dx, so that n small steps are one large one. The state is y.
 *
 * Cycles: SOC turns where it comes back by more than TURN; between two turns lies a half cycle, with its depth, its
 * charge (small swings included) and its mean C-rate (weighted by charge). It counts when it is over.
 *
 * Sources: Naumann et al., J. Energy Storage 17 (2018) 153 and J. Power Sources 451 (2020) 227666 (LFP, 3 Ah); the
 * model of large prismatic LFP cells of NREL's BLAST; Wang et al., J. Power Sources 196 (2011) 3942 (LFP, 2.2 Ah);
 * Schmalstieg et al., J. Power Sources 257 (2014) 325 (NMC, 2.05 Ah). AGEING_RATED is a data sheet: cycles at a depth
 * and years to 80 %. */
#include "inside.h"

#define TURN 0.02
#define GAS 8.314
#define DAY_S 86400.0
#define END 0.2 /* loss at the end of a rated life */
#define MOST 0.95 /* a cell keeps something */

typedef struct {
    double calendar, cycle, grow_calendar, grow_cycle;
} exponents;

static exponents exponents_of(const cell_type *type)
{
    switch ((int)type->ageing_law) {
    case AGEING_NAUMANN: return (exponents){0.5, 0.5, 1.0, 1.0};
    case AGEING_BLAST: return (exponents){0.526, 0.828, 1.0, 1.0};
    case AGEING_WANG: return (exponents){1.0, 0.55, 1.0, 1.0};
    case AGEING_SCHMALSTIEG: return (exponents){0.75, 0.5, 0.75, 1.0};
    default: return (exponents){0.5, 1.0, 0.5, 1.0};
    }
}

/* k of each law, per second^z and per full equivalent cycle^z. */
static ageing_rates naumann(const ageing_stress *at)
{
    const double colder = 1.0 / (at->temperature_degC + KELVIN) - 1.0 / 298.15, mid = at->soc - 0.5;
    const double deep = at->depth - 0.6, half = at->depth - 0.5;
    return (ageing_rates){
        1.2571e-5 * exp(-17126.0 / GAS * colder) * (2.8575 * mid * mid * mid + 0.60225),
        0.01 * (0.0630 * at->c_rate + 0.0971) * (4.0253 * deep * deep * deep + 1.0923),
        3.4194e-10 * exp(-71827.0 / GAS * colder) * (-3.3903 * mid * mid + 1.5604),
        0.01 * (-0.0020 * at->c_rate + 0.0021) * (6.8477 * half * half * half + 0.9182),
    };
}

/* Potential of a graphite anode over the cell's SOC (Safari and Delacourt, J. Electrochem. Soc. 158 (2011) A562). */
static double anode_V(double soc)
{
    const double x = 8.5e-3 + clamp(soc, 0.0, 1.0) * (0.78 - 8.5e-3);
    return 0.6379 + 0.5416 * exp(-305.5309 * x) + 0.044 * tanh(-(x - 0.1958) / 0.1088)
           - 0.1978 * tanh((x - 1.0571) / 0.0854) - 0.6875 * tanh((x + 0.0117) / 0.0529)
           - 0.0175 * tanh((x - 0.5692) / 0.0875);
}

static ageing_rates blast(const ageing_stress *at)
{
    const double kelvin = at->temperature_degC + KELVIN;
    return (ageing_rates){
        8.37e4 * exp(-5210.0 / kelvin) * exp(-3560.0 * anode_V(at->soc) / kelvin) * pow(DAY_S, -0.526),
        (4.38e-8 + 1.55e-8 * at->depth + 1.68e-7 * at->c_rate) * (exp(2190.0 / kelvin) + exp(-1.55e5 / kelvin)),
        0.0,
        0.0,
    };
}

static ageing_rates wang(const ageing_stress *at)
{
    static const double rate[] = {0.5, 2.0, 6.0, 10.0}, factor[] = {31630.0, 21681.0, 12934.0, 15512.0};
    const double c = clamp(at->c_rate, rate[0], rate[3]);
    const int j = c < 2.0 ? 0 : c < 6.0 ? 1 : 2;
    const double b = factor[j] + (c - rate[j]) / (rate[j + 1] - rate[j]) * (factor[j + 1] - factor[j]);
    const double energy = 31700.0 - 370.3 * at->c_rate, kelvin = at->temperature_degC + KELVIN;
    return (ageing_rates){0.0, 0.01 * b * exp(-energy / (GAS * kelvin)) * pow(2.2, 0.55), 0.0, 0.0};
}

static ageing_rates schmalstieg(const ageing_stress *at)
{
    const double kelvin = at->temperature_degC + KELVIN, middle = at->middle_V;
    const double through = 2.0 * 2.05; /* Ah in and out of that cell per full cycle */
    return (ageing_rates){
        (7.543 * at->ocv_V - 23.75) * 1e6 * exp(-6976.0 / kelvin) * pow(DAY_S, -0.75),
        (7.348e-3 * (middle - 3.667) * (middle - 3.667) + 7.6e-4 + 4.081e-3 * at->depth) * sqrt(through),
        (5.270 * at->ocv_V - 16.32) * 1e5 * exp(-5986.0 / kelvin) * pow(DAY_S, -0.75),
        (2.153e-4 * (middle - 3.725) * (middle - 3.725) - 1.521e-5 + 2.798e-4 * at->depth) * through,
    };
}

static ageing_rates rated(const cell_type *type, const ageing_stress *at)
{
    const double warmer = 1.0 / (type->reference_degC + KELVIN) - 1.0 / (at->temperature_degC + KELVIN);
    const double year = 365.25 * DAY_S;
    const double calendar =
        type->rated_years > 0.0 ? END * exp(type->calendar_K * warmer) / sqrt(type->rated_years * year) : 0.0;
    const double depth = fmax(at->depth, 1e-6) / type->rated_depth;
    const double full = type->rated_cycles * type->rated_depth; /* equivalents at that depth */
    const double cycle = full > 0.0 ? END / full * pow(depth, type->depth_exponent - 1.0) : 0.0;
    return (ageing_rates){calendar, cycle, calendar, cycle};
}

static double virtual_rate(double k, double scale, double z) { return k * scale > 0.0 ? pow(k * scale, 1.0 / z) : 0.0; }

ageing_rates cell_ageing_rates(const cell_type *type, const ageing_stress *at)
{
    const exponents z = exponents_of(type);
    ageing_rates k = {0.0, 0.0, 0.0, 0.0};
    switch ((int)type->ageing_law) {
    case AGEING_NAUMANN: k = naumann(at); break;
    case AGEING_BLAST: k = blast(at); break;
    case AGEING_WANG: k = wang(at); break;
    case AGEING_SCHMALSTIEG: k = schmalstieg(at); break;
    case AGEING_RATED: k = rated(type, at); break;
    default: break;
    }
    return (ageing_rates){
        virtual_rate(k.calendar, type->calendar_scale, z.calendar), virtual_rate(k.cycle, type->cycle_scale, z.cycle),
        virtual_rate(k.grow_calendar, type->growth_scale, z.grow_calendar),
        virtual_rate(k.grow_cycle, type->growth_scale, z.grow_cycle),
    };
}

double cell_ageing_loss(const cell_type *type, double calendar, double cycle)
{
    const exponents z = exponents_of(type);
    return fmin(pow(calendar, z.calendar) + pow(cycle, z.cycle), MOST);
}

double cell_ageing_growth(const cell_type *type, double calendar, double cycle)
{
    const exponents z = exponents_of(type);
    return pow(calendar, z.grow_calendar) + pow(cycle, z.grow_cycle);
}

/* Throughput and rate since the last slow step. */
INLINE void count(const cell_layout *layout, double *state, double elapsed_s)
{
    const double *soc = row(layout, state, CELL_SOC);
    double *restrict seen = row(layout, state, CELL_SEEN), *restrict through = row(layout, state, CELL_THROUGH);
    double *restrict rate = row(layout, state, CELL_RATE);
    const size_t cells = cells_of(layout);
    for (size_t k = 0; k < cells; k++) {
        const double moved = fabs(soc[k] - seen[k]);
        through[k] += moved;
        rate[k] += moved * moved * (3600.0 / elapsed_s);
        seen[k] = soc[k];
    }
}

static double rest_V(const cell_type *type, double soc, double t)
{
    return ocv_at(&type->ocv_cell[0][0], type->ocv_first_degC, 1.0 / type->ocv_step_K, soc, t);
}

/* A half cycle of cell k ends at its peak; what came after belongs to the next one. */
static void close_half(const cell_type *type, const cell_layout *layout, double *state, size_t k, ageing_stress *at)
{
#define OF(name) (row(layout, state, CELL_##name)[k])
    const double after = fabs(OF(SOC) - OF(PEAK)), all = OF(THROUGH);
    const double through = fmax(all - after, 0.0), rate = OF(RATE) / fmax(all, 1e-12);
    at->depth = fabs(OF(PEAK) - OF(TURN));
    at->c_rate = rate;
    at->middle_V = rest_V(type, 0.5 * (OF(PEAK) + OF(TURN)), at->temperature_degC);
    const ageing_rates by = cell_ageing_rates(type, at);
    OF(CYCLE) += 0.5 * through * by.cycle;
    OF(GROW_CYCLE) += 0.5 * through * by.grow_cycle;
    OF(TURN) = OF(PEAK);
    OF(PEAK) = OF(SOC);
    OF(THROUGH) = after;
    OF(RATE) = after * rate;
}

static void follow_cycle(const cell_type *type, const cell_layout *layout, double *state, size_t k, ageing_stress *at)
{
    const double direction = OF(PEAK) - OF(TURN), soc = OF(SOC);
    if (fabs(direction) < TURN || (soc - OF(PEAK)) * direction > 0.0) { /* not yet under way, or going on */
        if (fabs(soc - OF(TURN)) > fabs(direction) || (soc - OF(TURN)) * direction < 0.0) OF(PEAK) = soc;
        return;
    }
    if (fabs(soc - OF(PEAK)) > TURN) close_half(type, layout, state, k, at);
}

static void age_cell(const cell_type *type, const cell_layout *layout, double *state, size_t k, double elapsed_s)
{
    const double soc = OF(SOC), t = OF(T);
    ageing_stress at = {t, clamp(soc, 0.0, 1.0), rest_V(type, soc, t), 0.0, 0.0, 0.0};
    const ageing_rates by = cell_ageing_rates(type, &at);
    OF(CALENDAR) += by.calendar * elapsed_s;
    OF(GROW_CALENDAR) += by.grow_calendar * elapsed_s;
    follow_cycle(type, layout, state, k, &at);
    OF(LOSS) = cell_ageing_loss(type, OF(CALENDAR), OF(CYCLE));
    OF(GROWTH) = cell_ageing_growth(type, OF(GROW_CALENDAR), OF(GROW_CYCLE));
    const double before = 1.0 / OF(INV_Q);
    OF(INV_Q) = OF(INV_Q0) / (1.0 - OF(LOSS));
    OF(LOST_As) += soc * (before - 1.0 / OF(INV_Q)); /* at the same SOC less charge is left */
#undef OF
}

HOT int cell_age(const cell_type *type, const cell_layout *layout, double *state, double elapsed_s)
{
    count(layout, state, elapsed_s);
    state[HEAD_AGEING_S] += elapsed_s;
    if (state[HEAD_AGEING_S] < CELL_AGEING_S * (1.0 - 1e-9)) return 0;
    for (size_t k = 0; k < cells_of(layout); k++) age_cell(type, layout, state, k, state[HEAD_AGEING_S]);
    state[HEAD_AGEING_S] = 0.0;
    return 1;
}
