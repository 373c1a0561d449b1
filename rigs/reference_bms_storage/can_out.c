/* From the state to frames: to the inverter as a Pylontech battery does, strictly in their cycle; the rest for relay
 * unit, cell monitoring and service, some of it at once when it changes. */
#include "can_out.h"

#include "bits.h"
#include "can_tx.h"
#include "soc.h"

static uint64_t flag(int is_set, unsigned at)
{
    return put(is_set != 0, at, 1);
}

static uint64_t signed16(int32_t value, unsigned at)
{
    return (uint64_t)(uint16_t)clamp(value, INT16_MIN, INT16_MAX) << at;
}

/* -- to the inverter ------------------------------------------------------------------------------------- */

static uint64_t limits(bms_data *b)
{
    int32_t charge_mA = b->charge.complete ? 0 : b->charge_limit_mA;
    return put(CHARGE_VOLTAGE_mV / 100, 0, 16) | signed16(charge_mA / 100, 16)
           | signed16(b->discharge_limit_mA / 100, 32) | put(DISCHARGE_VOLTAGE_mV / 100, 48, 16);
}

#define HEALTH_percent 100 /* it does not reckon how the cells age */

static uint64_t charge_state(bms_data *b)
{
    return put((soc_ppm(b) + 5000) / 10000, 0, 16) | put(HEALTH_percent, 16, 16);
}

static uint64_t measurements_of_pack(bms_data *b)
{
    return signed16(rounded(b->m.sum_mV, 10), 0) | signed16(rounded(-b->in.current_mA, 100), 16) /* > 0 charges */
           | signed16(b->m.mean_dC, 32);
}

#define BITS(a, b) (FAULT_BIT(FAULT_##a) | FAULT_BIT(FAULT_##b))
#define TOLD                                                                                                   \
    (BITS(CELL_OVERVOLTAGE, PACK_OVERVOLTAGE) | BITS(CELL_UNDERVOLTAGE, PACK_UNDERVOLTAGE)                     \
     | BITS(OVERTEMPERATURE_DISCHARGE, OVERTEMPERATURE_CHARGE)                                                 \
     | BITS(UNDERTEMPERATURE_DISCHARGE, UNDERTEMPERATURE_CHARGE)                                               \
     | BITS(OVERCURRENT_DISCHARGE, OVERCURRENT_CHARGE) | FAULT_BIT(FAULT_DEEP_DISCHARGE))

/* Faults or warnings as both halves of the frame have them. */
static uint64_t told(uint32_t bits)
{
    return flag((bits & BITS(CELL_OVERVOLTAGE, PACK_OVERVOLTAGE)) != 0, 1)
           | flag((bits & (BITS(CELL_UNDERVOLTAGE, PACK_UNDERVOLTAGE) | FAULT_BIT(FAULT_DEEP_DISCHARGE))) != 0, 2)
           | flag((bits & BITS(OVERTEMPERATURE_DISCHARGE, OVERTEMPERATURE_CHARGE)) != 0, 3)
           | flag((bits & BITS(UNDERTEMPERATURE_DISCHARGE, UNDERTEMPERATURE_CHARGE)) != 0, 4)
           | flag((bits & FAULT_BIT(FAULT_OVERCURRENT_DISCHARGE)) != 0, 7)
           | flag((bits & FAULT_BIT(FAULT_OVERCURRENT_CHARGE)) != 0, 8);
}

static uint64_t protections(bms_data *b)
{
    uint64_t alarms = told(b->warned) | flag((b->warned & FAULT_BIT(FAULT_FRAME_TIMEOUT)) != 0, 11);
    return told(b->latched) | flag((b->latched & ~TOLD) != 0, 11) | alarms << 16 | put(1, 32, 8)
           | put('P', 40, 8) | put('N', 48, 8);
}

/* While it charges it asks for current until it is full; in operation it also gives. */
static uint64_t wishes(bms_data *b)
{
    bool charge = b->state == STATE_CHARGE ? charger_is_asked(b) : b->state == STATE_OPERATE;
    return flag(b->state == STATE_OPERATE && b->discharge_limit_mA > 0, 6) | flag(charge && b->charge_limit_mA > 0, 7);
}

static uint64_t maker(bms_data *b)
{
    (void)b;
    return load_le((const uint8_t *)"PYLON   ");
}

/* -- to relay unit, cell monitoring and service ------------------------------------------------------------ */

static uint64_t state(bms_data *b)
{
    return put(b->state, 0, 4) | flag(b->warned != 0, 8) | flag(b->derating, 9) | flag(b->latched != 0, 10)
           | flag(b->charge.complete, 11) | flag(b->balancing, 12) | put(b->first_fault, 16, 8);
}

static uint64_t state_frame(bms_data *b)
{
    return state(b) | (uint64_t)(b->now_ms / 1000) << 32;
}

static uint64_t faults(bms_data *b)
{
    return (uint64_t)b->latched | (uint64_t)b->warned << 24;
}

static uint64_t relay_commands(bms_data *b)
{
    return b->hv.command; /* in the order of the bits */
}

static uint64_t current_and_link(bms_data *b)
{
    return (uint64_t)(uint32_t)b->in.current_mA | put(rounded(b->in.link_mV, 10), 32, 16);
}

static uint64_t cell_extremes(bms_data *b)
{
    return put(b->m.cell_min_mV, 0, 16) | put(b->m.cell_max_mV, 16, 16) | put(b->m.min_cell, 32, 8)
           | put(b->m.max_cell, 40, 8);
}

static uint64_t temperature_extremes(bms_data *b)
{
    return signed16(b->m.min_dC, 0) | signed16(b->m.max_dC, 16) | signed16(b->m.mean_dC, 32)
           | put(b->m.min_sensor, 48, 8) | put(b->m.max_sensor, 56, 8);
}

static uint64_t temperatures(bms_data *b)
{
    uint64_t word = 0;
    for (unsigned k = 0; k < SENSORS; k++)
        word |= signed16(b->in.sensor_dC[k], 16 * k);
    return word;
}

static uint64_t balance_bits(bms_data *b)
{
    return b->balance[0] | b->balance[1] << (CELLS / 2); /* as balance.c keeps them */
}

static uint64_t fault_memory(bms_data *b)
{
    unsigned entry;
    const dtc_entry *dtc = tx_next_dtc(b, &entry);
    return put((int32_t)entry, 0, 8) | put(b->nv.dtc_count, 8, 8) | put(dtc->code, 16, 8)
           | put(dtc->occurrences, 24, 8) | put((int32_t)dtc->first_seen_ds, 32, 24);
}

static uint64_t cells_from(const bms_data *b, unsigned first)
{
    uint64_t word = 0;
    for (unsigned k = 0; k < CELLS_PER_FRAME; k++) {
        uint16_t cell_mV = b->in.cell_mV[first + k];
        word |= put(cell_mV == CELL_INVALID ? UINT16_MAX : cell_mV, 16 * k, 16);
    }
    return word;
}

static uint64_t cells_1(bms_data *b) { return cells_from(b, 0); }
static uint64_t cells_2(bms_data *b) { return cells_from(b, 4); }
static uint64_t cells_3(bms_data *b) { return cells_from(b, 8); }
static uint64_t cells_4(bms_data *b) { return cells_from(b, 12); }

/* `watch`: a frame goes out at once when this changes. Phases spread the frames over the steps. */
#define CYCLE_ms 1000
static const struct {
    uint16_t id;
    uint8_t length;
    uint16_t phase_ms;
    uint64_t (*pack)(bms_data *b);
    uint64_t (*watch)(bms_data *b);
} TX[TX_COUNT] = {
    {0x351, 8, 0, limits, 0},
    {0x355, 4, 50, charge_state, 0},
    {0x356, 6, 100, measurements_of_pack, 0},
    {0x359, 7, 150, protections, 0},
    {0x35C, 2, 200, wishes, 0},
    {0x35E, 8, 250, maker, 0},
    {0x360, 8, 300, state_frame, state},
    {0x361, 6, 350, faults, faults},
    {0x362, 1, 400, relay_commands, relay_commands},
    {0x363, 8, 450, current_and_link, 0},
    {0x364, 6, 500, cell_extremes, 0},
    {0x365, 8, 550, temperature_extremes, 0},
    {0x366, 8, 600, temperatures, 0},
    {0x367, 2, 650, balance_bits, balance_bits},
    {0x368, 7, 700, fault_memory, 0},
    {0x370, 8, 750, cells_1, 0},
    {0x371, 8, 800, cells_2, 0},
    {0x372, 8, 850, cells_3, 0},
    {0x373, 8, 900, cells_4, 0},
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
        if (!tx_goes_out(b, k, CYCLE_ms, TX[k].watch))
            continue;
        bms_frame *frame = &out[count++];
        *frame = (bms_frame){.id = TX[k].id, .length = TX[k].length};
        store_le(frame->data, TX[k].pack(b));
    }
    return count;
}
