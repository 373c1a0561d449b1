#ifndef CAN_OUT_H
#define CAN_OUT_H
#include "bms.h"
#include "bms_data.h"

void can_out_init(bms_data *b);
/* The frames that are due, or changed, into `out`; returns their number. */
int can_out_step(bms_data *b, bms_frame *out, int capacity);
#endif
