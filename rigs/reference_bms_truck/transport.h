/* Long messages by the transport protocol of SAE J1939-21, as their sender. */
#ifndef TRANSPORT_H
#define TRANSPORT_H
#include <stdbool.h>
#include <stdint.h>

#include "bms.h"

#define TRANSPORT_EVERYBODY 0xFFu
#define TRANSPORT_LONGEST 200 /* bytes; the protocol would carry 1785 */

typedef struct {
    uint32_t pgn, due_ms; /* of the next packet, or of giving up */
    uint16_t size;
    uint8_t destination, state, next, last; /* packets from next to last are to be sent */
    uint8_t reached, repeats;               /* the first packet never asked for; how often one was asked for again */
    uint8_t data[TRANSPORT_LONGEST];
} transport;

bool transport_is_idle(const transport *t);

/* Begin to send data[0] to data[size - 1] of t, to one address or to everybody; it must be idle. */
void transport_begin(transport *t, uint32_t pgn, uint8_t destination, uint16_t size);

/* The frame that is to be sent now, if there is one. */
bool transport_step(transport *t, uint32_t now_ms, uint8_t source, bms_frame *frame);

/* What a receiver says: go on, wait, all is there, or no more. */
void transport_hear(transport *t, uint32_t now_ms, uint8_t source, const bms_frame *frame);
#endif
