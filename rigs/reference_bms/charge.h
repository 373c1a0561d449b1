#ifndef CHARGE_H
#define CHARGE_H
#include "bms_data.h"

/* What the charger may do, whether it does that, and whether the pack is full. */
void charge_step(bms_data *b);
#endif
