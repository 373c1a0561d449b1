/* Received frames: the cells of a string come on pages of one message, its carrier. */
#include "can_rx.h"

#include "can_in.h"
#include "e2e.h"
#include "inputs.h"
#include "messages.h"

static int find(const bms_frame *frame)
{
    if (frame->extended)
        return frame->extended == 1 && frame->id == RX[RX_CHARGER].id ? RX_CHARGER : -1;
    for (int k = RX_TEMPERATURES; k < RX_CHARGER; k++)
        if (RX[k].id && frame->id == RX[k].id)
            return k;
    return -1;
}

static void heard(bms_data *b, rx_state *rx)
{
    rx->last_ms = b->now_ms;
    rx->seen = 1;
}

/* A page of a string's cells: counter and checksum are the carrier's, and so is the trust in it. */
static void receive_cells(bms_data *b, unsigned string, uint64_t now_ns, const bms_frame *frame)
{
    rx_state *pages = b->rx + RX_CELLS + string * STRING_PAGES;
    rx_state *carrier = &b->carrier[string];
    bool good = e2e_accept(&STRING_CELLS[string], carrier, frame);
    pages[0].errors = carrier->errors;
    if (!good || page_of(frame->data) >= STRING_PAGES)
        return;
    heard(b, carrier);
    heard(b, &pages[page_of(frame->data)]);
    can_in_unpack(b, (int)(RX_CELLS + string * STRING_PAGES + page_of(frame->data)), now_ns, frame->data);
}

void can_in_receive(bms_data *b, uint64_t now_ns, const bms_frame *frame)
{
    uint32_t now_ms = (uint32_t)((now_ns - b->start_ns) / 1000000);
    uint32_t string = frame->id - STRING_CELLS[0].id;
    if (!frame->extended && string < STRINGS) {
        b->now_ms = now_ms;
        receive_cells(b, string, now_ns, frame);
        return;
    }
    int index = find(frame);
    if (index < 0 || !e2e_accept(&RX[index], &b->rx[index], frame))
        return;
    b->now_ms = now_ms;
    heard(b, &b->rx[index]);
    if (index == RX_PACK_VOLTAGE) /* one message for both */
        heard(b, &b->rx[RX_LINK_VOLTAGE]);
    can_in_unpack(b, index, now_ns, frame->data);
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
        forget_sensors(in);
    } else if (index == RX_REQUEST) {
        forget_request(in);
    }
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
