/* From frames to inputs, by hand from the DBC files. */
#include "bits.h"
#include "can_rx.h"
#include "soc.h"

static void unpack_cells(inputs *in, unsigned group, const uint8_t *data)
{
    uint64_t word = load_le(data) >> 12;
    uint16_t *cell_mV = in->cell_mV + group * CELLS_PER_FRAME;
    for (unsigned k = 0; k < CELLS_PER_FRAME; k++, word >>= 13)
        cell_mV[k] = (uint16_t)(word & 0x1FFF);
    in->fresh_cells = 1;
}

static void unpack_temperatures(bms_data *b, const uint8_t *data)
{
    unsigned group = data[1] >> 4;
    if (group >= SENSOR_GROUPS)
        return;
    int16_t *sensor_dC = b->in.sensor_dC + group * SENSORS_PER_FRAME;
    for (unsigned k = 0; k < SENSORS_PER_FRAME; k++) {
        uint8_t raw = data[2 + k]; /* 0.5 degC from -50 degC */
        sensor_dC[k] = raw == 255 ? SENSOR_INVALID : (int16_t)(raw * 5 - 500);
    }
    b->in.group_ms[group] = b->now_ms;
    b->in.fresh_sensors = 1;
}

static void unpack_monitor(inputs *in, const uint8_t *data)
{
    uint64_t word = load_le(data);
    in->monitor_ok = field(word, 12, 4) == 1;
    in->open_wire = (uint8_t)field(word, 16, 1);
    in->open_tap = (uint8_t)field(word, 17, 7);
    in->fresh_cells = 1;
}

static void unpack_junction_box(inputs *in, const uint8_t *data)
{
    in->feedback = data[2] & (PLUS | MINUS | PRECHARGE); /* in the order of the bits */
    in->interlock = data[2] >> 4 & 1;
}

static void unpack_isolation(bms_data *b, const uint8_t *data)
{
    uint64_t word = load_le(data);
    if (!field(word, 12, 1))
        return; /* no value now: the last one stands for a while, see conditions.c */
    int32_t plus = (int32_t)field(word, 16, 16), minus = (int32_t)field(word, 32, 16);
    b->in.isolation_Ohm = 100 * (plus < minus ? plus : minus);
    b->in.isolation_ms = b->now_ms;
    b->in.isolation_seen = 1;
}

#define SHUNT_RANGE 3000000 /* mA or mV: more than the sensor can measure */

/* A reading of the current sensor: channel 0 current, 1 pack voltage, 2 link voltage. */
static void unpack_shunt(bms_data *b, unsigned channel, uint64_t now_ns, const uint8_t *data)
{
    inputs *in = &b->in;
    if (data[0] != channel || data[1] & 0xA0) /* another result, or channel or system in error */
        return;
    int32_t value = big32(data + 2);
    if (value > SHUNT_RANGE || value < -SHUNT_RANGE)
        return;
    in->valid_ms[channel] = b->now_ms;
    if (channel == 1)
        in->pack_mV = value;
    else if (channel == 2)
        in->link_mV = value;
    else
        soc_count(b, now_ns, value);
}

static void unpack_request(inputs *in, const uint8_t *data)
{
    uint8_t mode = data[1] >> 4, reset = data[2] & 1;
    if (mode <= REQUEST_CHARGE)
        in->request = mode;
    in->reset_edge |= reset && !in->reset && mode == REQUEST_STANDBY;
    in->reset = reset;
}

static void unpack_charger(inputs *in, const uint8_t *data)
{
    in->charger_mV = big16(data) * 100;
    in->charger_mA = big16(data + 2) * 100;
    in->charger_flags = data[4] & 0x1F;
}

void can_in_unpack(bms_data *b, int index, uint64_t now_ns, const uint8_t *data)
{
    switch (index) {
    case RX_TEMPERATURES: unpack_temperatures(b, data); break;
    case RX_CM_STATUS: unpack_monitor(&b->in, data); break;
    case RX_JB_STATUS: unpack_junction_box(&b->in, data); break;
    case RX_JB_ISOLATION: unpack_isolation(b, data); break;
    case RX_CURRENT: unpack_shunt(b, 0, now_ns, data); break;
    case RX_PACK_VOLTAGE: unpack_shunt(b, 1, now_ns, data); break;
    case RX_LINK_VOLTAGE: unpack_shunt(b, 2, now_ns, data); break;
    case RX_SHUNT_TEMPERATURE: break; /* only its counter is looked at */
    case RX_REQUEST: unpack_request(&b->in, data); break;
    case RX_CHARGER: unpack_charger(&b->in, data); break;
    default: unpack_cells(&b->in, (unsigned)index, data); break;
    }
}
