/* A BMS of four cells, as small as can be; -DON_STEP='abort();' and the like make it a bad one. */
#include "bms.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef ABI
#define ABI BMS_ABI_VERSION
#endif
#ifndef ON_LOAD
#define ON_LOAD
#endif
#ifndef ON_INIT
#define ON_INIT
#endif
#ifndef ON_RECEIVE
#define ON_RECEIVE
#endif
#ifndef ON_STEP
#define ON_STEP
#endif
#define NS_PER_MS 1000000u

#ifndef NO_ABI
BMS_EXPORT extern const uint32_t bms_abi_version;
const uint32_t bms_abi_version = ABI;
#endif

static uint64_t begun, high_since;
static unsigned steps, highest;
static uint8_t mode, state, tripped;

#ifdef __GNUC__
__attribute__((constructor)) static void load(void) { ON_LOAD }
#endif

int bms_init(uint64_t now_ns, int32_t cold) {
    (void)cold;
    ON_INIT
    begun = now_ns;
    high_since = 0;
    steps = highest = 0;
    mode = tripped = 0;
    state = 1;
    return 0;
}

#ifndef NO_RECEIVE
int bms_receive(uint64_t now_ns, const bms_frame *frame) {
    ON_RECEIVE
    if (frame->id == 272) {
        mode = frame->data[0] & 3;
        if (frame->data[0] & 4) tripped = 0;
    }
    if (frame->id == 513) {
        highest = 0;
        for (int cell = 0; cell < 4; cell++) {
            unsigned mV = frame->data[2 * cell] | (unsigned)frame->data[2 * cell + 1] << 8;
            if (mV > highest) highest = mV;
        }
        if (highest <= 3650) high_since = 0;
        else if (!high_since) high_since = now_ns;
    }
    return 0;
}
#endif

int bms_step(uint64_t now_ns, bms_frame *out, int32_t capacity) {
    int late = now_ns - begun >= 200u * NS_PER_MS; /* the test runs by now */
    (void)capacity;
    (void)late;
    ON_STEP
    if (high_since && now_ns - high_since >= 300u * NS_PER_MS) tripped = 1;
    state = tripped ? 7 : mode == 1 ? 3 : 1;
    if (steps++ % 2) return 0;
    memset(out, 0, sizeof *out);
    out->id = 256;
    out->length = 8;
    out->data[0] = (uint8_t)(state | (state == 3) << 4 | tripped << 5);
    out->data[2] = (uint8_t)highest;
    out->data[3] = (uint8_t)(highest >> 8);
    return 1;
}
