#ifndef STATE_H
#define STATE_H
#include "bms_data.h"

/* The state of the BMS after this step's requests and faults. */
void state_step(bms_data *b);
#endif
