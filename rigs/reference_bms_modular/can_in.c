/* From frames to inputs: pages of big-endian signals. */
#include "big_endian.h"
#include "can_rx.h"
#include "inputs.h"
#include "messages.h"

#define STRING_TAPS (SERIES + 1)
#define VALUES_AT 16 /* first bit of the values; before them checksum, page and counter */

/* 0.1 mV to mV; the raw number of "not available" keeps that meaning */
static uint16_t millivolts(uint32_t raw)
{
    return raw == 0xFFFF ? CELL_INVALID : (uint16_t)((raw + 5) / 10);
}

static void unpack_cells(inputs *in, unsigned string, const uint8_t *data)
{
    uint64_t word = load_be(data);
    unsigned first = page_of(data) * STRING_PAGE_CELLS;
    for (unsigned k = 0; k < STRING_PAGE_CELLS && first + k < SERIES; k++)
        in->cell_mV[string * SERIES + first + k] = millivolts(field_be(word, VALUES_AT + 16 * k, 16));
    in->fresh_cells = 1;
}

static void unpack_temperatures(bms_data *b, const uint8_t *data)
{
    uint64_t word = load_be(data);
    unsigned group = page_of(data);
    if (group >= SENSOR_GROUPS)
        return;
    for (unsigned k = 0; k < SENSORS_PER_FRAME; k++) {
        uint32_t raw = field_be(word, VALUES_AT + 12 * k, 12); /* 0.1 degC from -50 degC */
        b->in.sensor_dC[group * SENSORS_PER_FRAME + k] = raw == 0xFFF ? SENSOR_INVALID : (int16_t)((int32_t)raw - 500);
    }
    hear_sensors(b, group);
}

/* Taps are numbered on from string to string, 33 of each. As measure.c has it, tap k lies between cells k-1 and
 * k of one chain: the first and the last tap of a string take a cell of the neighbouring one with them. */
static uint8_t tap_of_chain(uint32_t tap)
{
    return (uint8_t)(tap ? tap - (tap - 1) / STRING_TAPS : 0);
}

static void unpack_monitor(inputs *in, const uint8_t *data)
{
    uint64_t word = load_be(data);
    hear_monitor(in, page_of(data) == 1, (uint8_t)field_be(word, 16, 1), tap_of_chain(field_be(word, 17, 7)));
}

static void unpack_status(inputs *in, const uint8_t *data)
{
    uint64_t word = load_be(data);
    in->feedback = (uint8_t)((field_be(word, 16, 1) ? PLUS : 0) | (field_be(word, 17, 1) ? MINUS : 0)
                             | (field_be(word, 18, 1) ? PRECHARGE : 0));
    in->interlock = (uint8_t)field_be(word, 23, 1);
}

static void unpack_isolation(bms_data *b, const uint8_t *data)
{
    uint64_t word = load_be(data);
    if (!field_be(word, 8, 1))
        return; /* no value now: the last one stands for a while, see conditions.c */
    hear_isolation(b, (int32_t)field_be(word, 16, 16), (int32_t)field_be(word, 32, 16));
}

static void unpack_current(bms_data *b, uint64_t now_ns, const uint8_t *data)
{
    if (!(data[1] & 0x80))
        hear_current(b, now_ns, big32(data + 2));
}

static int32_t signed_24(uint32_t raw)
{
    return (int32_t)(raw ^ 0x800000) - 0x800000;
}

static void unpack_voltages(bms_data *b, const uint8_t *data)
{
    uint64_t word = load_be(data);
    if (!(data[1] & 0x80))
        hear_pack_voltage(b, signed_24(field_be(word, 16, 24)));
    if (!(data[1] & 0x40))
        hear_link_voltage(b, signed_24(field_be(word, 40, 24)));
}

static void unpack_request(inputs *in, const uint8_t *data)
{
    hear_request(in, (uint8_t)page_of(data), data[2] >> 7);
}

void can_in_unpack(bms_data *b, int index, uint64_t now_ns, const uint8_t *data)
{
    switch (index) {
    case RX_TEMPERATURES: unpack_temperatures(b, data); break;
    case RX_CM_STATUS: unpack_monitor(&b->in, data); break;
    case RX_JB_STATUS: unpack_status(&b->in, data); break;
    case RX_JB_ISOLATION: unpack_isolation(b, data); break;
    case RX_CURRENT: unpack_current(b, now_ns, data); break;
    case RX_PACK_VOLTAGE: unpack_voltages(b, data); break;
    case RX_REQUEST: unpack_request(&b->in, data); break;
    case RX_CHARGER: hear_charger(&b->in, data); break;
    default: unpack_cells(&b->in, (unsigned)index / STRING_PAGES, data); break;
    }
}
