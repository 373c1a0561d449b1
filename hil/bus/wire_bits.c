/* A stuff bit follows five equal bits from start of frame to the end of the CRC (ISO 11898-1). The walk over the bits
 * is tabled by byte: one table advances the CRC-15, the other the run of equal bits. wire_time.py has it bit by bit.
 */
#include "wire_bits.h"

#define POLYNOMIAL 0x4599u /* x^15+x^14+x^10+x^8+x^7+x^4+x^3+1, ISO 11898-1 */
#define STATES 10u         /* last bit x length of its run, 1 to 5; after five the stuff bit begins a run of its own */
#define AFTER_CRC 13u      /* CRC delimiter, ACK slot, ACK delimiter, end of frame, intermission */

static uint16_t crc_of[256];
static uint8_t stuff_of[STATES][256]; /* stuff bits << 4 | next state */

static unsigned crc_bits(unsigned crc, uint64_t bits, unsigned width)
{
    while (width--) {
        unsigned feedback = (crc >> 14 ^ (unsigned)(bits >> width)) & 1u;
        crc = (crc << 1 & 0x7FFFu) ^ (feedback ? POLYNOMIAL : 0u);
    }
    return crc;
}

/* The run of equal bits over some bits: stuff bits << 4 | next state, which is last bit x 5 + length of its run - 1. */
static unsigned walk(unsigned state, uint64_t bits, unsigned width)
{
    unsigned last = state / 5u, run = state % 5u + 1u, stuffed = 0;
    while (width--) {
        unsigned bit = (unsigned)(bits >> width) & 1u;
        run = bit == last ? run + 1u : 1u;
        last = bit;
        if (run == 5u) {
            stuffed++;
            last = 1u - bit;
            run = 1u;
        }
    }
    return stuffed << 4 | (last * 5u + run - 1u);
}

void wire_tables(void)
{
    for (unsigned byte = 0; byte < 256u; byte++) {
        crc_of[byte] = (uint16_t)crc_bits(0, byte, 8);
        for (unsigned state = 0; state < STATES; state++)
            stuff_of[state][byte] = (uint8_t)walk(state, byte, 8);
    }
}

/* Start of frame to length code, and how many bits they are. */
static uint64_t header_of(uint32_t identifier, bool extended, bool remote, unsigned length, unsigned *width)
{
    uint64_t control = (uint64_t)remote << 6 | length; /* RTR, two reserved bits, length code */
    if (!extended) {
        *width = 19;
        return (uint64_t)identifier << 7 | control;
    }
    *width = 39;
    uint64_t base = identifier >> 18, low = identifier & 0x3FFFFu;
    return ((base << 2 | 3u) << 18 | low) << 7 | control; /* SRR and IDE recessive between the parts */
}

unsigned wire_bits(uint32_t identifier, bool extended, bool remote, const uint8_t *data, unsigned length)
{
    unsigned width;
    uint64_t header = header_of(identifier, extended, remote, length, &width);
    unsigned crc = crc_bits(0, header, width);
    unsigned entry = walk(0, header, width - 1u); /* start of frame, a dominant bit, is the first of the run */
    unsigned bits = width + 15u + AFTER_CRC + (entry >> 4);
    if (!remote) {
        bits += 8u * length;
        for (unsigned k = 0; k < length; k++) {
            entry = stuff_of[entry & 15u][data[k]];
            bits += entry >> 4;
            crc = (crc << 8 & 0x7FFFu) ^ crc_of[(crc >> 7 ^ data[k]) & 0xFFu];
        }
    }
    return bits + (walk(entry & 15u, crc, 15) >> 4);
}

unsigned wire_fd_code(unsigned length)
{
    static const uint8_t lengths[] = {12, 16, 20, 24, 32, 48, 64}; /* of codes 9 to 15 */
    if (length <= 8u) return length;
    unsigned code = 9;
    while (code < 16u && lengths[code - 9u] != length) code++;
    return code;
}

/* Start of frame to bit rate switch, which is recessive in a fast frame. */
static uint64_t fd_header_of(uint32_t identifier, bool extended, bool fast, unsigned *width)
{
    uint64_t control = 4u | fast; /* FDF recessive, reserved bit dominant, BRS */
    if (!extended) {
        *width = 17;
        return (uint64_t)identifier << 5 | control; /* RRS and IDE dominant */
    }
    *width = 36;
    uint64_t base = identifier >> 18, low = identifier & 0x3FFFFu;
    return ((base << 2 | 3u) << 18 | low) << 4 | control; /* SRR and IDE recessive, RRS dominant */
}

/* Up to the end of the data stuff bits follow five equal bits. The checksum has them at fixed places: one before
 * the stuff count, then one after every four bits. The first takes the place of a stuff bit due after the data. */
fd_lengths wire_fd_bits(uint32_t identifier, bool extended, bool fast, const uint8_t *data, unsigned length)
{
    unsigned width;
    uint64_t header = fd_header_of(identifier, extended, fast, &width);
    unsigned entry = walk(0, header, width - 1u);
    fd_lengths bits = {width + (entry >> 4), 5u + 8u * length}; /* ESI, length code, data */
    entry = walk(entry & 15u, wire_fd_code(length), 5); /* error state indicator dominant: error-active */
    bits.data += entry >> 4;
    for (unsigned k = 0; k < length; k++) {
        entry = stuff_of[entry & 15u][data[k]];
        bits.data += entry >> 4;
    }
    unsigned last = length ? data[length - 1u] & 1u : wire_fd_code(length) & 1u;
    if ((entry & 15u) / 5u != last) bits.data--; /* the run is that of a stuff bit */
    unsigned checksum = 4u + (length <= 16u ? 17u : 21u); /* stuff count, CRC */
    bits.data += checksum + (checksum + 3u) / 4u + 1u;     /* fixed stuff bits, CRC delimiter */
    return bits;
}
