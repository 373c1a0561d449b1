/* From frames to inputs: little-endian, up to 64 bytes, each thing in one frame. */
#include "bits.h"
#include "can_rx.h"
#include "inputs.h"

/* 0.1 mV to mV; the raw number of "not available" keeps that meaning */
static uint16_t millivolts(uint16_t raw)
{
    return raw == UINT16_MAX ? CELL_INVALID : (uint16_t)((raw + 5) / 10);
}

static void unpack_cells(inputs *in, unsigned unit, const uint8_t *data)
{
    for (unsigned k = 0; k < CELLS_PER_FRAME; k++)
        in->cell_mV[unit * CELLS_PER_FRAME + k] = millivolts(little16(data + 2 * k));
    in->fresh_cells = 1;
}

static void unpack_temperatures(bms_data *b, const uint8_t *data)
{
    for (unsigned k = 0; k < SENSORS; k++)
        b->in.sensor_dC[k] = (int16_t)little16(data + 2 * k); /* "not available" is the same number */
    hear_sensors(b, 0);
}

static void unpack_monitor(inputs *in, const uint8_t *data)
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
    hear_isolation(b, little16(data), little16(data + 2));
}

static void unpack_current(bms_data *b, uint64_t now_ns, const uint8_t *data)
{
    if (!(data[4] & 1))
        hear_current(b, now_ns, little32(data));
}

static void unpack_voltages(bms_data *b, const uint8_t *data)
{
    b->rx[RX_LINK_VOLTAGE].last_ms = b->now_ms;
    b->rx[RX_LINK_VOLTAGE].seen = 1;
    if (!(data[8] & 1))
        hear_pack_voltage(b, little32(data));
    if (!(data[8] & 2))
        hear_link_voltage(b, little32(data + 4));
}

static void unpack_request(inputs *in, const uint8_t *data)
{
    in->crash = data[1] >> 1 & 1;
    hear_request(in, data[0], data[1] & 1);
}

void can_in_unpack(bms_data *b, int index, uint64_t now_ns, const uint8_t *data)
{
    const uint8_t *content = data + HEADER;
    switch (index) {
    case RX_TEMPERATURES: unpack_temperatures(b, content); break;
    case RX_CM_STATUS: unpack_monitor(&b->in, content); break;
    case RX_JB_STATUS: unpack_status(&b->in, content); break;
    case RX_JB_ISOLATION: unpack_isolation(b, content); break;
    case RX_CURRENT: unpack_current(b, now_ns, content); break;
    case RX_PACK_VOLTAGE: unpack_voltages(b, content); break;
    case RX_REQUEST: unpack_request(&b->in, content); break;
    case RX_CHARGER: hear_charger(&b->in, data); break;
    default: unpack_cells(&b->in, (unsigned)index, content); break;
    }
}
