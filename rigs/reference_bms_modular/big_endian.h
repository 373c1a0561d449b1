/* Fields of an 8-byte frame, counted from the highest bit of byte 0. */
#ifndef BIG_ENDIAN_H
#define BIG_ENDIAN_H
#include <stdint.h>

#include "bits.h"

static inline uint64_t load_be(const uint8_t *data)
{
    return (uint64_t)(uint32_t)big32(data) << 32 | (uint32_t)big32(data + 4);
}

static inline void store_be(uint8_t *data, uint64_t word)
{
    for (int k = 7; k >= 0; k--, word >>= 8)
        data[k] = (uint8_t)(word & 0xFF);
}

/* `bits` (<= 32) from bit `first` on */
static inline uint32_t field_be(uint64_t word, unsigned first, unsigned bits)
{
    return (uint32_t)(word >> (64 - first - bits) & ((UINT64_C(1) << bits) - 1));
}

/* a signal of `bits` bits (< 32) from bit `first` on; a value outside is sent as the nearest that fits */
static inline uint64_t put_be(int32_t value, unsigned first, unsigned bits)
{
    return put(value, 64 - first - bits, bits);
}
#endif
