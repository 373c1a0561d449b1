/* From frames to inputs: pages of big-endian signals. */
#include "can_in.h"

#include "big_endian.h"
#include "e2e.h"
#include "messages.h"
#include "soc.h"

#define STRING_TAPS (SERIES + 1)
#define VALUES_AT 16 /* first bit of the values; before them checksum, page and counter */

static unsigned page_of(const uint8_t *data)
{
    return data[1] >> 4;
}

static int find(const bms_frame *frame)
{
    if (frame->extended)
        return frame->extended == 1 && frame->id == RX[RX_CHARGER].id ? RX_CHARGER : -1;
    for (int k = RX_TEMPERATURES; k < RX_CHARGER; k++)
        if (RX[k].id && frame->id == RX[k].id)
            return k;
    return -1;
}

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
    b->in.group_ms[group] = b->now_ms;
    b->in.fresh_sensors = 1;
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
    in->monitor_ok = page_of(data) == 1;
    in->open_wire = (uint8_t)field_be(word, 16, 1);
    in->open_tap = tap_of_chain(field_be(word, 17, 7));
    in->fresh_cells = 1;
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
    int32_t plus = (int32_t)field_be(word, 16, 16), minus = (int32_t)field_be(word, 32, 16);
    b->in.isolation_Ohm = 100 * (plus < minus ? plus : minus);
    b->in.isolation_ms = b->now_ms;
    b->in.isolation_seen = 1;
}

#define CURRENT_RANGE_mA 3000000 /* more than the sensor can measure */

static void unpack_current(bms_data *b, uint64_t now_ns, const uint8_t *data)
{
    int32_t current_mA = big32(data + 2);
    if (data[1] & 0x80 || current_mA > CURRENT_RANGE_mA || current_mA < -CURRENT_RANGE_mA)
        return;
    b->in.valid_ms[0] = b->now_ms;
    soc_count(b, now_ns, current_mA);
}

static int32_t signed_24(uint32_t raw)
{
    return (int32_t)(raw ^ 0x800000) - 0x800000;
}

static void unpack_voltages(bms_data *b, const uint8_t *data)
{
    uint64_t word = load_be(data);
    if (!(data[1] & 0x80)) {
        b->in.valid_ms[1] = b->now_ms;
        b->in.pack_mV = signed_24(field_be(word, 16, 24));
    }
    if (!(data[1] & 0x40)) {
        b->in.valid_ms[2] = b->now_ms;
        b->in.link_mV = signed_24(field_be(word, 40, 24));
    }
}

static void unpack_request(inputs *in, const uint8_t *data)
{
    uint8_t mode = (uint8_t)page_of(data), reset = data[2] >> 7;
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

static void unpack(bms_data *b, int index, uint64_t now_ns, const uint8_t *data)
{
    switch (index) {
    case RX_TEMPERATURES: unpack_temperatures(b, data); break;
    case RX_CM_STATUS: unpack_monitor(&b->in, data); break;
    case RX_JB_STATUS: unpack_status(&b->in, data); break;
    case RX_JB_ISOLATION: unpack_isolation(b, data); break;
    case RX_CURRENT: unpack_current(b, now_ns, data); break;
    case RX_PACK_VOLTAGE: unpack_voltages(b, data); break;
    case RX_REQUEST: unpack_request(&b->in, data); break;
    case RX_CHARGER: unpack_charger(&b->in, data); break;
    }
}

static void heard(bms_data *b, rx_state *rx)
{
    rx->last_ms = b->now_ms;
    rx->seen = 1;
}

/* A page of a string's cells: counter and checksum are the carrier's, and so is the trust in it. */
static void receive_cells(bms_data *b, unsigned string, const bms_frame *frame)
{
    rx_state *pages = b->rx + RX_CELLS + string * STRING_PAGES;
    rx_state *carrier = &b->carrier[string];
    bool good = e2e_accept(&STRING_CELLS[string], carrier, frame);
    pages[0].errors = carrier->errors;
    if (!good || page_of(frame->data) >= STRING_PAGES)
        return;
    heard(b, carrier);
    heard(b, &pages[page_of(frame->data)]);
    unpack_cells(&b->in, string, frame->data);
}

void can_in_receive(bms_data *b, uint64_t now_ns, const bms_frame *frame)
{
    uint32_t now_ms = (uint32_t)((now_ns - b->start_ns) / 1000000);
    uint32_t string = frame->id - STRING_CELLS[0].id;
    if (!frame->extended && string < STRINGS) {
        b->now_ms = now_ms;
        receive_cells(b, string, frame);
        return;
    }
    int index = find(frame);
    if (index < 0 || !e2e_accept(&RX[index], &b->rx[index], frame))
        return;
    b->now_ms = now_ms;
    heard(b, &b->rx[index]);
    if (index == RX_PACK_VOLTAGE) /* one message for both */
        heard(b, &b->rx[RX_LINK_VOLTAGE]);
    unpack(b, index, now_ns, frame->data);
}

static void forget_page(inputs *in, unsigned page)
{
    unsigned string = page / STRING_PAGES, first = page % STRING_PAGES * STRING_PAGE_CELLS;
    for (unsigned k = 0; k < STRING_PAGE_CELLS && first + k < SERIES; k++)
        in->cell_mV[string * SERIES + first + k] = CELL_INVALID;
    in->fresh_cells = 1;
}

/* Old values of a node that is silent are not values. */
static void forget(inputs *in, int index)
{
    if (index < CELL_FRAMES) {
        forget_page(in, (unsigned)index);
    } else if (index == RX_TEMPERATURES) {
        for (int k = 0; k < SENSORS; k++)
            in->sensor_dC[k] = SENSOR_INVALID;
        in->fresh_sensors = 1;
    } else if (index == RX_REQUEST) {
        in->request = REQUEST_STANDBY;
    }
}

static bool is_overdue(const bms_data *b, const rx_state *rx, uint32_t timeout_ms)
{
    if (!rx->seen && timeout_ms && timeout_ms < START_GRACE_ms)
        timeout_ms = START_GRACE_ms;
    return timeout_ms && b->now_ms - rx->last_ms > timeout_ms;
}

/* After a silence the sender's counter is to be found again. */
static void lose(rx_state *rx)
{
    if (rx->seen)
        rx->synced = SYNC_LOST;
}

static void supervise_carriers(bms_data *b)
{
    for (int k = 0; k < STRINGS; k++) {
        rx_state *carrier = &b->carrier[k];
        bool overdue = is_overdue(b, carrier, STRING_CELLS[k].timeout_ms);
        if (overdue && !carrier->overdue)
            lose(carrier);
        carrier->overdue = overdue;
    }
}

void can_in_supervise(bms_data *b)
{
    supervise_carriers(b);
    for (int k = 0; k < RX_COUNT; k++) {
        rx_state *rx = &b->rx[k];
        bool overdue = is_overdue(b, rx, RX[k].timeout_ms)
                       || (k < CELL_FRAMES && b->carrier[k / STRING_PAGES].overdue);
        if (overdue && !rx->overdue) {
            forget(&b->in, k);
            lose(rx);
        }
        rx->overdue = overdue;
    }
}
