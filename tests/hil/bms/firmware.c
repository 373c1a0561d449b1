/* Firmware small enough to be wrong in one way at a time: each FAULT_* of the build is one mistake. */
#include "bms.h"

#include <string.h>

#ifndef VERSION
#define VERSION BMS_ABI_VERSION
#endif
#ifndef NO_VERSION
const uint32_t bms_abi_version = VERSION;
#endif

static struct {
    uint64_t received_ns;
    uint32_t steps, received, cold;
    bms_frame last;
} state;

int bms_init(uint64_t now_ns, int32_t cold)
{
    (void)now_ns;
    memset(&state, 0, sizeof state);
    state.cold = (uint32_t)cold;
#ifdef FAULT_INIT
    return 5;
#else
    return 0;
#endif
}

#ifndef NO_RECEIVE
int bms_receive(uint64_t now_ns, const bms_frame *frame)
{
    state.received_ns = now_ns;
    state.received++;
    state.last = *frame;
#ifdef FAULT_RECEIVE
    return -7;
#else
    return 0;
#endif
}
#endif

/* Says how often it was stepped, and gives back the last frame with its identifier one higher. */
int bms_step(uint64_t now_ns, bms_frame *out, int32_t capacity)
{
    (void)capacity;
#ifdef FAULT_STEP
    return FAULT_STEP;
#endif
    memset(out, 0, 2 * sizeof *out);
    state.steps++;
    out[0].id = 0x100;
    out[0].length = 8;
    memcpy(out[0].data, &state.steps, 4);
    uint32_t now_ms = (uint32_t)(now_ns / 1000000);
    memcpy(out[0].data + 4, &now_ms, 4);
#ifdef FAULT_LENGTH
    out[0].length = 9;
#endif
#ifdef FAULT_BUS
    out[0].bus = 2;
#endif
#ifdef FAULT_ID
    out[0].id = 0x800;
#endif
    if (!state.received)
        return 1;
    out[1] = state.last;
    out[1].id++;
    state.received = 0;
    return 2;
}

#ifdef SAVES
size_t bms_save(void *to, size_t size)
{
    if (to && size >= sizeof state)
        memcpy(to, &state, sizeof state);
    return sizeof state;
}

int bms_restore(const void *from, size_t size)
{
    if (size != sizeof state)
        return 1;
    memcpy(&state, from, size);
    return 0;
}
#endif
