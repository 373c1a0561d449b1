/* A field is walked byte by byte from its lowest bit up, so one loop serves both byte orders. */
#include "field_bits.h"

bool field_at(field_place *place, size_t size, size_t start, size_t length, bool little_endian)
{
    if (length < 1u || length > FIELD_LONGEST || start >= 8u * size) return false;
    place->length = (unsigned)length;
    place->step = little_endian ? 1 : -1;
    if (little_endian) {
        place->byte = start / 8u;
        place->shift = (unsigned)(start % 8u);
        return start + length <= 8u * size;
    }
    size_t highest = 8u * (start / 8u) + 7u - start % 8u; /* counted from the first byte's most significant bit */
    size_t lowest = highest + length - 1u;
    place->byte = lowest / 8u;
    place->shift = (unsigned)(7u - lowest % 8u);
    return lowest < 8u * size;
}

uint64_t field_mask(const field_place *place)
{
    return place->length == FIELD_LONGEST ? UINT64_MAX : (UINT64_C(1) << place->length) - 1u;
}

uint64_t field_get(const field_place *place, const uint8_t *data)
{
    const uint8_t *byte = data + place->byte;
    uint64_t bits = *byte >> place->shift;
    for (unsigned got = 8u - place->shift; got < place->length; got += 8u) {
        byte += place->step;
        bits |= (uint64_t)*byte << got;
    }
    return bits & field_mask(place);
}

void field_put(const field_place *place, uint8_t *data, uint64_t bits)
{
    uint8_t *byte = data + place->byte;
    *byte |= (uint8_t)(bits << place->shift);
    for (unsigned put = 8u - place->shift; put < place->length; put += 8u) {
        byte += place->step;
        *byte |= (uint8_t)(bits >> put);
    }
}
