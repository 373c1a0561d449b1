/* The seam between a BMS and the rig: what firmware offers so that it can be tested in virtual time.
 *
 * Compile the firmware for the host as a shared library that exports these names. The rig calls bms_init
 * once at power-on, bms_receive for every frame at the instant of its end on the bus, and bms_step at the
 * period of the rig file. All calls come from one thread and never overlap. Time is passed in: nanoseconds
 * of the rig's clock, which does not start at 0 and never runs back. Firmware must not read a clock.
 */
#ifndef BMS_HIL_BMS_H
#define BMS_HIL_BMS_H
#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define BMS_EXPORT __declspec(dllexport)
#elif defined(__GNUC__)
#define BMS_EXPORT __attribute__((visibility("default")))
#else
#define BMS_EXPORT
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define BMS_ABI_VERSION 2u /* 1: without CAN FD */

typedef struct {      /* 72 bytes, the same on every host */
    uint32_t id;      /* identifier, 11 or 29 bits */
    uint8_t extended; /* 1: 29-bit identifier */
    uint8_t length;   /* bytes of data in use: 0..8; of CAN FD also 12, 16, 20, 24, 32, 48, 64 */
    uint8_t bus;      /* number of the bus, in the order of the rig file, from 0 */
    uint8_t flags;    /* BMS_FLAG_…; 0: a classic frame */
    uint8_t data[64];
} bms_frame;

#define BMS_FLAG_FD 1u   /* a CAN FD frame */
#define BMS_FLAG_FAST 2u /* of CAN FD: its data runs at the data bit rate */

extern BMS_EXPORT const uint32_t bms_abi_version; /* = BMS_ABI_VERSION */

/* Power-on. cold: forget everything, the fault memory too (a factory-fresh controller); otherwise keep what
 * the real controller keeps in its non-volatile memory. Returns 0, else an error, which the test fails for;
 * in the very first call it ends the run. */
BMS_EXPORT int bms_init(uint64_t now_ns, int32_t cold);

/* A frame that another node sent has arrived. Returns 0, else an error, and that test fails: for trouble
 * of the firmware itself, not for a frame that it does not like. */
BMS_EXPORT int bms_receive(uint64_t now_ns, const bms_frame *frame);

/* One cycle. Writes the frames to send to `out`, which has room for `capacity`; returns their number, or a
 * negative number for an error: that test fails, and the run goes on. */
BMS_EXPORT int bms_step(uint64_t now_ns, bms_frame *out, int32_t capacity);

/* Optional, both or none: the whole state as bytes, so that a test can go back to an instant.
 * bms_save returns the size of the state and writes it only if `size` is enough. bms_restore returns 0, or
 * an error if the bytes are not a state of this very firmware. */
BMS_EXPORT size_t bms_save(void *state, size_t size);
BMS_EXPORT int bms_restore(const void *state, size_t size);

#ifdef __cplusplus
}
#endif
#endif
