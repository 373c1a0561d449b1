/* Where a signal lies in a frame, and its bits. Plain C11, no Python. */
#ifndef BMS_HIL_FIELD_BITS_H
#define BMS_HIL_FIELD_BITS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FIELD_LONGEST 64u /* bits */

/* A field, from its lowest bit on: that bit's byte and place in it, and where the next higher byte lies. */
typedef struct {
    size_t byte;
    unsigned shift;  /* 0 to 7 */
    unsigned length; /* bits, 1 to 64 */
    int step;        /* +1: little-endian, -1: big-endian */
} field_place;

/* The place of a signal as a DBC file gives it: `start` is its least significant bit if it is little-endian, else its
 * most significant one. False if it leaves a frame of `size` bytes, or is longer than FIELD_LONGEST. */
bool field_at(field_place *place, size_t size, size_t start, size_t length, bool little_endian);

/* All ones in a field's bits. */
uint64_t field_mask(const field_place *place);

/* Its bits. */
uint64_t field_get(const field_place *place, const uint8_t *data);

/* Its bits, into a frame that has zeros there. What is beyond the field's bits must be zero. */
void field_put(const field_place *place, uint8_t *data, uint64_t bits);
#endif
