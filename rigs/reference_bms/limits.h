#ifndef LIMITS_H
#define LIMITS_H
#include "bms_data.h"

/* The currents that the pack allows now, derated by charge, temperature and cell voltage. */
void limits_step(bms_data *b);

/* For how long the current has been beyond the limit that was advertised. */
void limits_watch(bms_data *b);
#endif
