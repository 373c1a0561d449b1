#ifndef CAN_IN_H
#define CAN_IN_H
#include "bms.h"
#include "bms_data.h"

/* A frame has arrived: known, right, and then unpacked into `in`; anything else is ignored. */
void can_in_receive(bms_data *b, uint64_t now_ns, const bms_frame *frame);

/* Which messages are overdue; forgets what they had said. */
void can_in_supervise(bms_data *b);
#endif
