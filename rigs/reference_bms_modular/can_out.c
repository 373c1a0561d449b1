/* From the state to frames: big-endian; faults and warnings are pages of one message. */
#include "can_out.h"

#include "big_endian.h"
#include "can_tx.h"
#include "e2e.h"
#include "soc.h"

static uint64_t flag(int is_set, unsigned at)
{
    return put_be(is_set != 0, at, 1);
}

static uint64_t state(bms_data *b)
{
    return put_be(b->state, 8, 4) | flag(b->warned != 0, 16) | flag(b->derating, 17) | flag(b->latched != 0, 18)
           | flag(b->charge.complete, 19) | flag(b->balancing, 20) | put_be(b->first_fault, 40, 8);
}

static uint64_t state_frame(bms_data *b)
{
    return state(b) | put_be((soc_ppm(b) + 50) / 100, 24, 16) | put_be((int32_t)(b->now_ms / 1000), 48, 16);
}

static uint64_t reversed(uint32_t bits) /* fault k in the place of bit k from the highest on */
{
    uint64_t word = 0;
    for (unsigned k = 0; k < FAULT_COUNT; k++)
        word |= flag((int)(bits >> k & 1), 16 + k);
    return word;
}

enum { PAGE_FAULTS, PAGE_WARNINGS, PAGES };

/* The page whose content is new, else the one whose turn it is. */
static uint64_t diagnosis(bms_data *b)
{
    transmit *tx = &b->tx;
    unsigned page = tx->page;
    if (b->latched != tx->shown_faults)
        page = PAGE_FAULTS;
    else if (b->warned != tx->shown_warnings)
        page = PAGE_WARNINGS;
    tx->page = (uint8_t)((page + 1) % PAGES);
    if (page == PAGE_WARNINGS) {
        tx->shown_warnings = b->warned;
        return put_be(PAGE_WARNINGS, 8, 4) | reversed(b->warned);
    }
    tx->shown_faults = b->latched;
    return put_be(PAGE_FAULTS, 8, 4) | reversed(b->latched);
}

static bool is_page_new(const bms_data *b)
{
    return b->latched != b->tx.shown_faults || b->warned != b->tx.shown_warnings;
}

static uint64_t contactor_commands(bms_data *b)
{
    return flag(b->hv.command & PLUS, 16) | flag(b->hv.command & MINUS, 17) | flag(b->hv.command & PRECHARGE, 18);
}

static uint64_t current_limits(bms_data *b)
{
    return put_be(b->charge_limit_mA / 100, 16, 16) | put_be(b->discharge_limit_mA / 100, 32, 16);
}

static uint64_t pack_measurements(bms_data *b)
{
    int32_t current = clamp(rounded(b->in.current_mA, 50), INT16_MIN, INT16_MAX);
    return put_be(rounded(b->in.link_mV, 10), 16, 16) | put_be(rounded(b->m.sum_mV, 10), 32, 16)
           | (uint64_t)(uint16_t)current;
}

static uint64_t cell_extremes(bms_data *b)
{
    return put_be(b->m.cell_max_mV * 10, 16, 16) | put_be(b->m.cell_min_mV * 10, 32, 16)
           | put_be(b->m.max_cell, 48, 8) | put_be(b->m.min_cell, 56, 8);
}

static uint64_t temperature_extremes(bms_data *b)
{
    return put_be(b->m.max_dC + 500, 16, 12) | put_be(b->m.min_dC + 500, 28, 12)
           | put_be(b->m.mean_dC + 500, 40, 12) | put_be(b->m.max_sensor, 52, 6) | put_be(b->m.min_sensor, 58, 6);
}

#define SHOWN_CELLS 3 /* in each frame */

static uint64_t cell_voltages(bms_data *b)
{
    unsigned group = b->tx.cell_group;
    uint64_t word = put_be((int32_t)group, 16, 5);
    for (unsigned k = 0; k < SHOWN_CELLS; k++)
        word |= put_be(b->in.cell_mV[SHOWN_CELLS * group + k], 21 + 13 * k, 13);
    b->tx.cell_group = (uint8_t)((group + 1) % (CELLS / SHOWN_CELLS));
    return word;
}

static uint64_t cell_temperatures(bms_data *b)
{
    unsigned group = b->tx.sensor_group;
    uint64_t word = put_be((int32_t)group, 8, 4);
    for (unsigned k = 0; k < SENSORS_PER_FRAME; k++) {
        int16_t value_dC = b->in.sensor_dC[group * SENSORS_PER_FRAME + k];
        word |= put_be(value_dC == SENSOR_INVALID ? 0xFFF : value_dC + 500, 16 + 12 * k, 12);
    }
    b->tx.sensor_group = (uint8_t)((group + 1) % SENSOR_GROUPS);
    return word;
}

#define HALF (CELLS / 2) /* as balance.c keeps them */

static uint64_t balance_bits(bms_data *b)
{
    unsigned string = b->tx.balance_group;
    uint64_t word = put_be((int32_t)string, 8, 4);
    for (unsigned k = 0; k < SERIES; k++) {
        unsigned cell = string * SERIES + k;
        word |= flag((int)(b->balance[cell / HALF] >> cell % HALF & 1), 16 + k);
    }
    b->tx.balance_group = (uint8_t)((string + 1) % STRINGS);
    return word;
}

static uint64_t fault_memory(bms_data *b)
{
    unsigned entry;
    const dtc_entry *dtc = tx_next_dtc(b, &entry);
    return put_be((int32_t)entry, 8, 4) | put_be(b->nv.dtc_count, 16, 8) | put_be(dtc->code, 24, 8)
           | put_be(dtc->occurrences, 32, 8) | put_be((int32_t)dtc->first_seen_ds, 40, 24);
}

/* A frame goes out at once when what `watch` gives changes, and while there is something `urgent`. Phases spread
 * the frames over the steps. */
static const struct {
    uint16_t id, cycle_ms, phase_ms;
    uint64_t (*pack)(bms_data *b);
    uint64_t (*watch)(bms_data *b);
    bool (*urgent)(const bms_data *b);
} TX[] = {
    {0x180, 50, 0, state_frame, state, 0},
    {0x181, 20, 10, diagnosis, 0, is_page_new},
    {0x182, 50, 20, contactor_commands, contactor_commands, 0},
    {0x183, 100, 40, current_limits, 0, 0},
    {0x184, 100, 90, pack_measurements, 0, 0},
    {0x185, 100, 10, cell_extremes, 0, 0},
    {0x186, 200, 80, temperature_extremes, 0, 0},
    {0x187, 50, 30, cell_voltages, 0, 0},
    {0x188, 100, 60, cell_temperatures, 0, 0},
    {0x189, 250, 20, balance_bits, 0, 0},
    {0x18A, 100, 70, fault_memory, 0, 0},
};
#define MESSAGES ((int)(sizeof TX / sizeof TX[0]))
_Static_assert(sizeof TX / sizeof TX[0] <= TX_COUNT, "bms_data has no room for so many messages");

void can_out_init(bms_data *b)
{
    for (int k = 0; k < MESSAGES; k++)
        b->tx.due_ms[k] = TX[k].phase_ms;
}

static bool is_due(bms_data *b, int k)
{
    return tx_goes_out(b, k, TX[k].cycle_ms, TX[k].watch) || (TX[k].urgent && TX[k].urgent(b));
}

int can_out_step(bms_data *b, bms_frame *out, int capacity)
{
    int count = 0;
    for (int k = 0; k < MESSAGES && count < capacity; k++) {
        if (!is_due(b, k))
            continue;
        bms_frame *frame = &out[count++];
        *frame = (bms_frame){.id = TX[k].id, .length = 8};
        store_be(frame->data, TX[k].pack(b));
        e2e_seal(PROTECTED_P1, frame, &b->tx.counter[k]);
    }
    if (count < capacity && charger_command(b, &out[count]))
        count++;
    return count;
}
