/* Init, standby, precharge, operate, charge, fault.
 *
 * From operate to charge and back only through standby: a request for the other one is not followed. Fault is
 * left by a reset in mode standby, once no cause is present, and by way of init: nothing closes without all
 * inputs.
 */
#include "state.h"

#include "contactor.h"
#include "protect.h"

static void enter(bms_data *b, bms_mode state)
{
    b->state = (uint8_t)state;
}

static bool has_all_inputs(const bms_data *b)
{
    for (int k = 0; k < RX_COUNT; k++)
        if (RX[k].timeout_ms && k != RX_REQUEST && !b->rx[k].seen)
            return false;
    return b->m.cells_known && b->m.sensors_known && b->in.valid_ms[0] && b->in.valid_ms[1]
           && (b->in.isolation_seen || !RX[RX_JB_ISOLATION].timeout_ms);
}

static void standby(bms_data *b)
{
    b->hv.close = 0;
    if (b->in.request == REQUEST_STANDBY || b->hv.phase != CONTACTORS_OPEN || !contactor_ready(b))
        return;
    if (b->in.request == REQUEST_CHARGE && !protect_charge_allowed(b))
        return;
    b->goal = b->in.request;
    b->hv.close = 1;
    enter(b, STATE_PRECHARGE);
}

static void closing(bms_data *b)
{
    if (b->in.request == REQUEST_STANDBY)
        b->hv.close = 0;
    if (!b->hv.close && b->hv.phase == CONTACTORS_OPEN)
        enter(b, STATE_STANDBY);
    else if (b->hv.close && b->hv.phase == CONTACTORS_CLOSED)
        enter(b, b->goal == REQUEST_CHARGE ? STATE_CHARGE : STATE_OPERATE);
}

static void closed(bms_data *b)
{
    if (b->in.request == REQUEST_STANDBY)
        b->hv.close = 0;
    if (!b->hv.close && b->hv.phase == CONTACTORS_OPEN)
        enter(b, STATE_STANDBY);
}

static void fault(bms_data *b)
{
    b->hv.close = 0;
    if (b->in.reset_edge && b->in.request == REQUEST_STANDBY)
        protect_reset(b);
    if (!b->latched)
        enter(b, STATE_INIT); /* and from there to standby only with all inputs, as after power-on */
}

void state_step(bms_data *b)
{
    if (b->latched)
        enter(b, STATE_FAULT);
    switch (b->state) {
    case STATE_INIT:
        if (has_all_inputs(b))
            enter(b, STATE_STANDBY);
        break;
    case STATE_STANDBY: standby(b); break;
    case STATE_PRECHARGE: closing(b); break;
    case STATE_OPERATE:
    case STATE_CHARGE: closed(b); break;
    default: fault(b); break;
    }
    b->in.reset_edge = 0;
}
