/* The reference BMS's states: start, precharge, contactors, requests, reset. */
#include "bench.h"

static int current_fault;
static int is_flagged(void) { return has_fault(current_fault); }
static int is_standby(void) { return state() == STATE_STANDBY; }
static int is_operating(void) { return state() == STATE_OPERATE; }
static int minus_closed(void) { return command() & MINUS; }
static int plus_closed(void) { return command() & PLUS; }
static int precharge_closed(void) { return command() & PRECHARGE; }
static int precharge_opened(void) { return !(command() & PRECHARGE); }
static int plus_opened(void) { return !(command() & PLUS); }

static void starts_when_all_has_come(void)
{
    power_on(1);
    CHECK_RANGE(run_until(5000, is_standby), 50, 700);
    CHECK(!faults() && command() == 0);
    power_on(1);
    silent[RX_CELLS + 23] = 1;
    CHECK(run_until(2500, is_standby) < 0 && state() == STATE_INIT);
    current_fault = FAULT_FRAME_TIMEOUT;
    CHECK_RANGE(run_until(1000, is_flagged), 0, 1000);
}

static void precharge_in_order(void)
{
    power_on(1);
    run(1000);
    W.mode = REQUEST_OPERATE;
    CHECK_RANGE(run_until(500, minus_closed), 10, 100);
    CHECK(command() == MINUS && state() == STATE_PRECHARGE);
    CHECK_RANGE(run_until(500, precharge_closed), 30, 300);
    CHECK(command() == (MINUS | PRECHARGE));
    CHECK_RANGE(run_until(1000, plus_closed), 400, 700);
    CHECK(command() == (MINUS | PRECHARGE | PLUS) && W.link_mV >= 95 * 960 * 332 / 100);
    CHECK_RANGE(run_until(500, precharge_opened), 30, 150);
    CHECK(command() == (MINUS | PLUS));
    CHECK_RANGE(run_until(500, is_operating), 30, 150);
    W.charger_follows = 0;
    W.current_mA = 50000; /* the vehicle still drives: the current gets time to fall */
    W.mode = REQUEST_STANDBY;
    CHECK_RANGE(run_until(500, plus_opened), 150, 300);
    CHECK(command() == MINUS);
    W.current_mA = 0;
    CHECK_RANGE(run_until(500, is_standby), 50, 400);
    CHECK(command() == 0 && !faults());
}

static int precharge_fails(void)
{
    run(1000);
    W.mode = REQUEST_OPERATE;
    current_fault = FAULT_PRECHARGE;
    CHECK_RANGE(run_until(500, precharge_closed), 30, 300);
    int ms = run_until(4000, is_flagged);
    CHECK(command() == 0 && state() == STATE_FAULT);
    return ms;
}

static void precharge_failures(void)
{
    power_on(1);
    W.precharge_open = 1;
    CHECK_RANGE(precharge_fails(), 400, 550);
    W.precharge_open = 0;
    clear_faults();
    operate();
    power_on(1);
    W.link_short = 1;
    CHECK_RANGE(precharge_fails(), 400, 550);
    power_on(1);
    W.pack_mV = 314000; /* a plateau: the sensor sees 94 % and no more */
    W.link_mV = 0;
    run(1000);
    for (W.mode = REQUEST_OPERATE; !has_fault(FAULT_PRECHARGE) && now_ns; run(10))
        W.link_mV = W.link_mV > 290000 ? 290000 : W.link_mV;
    CHECK(inside()->nv.operating_ms < 3300);
}

static void contactors_that_do_not_close(void)
{
    for (int contactor = PLUS; contactor <= PRECHARGE; contactor *= 2) {
        power_on(1);
        W.stuck = contactor;
        run(1000);
        W.mode = REQUEST_OPERATE;
        current_fault = FAULT_CONTACTOR_FEEDBACK;
        CHECK_RANGE(run_until(3000, is_flagged), 150, 1200);
        CHECK(faults() == FAULT_BIT(FAULT_CONTACTOR_FEEDBACK) && command() == 0);
        W.stuck = 0;
        run(200);
        clear_faults();
        operate();
    }
}

static void welded_contactors(void)
{
    for (int contactor = PLUS; contactor <= PRECHARGE; contactor *= 2) {
        power_on(1);
        operate();
        W.welded = contactor;
        if (contactor != PRECHARGE) {
            W.mode = REQUEST_STANDBY;
            run(10);
        }
        current_fault = FAULT_CONTACTOR_WELD;
        CHECK_RANGE(run_until(2000, is_flagged), 150, 550);
        CHECK(command() == 0);
        W.mode = REQUEST_OPERATE;
        run(3000);
        CHECK(command() == 0 && state() == STATE_FAULT);
        clear_faults();
        CHECK(is_flagged());
        W.welded = 0;
        run(300);
        clear_faults();
        CHECK(state() == STATE_STANDBY);
    }
}

static void weld_seen_by_the_link_only(void)
{
    power_on(1);
    run(1000);
    W.welded = PLUS;
    W.feedback_override = 0; /* the auxiliary contact lies */
    W.mode = REQUEST_OPERATE;
    current_fault = FAULT_CONTACTOR_WELD;
    for (int ms = 0; ms < 1000 && !is_flagged(); ms += 10) {
        run(10);
        W.feedback_override = command();
    }
    CHECK(is_flagged() && command() == 0);
    power_on(1);
    run(1000);
    W.pack_mV = 96 * 3320;
    for (W.mode = REQUEST_OPERATE; sent_count(0x100) < 60 && !is_flagged(); run(10)) {
        CHECK(command() == 0);
        W.link_mV = 317000; /* both mains welded: up before anything closes */
    }
    CHECK(is_flagged());
}

static void operates_again_at_once(void)
{
    power_on(1);
    operate();
    for (int k = 0; k < 5; k++) { /* the link is still nearly up: no weld */
        W.mode = REQUEST_STANDBY;
        CHECK_RANGE(run_until(1000, is_standby), 50, 400);
        operate();
    }
    CHECK(!faults());
}

static void feedback_against_command(void)
{
    power_on(1);
    operate();
    current_fault = FAULT_CONTACTOR_FEEDBACK;
    W.feedback_override = PLUS;
    run(120);
    W.feedback_override = -1;
    run(500);
    CHECK(!faults());
    W.feedback_override = PLUS;
    CHECK_RANGE(run_until(500, is_flagged), 100, 250);
}

static void modes_that_are_not_allowed(void)
{
    power_on(1);
    operate();
    W.mode = REQUEST_CHARGE;
    run(2000);
    CHECK(state() == STATE_OPERATE);
    for (W.mode = 3; W.mode < 16; W.mode++)
        run(200);
    CHECK(state() == STATE_OPERATE && !faults());
    W.mode = REQUEST_STANDBY;
    run(500);
    W.mode = REQUEST_CHARGE;
    run(600);
    W.mode = REQUEST_OPERATE; /* in the middle of a precharge for the charger */
    run(2000);
    CHECK(state() == STATE_CHARGE);
    W.mode = REQUEST_STANDBY;
    run(1000);
    W.mode = REQUEST_OPERATE;
    run_until(1000, precharge_closed);
    W.mode = REQUEST_STANDBY; /* given up half-way */
    CHECK_RANGE(run_until(1000, is_standby), 50, 400);
    CHECK(command() == 0 && !faults());
}

static void a_request_that_stays_away(void)
{
    power_on(1);
    silent[RX_REQUEST] = 1;
    run(5000);
    CHECK(state() == STATE_STANDBY && !faults() && has_warning(FAULT_FRAME_TIMEOUT));
}

static void only_a_rising_edge_in_standby_resets(void)
{
    power_on(1);
    W.reset = 1; /* stuck at 1 since power-on */
    operate();
    W.interlock = 0;
    run(300);
    W.interlock = 1;
    run(300);
    W.mode = REQUEST_STANDBY;
    run(1000);
    CHECK(has_fault(FAULT_INTERLOCK));
    W.mode = REQUEST_OPERATE;
    W.reset = 0;
    run(200);
    W.reset = 1; /* an edge, but not in standby */
    run(200);
    W.mode = REQUEST_STANDBY;
    run(500);
    CHECK(has_fault(FAULT_INTERLOCK) && bits(0x100, 40, 8) == FAULT_INTERLOCK + 1);
    clear_faults();
    CHECK(!faults() && bits(0x100, 40, 8) == 0);
}

const test_case TESTS_STATE[] = {
    {"starts_when_all_has_come", starts_when_all_has_come},
    {"precharge_in_order", precharge_in_order},
    {"precharge_failures", precharge_failures},
    {"contactors_that_do_not_close", contactors_that_do_not_close},
    {"welded_contactors", welded_contactors},
    {"weld_seen_by_the_link_only", weld_seen_by_the_link_only},
    {"operates_again_at_once", operates_again_at_once},
    {"feedback_against_command", feedback_against_command},
    {"modes_that_are_not_allowed", modes_that_are_not_allowed},
    {"a_request_that_stays_away", a_request_that_stays_away},
    {"only_a_rising_edge_in_standby_resets", only_a_rising_edge_in_standby_resets},
    {0, 0},
};
