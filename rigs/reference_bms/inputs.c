#include "inputs.h"

#include "bits.h"
#include "soc.h"

void hear_monitor(inputs *in, bool ok, uint8_t open_wire, uint8_t open_tap)
{
    in->monitor_ok = ok;
    in->open_wire = open_wire;
    in->open_tap = open_tap;
    in->fresh_cells = 1;
}

void hear_sensors(bms_data *b, unsigned group)
{
    b->in.group_ms[group] = b->now_ms;
    b->in.fresh_sensors = 1;
}

void hear_isolation(bms_data *b, int32_t plus, int32_t minus)
{
    b->in.plus_Ohm = 100 * plus;
    b->in.minus_Ohm = 100 * minus;
    b->in.isolation_Ohm = 100 * (plus < minus ? plus : minus);
    b->in.isolation_ms = b->now_ms;
    b->in.isolation_seen = 1;
}

#define SHUNT_RANGE 3000000 /* mA or mV: more than the sensor can measure */

static bool is_measurable(int32_t value)
{
    return value <= SHUNT_RANGE && value >= -SHUNT_RANGE;
}

void hear_current(bms_data *b, uint64_t now_ns, int32_t current_mA)
{
    if (!is_measurable(current_mA))
        return;
    b->in.valid_ms[0] = b->now_ms;
    soc_count(b, now_ns, current_mA);
}

void hear_pack_voltage(bms_data *b, int32_t voltage_mV)
{
    b->in.valid_ms[1] = b->now_ms;
    b->in.pack_mV = voltage_mV;
}

void hear_link_voltage(bms_data *b, int32_t voltage_mV)
{
    b->in.valid_ms[2] = b->now_ms;
    b->in.link_mV = voltage_mV;
}

void hear_shunt(bms_data *b, unsigned channel, uint64_t now_ns, int32_t value)
{
    if (!is_measurable(value))
        return;
    if (channel == 1)
        hear_pack_voltage(b, value);
    else if (channel == 2)
        hear_link_voltage(b, value);
    else
        hear_current(b, now_ns, value);
}

void hear_request(inputs *in, uint8_t mode, uint8_t reset)
{
    if (mode <= REQUEST_CHARGE)
        in->request = mode;
    in->reset_edge |= reset && !in->reset && mode == REQUEST_STANDBY;
    in->reset = reset;
}

void hear_charger(inputs *in, const uint8_t *data)
{
    in->charger_mV = big16(data) * 100;
    in->charger_mA = big16(data + 2) * 100;
    in->charger_flags = data[4] & 0x1F;
}

void forget_sensors(inputs *in)
{
    for (int k = 0; k < SENSORS; k++)
        in->sensor_dC[k] = SENSOR_INVALID;
    in->fresh_sensors = 1;
}

void forget_request(inputs *in)
{
    in->request = REQUEST_STANDBY;
}

bool is_overdue(const bms_data *b, const rx_state *rx, uint32_t timeout_ms)
{
    if (!rx->seen && timeout_ms && timeout_ms < START_GRACE_ms)
        timeout_ms = START_GRACE_ms;
    return timeout_ms && b->now_ms - rx->last_ms > timeout_ms;
}
