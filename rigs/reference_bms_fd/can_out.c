/* From the state to frames of CAN FD, all of them fast; the charger's command is a classic one. */
#include "can_out.h"

#include "bits.h"
#include "can_tx.h"
#include "e2e.h"
#include "soc.h"

/* a value outside of the two bytes is sent as the nearest that fits */
static void put16(uint8_t *data, int32_t value)
{
    value = clamp(value, 0, UINT16_MAX);
    data[0] = (uint8_t)(value & 0xFF);
    data[1] = (uint8_t)(value >> 8);
}

static void put16_signed(uint8_t *data, int32_t value)
{
    put16(data, (uint16_t)clamp(value, INT16_MIN, INT16_MAX));
}

static void put32(uint8_t *data, uint32_t value)
{
    put16(data, (int32_t)(value & UINT16_MAX));
    put16(data + 2, (int32_t)(value >> 16));
}

static uint64_t state_bits(bms_data *b)
{
    return put(b->state, 0, 4) | put(b->warned != 0, 4, 1) | put(b->derating, 5, 1) | put(b->latched != 0, 6, 1)
           | put(b->charge.complete, 7, 1) | put(b->balancing, 8, 1) | put(b->first_fault, 16, 8);
}

static void state(bms_data *b, uint8_t *data, unsigned which)
{
    (void)which;
    put32(data, (uint32_t)state_bits(b));
    put16(data + 3, (soc_ppm(b) + 50) / 100);
    put32(data + 5, b->now_ms / 1000);
}

static uint64_t fault_bits(bms_data *b)
{
    return (uint64_t)(b->latched & MONITORED_FAULTS) | (uint64_t)b->warned << 24;
}

static void faults(bms_data *b, uint8_t *data, unsigned which)
{
    (void)which;
    store_le(data, fault_bits(b));
}

static uint64_t contactor_bits(bms_data *b)
{
    return b->hv.command; /* in the order of the bits */
}

static void contactor_commands(bms_data *b, uint8_t *data, unsigned which)
{
    (void)which;
    data[0] = (uint8_t)contactor_bits(b);
}

static void pack_and_limits(bms_data *b, uint8_t *data, unsigned which)
{
    (void)which;
    put16(data, rounded(b->m.sum_mV, 10));
    put16(data + 2, rounded(b->in.link_mV, 10));
    put32(data + 4, (uint32_t)b->in.current_mA);
    put16(data + 8, b->discharge_limit_mA / 100);
    put16(data + 10, b->charge_limit_mA / 100);
}

static void extremes(bms_data *b, uint8_t *data, unsigned which)
{
    const measurements *m = &b->m;
    (void)which;
    put16(data, m->cell_min_mV);
    put16(data + 2, m->cell_max_mV);
    data[4] = m->min_cell;
    data[5] = m->max_cell;
    put16_signed(data + 6, m->min_dC);
    put16_signed(data + 8, m->max_dC);
    put16_signed(data + 10, m->mean_dC);
    data[12] = m->min_sensor;
    data[13] = m->max_sensor;
}

static void cells(bms_data *b, uint8_t *data, unsigned unit)
{
    const uint16_t *cell_mV = b->in.cell_mV + unit * CELLS_PER_FRAME;
    for (unsigned k = 0; k < CELLS_PER_FRAME; k++)
        put16(data + 2 * k, cell_mV[k] == CELL_INVALID ? UINT16_MAX : cell_mV[k]);
}

static void temperatures(bms_data *b, uint8_t *data, unsigned which)
{
    (void)which;
    for (unsigned k = 0; k < SENSORS; k++)
        put16_signed(data + 2 * k, b->in.sensor_dC[k]);
}

#define HALF_BYTES (CELLS / 2 / 8) /* as balance.c keeps them */

static uint64_t balance_change(bms_data *b)
{
    return b->balance[0] ^ b->balance[1] << 16;
}

static void balance_bits(bms_data *b, uint8_t *data, unsigned which)
{
    (void)which;
    for (unsigned k = 0; k < 2 * HALF_BYTES; k++)
        data[k] = (uint8_t)(b->balance[k / HALF_BYTES] >> 8 * (k % HALF_BYTES) & 0xFF);
}

static void fault_memory(bms_data *b, uint8_t *data, unsigned which)
{
    unsigned entry;
    const dtc_entry *dtc = tx_next_dtc(b, &entry);
    (void)which;
    data[0] = (uint8_t)entry;
    data[1] = b->nv.dtc_count;
    data[2] = dtc->code;
    data[3] = dtc->occurrences;
    put32(data + 4, dtc->first_seen_ds & 0xFFFFFF);
}

static uint64_t alarms(bms_data *b)
{
    return tx_alarms(b);
}

static void condition(bms_data *b, uint8_t *data, unsigned which)
{
    (void)which;
    data[0] = (uint8_t)tx_alarms(b);
    put16(data + 1, tx_isolation(b, b->in.plus_Ohm));
    put16(data + 3, tx_isolation(b, b->in.minus_Ohm));
    put16(data + 5, rounded(soc_terminal_mV(b), 10));
}

/* `watch`: a frame goes out at once when this changes. Phases spread the frames over the steps. */
static const struct {
    uint16_t id;
    uint8_t length, which;
    uint16_t cycle_ms, phase_ms;
    void (*pack)(bms_data *b, uint8_t *data, unsigned which);
    uint64_t (*watch)(bms_data *b);
} TX[TX_COUNT] = {
    {0x100, 16, 0, 50, 0, state, state_bits},
    {0x101, 12, 0, 50, 10, faults, fault_bits},
    {0x102, 8, 0, 50, 20, contactor_commands, contactor_bits},
    {0x103, 24, 0, 100, 40, pack_and_limits, 0},
    {0x104, 20, 0, 100, 10, extremes, 0},
    {0x105, 48, 0, 100, 60, temperatures, 0},
    {0x106, 16, 0, 250, 20, balance_bits, balance_change},
    {0x107, 12, 0, 100, 70, fault_memory, 0},
    {0x108, 12, 0, 100, 0, condition, alarms},
    {0x120, 64, 0, 100, 30, cells, 0},
    {0x121, 64, 1, 100, 50, cells, 0},
    {0x122, 64, 2, 100, 80, cells, 0},
    {0x123, 64, 3, 100, 90, cells, 0},
};

void can_out_init(bms_data *b)
{
    for (int k = 0; k < TX_COUNT; k++)
        b->tx.due_ms[k] = TX[k].phase_ms;
}

int can_out_step(bms_data *b, bms_frame *out, int capacity)
{
    int count = 0;
    for (int k = 0; k < TX_COUNT && count < capacity; k++) {
        if (!tx_goes_out(b, k, TX[k].cycle_ms, TX[k].watch))
            continue;
        bms_frame *frame = &out[count++];
        *frame = (bms_frame){.id = TX[k].id, .length = TX[k].length, .flags = BMS_FLAG_FD | BMS_FLAG_FAST};
        TX[k].pack(b, frame->data + HEADER, TX[k].which);
        e2e_seal(PROTECTED_P5, frame, &b->tx.counter[k]);
    }
    if (count < capacity && charger_command(b, &out[count]))
        count++;
    return count;
}
