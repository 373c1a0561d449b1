#ifndef MEASURE_H
#define MEASURE_H
#include "bms_data.h"

/* Extremes, sums and validity from what came in since the last step. */
void measure_step(bms_data *b);
#endif
