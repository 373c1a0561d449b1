/* The reference BMS's protections, on a bench: levels, debounce, hysteresis, latching, sensors, frames. */
#include "bench.h"
#include "e2e.h"
#include "protect.h"

static void e2e_vectors(void)
{
    bms_frame frame = {.id = 0x123, .length = 8};
    uint8_t counter = 0;
    e2e_seal(PROTECTED_P1, &frame, &counter); /* facts: AUTOSAR profile 1, mode BOTH */
    CHECK(frame.data[0] == 0xCC && frame.data[1] == 0x00);
    e2e_seal(PROTECTED_P1, &frame, &counter);
    CHECK(frame.data[0] == 0x91 && frame.data[1] == 0x01);
    counter = 14;
    e2e_seal(PROTECTED_P1, &frame, &counter);
    CHECK(frame.data[1] == 14 && counter == 0);
}

static void protections_of_j1939(void)
{
    bms_frame frame = {.id = 0x0C040B2A, .extended = 1, .length = 8, .data = {1, 2, 3, 4, 5, 6, 7, 0xFF}};
    uint8_t counter = 15;
    e2e_seal(PROTECTED_XBR, &frame, &counter); /* 28 + 15 + 0x45 = 112: 7 + 112, its low four bits */
    CHECK(frame.data[7] == 0x7F && counter == 0);
    bms_frame command = {.length = 8};
    e2e_seal(PROTECTED_HVESSC1, &command, &counter);
    CHECK(command.data[6] == 0x00 && counter == 1);
    e2e_seal(PROTECTED_HVESSC1, &command, &counter);
    CHECK(command.data[6] == 0x10 && counter == 2);
    bms_frame status = {.length = 8};
    e2e_seal(PROTECTED_HVESSS1, &status, &counter);
    CHECK(status.data[4] == 0x20 && counter == 3);
}

static void a_changed_bit_is_seen_by_every_protection(void)
{
    for (int kind = PROTECTED_P1; kind <= PROTECTED_HVESSS1; kind++) {
        if (kind == PROTECTED_COUNTER)
            continue;
        rx_config config = {.id = 0x0C040B2A, .extended = 1, .length = 8, .protection = (uint8_t)kind};
        bms_frame frame = {.id = 0x0C040B2A, .extended = 1, .length = 8, .data = {0, 0, 0x55}};
        uint8_t counter = 3;
        e2e_seal((protection)kind, &frame, &counter);
        rx_state rx = {0};
        CHECK(e2e_accept(&config, &rx, &frame));
        for (int bit = 0; bit < 64; bit++) {
            rx_state fresh = {0};
            bms_frame changed = frame;
            changed.data[bit / 8] = (uint8_t)(changed.data[bit / 8] ^ 1 << bit % 8);
            CHECK(!e2e_accept(&config, &fresh, &changed));
        }
    }
}

static int bad_frames(int first, int count) /* errors that a receiver has counted after so many steps of 2 */
{
    rx_config config = {.id = 0x300, .length = 8, .protection = PROTECTED_P1};
    rx_state rx = {0};
    bms_frame frame = {.id = 0x300, .length = 8};
    uint8_t counter = (uint8_t)first;
    CHECK((e2e_seal(PROTECTED_P1, &frame, &counter), e2e_accept(&config, &rx, &frame)));
    for (int k = 0; k < count; k++) {
        counter = (uint8_t)((counter + 1) % 15);
        e2e_seal(PROTECTED_P1, &frame, &counter);
        CHECK(!e2e_accept(&config, &rx, &frame));
    }
    return rx.errors;
}

static void counters_that_skip(void)
{
    CHECK(bad_frames(0, 2) < E2E_ERRORS_FAULT);
    CHECK(bad_frames(0, 3) == E2E_ERRORS_FAULT);
    CHECK(bad_frames(13, 3) == E2E_ERRORS_FAULT); /* over the wrap */
}

static void a_lost_checksum_does_not_cost_the_next_frame(void)
{
    power_on(1);
    operate();
    bad_crc[RX_CELLS] = 1;
    while (bad_crc[RX_CELLS])
        run(10);
    CHECK(inside()->rx[RX_CELLS].errors == 3);
    run(100); /* the next one is good although two counter steps lie between */
    CHECK(inside()->rx[RX_CELLS].errors == 2);
    run(1000);
    CHECK(inside()->rx[RX_CELLS].errors == 0 && faults() == 0);
}

static int trips_after(int ms, int on_ms, int off_ms) /* ms of bad value until present, or -1 */
{
    const limit_config limit = {100, NO_LEVEL, 200, 50, 500, +1, WHEN_ALWAYS};
    monitor m = {0};
    int bad_ms = 0;
    for (int t = 0; t < ms; t += 10) {
        bool bad = t % (on_ms + off_ms) < on_ms;
        monitor_step(&limit, &m, bad ? 201 : 0, 10);
        bad_ms += bad ? 10 : 0;
        if (m.present)
            return bad_ms;
    }
    return -1;
}

static void debounce_counts_and_decays(void)
{
    CHECK_RANGE(trips_after(1000, 1000, 1), 500, 500);
    CHECK_RANGE(trips_after(60000, 300, 200), -1, -1); /* a decay twice as fast: nothing is left */
    CHECK_RANGE(trips_after(60000, 300, 100), 600, 1000); /* but a cause that hardly rests adds up */
}

static void levels_and_hysteresis(void)
{
    const limit_config limit = {100, NO_LEVEL, 200, 50, 0, +1, WHEN_ALWAYS};
    monitor m = {0};
    const struct { int value, present, warned; } steps[] = {
        {100, 0, 0}, {101, 0, 1}, {200, 0, 1}, {201, 1, 1}, {100, 1, 1}, {51, 1, 1}, {50, 0, 0}, {100, 0, 0}};
    for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
        monitor_step(&limit, &m, steps[k].value, 10);
        CHECK(m.present == steps[k].present && m.warned == steps[k].warned);
    }
}

typedef struct {
    int fault, *value, good, warn, bad, delay_ms, sampled_ms;
} level_case;

static int current_fault;
static int is_flagged(void) { return has_fault(current_fault); }

/* Warning without opening; a burst of 60 %; then in time, latched, and out only by reset once it is gone. */
static void check_level(const level_case *c, void (*activate)(void))
{
    power_on(1);
    activate();
    current_fault = c->fault;
    *c->value = c->warn;
    run(c->delay_ms + c->sampled_ms);
    CHECK(has_warning(c->fault) && !faults() && command() == (PLUS | MINUS));
    *c->value = c->bad;
    run(c->delay_ms * 6 / 10);
    *c->value = c->good;
    run(2 * c->delay_ms);
    CHECK(!faults() && !warnings());
    *c->value = c->bad;
    CHECK_RANGE(run_until(2 * c->delay_ms, is_flagged), c->delay_ms / 2, c->delay_ms + c->sampled_ms);
    CHECK(command() == 0 && state() == STATE_FAULT);
    clear_faults();
    CHECK(is_flagged());
    *c->value = c->good;
    run(c->sampled_ms + 100);
    CHECK(is_flagged() && state() == STATE_FAULT);
    clear_faults();
    CHECK(!is_flagged() && state() == STATE_STANDBY);
}

static void no_charger(void)
{
    W.charger_follows = 0;
    operate();
}

static void cell_and_pack_voltages(void)
{
    const level_case cases[] = {
        {FAULT_CELL_OVERVOLTAGE, &W.cell_mV[0], 3320, 3560, 3651, 500, 100},
        {FAULT_CELL_OVERVOLTAGE, &W.cell_mV[95], 3320, 3560, 3651, 500, 100},
        {FAULT_CELL_UNDERVOLTAGE, &W.cell_mV[48], 3320, 2899, 2499, 500, 100},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
        check_level(&cases[k], no_charger);
}

static void pack_voltage_by_sum_and_by_sensor(void)
{
    power_on(1);
    operate();
    current_fault = FAULT_PACK_OVERVOLTAGE;
    W.pack_mV = 353000;
    CHECK_RANGE(run_until(1000, is_flagged), 300, 550);
    power_on(1);
    operate();
    current_fault = FAULT_PACK_UNDERVOLTAGE;
    W.pack_mV = 239000;
    CHECK_RANGE(run_until(1000, is_flagged), 300, 550);
    power_on(1);
    operate();
    current_fault = FAULT_VOLTAGE_PLAUSIBILITY;
    W.pack_mV = 96 * 3320 + 7100;
    CHECK_RANGE(run_until(2000, is_flagged), 900, 1050);
}

static void currents_both_ways(void)
{
    const level_case cases[] = {
        {FAULT_OVERCURRENT_DISCHARGE, &W.current_mA, 0, 410000, 481000, 150, 20},
        {FAULT_OVERCURRENT_CHARGE, &W.current_mA, 0, -190000, -201000, 150, 20},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
        check_level(&cases[k], no_charger);
}

static int warns(void) { return has_warning(current_fault); }

static void check_beyond(int fault, int good_mA, int bad_mA)
{
    power_on(1);
    no_charger();
    current_fault = fault;
    W.sensor_dC[3] = fault == FAULT_OVERCURRENT_CHARGE ? 485 : 250;
    W.current_mA = good_mA;
    run(20000);
    CHECK(!warns() && !faults());
    for (int k = 0; k < 20; k++) {
        W.current_mA = bad_mA;
        run(1500);
        W.current_mA = 0;
        run(1000);
    }
    CHECK(!warns() && !faults());
    W.current_mA = bad_mA;
    CHECK_RANGE(run_until(3000, warns), 1850, 2020);
    CHECK(command() == (PLUS | MINUS));
    CHECK_RANGE(run_until(5000, is_flagged), 2850, 3050);
    CHECK(command() == 0 && faults() == 1 << fault);
    W.current_mA = 0;
    clear_faults();
    CHECK(state() == STATE_STANDBY);
}

static void current_beyond_what_is_allowed(void)
{
    check_beyond(FAULT_OVERCURRENT_DISCHARGE, 356000, 360000); /* 320 A, a tenth and 5 A more: 357 A */
    check_beyond(FAULT_OVERCURRENT_CHARGE, -57000, -59000); /* 160 A, derated at 48.5 degC to 48 A: 57.8 A */
    power_on(1);
    no_charger();
    W.current_mA = 300000;
    run(2000);
    W.sensor_dC[3] = 535; /* only 160 A from here on */
    run(1500);
    W.current_mA = 160000; /* who follows in time is left alone */
    run(10000);
    CHECK(!faults() && !has_warning(FAULT_OVERCURRENT_DISCHARGE));
}

static void temperatures(void)
{
    const level_case discharge[] = {
        {FAULT_OVERTEMPERATURE_DISCHARGE, &W.sensor_dC[0], 250, 510, 555, 5000, 400},
        {FAULT_UNDERTEMPERATURE_DISCHARGE, &W.sensor_dC[15], 250, -160, -305, 5000, 400},
    };
    const level_case charge[] = {
        {FAULT_OVERTEMPERATURE_CHARGE, &W.sensor_dC[7], 250, 430, 505, 5000, 400},
        {FAULT_UNDERTEMPERATURE_CHARGE, &W.sensor_dC[8], 250, 40, -5, 5000, 400},
    };
    for (int k = 0; k < 2; k++) {
        check_level(&discharge[k], no_charger);
        check_level(&charge[k], charge_mode);
    }
}

static void charge_limits_do_not_bind_the_drive(void)
{
    power_on(1);
    W.sensor_dC[3] = -20;
    operate();
    run(8000);
    CHECK(!faults() && state() == STATE_OPERATE);
    CHECK(bits(0x103, 32, 16) == 0); /* but no regeneration */
}

static void isolation_of_either_pole(void)
{
    for (int pole = 0; pole < 2; pole++) {
        const level_case c = {FAULT_ISOLATION, &W.isolation_kOhm[pole], 5000, 170, 34, 2000, 500};
        check_level(&c, operate);
    }
}

static void isolation_that_is_not_valid(void)
{
    power_on(1);
    W.isolation_valid = 0;
    W.isolation_kOhm[0] = 0;
    run(4000);
    CHECK(state() == STATE_INIT && command() == 0); /* nothing closes before isolation is known */
    W.mode = REQUEST_OPERATE;
    current_fault = FAULT_ISOLATION;
    CHECK_RANGE(run_until(2000, is_flagged), 500, 1100); /* 3 s for it to come, then the debounce */
    clear_faults();
    CHECK(is_flagged() && command() == 0);
    power_on(1);
    operate();
    W.isolation_valid = 0;
    CHECK_RANGE(run_until(8000, is_flagged), 3500, 5100); /* old for 2.5 s, then the debounce */
    CHECK(command() == 0);
}

static void a_group_of_temperatures_that_never_came(void)
{
    for (int group = 0; group < SENSOR_GROUPS; group++) {
        power_on(1);
        W.missing_group = group;
        W.mode = REQUEST_OPERATE;
        current_fault = FAULT_TEMPERATURE_SENSOR;
        run(2800);
        CHECK(state() == STATE_INIT && !faults());
        CHECK_RANGE(run_until(1000, is_flagged), 500, 800);
        CHECK(faults() == FAULT_BIT(FAULT_TEMPERATURE_SENSOR));
        clear_faults();
        run(500);
        CHECK(is_flagged() && command() == 0); /* a reset does not do instead of the sensors */
        W.missing_group = -1;
        run(600);
        clear_faults();
        CHECK(state() == STATE_STANDBY);
    }
}

static void a_reset_does_not_skip_the_first_look(void)
{
    power_on(1);
    W.missing_group = 2;
    W.interlock = 0;
    run(500);
    CHECK(has_fault(FAULT_INTERLOCK));
    W.interlock = 1;
    run(300);
    clear_faults();
    W.mode = REQUEST_OPERATE;
    run(1500);
    CHECK(!faults() && state() == STATE_INIT && command() == 0);
}

static void interlock_and_its_bounce(void)
{
    power_on(1);
    operate();
    current_fault = FAULT_INTERLOCK;
    for (int k = 0; k < 5; k++) {
        W.interlock = 0;
        run(40);
        W.interlock = 1;
        run(300);
    }
    CHECK(!faults());
    W.interlock = 0;
    CHECK_RANGE(run_until(300, is_flagged), 60, 150);
    CHECK(command() == 0);
}

static void invalid_cells_are_not_used(void)
{
    power_on(1);
    operate();
    current_fault = FAULT_CELL_SENSOR;
    W.cell_mV[5] = CELL_INVALID;
    run(300);
    CHECK(!faults());
    CHECK_RANGE(run_until(1000, is_flagged), 100, 300);
    CHECK(faults() == FAULT_BIT(FAULT_CELL_SENSOR));
    run(2000);
    CHECK(bits(0x107, 12, 5) < 32 && inside()->m.max_cell != 6);
    CHECK_RANGE(bits(0x104, 16, 16), 31870, 31875); /* the sum takes it for one like the others */
}

static void open_wires_mask_their_neighbours(void)
{
    power_on(1);
    operate();
    W.cell_mV[9] = 100; /* what a monitor may read with tap 11 open */
    W.cell_mV[10] = 6500;
    W.open_wire = 1;
    W.open_tap = 11;
    run(2000);
    CHECK(faults() == FAULT_BIT(FAULT_CELL_SENSOR));
    CHECK(!inside()->nv.deep_discharged);
}

static void temperature_sensors(void)
{
    power_on(1);
    operate();
    current_fault = FAULT_TEMPERATURE_SENSOR;
    W.sensor_dC[2] = INT16_MAX;
    CHECK_RANGE(run_until(2000, is_flagged), 400, 900);
    CHECK(faults() == FAULT_BIT(FAULT_TEMPERATURE_SENSOR));
}

static void current_sensor_lost(void)
{
    for (int channel = 0; channel < 3; channel++) {
        power_on(1);
        operate();
        current_fault = FAULT_CURRENT_SENSOR;
        W.shunt_error[channel] = 1;
        run(120);
        W.shunt_error[channel] = 0;
        run(200);
        CHECK(!faults());
        W.shunt_error[channel] = 1;
        W.current_mA = channel ? 0 : 900000; /* not to be believed */
        CHECK_RANGE(run_until(1000, is_flagged), 120, 220);
        CHECK(faults() == FAULT_BIT(FAULT_CURRENT_SENSOR));
    }
}

static void missing_frames(void)
{
    for (int k = 0; k < RX_CHARGER; k++) {
        if (!RX[k].timeout_ms)
            continue;
        power_on(1);
        operate();
        current_fault = FAULT_FRAME_TIMEOUT;
        silent[k] = 1;
        CHECK_RANGE(run_until(4000, is_flagged), RX[k].timeout_ms / 2, RX[k].timeout_ms + 20);
        CHECK(command() == 0);
        silent[k] = 0;
        run(600);
        clear_faults();
        CHECK(state() == STATE_STANDBY);
    }
}

static void broken_protection(void)
{
    for (int k = 0; k < RX_CHARGER; k++)
        for (int how = 0; how < 3; how++) {
            if (how == 0 && RX[k].protection != PROTECTED_P1)
                continue;
            power_on(1);
            operate();
            current_fault = FAULT_E2E;
            bad_crc[k] = how == 0 ? 1000 : 0;
            frozen[k] = how;
            CHECK_RANGE(run_until(8000, is_flagged), 30, 4600);
            bad_crc[k] = frozen[k] = 0;
            run(2000);
            clear_faults();
            CHECK(state() == STATE_STANDBY);
        }
}

static void rejected_data_is_not_used(void)
{
    power_on(1);
    operate();
    W.cell_mV[0] = 3900;
    bad_crc[RX_CELLS] = 2;
    run(210);
    W.cell_mV[0] = 3320;
    run(1000);
    CHECK(!faults() && !warnings());
    CHECK(inside()->m.cell_max_mV == 3320);
}

const test_case TESTS_PROTECTION[] = {
    {"e2e_vectors", e2e_vectors},
    {"protections_of_j1939", protections_of_j1939},
    {"a_changed_bit_is_seen_by_every_protection", a_changed_bit_is_seen_by_every_protection},
    {"counters_that_skip", counters_that_skip},
    {"a_lost_checksum_does_not_cost_the_next_frame", a_lost_checksum_does_not_cost_the_next_frame},
    {"debounce_counts_and_decays", debounce_counts_and_decays},
    {"levels_and_hysteresis", levels_and_hysteresis},
    {"cell_and_pack_voltages", cell_and_pack_voltages},
    {"pack_voltage_by_sum_and_by_sensor", pack_voltage_by_sum_and_by_sensor},
    {"currents_both_ways", currents_both_ways},
    {"current_beyond_what_is_allowed", current_beyond_what_is_allowed},
    {"temperatures", temperatures},
    {"charge_limits_do_not_bind_the_drive", charge_limits_do_not_bind_the_drive},
    {"isolation_of_either_pole", isolation_of_either_pole},
    {"isolation_that_is_not_valid", isolation_that_is_not_valid},
    {"a_group_of_temperatures_that_never_came", a_group_of_temperatures_that_never_came},
    {"a_reset_does_not_skip_the_first_look", a_reset_does_not_skip_the_first_look},
    {"interlock_and_its_bounce", interlock_and_its_bounce},
    {"invalid_cells_are_not_used", invalid_cells_are_not_used},
    {"open_wires_mask_their_neighbours", open_wires_mask_their_neighbours},
    {"temperature_sensors", temperature_sensors},
    {"current_sensor_lost", current_sensor_lost},
    {"missing_frames", missing_frames},
    {"broken_protection", broken_protection},
    {"rejected_data_is_not_used", rejected_data_is_not_used},
    {0, 0},
};
