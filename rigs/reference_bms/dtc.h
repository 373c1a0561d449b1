#ifndef DTC_H
#define DTC_H
#include "bms_data.h"

/* Remember that a fault came: a new entry, or one more occurrence of the old one. */
void dtc_store(bms_data *b, int fault);
#endif
