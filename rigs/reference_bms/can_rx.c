/* Received frames of a dialect in which each message stands for itself. */
#include "can_rx.h"

#include "can_in.h"
#include "e2e.h"
#include "inputs.h"

static int find(const bms_frame *frame)
{
    for (int k = 0; k < RX_COUNT; k++)
        if (RX[k].length && RX[k].id == frame->id && RX[k].extended == frame->extended)
            return k;
    return -1;
}

void can_in_receive(bms_data *b, uint64_t now_ns, const bms_frame *frame)
{
    int index = find(frame);
    if (index < 0) {
#ifdef LONG_MESSAGES
        for (int k = 0; k < LONG_MESSAGES; k++)
            transport_hear(&b->tx.long_messages[k], b->now_ms, OWN_ADDRESS, frame);
#endif
        return;
    }
    rx_state *rx = &b->rx[index];
    if (!e2e_accept(&RX[index], rx, frame))
        return;
    b->now_ms = (uint32_t)((now_ns - b->start_ns) / 1000000);
    rx->last_ms = b->now_ms;
    rx->seen = 1;
    can_in_unpack(b, index, now_ns, frame->data);
}

/* Old values of a node that is silent are not values. */
static void forget(inputs *in, int index)
{
    if (index < CELL_FRAMES) {
        for (int k = 0; k < CELLS_PER_FRAME; k++)
            in->cell_mV[index * CELLS_PER_FRAME + k] = CELL_INVALID;
        in->fresh_cells = 1;
    } else if (index == RX_TEMPERATURES) {
        forget_sensors(in);
    } else if (index == RX_REQUEST) {
        forget_request(in);
    }
}

void can_in_supervise(bms_data *b)
{
    for (int k = 0; k < RX_COUNT; k++) {
        rx_state *rx = &b->rx[k];
        bool overdue = is_overdue(b, rx, RX[k].timeout_ms);
        if (overdue && !rx->overdue) {
            forget(&b->in, k);
            if (rx->seen)
                rx->synced = SYNC_LOST;
        }
        rx->overdue = overdue;
    }
}
