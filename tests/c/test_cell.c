/* The cell core without Python: sizes, charge, sharing, and bits that do not depend on the machine.
 * Prints a line per failure; with an argument it prints the bits of a run instead. */
#include "cell.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;
#define CHECK(holds) ((holds) ? (void)0 : (void)(failures++, printf("%s:%d: %s\n", __FILE__, __LINE__, #holds)))

static cell_type kind;

static void make_kind(void)
{
    kind.hysteresis_V = 0.022;
    kind.gamma = 70.0;
    kind.tau1_s = 12.0;
    kind.tau2_s = 200.0;
    kind.heat_J_per_K = 3500.0;
    kind.loss_W_per_K = 0.5;
    kind.arrhenius_K = 5139.0;
    kind.constant = 0.35;
    kind.cold_K = 1000.0;
    kind.cold_below_degC = 15.0;
    kind.reference_degC = 25.0;
    kind.charge_efficiency = 1.0;
    kind.peukert = 1.0;
    kind.separator_degC = 1e4;
    kind.ocv_first_degC = -5.0;
    kind.ocv_step_K = 10.0;
    for (int j = 0; j <= CELL_GRID; j++) {
        for (int t = 0; t < CELL_OCV_ROWS; t++) kind.ocv_V[t][j] = 3.1 + 0.3 * sqrt(j / 256.0) + 1e-3 * t;
        kind.r0_Ohm[j] = 1.5e-3 - 1e-6 * j;
        kind.r1_Ohm[j] = 4e-4;
        kind.r2_Ohm[j] = 2e-3;
        kind.entropic_V_per_K[j] = 1e-4;
    }
    cell_prepare(&kind);
}

/* The block is as large as it must be and no larger, so that a sanitizer sees a step outside. */
static double *make_state(const cell_layout *layout)
{
    const size_t cells = layout->strings * layout->series * layout->parallel, stride = cell_stride(cells);
    double *state = calloc(cell_state_size(layout), sizeof *state), *rows = state + CELL_HEAD;
    for (size_t k = 0; k < cells; k++) {
        rows[CELL_SOC * stride + k] = 0.3 + 0.4 * (double)(k * 7919 % 101) / 101.0;
        rows[CELL_T * stride + k] = -20.0 + 90.0 * (double)(k * 31 % 37) / 37.0;
        rows[CELL_INV_Q * stride + k] = 1.0 / 360000.0;
        rows[CELL_R_FACTOR * stride + k] = 0.9 + 0.2 * (double)(k * 77 % 53) / 53.0;
    }
    cell_refresh(&kind, layout, state);
    return state;
}

static double sum_of_soc(const cell_layout *layout, const double *state)
{
    const size_t cells = layout->strings * layout->series * layout->parallel;
    double sum = 0.0;
    for (size_t k = 0; k < cells; k++) sum += state[CELL_HEAD + CELL_SOC * cell_stride(cells) + k];
    return sum;
}

static void test_stride(void)
{
    for (size_t n = 1; n < 5000; n++) {
        CHECK(cell_stride(n) >= n);
        CHECK(cell_stride(n) % 16 == 8); /* an odd number of cache lines */
    }
}

/* Charge that leaves the cells passes the terminals, times the groups in series; voltages add up. */
static void test_books(const cell_layout *layout)
{
    const size_t groups = layout->strings * layout->series;
    double *state = make_state(layout), *volts = calloc(groups, sizeof *volts);
    const double before = sum_of_soc(layout, state);
    const double terminal = cell_advance(&kind, layout, state, 100.0, 0.01, 250);
    const double moved = (before - sum_of_soc(layout, state)) * 360000.0;
    CHECK(fabs(moved - 100.0 * 2.5 * (double)layout->series) < 1e-6);
    cell_voltages(layout, state, 100.0, volts);
    for (size_t s = 0; s < layout->strings; s++) {
        double sum = 0.0;
        for (size_t j = 0; j < layout->series; j++) sum += volts[s * layout->series + j];
        CHECK(fabs(sum - terminal) < 1e-9);
    }
    free(volts);
    free(state);
}

/* Extremes of charge, temperature and current stay finite and inside the block. */
static void test_extremes(void)
{
    const cell_layout layout = {1, 3, 2, -40.0};
    double *state = make_state(&layout);
    const size_t stride = cell_stride(6);
    for (int k = 0; k < 6; k++) {
        state[CELL_HEAD + CELL_SOC * stride + (size_t)k] = k % 2 ? 3.0 : -3.0;
        state[CELL_HEAD + CELL_T * stride + (size_t)k] = k % 3 ? 400.0 : -100.0;
    }
    cell_refresh(&kind, &layout, state);
    const double volts = cell_advance(&kind, &layout, state, 1e5, 10.0, 3);
    CHECK(volts > -1e9 && volts < 1e9);
    free(state);
}

/* Everything optional on, and a circuit with a short, an open cell and a string that is off: charge is kept. */
static void test_full(const cell_layout *layout)
{
    const cell_type plain = kind;
    const size_t cells = layout->strings * layout->series * layout->parallel, stride = cell_stride(cells);
    kind.tau1_K = kind.tau2_K = 2000.0;
    kind.surface_share = 0.3;
    kind.core_W_per_K = 5.0;
    kind.neighbour_W_per_K = kind.coolant_W_per_K = 3.0;
    kind.leak_per_s = 1e-8;
    kind.leak_K = 6000.0;
    kind.side_per_h = 0.5;
    kind.side_V = 3.3;
    kind.side_slope_V = 0.1;
    kind.calendar_scale = kind.cycle_scale = kind.growth_scale = 1.0;
    kind.reaction_per_s[0] = 1e12;
    kind.reaction_K[0] = 16000.0;
    kind.reaction_J[0] = 1e4;
    kind.separator_degC = 65.0;
    kind.separator_Ohm = 0.5;
    for (int law = AGEING_NONE; law <= AGEING_RATED; law++) {
        kind.ageing_law = law;
        kind.rated_cycles = kind.rated_years = kind.rated_depth = kind.depth_exponent = 1.0;
        double *state = make_state(layout), *rows = state + CELL_HEAD, *amperes = calloc(cells, sizeof *amperes);
        double lost = 0.0;
        for (size_t k = 0; k < cells; k++) rows[CELL_LEAK_FACTOR * stride + k] = 1.0;
        rows[CELL_TAB_Ohm * stride] = cells > 2 && layout->parallel > 1 ? CELL_OPEN_Ohm : 0.0;
        rows[CELL_SHORT_S * stride + cells - 1] = 2.0;
        state[HEAD_BAR_Ohm] = 1e-5;
        cell_refresh(&kind, layout, state);
        double held = 0.0, now = 0.0;
        for (size_t k = 0; k < cells; k++) held += rows[CELL_SOC * stride + k] / rows[CELL_INV_Q * stride + k];
        const double volts = cell_advance(&kind, layout, state, 30.0, 0.5, 250);
        for (size_t k = 0; k < cells; k++) {
            now += rows[CELL_SOC * stride + k] / rows[CELL_INV_Q * stride + k];
            lost += rows[CELL_LOST_As * stride + k];
        }
        CHECK(volts > -1e9 && volts < 1e9);
        CHECK(fabs(held - now - lost - 30.0 * 125.0 * (double)layout->series) < 1e-5);
        cell_currents(layout, state, 30.0, amperes);
        free(amperes);
        free(state);
    }
    kind = plain;
}

static void print_bits(void)
{
    const cell_layout layout = {2, 150, 3, 20.0};
    double *state = make_state(&layout);
    for (int n = 0; n < 20; n++) {
        const double volts = cell_advance(&kind, &layout, state, n % 2 ? 150.0 : -90.0, 0.01, 30);
        uint64_t bits;
        memcpy(&bits, &volts, sizeof bits);
        printf("%016" PRIx64 "\n", bits);
    }
    free(state);
}

int main(int argc, char **argv)
{
    static const cell_layout layouts[] = {
        {1, 1, 1, 25.0}, {1, 96, 1, 25.0}, {1, 131, 1, 25.0}, {1, 260, 4, 25.0}, {3, 40, 1, 25.0}, {2, 130, 3, 25.0},
    };
    (void)argv;
    make_kind();
    if (argc > 1) {
        print_bits();
        return 0;
    }
    test_stride();
    for (size_t n = 0; n < sizeof layouts / sizeof *layouts; n++) {
        test_books(&layouts[n]);
        test_full(&layouts[n]);
    }
    test_extremes();
    return failures != 0;
}
