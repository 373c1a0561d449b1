/* From frames to inputs: little-endian, as J1939 has it; only the charger is big-endian. */
#include "bits.h"
#include "can_rx.h"
#include "soc.h"

static void unpack_cells(inputs *in, unsigned module, const uint8_t *data)
{
    uint64_t word = load_le(data);
    for (unsigned k = 0; k < CELLS_PER_FRAME; k++)
        in->cell_mV[module * CELLS_PER_FRAME + k] = (uint16_t)field(word, 13 * k, 13);
    in->fresh_cells = 1;
}

static void unpack_temperatures(bms_data *b, const uint8_t *data)
{
    uint64_t word = load_le(data);
    unsigned group = field(word, 48, 8);
    if (group >= SENSOR_GROUPS)
        return;
    for (unsigned k = 0; k < SENSORS_PER_FRAME; k++) {
        uint32_t raw = field(word, 12 * k, 12); /* 0.1 degC from -50 degC */
        b->in.sensor_dC[group * SENSORS_PER_FRAME + k] = raw == 0xFFF ? SENSOR_INVALID : (int16_t)((int32_t)raw - 500);
    }
    b->in.group_ms[group] = b->now_ms;
    b->in.fresh_sensors = 1;
}

static void unpack_modules(inputs *in, const uint8_t *data)
{
    in->monitor_ok = (data[0] & 0x0F) == 1;
    in->open_wire = data[0] >> 4 & 1;
    in->open_tap = data[1];
    in->fresh_cells = 1;
}

static void unpack_status(inputs *in, const uint8_t *data)
{
    in->feedback = data[0] & (PLUS | MINUS | PRECHARGE); /* in the order of the bits */
    in->interlock = data[0] >> 4 & 1;
}

static void unpack_isolation(bms_data *b, const uint8_t *data)
{
    if (!(data[4] & 1))
        return; /* no value now: the last one stands for a while, see conditions.c */
    uint64_t word = load_le(data);
    int32_t plus = (int32_t)field(word, 0, 16), minus = (int32_t)field(word, 16, 16);
    b->in.isolation_Ohm = 100 * (plus < minus ? plus : minus);
    b->in.isolation_ms = b->now_ms;
    b->in.isolation_seen = 1;
}

#define SHUNT_RANGE 3000000 /* mA or mV: more than the sensor can measure */

/* A reading of the current sensor: 0 current, 1 pack voltage, 2 link voltage. */
static void unpack_shunt(bms_data *b, unsigned channel, uint64_t now_ns, const uint8_t *data)
{
    int32_t value = (int32_t)(uint32_t)load_le(data);
    if (data[4] & 2 || value > SHUNT_RANGE || value < -SHUNT_RANGE)
        return;
    b->in.valid_ms[channel] = b->now_ms;
    if (channel == 1)
        b->in.pack_mV = value;
    else if (channel == 2)
        b->in.link_mV = value;
    else
        soc_count(b, now_ns, value);
}

static void unpack_request(inputs *in, const uint8_t *data)
{
    uint8_t mode = data[0] & 3, reset = data[3] & 1;
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
    case RX_CM_STATUS: unpack_modules(&b->in, data); break;
    case RX_JB_STATUS: unpack_status(&b->in, data); break;
    case RX_JB_ISOLATION: unpack_isolation(b, data); break;
    case RX_CURRENT: unpack_shunt(b, 0, now_ns, data); break;
    case RX_PACK_VOLTAGE: unpack_shunt(b, 1, now_ns, data); break;
    case RX_LINK_VOLTAGE: unpack_shunt(b, 2, now_ns, data); break;
    case RX_REQUEST: unpack_request(&b->in, data); break;
    case RX_CHARGER: unpack_charger(&b->in, data); break;
    default: unpack_cells(&b->in, (unsigned)index, data); break;
    }
}
