/* From the state to frames, by hand from the DBC files: cyclic, and some at once when they change. */
#include "can_out.h"

#include "bits.h"
#include "can_tx.h"
#include "e2e.h"
#include "soc.h"

static uint64_t status(bms_data *b)
{
    uint64_t word = put(b->state, 12, 4) | put(b->warned != 0, 16, 1) | put(b->derating, 17, 1)
                    | put(b->latched != 0, 18, 1) | put(b->charge.complete, 19, 1)
                    | put(b->balancing, 20, 1) | put(b->first_fault, 40, 8);
    return word;
}

static uint64_t status_frame(bms_data *b)
{
    return status(b) | put((soc_ppm(b) + 50) / 100, 24, 16) | put((int32_t)(b->now_ms / 1000), 48, 16);
}

static uint64_t faults(bms_data *b)
{
    return (uint64_t)(b->latched & MONITORED_FAULTS) << 16 | (uint64_t)b->warned << 40;
}

static uint64_t contactor_commands(bms_data *b)
{
    return (uint64_t)b->hv.command << 16; /* in the order of the bits */
}

static uint64_t current_limits(bms_data *b)
{
    return put(b->discharge_limit_mA / 100, 16, 16) | put(b->charge_limit_mA / 100, 32, 16);
}

static uint64_t pack_measurements(bms_data *b)
{
    int32_t current = clamp(rounded(b->in.current_mA, 50), INT16_MIN, INT16_MAX);
    return put(rounded(b->m.sum_mV, 10), 16, 16) | (uint64_t)(uint16_t)current << 32
           | put(rounded(b->in.link_mV, 10), 48, 16);
}

static uint64_t cell_extremes(bms_data *b)
{
    return put(b->m.cell_min_mV, 12, 13) | put(b->m.cell_max_mV, 25, 13) | put(b->m.min_cell, 38, 8)
           | put(b->m.max_cell, 46, 8);
}

static int32_t raw_temperature(int32_t temperature_dC)
{
    return rounded(temperature_dC + 500, 5);
}

static uint64_t temperature_extremes(bms_data *b)
{
    return put(raw_temperature(b->m.min_dC), 16, 8) | put(raw_temperature(b->m.max_dC), 24, 8)
           | put(raw_temperature(b->m.mean_dC), 32, 8) | put(b->m.min_sensor, 40, 8)
           | put(b->m.max_sensor, 48, 8);
}

static uint64_t cell_voltages(bms_data *b)
{
    unsigned group = b->tx.cell_group;
    const uint16_t *cell_mV = b->in.cell_mV + 3 * group;
    b->tx.cell_group = (uint8_t)((group + 1) % (CELLS / 3));
    return put((int32_t)group, 12, 5) | put(cell_mV[0], 17, 13) | put(cell_mV[1], 30, 13)
           | put(cell_mV[2], 43, 13);
}

static uint64_t cell_temperatures(bms_data *b)
{
    unsigned group = b->tx.sensor_group;
    uint64_t word = put((int32_t)group, 12, 4);
    for (unsigned k = 0; k < SENSORS_PER_FRAME; k++) {
        int16_t value_dC = b->in.sensor_dC[group * SENSORS_PER_FRAME + k];
        int32_t raw = value_dC == SENSOR_INVALID ? 255 : raw_temperature(value_dC);
        word |= put(raw, 16 + 8 * k, 8);
    }
    b->tx.sensor_group = (uint8_t)((group + 1) % SENSOR_GROUPS);
    return word;
}

static uint64_t balance_bits(bms_data *b)
{
    unsigned group = b->tx.balance_group;
    b->tx.balance_group = (uint8_t)(1 - group);
    return put((int32_t)group, 12, 4) | b->balance[group] << 16;
}

static uint64_t balance_change(bms_data *b)
{
    return b->balance[0] ^ b->balance[1] << 16;
}

static uint64_t fault_memory(bms_data *b)
{
    unsigned entry;
    const dtc_entry *dtc = tx_next_dtc(b, &entry);
    return put((int32_t)entry, 12, 4) | put(b->nv.dtc_count, 16, 8) | put(dtc->code, 24, 8)
           | put(dtc->occurrences, 32, 8) | put((int32_t)dtc->first_seen_ds, 40, 24);
}

static uint64_t alarms(bms_data *b)
{
    return tx_alarms(b) << 16;
}

static uint64_t condition(bms_data *b)
{
    return put(tx_isolation(b, b->in.plus_Ohm), 16, 16) | put(tx_isolation(b, b->in.minus_Ohm), 32, 16)
           | put(rounded(soc_terminal_mV(b), 10), 48, 16);
}

/* `watch`: a frame goes out at once when this changes. Phases spread the frames over the steps. */
static const struct {
    uint16_t id, cycle_ms, phase_ms;
    uint64_t (*pack)(bms_data *b);
    uint64_t (*watch)(bms_data *b);
} TX[TX_COUNT] = {
    {0x100, 50, 0, status_frame, status},
    {0x101, 50, 10, faults, faults},
    {0x102, 50, 20, contactor_commands, contactor_commands},
    {0x103, 100, 40, current_limits, 0},
    {0x104, 100, 90, pack_measurements, 0},
    {0x105, 100, 10, cell_extremes, 0},
    {0x106, 200, 80, temperature_extremes, 0},
    {0x107, 50, 30, cell_voltages, 0},
    {0x108, 100, 60, cell_temperatures, 0},
    {0x109, 250, 20, balance_bits, balance_change},
    {0x10A, 100, 70, fault_memory, 0},
    {0x10B, 100, 50, alarms, alarms},
    {0x10C, 100, 0, condition, 0},
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
        *frame = (bms_frame){.id = TX[k].id, .length = 8};
        store_le(frame->data, TX[k].pack(b));
        e2e_seal(PROTECTED_P1, frame, &b->tx.counter[k]);
    }
    if (count < capacity && charger_command(b, &out[count]))
        count++;
    return count;
}
