#ifndef THERMAL_H
#define THERMAL_H
#include "bms_data.h"

/* Whether the pack is to be cooled, and what its temperatures warn of. */
void thermal_step(bms_data *b);
#endif
