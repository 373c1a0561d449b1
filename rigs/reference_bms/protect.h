/* The limit monitors: one per fault, all alike, driven by the table LIMITS. */
#ifndef PROTECT_H
#define PROTECT_H
#include "bms_data.h"

/* One monitor over one step: counts up while `value` is beyond the open level, twice as fast down when it
 * is not. At the delay the fault is present, until the value is back at the release level. A warning does the
 * same at its own level, in half the time. */
void monitor_step(const limit_config *limit, monitor *m, int32_t value, uint32_t step_ms);

void protect_step(bms_data *b);  /* all monitors; a fault that is present latches */
void protect_reset(bms_data *b); /* unlatch what is not present any more */

/* A counter that rises with time while `bad`, falls twice as fast while not, and stays within `most_ms`. */
uint16_t protect_debounce(uint16_t count_ms, bool bad, uint16_t most_ms, uint32_t step_ms);
bool protect_charge_allowed(const bms_data *b);
#endif
