#include "transport.h"

#include <string.h>

enum { IDLE, ANNOUNCING, SENDING, WAITING, ABORTING };
enum { REQUEST = 16, CLEAR = 17, END = 19, BROADCAST = 32, ABORT = 255 }; /* first byte of a control frame */

#define CONTROL 0xEC00u
#define DATA 0xEB00u
#define PACKET 7u          /* bytes */
#define BROADCAST_GAP_ms 50u
#define T3_ms 1250u        /* until the receiver answers */
#define T4_ms 1050u        /* after it has asked to wait */
#define MOST_REPEATS 2u    /* of packets, in one message */
#define ABORT_TIMEOUT 3u
#define ABORT_REPEATS 5u

static uint8_t count_of(const transport *t)
{
    return (uint8_t)((t->size + PACKET - 1) / PACKET);
}

static void address(const transport *t, uint32_t pgn, uint8_t source, bms_frame *frame)
{
    uint32_t id = UINT32_C(7) << 26 | (pgn | t->destination) << 8 | source;
    *frame = (bms_frame){.id = id, .extended = 1, .length = 8};
}

static void control(const transport *t, uint8_t source, bms_frame *frame, const uint8_t head[5])
{
    address(t, CONTROL, source, frame);
    memcpy(frame->data, head, 5);
    frame->data[5] = (uint8_t)t->pgn;
    frame->data[6] = (uint8_t)(t->pgn >> 8);
    frame->data[7] = (uint8_t)(t->pgn >> 16);
}

static void announce(transport *t, uint32_t now_ms, uint8_t source, bms_frame *frame)
{
    bool to_all = t->destination == TRANSPORT_EVERYBODY;
    uint8_t kind = to_all ? BROADCAST : REQUEST;
    uint8_t head[5] = {kind, (uint8_t)t->size, (uint8_t)(t->size >> 8), count_of(t), 0xFF};
    control(t, source, frame, head);
    t->state = to_all ? SENDING : WAITING;
    t->reached = 1;
    t->repeats = 0;
    t->next = 1;
    t->last = count_of(t);
    t->due_ms = now_ms + (to_all ? BROADCAST_GAP_ms : T3_ms);
}

static void packet(transport *t, uint32_t now_ms, uint8_t source, bms_frame *frame)
{
    unsigned first = (t->next - 1u) * PACKET, left = t->size - first;
    address(t, DATA, source, frame);
    memset(frame->data, 0xFF, 8);
    frame->data[0] = t->next;
    memcpy(frame->data + 1, t->data + first, left < PACKET ? left : PACKET);
    bool to_all = t->destination == TRANSPORT_EVERYBODY;
    t->due_ms = now_ms + (to_all ? BROADCAST_GAP_ms : 0);
    if (t->next++ < t->last)
        return;
    t->state = to_all ? IDLE : WAITING;
    t->due_ms = now_ms + T3_ms;
}

bool transport_is_idle(const transport *t)
{
    return t->state == IDLE;
}

void transport_begin(transport *t, uint32_t pgn, uint8_t destination, uint16_t size)
{
    t->pgn = pgn;
    t->destination = destination;
    t->size = size;
    t->state = ANNOUNCING;
}

bool transport_step(transport *t, uint32_t now_ms, uint8_t source, bms_frame *frame)
{
    if (t->state == IDLE || (t->state != ANNOUNCING && (int32_t)(now_ms - t->due_ms) < 0))
        return false;
    if (t->state == ANNOUNCING) {
        announce(t, now_ms, source, frame);
    } else if (t->state == SENDING) {
        packet(t, now_ms, source, frame);
    } else {
        uint8_t reason = t->state == ABORTING ? ABORT_REPEATS : ABORT_TIMEOUT;
        control(t, source, frame, (const uint8_t[5]){ABORT, reason, 0xFF, 0xFF, 0xFF});
        t->state = IDLE;
    }
    return true;
}

static void clear_to_send(transport *t, uint32_t now_ms, uint8_t count, uint8_t first)
{
    if (count == 0) {
        t->state = WAITING;
        t->due_ms = now_ms + T4_ms;
    } else if (first >= 1 && first + count - 1 <= count_of(t)) {
        if (first < t->reached)
            t->repeats++;
        t->reached = (uint8_t)(first + count);
        t->state = t->repeats > MOST_REPEATS ? ABORTING : SENDING;
        t->next = first;
        t->last = (uint8_t)(first + count - 1);
        t->due_ms = now_ms;
    }
}

void transport_hear(transport *t, uint32_t now_ms, uint8_t source, const bms_frame *frame)
{
    uint32_t pgn = frame->data[5] | (uint32_t)frame->data[6] << 8 | (uint32_t)frame->data[7] << 16;
    uint32_t id = CONTROL << 8 | (uint32_t)source << 8 | t->destination;
    if (t->state != WAITING && t->state != SENDING)
        return;
    if (!frame->extended || frame->length != 8 || (frame->id & 0x03FFFFFF) != id || pgn != t->pgn)
        return;
    switch (frame->data[0]) {
    case CLEAR: clear_to_send(t, now_ms, frame->data[1], frame->data[2]); break;
    case END:
    case ABORT: t->state = IDLE; break;
    default: break;
    }
}
