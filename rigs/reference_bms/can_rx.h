/* Received frames: which message each is, whether it is right, and when one is overdue. What a message says is
 * the dialect's affair. */
#ifndef CAN_RX_H
#define CAN_RX_H
#include "bms_data.h"

/* Of the dialect: the data of received message `index` of RX into `in`. */
void can_in_unpack(bms_data *b, int index, uint64_t now_ns, const uint8_t *data);
#endif
