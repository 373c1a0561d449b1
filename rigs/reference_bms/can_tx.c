#include "can_tx.h"

#include "bits.h"

static bool is_due(bms_data *b, int k, uint16_t cycle_ms)
{
    transmit *tx = &b->tx;
    bool due = (int32_t)(b->now_ms - tx->due_ms[k]) >= 0;
    while ((int32_t)(b->now_ms - tx->due_ms[k]) >= 0)
        tx->due_ms[k] += cycle_ms; /* absolute: an event frame does not move the cycle */
    return due;
}

static bool has_changed(bms_data *b, int k, uint64_t watched)
{
    bool changed = watched != b->tx.last[k];
    b->tx.last[k] = watched;
    return changed;
}

bool tx_goes_out(bms_data *b, int k, uint16_t cycle_ms, uint64_t (*watch)(bms_data *b))
{
    bool due = is_due(b, k, cycle_ms);
    return (watch && has_changed(b, k, watch(b))) || due;
}

const dtc_entry *tx_next_dtc(bms_data *b, unsigned *entry)
{
    *entry = b->tx.dtc_entry < b->nv.dtc_count ? b->tx.dtc_entry : 0;
    b->tx.dtc_entry = (uint8_t)(*entry + 1);
    return &b->nv.dtc[*entry];
}

uint64_t tx_alarms(const bms_data *b)
{
    const thermal *t = &b->heat;
    bool crash = b->latched & FAULT_BIT(FAULT_CRASH);
    return put(crash, 0, 1) | put(t->spread, 1, 1) | put(t->rise, 2, 1) | put(t->runaway, 3, 1) | put(t->cooling, 4, 1);
}

int32_t tx_isolation(const bms_data *b, int32_t value_Ohm)
{
    return b->in.isolation_seen ? value_Ohm / 100 : UINT16_MAX;
}

bool charger_is_asked(const bms_data *b)
{
    const charging *c = &b->charge;
    bool charge = c->on && !c->complete;
    return charge;
}

bool charger_command_is_due(bms_data *b)
{
    charging *c = &b->charge;
    bool charge = charger_is_asked(b);
    int32_t change_mA = c->current_mA - c->sent_mA;
    bool changed = charge != c->sent_on || change_mA > COMMAND_CHANGE_mA || change_mA < -COMMAND_CHANGE_mA;
    uint32_t since_ms = b->now_ms - c->sent_ms;
    if (c->sent && since_ms < (changed ? COMMAND_SPACING_ms : COMMAND_CYCLE_ms))
        return false;
    c->sent = 1;
    c->sent_on = charge;
    c->sent_mA = c->current_mA;
    c->sent_ms = b->now_ms;
    return true;
}

bool charger_command(bms_data *b, bms_frame *frame)
{
    if (!charger_command_is_due(b))
        return false;
    bool charge = charger_is_asked(b);
    uint32_t volts = CHARGE_VOLTAGE_mV / 100, amperes = (uint32_t)(charge ? b->charge.current_mA / 100 : 0);
    *frame = (bms_frame){.id = 0x1806E5F4, .extended = 1, .length = 8};
    frame->data[0] = (uint8_t)(volts >> 8);
    frame->data[1] = (uint8_t)(volts & 0xFF);
    frame->data[2] = (uint8_t)(amperes >> 8);
    frame->data[3] = (uint8_t)(amperes & 0xFF);
    frame->data[4] = charge ? 0 : 1;
    return true;
}
