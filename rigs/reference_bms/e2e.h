/* End-to-end protection: AUTOSAR profiles 1 (both bytes of the identifier) and 5, counters alone, and those of SAE J1939:
 * XBR's nibbles, and the CRC of HVESSC1 and HVESSS1. */
#ifndef E2E_H
#define E2E_H
#include "bms.h"
#include "bms_data.h"

#define E2E_MODULUS 15      /* counter 0..14; 15 is invalid */
#define E2E_ERRORS_FAULT 9 /* level of `errors` at which a message is not to be trusted, */
#define E2E_ERRORS_GONE 7  /* until two good frames in a row */

uint8_t e2e_crc(uint16_t data_id, const uint8_t *data, unsigned length);
/* Fills in counter and checksum. */
void e2e_seal(protection kind, bms_frame *frame, uint8_t *counter);
bool e2e_accept(const rx_config *config, rx_state *rx, const bms_frame *frame);
#endif
