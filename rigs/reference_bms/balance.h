#ifndef BALANCE_H
#define BALANCE_H
#include "bms_data.h"

/* Which balancing resistors shall be on. */
void balance_step(bms_data *b);
#endif
