/* Little-endian and big-endian fields of an 8-byte frame, as a DBC file counts them. */
#ifndef BITS_H
#define BITS_H
#include <stdint.h>

static inline uint64_t load_le(const uint8_t *data)
{
    uint64_t word = 0;
    for (int k = 7; k >= 0; k--)
        word = word << 8 | data[k];
    return word;
}

static inline void store_le(uint8_t *data, uint64_t word)
{
    for (int k = 0; k < 8; k++, word >>= 8)
        data[k] = (uint8_t)(word & 0xFF);
}

/* `bits` (< 32) of a little-endian word from bit `start` */
static inline uint32_t field(uint64_t word, unsigned start, unsigned bits)
{
    return (uint32_t)(word >> start) & ((UINT32_C(1) << bits) - 1);
}

static inline int32_t clamp(int32_t value, int32_t low, int32_t high)
{
    return value < low ? low : value > high ? high : value;
}

static inline int32_t rounded(int32_t value, int32_t unit)
{
    return (value < 0 ? value - unit / 2 : value + unit / 2) / unit;
}

/* a signal of `bits` bits placed at `start`; a value outside is sent as the nearest that fits */
static inline uint64_t put(int32_t value, unsigned start, unsigned bits)
{
    return (uint64_t)clamp(value, 0, (int32_t)((UINT32_C(1) << bits) - 1)) << start;
}

static inline uint16_t little16(const uint8_t *data)
{
    return (uint16_t)(data[0] | data[1] << 8);
}

static inline int32_t little32(const uint8_t *data)
{
    return (int32_t)((uint32_t)little16(data) | (uint32_t)little16(data + 2) << 16);
}

static inline uint16_t big16(const uint8_t *data)
{
    return (uint16_t)(data[0] << 8 | data[1]);
}

static inline int32_t big32(const uint8_t *data)
{
    return (int32_t)((uint32_t)big16(data) << 16 | big16(data + 2));
}
#endif
