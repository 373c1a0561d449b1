/* How many bits a CAN frame takes on the wire. Plain C11, no Python; the formula is in wire_bits.c. */
#ifndef BMS_HIL_WIRE_BITS_H
#define BMS_HIL_WIRE_BITS_H
#include <stdbool.h>
#include <stdint.h>

/* Once, before the first count: fills the tables. */
void wire_tables(void);

/* Bits from start of frame to the end of the intermission, stuff bits included. The identifier must fit its 11 or 29
 * bits and the length be at most 8; of a remote frame only the length counts. */
unsigned wire_bits(uint32_t identifier, bool extended, bool remote, const uint8_t *data, unsigned length);

/* A CAN FD frame's bits, stuff bits included, by the rate that they may have. The length must be one of CAN FD's. */
typedef struct {
    unsigned arbitration; /* start of frame to bit rate switch */
    unsigned data;        /* error state indicator to CRC delimiter; after it come FD_TAIL at the slow rate */
} fd_lengths;
#define FD_TAIL 12u /* ACK slot, ACK delimiter, end of frame, intermission */
fd_lengths wire_fd_bits(uint32_t identifier, bool extended, bool fast, const uint8_t *data, unsigned length);

/* The length code of that many bytes; 16 if there is none. */
unsigned wire_fd_code(unsigned length);
#endif
