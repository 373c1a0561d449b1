/* From frames to inputs: little-endian, as J1939 has it; only the charger is big-endian. */
#include "bits.h"
#include "can_rx.h"
#include "inputs.h"

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
    hear_sensors(b, group);
}

static void unpack_modules(inputs *in, const uint8_t *data)
{
    hear_monitor(in, (data[0] & 0x0F) == 1, data[0] >> 4 & 1, data[1]);
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
    hear_isolation(b, (int32_t)field(word, 0, 16), (int32_t)field(word, 16, 16));
}

static void unpack_shunt(bms_data *b, unsigned channel, uint64_t now_ns, const uint8_t *data)
{
    if (!(data[4] & 2))
        hear_shunt(b, channel, now_ns, (int32_t)(uint32_t)load_le(data));
}

static void unpack_request(inputs *in, const uint8_t *data)
{
    hear_request(in, data[0] & 3, data[3] & 1);
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
    case RX_CHARGER: hear_charger(&b->in, data); break;
    default: unpack_cells(&b->in, (unsigned)index, data); break;
    }
}
