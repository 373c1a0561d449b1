/* Passive balancing at the top: cells well above the lowest one are bled until the spread is small. */
#include "balance.h"

#define HALF (CELLS / 2)

static bool is_allowed(const bms_data *b)
{
    return b->state != STATE_INIT && b->state != STATE_FAULT && !b->m.invalid_cells
           && b->m.max_dC <= BALANCE_MAX_dC;
}

static bool is_wanted(const bms_data *b)
{
    int32_t spread_mV = b->m.cell_max_mV - b->m.cell_min_mV;
    if (b->balancing)
        return b->m.cell_max_mV > BALANCE_STOP_mV && spread_mV >= BALANCE_SPREAD_STOP_mV;
    return b->m.cell_max_mV > BALANCE_START_mV && spread_mV > BALANCE_SPREAD_START_mV;
}

/* A cell is taken well above the lowest one, and let go when it is nearly there. */
static uint64_t choose(const bms_data *b, const uint16_t *cell_mV, uint64_t chosen)
{
    int32_t take_mV = b->m.cell_min_mV + BALANCE_SPREAD_START_mV;
    int32_t keep_mV = b->m.cell_min_mV + BALANCE_SPREAD_STOP_mV;
    uint64_t mask = 0;
    for (int k = 0; k < HALF; k++) {
        bool is_on = chosen >> k & 1;
        if (cell_mV[k] > (is_on ? keep_mV : take_mV))
            mask |= UINT64_C(1) << k;
    }
    return mask;
}

void balance_step(bms_data *b)
{
    if (is_allowed(b) && is_wanted(b)) {
        b->balance[0] = choose(b, b->in.cell_mV, b->balance[0]);
        b->balance[1] = choose(b, b->in.cell_mV + HALF, b->balance[1]);
    } else {
        b->balance[0] = b->balance[1] = 0;
    }
    b->balancing = b->balance[0] || b->balance[1];
}
