/* From frames to inputs: little-endian, nothing multiplexed. */
#include "bits.h"
#include "can_rx.h"
#include "inputs.h"

static int32_t signed_bits(uint32_t raw, unsigned bits)
{
    uint32_t sign = UINT32_C(1) << (bits - 1);
    return (int32_t)(raw ^ sign) - (int32_t)sign;
}

static void unpack_cells(inputs *in, unsigned group, const uint8_t *data)
{
    for (unsigned k = 0; k < CELLS_PER_FRAME; k++) {
        uint16_t raw = little16(data + 2 * k);
        in->cell_mV[group * CELLS_PER_FRAME + k] = raw < CELL_INVALID ? raw : CELL_INVALID;
    }
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

static void unpack_relays(inputs *in, const uint8_t *data)
{
    in->feedback = data[0] & (PLUS | MINUS | PRECHARGE); /* in the order of the bits */
    in->interlock = data[0] >> 4 & 1;
}

static void unpack_current(bms_data *b, uint64_t now_ns, const uint8_t *data)
{
    if (!(data[4] & 1))
        hear_current(b, now_ns, little32(data));
}

static int32_t little24(const uint8_t *data)
{
    return signed_bits((uint32_t)little16(data) | (uint32_t)data[2] << 16, 24);
}

static void unpack_voltages(bms_data *b, const uint8_t *data)
{
    b->rx[RX_LINK_VOLTAGE].last_ms = b->now_ms;
    b->rx[RX_LINK_VOLTAGE].seen = 1;
    if (!(data[6] & 1))
        hear_pack_voltage(b, little24(data));
    if (!(data[6] & 2))
        hear_link_voltage(b, little24(data + 3));
}

static void unpack_request(inputs *in, const uint8_t *data)
{
    hear_request(in, data[0] & 0x0F, data[1] & 1);
}

void can_in_unpack(bms_data *b, int index, uint64_t now_ns, const uint8_t *data)
{
    switch (index) {
    case RX_TEMPERATURES: unpack_temperatures(b, data); break;
    case RX_CM_STATUS: unpack_monitor(&b->in, data); break;
    case RX_JB_STATUS: unpack_relays(&b->in, data); break;
    case RX_CURRENT: unpack_current(b, now_ns, data); break;
    case RX_PACK_VOLTAGE: unpack_voltages(b, data); break;
    case RX_REQUEST: unpack_request(&b->in, data); break;
    case RX_CHARGER: break; /* the inverter says only that it is there */
    default: unpack_cells(&b->in, (unsigned)index, data); break;
    }
}
