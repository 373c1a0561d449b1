#ifndef SOC_H
#define SOC_H
#include "bms_data.h"

void soc_count(bms_data *b, uint64_t now_ns, int32_t current_mA); /* a current reading has come */
void soc_step(bms_data *b);                                       /* first guess, and correction at rest */
void soc_full(bms_data *b);                                       /* a charge has come to its end */
int32_t soc_ppm(const bms_data *b);
int32_t soc_terminal_mV(const bms_data *b); /* what the pack's voltage should be at this charge and current */
#endif
