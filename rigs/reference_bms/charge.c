/* Charging: constant current up to the voltage where the charger holds it, watched by the pack's own sensor;
 * and the end of it when the charger does not obey, is ill, or is gone. */
#include "charge.h"

#include "soc.h"

static bool lasts(uint32_t *count_ms, bool condition, uint32_t step_ms, uint32_t limit_ms)
{
    *count_ms = condition ? *count_ms + step_ms : 0;
    return *count_ms >= limit_ms;
}

static void begin(bms_data *b)
{
    charging *c = &b->charge;
    c->on = 1;
    c->begun_ms = b->now_ms;
    c->full_ms = c->over_ms = c->idle_ms = c->alone_ms = c->sick_ms = c->deaf_ms = 0;
    c->complete = c->no_current = 0;
    c->judged_mA = 0;
}

static void end(charging *c)
{
    c->on = c->silent = c->over = c->no_current = c->sick = c->gone = 0;
    c->current_mA = 0;
}

/* The charger is held to its command; to a lower one only after it has had time to follow. */
static void judge(bms_data *b)
{
    charging *c = &b->charge;
    int32_t charging_mA = -b->in.current_mA;
    if (c->current_mA >= c->judged_mA)
        c->lowered_ms = b->now_ms;
    if (c->current_mA > c->judged_mA || b->now_ms - c->lowered_ms >= CHARGER_SETTLE_ms)
        c->judged_mA = c->current_mA;
    bool over = charging_mA > c->judged_mA / 100 * CHARGER_OVER_percent + CHARGER_OVER_mA;
    if (lasts(&c->over_ms, over, b->step_ms, CHARGER_OVER_ms))
        c->over = 1;
    uint32_t heard_ms = b->rx[RX_CHARGER].last_ms;
    uint32_t since_ms = heard_ms > c->begun_ms ? heard_ms : c->begun_ms;
    c->silent = b->now_ms - since_ms > CHARGER_SILENT_ms;
}

/* What it said of itself since this session began: before that it had no battery, and perhaps no command. */
static uint8_t flags(const bms_data *b)
{
    return (int32_t)(b->rx[RX_CHARGER].last_ms - b->charge.begun_ms) > 0 ? b->in.charger_flags : 0;
}

/* A charger that says it is ill, one that hears nothing, and a plug that was pulled: it sees no battery, or
 * gives no current although that is asked for, while the cells are not full either. */
static void look_after(bms_data *b)
{
    charging *c = &b->charge;
    bool alone = !c->complete && flags(b) & CHARGER_ALONE;
    bool idle = !c->complete && -b->in.current_mA < CHARGER_IDLE_mA && c->current_mA > CHARGER_ASKED_mA
                && b->m.cell_mean_mV < CHARGE_FULL_MEAN_mV;
    if (lasts(&c->sick_ms, flags(b) & CHARGER_SICK, b->step_ms, CHARGER_SICK_ms)
        || lasts(&c->deaf_ms, flags(b) & CHARGER_DEAF, b->step_ms, CHARGER_DEAF_ms))
        c->sick = 1;
    if (lasts(&c->alone_ms, alone, b->step_ms, CHARGER_ALONE_ms)
        || lasts(&c->idle_ms, idle, b->step_ms, CHARGER_IDLE_ms))
        c->gone = 1;
    c->no_current = c->idle_ms >= CHARGER_IDLE_WARN_ms;
}

static void look_for_the_end(bms_data *b)
{
    charging *c = &b->charge;
    bool full = -b->in.current_mA < CHARGE_FULL_mA && b->m.cell_mean_mV >= CHARGE_FULL_MEAN_mV;
    if (!c->complete && lasts(&c->full_ms, full, b->step_ms, CHARGE_FULL_ms)) {
        c->complete = 1;
        soc_full(b);
    }
}

void charge_step(bms_data *b)
{
    charging *c = &b->charge;
    if (b->state != STATE_CHARGE || !b->hv.close) {
        if (c->on)
            end(c);
        if (b->state == STATE_OPERATE)
            c->complete = 0;
        return;
    }
    if (!c->on)
        begin(b);
    c->current_mA = b->charge_limit_mA < CHARGE_CURRENT_mA ? b->charge_limit_mA : CHARGE_CURRENT_mA;
    look_for_the_end(b);
    if (c->complete)
        c->current_mA = 0;
    judge(b);
    look_after(b);
}
