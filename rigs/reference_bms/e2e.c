/* AUTOSAR E2E profile 1: byte 0 holds a CRC-8 over the data identifier and the rest, byte 1 a counter.
 *
 * A frame with a wrong length, checksum or counter is rejected. Each adds 3 to `errors`, a good one takes 1
 * off: three bad in a row reach the fault level, and so does a sender that repeats every frame; single ones
 * are forgotten.
 */
#include "e2e.h"

/* CRC-8 SAE J1850, polynomial 0x1D */
static const uint8_t CRC[256] = {
    0x00, 0x1D, 0x3A, 0x27, 0x74, 0x69, 0x4E, 0x53, 0xE8, 0xF5, 0xD2, 0xCF, 0x9C, 0x81, 0xA6, 0xBB,
    0xCD, 0xD0, 0xF7, 0xEA, 0xB9, 0xA4, 0x83, 0x9E, 0x25, 0x38, 0x1F, 0x02, 0x51, 0x4C, 0x6B, 0x76,
    0x87, 0x9A, 0xBD, 0xA0, 0xF3, 0xEE, 0xC9, 0xD4, 0x6F, 0x72, 0x55, 0x48, 0x1B, 0x06, 0x21, 0x3C,
    0x4A, 0x57, 0x70, 0x6D, 0x3E, 0x23, 0x04, 0x19, 0xA2, 0xBF, 0x98, 0x85, 0xD6, 0xCB, 0xEC, 0xF1,
    0x13, 0x0E, 0x29, 0x34, 0x67, 0x7A, 0x5D, 0x40, 0xFB, 0xE6, 0xC1, 0xDC, 0x8F, 0x92, 0xB5, 0xA8,
    0xDE, 0xC3, 0xE4, 0xF9, 0xAA, 0xB7, 0x90, 0x8D, 0x36, 0x2B, 0x0C, 0x11, 0x42, 0x5F, 0x78, 0x65,
    0x94, 0x89, 0xAE, 0xB3, 0xE0, 0xFD, 0xDA, 0xC7, 0x7C, 0x61, 0x46, 0x5B, 0x08, 0x15, 0x32, 0x2F,
    0x59, 0x44, 0x63, 0x7E, 0x2D, 0x30, 0x17, 0x0A, 0xB1, 0xAC, 0x8B, 0x96, 0xC5, 0xD8, 0xFF, 0xE2,
    0x26, 0x3B, 0x1C, 0x01, 0x52, 0x4F, 0x68, 0x75, 0xCE, 0xD3, 0xF4, 0xE9, 0xBA, 0xA7, 0x80, 0x9D,
    0xEB, 0xF6, 0xD1, 0xCC, 0x9F, 0x82, 0xA5, 0xB8, 0x03, 0x1E, 0x39, 0x24, 0x77, 0x6A, 0x4D, 0x50,
    0xA1, 0xBC, 0x9B, 0x86, 0xD5, 0xC8, 0xEF, 0xF2, 0x49, 0x54, 0x73, 0x6E, 0x3D, 0x20, 0x07, 0x1A,
    0x6C, 0x71, 0x56, 0x4B, 0x18, 0x05, 0x22, 0x3F, 0x84, 0x99, 0xBE, 0xA3, 0xF0, 0xED, 0xCA, 0xD7,
    0x35, 0x28, 0x0F, 0x12, 0x41, 0x5C, 0x7B, 0x66, 0xDD, 0xC0, 0xE7, 0xFA, 0xA9, 0xB4, 0x93, 0x8E,
    0xF8, 0xE5, 0xC2, 0xDF, 0x8C, 0x91, 0xB6, 0xAB, 0x10, 0x0D, 0x2A, 0x37, 0x64, 0x79, 0x5E, 0x43,
    0xB2, 0xAF, 0x88, 0x95, 0xC6, 0xDB, 0xFC, 0xE1, 0x5A, 0x47, 0x60, 0x7D, 0x2E, 0x33, 0x14, 0x09,
    0x7F, 0x62, 0x45, 0x58, 0x0B, 0x16, 0x31, 0x2C, 0x97, 0x8A, 0xAD, 0xB0, 0xE3, 0xFE, 0xD9, 0xC4,
};

uint8_t e2e_crc(uint16_t data_id, const uint8_t *data, unsigned length)
{
    uint8_t crc = CRC[CRC[data_id & 0xFF] ^ data_id >> 8];
    for (unsigned k = 1; k < length; k++)
        crc = CRC[crc ^ data[k]];
    return crc;
}

#define LAST 7 /* byte with the checksum, of the protections of J1939 */

/* where counter and checksum are; `modulus` 0: there is neither */
typedef struct {
    uint8_t counter, shift;
    uint16_t modulus;
    uint8_t checksum;
} layout;
static const layout LAYOUTS[] = {
    [PROTECTED_NOT] = {0, 0, 0, 0},
    [PROTECTED_P1] = {1, 0, E2E_MODULUS, 0},
    [PROTECTED_COUNTER] = {1, 0, 16, 0},
    [PROTECTED_XBR] = {LAST, 0, 16, LAST},
    [PROTECTED_HVESSC1] = {6, 4, 16, LAST},
    [PROTECTED_HVESSS1] = {4, 4, 16, LAST},
    [PROTECTED_P5] = {2, 0, 256, 0},
};

/* SPN 3188: sum of seven bytes, counter and identifier, folded to four bits */
static uint8_t folded_sum(uint32_t id, const uint8_t *data)
{
    unsigned sum = data[LAST] & 0x0F;
    for (unsigned k = 0; k < LAST; k++)
        sum += data[k];
    for (; id; id >>= 8)
        sum += id & 0xFF;
    return (uint8_t)(((sum >> 4) + sum) & 0x0F);
}

/* CRC-8 SAE J1850 over all bytes before it */
static uint8_t crc_before(const uint8_t *data, unsigned length)
{
    uint8_t crc = 0xFF;
    for (unsigned k = 0; k < length; k++)
        crc = CRC[crc ^ data[k]];
    return crc ^ 0xFF;
}

static uint16_t crc16_bits(uint16_t crc, uint8_t byte)
{
    crc ^= (uint16_t)(byte << 8);
    for (unsigned bit = 0; bit < 8; bit++)
        crc = (uint16_t)(crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1);
    return crc;
}

/* CRC-16 CCITT over all bytes after the checksum, and the identifier behind them, low byte first */
static uint16_t crc16(uint16_t data_id, const uint8_t *data, unsigned length)
{
    uint16_t crc = 0xFFFF;
    for (unsigned k = 2; k < length; k++)
        crc = crc16_bits(crc, data[k]);
    return crc16_bits(crc16_bits(crc, (uint8_t)(data_id & 0xFF)), (uint8_t)(data_id >> 8));
}

/* the byte that holds the checksum, or its low byte, as it should be */
static uint8_t sealed(protection kind, uint32_t id, const uint8_t *data, unsigned length)
{
    switch (kind) {
    case PROTECTED_P1: return e2e_crc((uint16_t)id, data, length);
    case PROTECTED_XBR: return (uint8_t)(folded_sum(id, data) << 4 | (data[LAST] & 0x0F));
    case PROTECTED_HVESSC1:
    case PROTECTED_HVESSS1: return crc_before(data, LAST);
    case PROTECTED_P5: return (uint8_t)(crc16((uint16_t)id, data, length) & 0xFF);
    default: return data[0]; /* none */
    }
}

/* the byte after it: of a checksum of 16 bits as it should be, else as it is */
static uint8_t sealed_high(protection kind, uint32_t id, const uint8_t *data, unsigned length)
{
    return kind == PROTECTED_P5 ? (uint8_t)(crc16((uint16_t)id, data, length) >> 8) : data[1];
}

static uint8_t counter_bits(const layout *at)
{
    return at->modulus > 16 ? 0xFF : 0x0F;
}

static uint8_t counter_of(const layout *at, const uint8_t *data)
{
    return (uint8_t)(data[at->counter] >> at->shift & counter_bits(at));
}

void e2e_seal(protection kind, bms_frame *frame, uint8_t *counter)
{
    const layout *at = &LAYOUTS[kind];
    if (!at->modulus)
        return;
    uint8_t *data = frame->data;
    data[at->counter] = (uint8_t)((data[at->counter] & ~(counter_bits(at) << at->shift)) | *counter << at->shift);
    data[1] = sealed_high(kind, frame->id, data, frame->length);
    data[at->checksum] = sealed(kind, frame->id, data, frame->length);
    *counter = (uint8_t)((*counter + 1) % at->modulus);
}

/* The counter must have gone on by one, and by one more for each frame lost to its checksum. After a silence
 * the first frame only tells where it stands: a sender that is stuck must not be believed now and then. */
static bool counter_goes_on(rx_state *rx, uint8_t counter, unsigned modulus)
{
    if (counter >= modulus)
        return false;
    unsigned steps = (counter + modulus - rx->counter) % modulus;
    bool first = rx->synced == SYNC_NONE, again = rx->synced == SYNC_LOST;
    bool good = first || (!again && steps >= 1 && steps <= 1u + rx->missed);
    rx->counter = counter;
    rx->missed = 0;
    rx->synced = SYNC_DONE;
    return good;
}

static bool checksum_is_right(const rx_config *config, rx_state *rx, const bms_frame *frame)
{
    bool good = frame->length == config->length;
    if (good)
        good = sealed_high(config->protection, config->id, frame->data, frame->length) == frame->data[1];
    if (good)
        good = sealed(config->protection, config->id, frame->data, frame->length)
               == frame->data[LAYOUTS[config->protection].checksum];
    if (!good && rx->missed < E2E_MODULUS - 2)
        rx->missed++;
    return good;
}

bool e2e_accept(const rx_config *config, rx_state *rx, const bms_frame *frame)
{
    if (config->protection == PROTECTED_NOT)
        return frame->length == config->length;
    const layout *at = &LAYOUTS[config->protection];
    bool good = checksum_is_right(config, rx, frame)
                && counter_goes_on(rx, counter_of(at, frame->data), at->modulus);
    if (good && rx->errors)
        rx->errors--;
    else if (!good)
        rx->errors = (uint8_t)(rx->errors + 3 > E2E_ERRORS_FAULT ? E2E_ERRORS_FAULT : rx->errors + 3);
    return good;
}
