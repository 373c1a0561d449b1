#ifndef CONDITIONS_H
#define CONDITIONS_H
#include "bms_data.h"

/* Fill in what each monitor looks at, and which of them have something to look at. */
void conditions_step(bms_data *b);
#endif
