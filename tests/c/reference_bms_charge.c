/* The reference BMS's charging, estimation and memory; its frames, and frames of all kinds at it. */
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static int current_fault;
static int is_flagged(void) { return has_fault(current_fault); }
static int is_standby(void) { return state() == STATE_STANDBY; }
static int all_open(void) { return command() == 0; }
static int is_complete(void) { return (int)bits(0x100, 19, 1); }

static void a_cold_pack_is_not_charged(void)
{
    power_on(1);
    W.sensor_dC[0] = -10;
    run(1000);
    W.mode = REQUEST_CHARGE;
    current_fault = FAULT_UNDERTEMPERATURE_CHARGE;
    for (int k = 0; k < 600 && !is_flagged(); k++) {
        run(10);
        CHECK(command() == 0);
    }
    CHECK(is_flagged());
}

static void set_cells(int mV)
{
    for (int k = 0; k < CELLS; k++)
        W.cell_mV[k] = mV;
}

static void a_charge_session(void)
{
    power_on(1);
    charge_mode();
    run(3000);
    CHECK(said(0x1806E5F4) == UINT64_C(0x000000002003200D)); /* 336.0 V, 80.0 A, charge; big-endian */
    CHECK(W.charger_mA == 80000);
    W.cell_mV[3] = 3625; /* half-way from derating to opening */
    run(500);
    CHECK_RANGE(W.charger_mA, 79000, 80000); /* 80 A of the 160 A that are nominal */
    W.cell_mV[3] = 3640;
    run(500);
    CHECK_RANGE(W.charger_mA, 30000, 33000);
    set_cells(3480);
    W.charger_follows = 0;
    W.charger_mA = 7000;
    W.current_mA = -7000;
    CHECK_RANGE(run_until(20000, is_complete), 9500, 10500);
    W.current_mA = W.charger_mA = 0;
    run(200);
    CHECK(bits(0x1806E5F4, 32, 8) == 1 && bits(0x1806E5F4, 16, 16) == 0);
    CHECK(command() == (PLUS | MINUS) && state() == STATE_CHARGE);
    W.mode = REQUEST_STANDBY;
    CHECK_RANGE(run_until(1000, all_open), 50, 400);
    run(100);
    CHECK(is_complete() && !faults());
    CHECK_RANGE(bits(0x100, 24, 16), 9840, 9860);
    operate();
    run(100);
    CHECK(!is_complete());
}

static void a_charger_in_trouble(void)
{
    power_on(1);
    charge_mode();
    current_fault = FAULT_CHARGER;
    silent[RX_CHARGER] = 1;
    CHECK_RANGE(run_until(8000, is_flagged), 3900, 5050);
    CHECK(command() == 0);
    power_on(1);
    charge_mode();
    run(2000);
    W.charger_follows = 0;
    W.current_mA = -91000; /* 110 % and 2 A of 80 A are 90 A */
    CHECK_RANGE(run_until(3000, is_flagged), 900, 1050);
}

static int is_stopped(void) { return (int)bits(0x1806E5F4, 32, 8) == 1 && bits(0x1806E5F4, 16, 16) == 0; }

static void check_session_ended(void)
{
    CHECK(command() == 0 && state() == STATE_FAULT && faults() == FAULT_BIT(FAULT_CHARGER));
    CHECK_RANGE(run_until(1100, is_stopped), 0, 100);
}

static void a_plug_that_is_pulled(void)
{
    current_fault = FAULT_CHARGER;
    for (int begun_ms = 0; begun_ms <= 20000; begun_ms += 20000) { /* never in, and pulled later */
        power_on(1);
        charge_mode();
        run(begun_ms);
        W.charger_follows = 0;
        W.current_mA = W.charger_mA = 0;
        run(4000);
        CHECK(!has_warning(FAULT_CHARGER));
        run(2000);
        CHECK(has_warning(FAULT_CHARGER) && !faults());
        CHECK_RANGE(run_until(6000, is_flagged), 3000, 4000);
        check_session_ended();
    }
    W.charger_follows = 1;
    clear_faults();
    charge_mode();
    run(15000);
    CHECK(!faults() && W.charger_mA == 80000);
}

static void little_current_is_no_pulled_plug(void)
{
    power_on(1);
    set_cells(3470); /* full before it begins */
    charge_mode();
    W.charger_follows = 0;
    W.current_mA = W.charger_mA = 0;
    CHECK_RANGE(run_until(20000, is_complete), 9000, 10500);
    set_cells(3400);
    run(20000);
    CHECK(!faults() && !warnings());
    power_on(1);
    W.cell_mV[9] = 3649; /* so little is asked for that little may come */
    charge_mode();
    W.charger_follows = 0;
    W.current_mA = W.charger_mA = 0;
    run(20000);
    CHECK(!faults() && state() == STATE_CHARGE);
}

static void a_charger_that_says_it_is_ill(void)
{
    const struct {
        int flag, least_ms, most_ms; /* and its frame is up to a second away */
    } cases[] = {{0x01, 200, 1400}, {0x02, 200, 1400}, {0x04, 200, 1400},
                 {0x10, 900, 2050}, {0x08, 1900, 3050}};
    current_fault = FAULT_CHARGER;
    for (int k = 0; k < 5; k++) {
        power_on(1);
        charge_mode();
        run(3000);
        W.charger_flags = cases[k].flag;
        CHECK_RANGE(run_until(5000, is_flagged), cases[k].least_ms, cases[k].most_ms);
        check_session_ended();
        clear_faults(); /* it may stay ill: it is judged while it charges */
        CHECK(state() == STATE_STANDBY);
    }
}

static void flags_from_before_the_session_do_not_count(void)
{
    power_on(1);
    W.charger_flags = 0x1F;
    charge_mode();
    W.charger_flags = 0;
    run(4000);
    CHECK(!faults() && state() == STATE_CHARGE);
    W.mode = REQUEST_STANDBY;
    run(1000);
    W.charger_flags = 0x1F;
    run(10000);
    CHECK(!faults()); /* nor after it */
}

static void balancing_on_the_right_cells(void)
{
    power_on(1);
    set_cells(3410);
    W.cell_mV[6] = 3421;  /* more than 10 mV above */
    W.cell_mV[70] = 3420; /* just not */
    operate();
    run(2000);
    CHECK(inside()->balance[0] == UINT64_C(1) << 6 && inside()->balance[1] == 0);
    CHECK(bits(0x100, 20, 1) == 1);
    W.cell_mV[6] = 3415;
    W.cell_mV[70] = 3414;
    run(300);
    CHECK(inside()->balance[0] == 0); /* not above the lowest by more than 5 mV any more */
    set_cells(3370);
    run(300);
    set_cells(3390);
    W.cell_mV[6] = 3399;
    run(300);
    CHECK(!inside()->balancing); /* below 3.40 V none begins */
    W.cell_mV[6] = 3430;
    run(300);
    CHECK(inside()->balancing);
    W.interlock = 0;
    run(300);
    CHECK(!inside()->balancing && !bits(0x100, 20, 1)); /* not in fault */
}

static void current_limits_follow_charge_and_temperature(void)
{
    power_on(1);
    operate();
    CHECK(bits(0x103, 16, 16) == 3200 && bits(0x103, 32, 16) == 1600);
    W.sensor_dC[4] = 535; /* half-way between 52 and 55 degC */
    run(900);
    CHECK(bits(0x103, 16, 16) == 1600 && bits(0x103, 32, 16) == 0 && bits(0x100, 17, 1) == 1);
    power_on(1);
    set_cells(3183); /* 5.6 % */
    operate();
    CHECK_RANGE(bits(0x103, 16, 16), 1400, 1500);
    CHECK(bits(0x103, 32, 16) == 1600);
}

static void charge_is_counted_and_corrected(void)
{
    power_on(1);
    set_cells(3285); /* 31.7 % */
    operate();
    CHECK_RANGE(bits(0x100, 24, 16), 3160, 3177);
    W.charger_follows = 0;
    W.current_mA = 160000;
    run(720000); /* 0.2 h at 1C */
    CHECK_RANGE(bits(0x100, 24, 16), 1158, 1179);
    W.current_mA = 0;
    run(590000);
    CHECK_RANGE(bits(0x100, 24, 16), 1158, 1179); /* 3285 - 25 mV would be 21 %, but it has not rested yet */
    run(20000);
    CHECK_RANGE(bits(0x100, 24, 16), 2105, 2130);
}

static unsigned soc(void) { return bits(0x100, 24, 16); }

/* No cell is measured to 0.1 mV, and one reading trembles: their mean does not. */
static void the_first_guess_is_a_mean(void)
{
    const struct {
        int high; /* cells at 3.300 V, the others at 3.299 V */
        unsigned least, most;
    } cases[] = {{0, 4865, 4895}, {48, 4925, 4955}, {96, 5000, 5010}}; /* the plateau: 0.7 mV a percent */
    for (int k = 0; k < 3; k++) {
        power_on(1);
        for (int cell = 0; cell < CELLS; cell++)
            W.cell_mV[cell] = cell < cases[k].high ? 3300 : 3299;
        run_until(2000, is_standby);
        CHECK_RANGE(soc(), cases[k].least, cases[k].most); /* there is one at once */
        run(4000);
        CHECK_RANGE(soc(), cases[k].least, cases[k].most);
    }
    power_on(1);
    for (int ms = 0; ms < 5000; ms += 100) {
        set_cells(ms % 200 ? 3304 : 3296);
        run(100);
    }
    CHECK_RANGE(soc(), 4900, 5100);
    set_cells(3340);
    run(5000);
    CHECK_RANGE(soc(), 4900, 5100); /* made once */
}

static void memory_outlives_a_warm_start(void)
{
    power_on(1);
    set_cells(3254);
    operate();
    for (int k = 0; k < 3; k++) {
        W.interlock = 0;
        run(300);
        W.interlock = 1;
        run(100);
        clear_faults();
    }
    W.cell_mV[0] = 3700;
    run(600);
    W.cell_mV[0] = 3254;
    run(300);
    uint32_t first_ds = inside()->nv.dtc[0].first_seen_ds;
    set_cells(3300);
    power_on(0);
    CHECK(run_until(2000, is_standby) >= 0 && !faults());
    CHECK(inside()->nv.dtc_count == 2 && inside()->nv.dtc[0].occurrences == 3);
    CHECK(inside()->nv.dtc[0].first_seen_ds == first_ds && first_ds > 0);
    CHECK_RANGE(bits(0x100, 24, 16), 1965, 1977); /* not guessed anew */
    run(1000);
    CHECK(bits(0x10A, 16, 8) == 2);
    power_on(1);
    run(1000);
    CHECK(inside()->nv.dtc_count == 0 && bits(0x10A, 16, 8) == 0);
}

static void deep_discharge_is_for_good(void)
{
    power_on(1);
    operate();
    W.cell_mV[50] = 1990;
    run(600);
    CHECK(has_fault(FAULT_DEEP_DISCHARGE));
    W.cell_mV[50] = 3320;
    run(1000);
    clear_faults();
    CHECK(faults() == FAULT_BIT(FAULT_DEEP_DISCHARGE) && state() == STATE_FAULT);
    power_on(0);
    W.mode = REQUEST_CHARGE;
    run(3000);
    CHECK(has_fault(FAULT_DEEP_DISCHARGE) && command() == 0);
    power_on(1);
    operate();
}

static void every_frame_in_its_cycle(void)
{
    const int cycles[13] = {50, 50, 50, 100, 100, 100, 200, 50, 100, 250, 100, 100, 100};
    power_on(1);
    operate();
    run(1000);
    int before[14];
    for (int k = 0; k < 13; k++)
        before[k] = sent_count(0x100 + (uint32_t)k);
    before[13] = sent_count(0x1806E5F4);
    run(10000);
    for (int k = 0; k < 13; k++)
        CHECK_RANGE(sent_count(0x100 + (uint32_t)k) - before[k], 10000 / cycles[k] - 1,
                    10000 / cycles[k] + 1);
    CHECK_RANGE(sent_count(0x1806E5F4) - before[13], 9, 11);
}

static void a_late_step_is_a_fault(void)
{
    power_on(1);
    operate();
    now_ns += 150000000;
    run(10);
    CHECK(has_fault(FAULT_INTERNAL) && command() == 0);
}

static void saved_and_restored_worlds_are_equal(void)
{
    static unsigned char state_a[65536], state_b[65536], state_c[65536];
    size_t size = bms_save(0, 0);
    CHECK(size < sizeof state_a);
    power_on(1);
    operate();
    W.cell_mV[4] = 3660;
    run(300);
    world world_then = W;
    CHECK(bms_save(state_a, size) == size);
    run(0);
    bms_frame out[64];
    for (int k = 0; k < 50; k++)
        CHECK(bms_step(now_ns + (uint64_t)k * 10000000, out, 64) >= 0);
    bms_save(state_b, size);
    CHECK(memcmp(state_a, state_b, size) != 0);
    CHECK(bms_restore(state_a, size) == 0);
    W = world_then;
    for (int k = 0; k < 50; k++)
        CHECK(bms_step(now_ns + (uint64_t)k * 10000000, out, 64) >= 0);
    bms_save(state_c, size);
    CHECK(memcmp(state_b, state_c, size) == 0);
    CHECK(bms_restore(state_a, size - 1) != 0 && bms_restore(0, size) != 0);
    state_a[0] ^= 1;
    CHECK(bms_restore(state_a, size) != 0);
    CHECK(bms_save(state_a, 10) == size); /* too small: says what it needs, writes nothing */
}

static uint32_t random_state = 1;
static uint32_t random_u32(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    return random_state ^= random_state << 5;
}

static void random_frame(void)
{
    uint8_t data[64];
    for (int k = 0; k < 64; k++)
        data[k] = (uint8_t)random_u32();
    int index = (int)(random_u32() % RX_COUNT);
    if (random_u32() % 2) /* right in all but what it says */
        send(index, (uint64_t)random_u32() << 32 | random_u32());
    else
        inject(random_u32() % 3 ? RX[index].id : random_u32(), data, (int)(random_u32() % 65),
               (int)(random_u32() % 3));
}

static void random_world(void)
{
    W.mode = (int)(random_u32() % 16);
    W.reset = (int)(random_u32() % 2);
    W.current_mA = (int)random_u32();
    W.pack_mV = random_u32() % 2 ? (int)random_u32() : -1;
    W.cell_mV[random_u32() % CELLS] = (int)(random_u32() % 8192);
    W.sensor_dC[random_u32() % SENSORS] = (int)(random_u32() % 255) * 5 - 500;
    W.open_wire = (int)(random_u32() % 2);
    W.open_tap = (int)(random_u32() % 128);
    W.charger_follows = 0;
}

/* Any frame at any time: no crash (the sanitizers watch), never a closed contactor in fault or init. */
static void random_frames(void)
{
    for (int k = 0; k < 100000; k++) {
        if (k % 200 == 0) { /* begin anew, for else all is fault */
            power_on(1);
            operate();
        }
        random_frame();
        if (k % 8 == 0) {
            random_world();
            run(10);
        }
        if (state() == STATE_FAULT || state() == STATE_INIT)
            CHECK(command() == 0);
    }
}

const test_case TESTS_CHARGE[] = {
    {"a_cold_pack_is_not_charged", a_cold_pack_is_not_charged},
    {"a_charge_session", a_charge_session},
    {"a_charger_in_trouble", a_charger_in_trouble},
    {"a_plug_that_is_pulled", a_plug_that_is_pulled},
    {"little_current_is_no_pulled_plug", little_current_is_no_pulled_plug},
    {"a_charger_that_says_it_is_ill", a_charger_that_says_it_is_ill},
    {"flags_from_before_the_session_do_not_count", flags_from_before_the_session_do_not_count},
    {"balancing_on_the_right_cells", balancing_on_the_right_cells},
    {"current_limits_follow_charge_and_temperature", current_limits_follow_charge_and_temperature},
    {"charge_is_counted_and_corrected", charge_is_counted_and_corrected},
    {"the_first_guess_is_a_mean", the_first_guess_is_a_mean},
    {"memory_outlives_a_warm_start", memory_outlives_a_warm_start},
    {"deep_discharge_is_for_good", deep_discharge_is_for_good},
    {"every_frame_in_its_cycle", every_frame_in_its_cycle},
    {"a_late_step_is_a_fault", a_late_step_is_a_fault},
    {"saved_and_restored_worlds_are_equal", saved_and_restored_worlds_are_equal},
    {"random_frames", random_frames},
    {0, 0},
};
