/* What each protection looks at: one number per fault, from the measurements and the state of the others. */
#include "conditions.h"

#include "contactor.h"
#include "e2e.h"
#include "protect.h"

static void know(bms_data *b, int fault, bool known, int32_t value)
{
    b->value[fault] = value;
    if (known)
        b->known |= FAULT_BIT(fault);
    else
        b->known &= ~FAULT_BIT(fault);
}

static void flag(bms_data *b, int fault, bool value)
{
    know(b, fault, true, value);
}

static int32_t larger(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

static int32_t smaller(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

/* Two ways to the pack voltage: the cells' sum and the sensor; the worse one counts. */
static void voltages(bms_data *b)
{
    const measurements *m = &b->m;
    bool cells = m->cells_known && m->invalid_cells < CELLS;
    bool sensor = b->in.valid_ms[1] && !b->rx[RX_PACK_VOLTAGE].overdue;
    int32_t pack_mV = sensor ? b->in.pack_mV : m->sum_mV;
    know(b, FAULT_CELL_OVERVOLTAGE, cells, m->cell_max_mV);
    know(b, FAULT_CELL_UNDERVOLTAGE, cells, m->cell_min_mV);
    know(b, FAULT_DEEP_DISCHARGE, cells, m->cell_min_mV);
    know(b, FAULT_PACK_OVERVOLTAGE, cells, larger(m->sum_mV, pack_mV));
    know(b, FAULT_PACK_UNDERVOLTAGE, cells, smaller(m->sum_mV, pack_mV));
    int32_t difference_mV = pack_mV - m->sum_mV;
    know(b, FAULT_VOLTAGE_PLAUSIBILITY, cells && sensor, larger(difference_mV, -difference_mV));
}

static void temperatures(bms_data *b)
{
    const measurements *m = &b->m;
    bool known = m->sensors_known && m->invalid_sensors < SENSORS;
    know(b, FAULT_OVERTEMPERATURE_DISCHARGE, known, m->max_dC);
    know(b, FAULT_OVERTEMPERATURE_CHARGE, known, m->max_dC);
    know(b, FAULT_UNDERTEMPERATURE_CHARGE, known, m->min_dC);
    know(b, FAULT_UNDERTEMPERATURE_DISCHARGE, known, m->min_dC);
}

static void currents(bms_data *b)
{
    bool known = b->in.valid_ms[0] && !b->rx[RX_CURRENT].overdue;
    know(b, FAULT_OVERCURRENT_DISCHARGE, known, b->in.current_mA);
    know(b, FAULT_OVERCURRENT_CHARGE, known, -b->in.current_mA);
}

/* A monitor that gives no valid value any more, or never did: no isolation is known to be there. */
static void isolation(bms_data *b)
{
    bool known = b->in.isolation_seen || b->now_ms > START_GRACE_ms;
    bool stale = b->now_ms - b->in.isolation_ms > ISOLATION_STALE_ms;
    know(b, FAULT_ISOLATION, known && !b->rx[RX_JB_ISOLATION].overdue, stale ? 0 : b->in.isolation_Ohm);
}

static void junction_box(bms_data *b)
{
    bool known = b->rx[RX_JB_STATUS].seen && !b->rx[RX_JB_STATUS].overdue;
    uint8_t feedback = b->in.feedback, command = b->hv.command;
    know(b, FAULT_INTERLOCK, known, !b->in.interlock);
    know(b, FAULT_CONTACTOR_FEEDBACK, known, feedback != command);
    know(b, FAULT_CONTACTOR_WELD, known, (feedback & ~command) != 0 || contactor_link_is_welded(b));
}

/* The current is lost when no valid reading came for as long as its frame may be late; a voltage of the same
 * sensor, when its frames come but none of them is valid. A missing voltage frame is a frame timeout. */
static bool is_shunt_lost(const bms_data *b)
{
    const rx_state *rx = &b->rx[RX_CURRENT];
    const uint32_t *valid_ms = b->in.valid_ms;
    uint32_t limit_ms = rx->seen ? RX[RX_CURRENT].timeout_ms : START_GRACE_ms;
    bool lost = b->now_ms - valid_ms[0] > limit_ms;
    for (int channel = 1; channel <= 2; channel++)
        lost = lost || rx[channel].last_ms - valid_ms[channel] > SHUNT_INVALID_ms;
    return lost;
}

/* A current although every contactor is open is an error of the sensor. Standby alone can tell; in the fault state
 * that follows the cause is there until the current is gone. */
static bool has_stray_current(bms_data *b)
{
    bool flows = b->in.current_mA > STRAY_mA || b->in.current_mA < -STRAY_mA;
    if (b->state == STATE_STANDBY && b->hv.phase == CONTACTORS_OPEN)
        b->stray_ms = protect_debounce(b->stray_ms, flows, STRAY_ms, b->step_ms);
    else if (b->state != STATE_FAULT || !flows)
        b->stray_ms = 0;
    return b->stray_ms >= STRAY_ms;
}

static void sensors(bms_data *b)
{
    const measurements *m = &b->m;
    bool cells_bad = m->invalid_cells || b->in.open_wire || !b->in.monitor_ok;
    know(b, FAULT_CELL_SENSOR, m->cells_known, cells_bad);
    bool late = b->now_ms > START_GRACE_ms; /* a group that never came is lost too */
    know(b, FAULT_TEMPERATURE_SENSOR, m->sensors_known || late, m->invalid_sensors || !m->sensors_known);
    flag(b, FAULT_CURRENT_SENSOR, is_shunt_lost(b) | has_stray_current(b));
}

static bool is_active(const bms_data *b)
{
    return b->state == STATE_PRECHARGE || b->state == STATE_OPERATE || b->state == STATE_CHARGE;
}

static void frames(bms_data *b)
{
    bool overdue = false, untrusted = false, was_untrusted = b->present & FAULT_BIT(FAULT_E2E);
    for (int k = 0; k < RX_COUNT; k++) {
        overdue = overdue || (b->rx[k].overdue && (k != RX_REQUEST || is_active(b)));
        untrusted = untrusted || b->rx[k].errors > (was_untrusted ? E2E_ERRORS_GONE : E2E_ERRORS_FAULT - 1);
    }
    flag(b, FAULT_FRAME_TIMEOUT, overdue);
    flag(b, FAULT_E2E, untrusted);
}

void conditions_step(bms_data *b)
{
    voltages(b);
    temperatures(b);
    currents(b);
    junction_box(b);
    isolation(b);
    sensors(b);
    frames(b);
    flag(b, FAULT_PRECHARGE, b->hv.failed);
    flag(b, FAULT_CHARGER, b->charge.silent || b->charge.over || b->charge.sick || b->charge.gone);
    flag(b, FAULT_INTERNAL, b->late);
}
