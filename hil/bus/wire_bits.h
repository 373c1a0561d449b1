/* How many bits a classic CAN frame takes on the wire. Plain C11, no Python; the formula is in wire_bits.c. */
#ifndef BMS_HIL_WIRE_BITS_H
#define BMS_HIL_WIRE_BITS_H
#include <stdbool.h>
#include <stdint.h>

/* Once, before the first count: fills the tables. */
void wire_tables(void);

/* Bits from start of frame to the end of the intermission, stuff bits included. The identifier must fit its 11 or 29
 * bits and the length be at most 8; of a remote frame only the length counts. */
unsigned wire_bits(uint32_t identifier, bool extended, bool remote, const uint8_t *data, unsigned length);
#endif
