#ifndef CONTACTOR_H
#define CONTACTOR_H
#include "bms_data.h"

/* One step of the closing or opening sequence that `hv.close` asks for; opens all at once on any fault. */
void contactor_step(bms_data *b);

/* The link is up although nothing but a welded contact can reach it. */
bool contactor_link_is_welded(const bms_data *b);

/* The contactors may begin to close: all are seen open, and the link has had time to fall. */
bool contactor_ready(const bms_data *b);
#endif
