/* From frames to inputs, by hand from the DBC files. */
#include "bits.h"
#include "can_rx.h"
#include "inputs.h"

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
    hear_sensors(b, group);
}

static void unpack_monitor(inputs *in, const uint8_t *data)
{
    uint64_t word = load_le(data);
    hear_monitor(in, field(word, 12, 4) == 1, (uint8_t)field(word, 16, 1), (uint8_t)field(word, 17, 7));
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
    hear_isolation(b, (int32_t)field(word, 16, 16), (int32_t)field(word, 32, 16));
}

static void unpack_shunt(bms_data *b, unsigned channel, uint64_t now_ns, const uint8_t *data)
{
    if (data[0] != channel || data[1] & 0xA0) /* another result, or channel or system in error */
        return;
    hear_shunt(b, channel, now_ns, big32(data + 2));
}

static void unpack_request(inputs *in, const uint8_t *data)
{
    uint8_t mode = data[1] >> 4, reset = data[2] & 1;
    in->crash = data[2] >> 1 & 1;
    hear_request(in, mode, reset);
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
    case RX_CHARGER: hear_charger(&b->in, data); break;
    default: unpack_cells(&b->in, (unsigned)index, data); break;
    }
}
