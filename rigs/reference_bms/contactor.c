/* Closing: minus, precharge, plus, precharge off. Opening: plus, then minus; on a fault all at once.
 *
 * Before the precharge contactor closes, the link must not be up: with minus closed only a welded plus (or
 * precharge) contactor can bring it there.
 */
#include "contactor.h"

static void enter(bms_data *b, contactor_phase phase, uint8_t command)
{
    contactors *hv = &b->hv;
    if (hv->command && !command)
        hv->opened_ms = b->now_ms;
    hv->phase = (uint8_t)phase;
    hv->command = command;
    hv->since_ms = b->now_ms;
    hv->feedback_ms = 0;
}

static uint32_t elapsed_ms(const bms_data *b)
{
    return b->now_ms - b->hv.since_ms;
}

/* the link in percent of the pack; 0 when there is no pack voltage to compare with */
static int32_t link_percent(const bms_data *b)
{
    int32_t pack_mV = b->in.pack_mV;
    return pack_mV < LINK_MIN_PACK_mV ? 0 : (int32_t)((int64_t)b->in.link_mV * 100 / pack_mV);
}

bool contactor_link_is_welded(const bms_data *b)
{
    return b->hv.link_up != 0;
}

bool contactor_ready(const bms_data *b)
{
    bool settled = b->now_ms - b->hv.opened_ms >= LINK_SETTLE_ms;
    return b->in.feedback == 0 && (settled || link_percent(b) < LINK_UP_percent);
}

static void begin(bms_data *b)
{
    b->hv.link_up = link_percent(b) >= LINK_UP_percent;
    if (!b->hv.link_up)
        enter(b, CONTACTORS_CLOSE_MINUS, MINUS);
}

/* With minus closed, wait for a link voltage measured well after that, and look at it. */
static void look_at_link(bms_data *b)
{
    contactors *hv = &b->hv;
    if (!(b->in.feedback & MINUS))
        return;
    if (!hv->feedback_ms)
        hv->feedback_ms = b->now_ms;
    if ((int32_t)(b->in.valid_ms[2] - hv->feedback_ms) < LINK_LOOK_ms)
        return;
    hv->link_up = link_percent(b) >= LINK_UP_percent;
    if (!hv->link_up)
        enter(b, CONTACTORS_PRECHARGE, MINUS | PRECHARGE);
}

static void precharge(bms_data *b)
{
    if (link_percent(b) >= PRECHARGE_DONE_percent)
        enter(b, CONTACTORS_CLOSE_PLUS, MINUS | PRECHARGE | PLUS);
    else if (elapsed_ms(b) > PRECHARGE_SHORT_ms && link_percent(b) < PRECHARGE_SHORT_percent)
        b->hv.failed = 1;
}

static void close_step(bms_data *b)
{
    contactors *hv = &b->hv;
    switch (hv->phase) {
    case CONTACTORS_OPEN:
        hv->begun_ms = b->now_ms;
        begin(b);
        break;
    case CONTACTORS_CLOSE_MINUS: look_at_link(b); break;
    case CONTACTORS_PRECHARGE: precharge(b); break;
    case CONTACTORS_CLOSE_PLUS:
        if (b->in.feedback & PLUS)
            enter(b, CONTACTORS_END_PRECHARGE, MINUS | PLUS);
        break;
    case CONTACTORS_END_PRECHARGE:
        if (!(b->in.feedback & PRECHARGE))
            enter(b, CONTACTORS_CLOSED, MINUS | PLUS);
        break;
    default: break;
    }
    if (hv->phase != CONTACTORS_CLOSED && b->now_ms - hv->begun_ms > PRECHARGE_TIMEOUT_ms)
        hv->failed = 1;
}

static bool current_is_small(const bms_data *b)
{
    return b->in.current_mA < OPEN_CURRENT_mA && b->in.current_mA > -OPEN_CURRENT_mA;
}

/* A contactor that does not open must not keep the others closed: each wait has an end. */
static void open_step(bms_data *b)
{
    bool waited = elapsed_ms(b) >= OPEN_WAIT_ms;
    switch (b->hv.phase) {
    case CONTACTORS_OPEN: break;
    case CONTACTORS_CLOSED: enter(b, CONTACTORS_UNLOAD, b->hv.command); break;
    case CONTACTORS_UNLOAD:
        if (waited || current_is_small(b))
            enter(b, CONTACTORS_OPEN_PLUS, MINUS);
        break;
    case CONTACTORS_OPEN_PLUS:
        if (waited || !(b->in.feedback & (PLUS | PRECHARGE)))
            enter(b, CONTACTORS_OPEN_MINUS, 0);
        break;
    case CONTACTORS_OPEN_MINUS:
        if (waited || !b->in.feedback)
            enter(b, CONTACTORS_OPEN, 0);
        break;
    default: enter(b, CONTACTORS_OPEN_PLUS, MINUS); break; /* in the middle of closing */
    }
}

void contactor_step(bms_data *b)
{
    contactors *hv = &b->hv;
    bool opening = hv->phase >= CONTACTORS_UNLOAD;
    hv->link_up = hv->link_up && hv->close && !b->latched;
    if (b->latched) {
        if (hv->phase != CONTACTORS_OPEN)
            enter(b, CONTACTORS_OPEN, 0);
        hv->failed = 0;
    } else if (hv->close && !opening) {
        close_step(b);
    } else {
        open_step(b);
    }
}
