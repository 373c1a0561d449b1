/* The functions of bms.h: power-on, frames in, one cycle every 10 ms, frames out. */
#include "bms.h"

#include <string.h>

#include "balance.h"
#include "bms_data.h"
#include "can_in.h"
#include "can_out.h"
#include "charge.h"
#include "conditions.h"
#include "contactor.h"
#include "limits.h"
#include "measure.h"
#include "protect.h"
#include "soc.h"
#include "state.h"
#include "thermal.h"

#define MAGIC (UINT32_C(0xB3500000) ^ (uint32_t)sizeof(bms_data)) /* another layout is another state */

const uint32_t bms_abi_version = BMS_ABI_VERSION;

static bms_data bms;

int bms_init(uint64_t now_ns, int32_t cold)
{
    nonvolatile kept = bms.nv;
    memset(&bms, 0, sizeof bms);
    if (!cold && kept.magic == MAGIC)
        bms.nv = kept;
    bms.magic = bms.nv.magic = MAGIC;
    bms.start_ns = now_ns;
    for (int k = 0; k < CELLS; k++)
        bms.in.cell_mV[k] = CELL_INVALID;
    for (int k = 0; k < SENSORS; k++)
        bms.in.sensor_dC[k] = SENSOR_INVALID;
    bms.in.reset = 1; /* the first frame cannot be a rising edge */
    can_out_init(&bms);
    return 0;
}

int bms_receive(uint64_t now_ns, const bms_frame *frame)
{
    if (bms.magic == MAGIC && frame->bus == 0) /* it has one CAN; what a rig's other buses carry it cannot hear */
        can_in_receive(&bms, now_ns, frame);
    return 0;
}

/* How long the last cycle took; one that is far too late is a fault of the controller. */
static void keep_time(bms_data *b, uint64_t now_ns)
{
    b->now_ms = (uint32_t)((now_ns - b->start_ns) / 1000000);
    b->step_ms = b->now_ms - b->stepped_ms;
    b->late = b->started && b->step_ms > STEP_LATE_ms;
    if (b->late)
        b->step_ms = STEP_LATE_ms;
    b->stepped_ms = b->now_ms;
    b->started = 1;
    b->nv.operating_ms += b->step_ms;
}

int bms_step(uint64_t now_ns, bms_frame *out, int32_t capacity)
{
    if (bms.magic != MAGIC)
        return -1;
    keep_time(&bms, now_ns);
    can_in_supervise(&bms);
    measure_step(&bms);
    thermal_step(&bms);
    soc_step(&bms);
    limits_watch(&bms);
    conditions_step(&bms);
    protect_step(&bms);
    state_step(&bms);
    contactor_step(&bms);
    limits_step(&bms);
    charge_step(&bms);
    balance_step(&bms);
    return can_out_step(&bms, out, capacity);
}

size_t bms_save(void *state, size_t size)
{
    if (state && size >= sizeof bms)
        memcpy(state, &bms, sizeof bms);
    return sizeof bms;
}

int bms_restore(const void *state, size_t size)
{
    uint32_t magic;
    if (!state || size != sizeof bms)
        return -1;
    memcpy(&magic, state, sizeof magic);
    if (magic != MAGIC)
        return -1;
    memcpy(&bms, state, sizeof bms);
    return 0;
}
