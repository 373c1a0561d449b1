#include "protect.h"

#include "dtc.h"

static bool is_beyond(const limit_config *limit, int32_t level, int32_t value)
{
    return level != NO_LEVEL && (limit->sign > 0 ? value > level : value < level);
}

uint16_t protect_debounce(uint16_t count_ms, bool bad, uint16_t most_ms, uint32_t step_ms)
{
    if (bad)
        return (uint16_t)(count_ms + step_ms > most_ms ? most_ms : count_ms + step_ms);
    return (uint16_t)(count_ms > 2 * step_ms ? count_ms - 2 * step_ms : 0);
}

/* One level with its delay and its way back; `on` is what it says. */
static void watch(uint16_t *count_ms, uint8_t *on, bool bad, bool back, uint16_t delay_ms, uint32_t step_ms)
{
    *count_ms = protect_debounce(*count_ms, bad, delay_ms, step_ms);
    if (bad && *count_ms >= delay_ms) {
        *on = 1;
    } else if (*on && back) {
        *on = 0;
        *count_ms = 0;
    }
}

void monitor_step(const limit_config *limit, monitor *m, int32_t value, uint32_t step_ms)
{
    bool back = !is_beyond(limit, limit->release, value);
    bool bad = is_beyond(limit, limit->open, value);
    watch(&m->open_ms, &m->present, bad, back, limit->delay_ms, step_ms);
    bad = is_beyond(limit, limit->warn, value);
    watch(&m->warn_ms, &m->warned, bad, back, limit->delay_ms / 2, step_ms);
}

/* Charging, or about to: the limits that hold only then are watched before a contactor closes. */
static bool is_charging(const bms_data *b)
{
    if (b->state == STATE_PRECHARGE)
        return b->goal == REQUEST_CHARGE;
    return b->state == STATE_CHARGE || (b->state == STATE_STANDBY && b->in.request == REQUEST_CHARGE);
}

static void latch(bms_data *b, uint32_t fresh)
{
    for (int fault = 0; fresh; fault++, fresh >>= 1) {
        if (!(fresh & 1))
            continue;
        dtc_store(b, fault);
        if (!b->first_fault)
            b->first_fault = (uint8_t)(fault + 1);
        if (fault == FAULT_DEEP_DISCHARGE)
            b->nv.deep_discharged = 1;
        if (fault == FAULT_CRASH)
            b->nv.crashed = 1;
    }
}

/* Fault bits of the currents that have been beyond what the BMS allows for so long. */
static uint32_t beyond_limits(const bms_data *b, uint16_t ms)
{
    return (b->beyond_ms[0] >= ms ? FAULT_BIT(FAULT_OVERCURRENT_DISCHARGE) : 0)
           | (b->beyond_ms[1] >= ms ? FAULT_BIT(FAULT_OVERCURRENT_CHARGE) : 0);
}

/* What no monitor of one level can see. */
static uint32_t other_faults(const bms_data *b)
{
    uint32_t present = beyond_limits(b, BEYOND_FAULT_ms);
    if (b->nv.deep_discharged) /* for good: only a cold start forgets it */
        present |= FAULT_BIT(FAULT_DEEP_DISCHARGE);
    if (b->in.crash || b->nv.crashed) /* so is this */
        present |= FAULT_BIT(FAULT_CRASH);
    return present;
}

static uint32_t other_warnings(const bms_data *b)
{
    uint32_t warned = beyond_limits(b, BEYOND_WARN_ms);
    if (b->rx[RX_REQUEST].overdue)
        warned |= FAULT_BIT(FAULT_FRAME_TIMEOUT);
    if (b->charge.no_current)
        warned |= FAULT_BIT(FAULT_CHARGER);
    return warned;
}

void protect_step(bms_data *b)
{
    uint32_t present = other_faults(b), warned = other_warnings(b);
    bool charging = is_charging(b);
    for (int fault = 0; fault < FAULT_COUNT; fault++) {
        const limit_config *limit = &LIMITS[fault];
        monitor *m = &b->monitors[fault];
        bool watched = limit->when == WHEN_ALWAYS || charging || (b->latched & FAULT_BIT(fault));
        if (!watched)
            *m = (monitor){0};
        else if (b->known & FAULT_BIT(fault))
            monitor_step(limit, m, b->value[fault], b->step_ms);
        present |= (uint32_t)m->present << fault;
        warned |= (uint32_t)m->warned << fault;
    }
    latch(b, present & ~b->latched);
    b->latched |= present;
    b->present = present;
    b->warned = warned;
}

void protect_reset(bms_data *b)
{
    b->latched &= b->present;
    if (!b->latched)
        b->first_fault = 0;
}

bool protect_charge_allowed(const bms_data *b)
{
    const measurements *m = &b->m;
    return m->max_dC <= LIMITS[FAULT_OVERTEMPERATURE_CHARGE].open
           && m->min_dC >= LIMITS[FAULT_UNDERTEMPERATURE_CHARGE].open;
}
