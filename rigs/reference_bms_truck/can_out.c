/* From the state to frames. The HVESS messages are as in J1939 DA, what it leaves open and all other messages are
 * this BMS's own. */
#include "can_out.h"

#include <string.h>

#include "bits.h"
#include "can_tx.h"
#include "e2e.h"
#include "messages.h"
#include "soc.h"

enum { DISCONNECTED, CONNECTED, PRECHARGING };             /* HV bus connection status */
enum { INITIALISING = 0, OPERATIONAL = 2, FAULTED = 6 };   /* operational status */

static uint64_t flag(int is_set, unsigned at)
{
    return put(is_set != 0, at, 1);
}

static int32_t connection(const bms_data *b)
{
    switch (b->state) {
    case STATE_PRECHARGE: return PRECHARGING;
    case STATE_OPERATE:
    case STATE_CHARGE: return CONNECTED;
    default: return DISCONNECTED;
    }
}

static int32_t operation(const bms_data *b)
{
    return b->state == STATE_FAULT ? FAULTED : b->state == STATE_INIT ? INITIALISING : OPERATIONAL;
}

static uint64_t hvesss1(bms_data *b)
{
    uint8_t feedback = b->in.feedback;
    return put((feedback & PLUS) != 0, 0, 2) | put((feedback & MINUS) != 0, 2, 2)
           | put((feedback & PRECHARGE) != 0, 8, 2) | put(3, 10, 2) | put(b->in.interlock, 20, 2) | put(3, 22, 2)
           | put(b->balancing, 30, 2) | put(b->state == STATE_CHARGE, 32, 2) | put(connection(b), 40, 4)
           | put(operation(b), 44, 4) | put(b->state != STATE_FAULT, 48, 8);
}

/* powers in 50 W, pack voltage in 50 mV, current in 50 mA from -1600 A */
static uint64_t hvessd1(bms_data *b)
{
    int32_t volts = b->m.sum_mV / 1000;
    return put(b->discharge_limit_mA / 1000 * volts / 50, 0, 16) | put(b->charge_limit_mA / 1000 * volts / 50, 16, 16)
           | put(rounded(b->m.sum_mV, 50), 32, 16) | put(rounded(b->in.current_mA, 50) + 32000, 48, 16);
}

/* state of charge in 0.0015625 %, cell voltages in mV */
static uint64_t hvessd2(bms_data *b)
{
    return put((int32_t)(((int64_t)soc_ppm(b) * 64 + 500) / 1000), 0, 16) | put(b->m.cell_max_mV, 16, 16)
           | put(b->m.cell_min_mV, 32, 16) | put(0xFF, 48, 8) | put(0xFF, 56, 8);
}

static int32_t fine_temperature(int32_t temperature_dC) /* 1/32 degC from -273 degC */
{
    return rounded((temperature_dC + 2730) * 32, 10);
}

static uint64_t hvessd3(bms_data *b)
{
    return put(fine_temperature(b->m.max_dC), 0, 16) | put(fine_temperature(b->m.min_dC), 16, 16)
           | put(fine_temperature(b->m.mean_dC), 32, 16) | put(0xFF, 48, 8) | put(0xFF, 56, 8);
}

/* limits in 50 mA from -1600 A; the lowest and the highest cell's charge is not known one by one */
static uint64_t hvessd5(bms_data *b)
{
    return put(rounded(b->discharge_limit_mA, 50) + 32000, 0, 16) | put(rounded(b->charge_limit_mA, 50) + 32000, 16, 16)
           | put(0xFFFF, 32, 16) | put(0xFFFF, 48, 16);
}

/* link voltage in 50 mV; it has no coolant */
static uint64_t hvessd6(bms_data *b)
{
    return put(rounded(b->in.link_mV, 50), 0, 16) | put(0xFFFF, 16, 16) | put(0xFFFF, 32, 16) | put(0xFF, 48, 8)
           | put(rounded(b->m.mean_dC, 10) + 40, 56, 8);
}

static uint64_t hvessd8(bms_data *b)
{
    return put(b->m.max_cell, 0, 8) | put(b->m.min_cell, 8, 8) | put(b->m.max_sensor, 16, 8)
           | put(b->m.min_sensor, 24, 8) | put(0xFFFF, 32, 16) | put(0xFFFF, 48, 16);
}

static uint64_t flags(bms_data *b)
{
    return flag(b->warned != 0, 0) | flag(b->derating, 1) | flag(b->latched != 0, 2) | flag(b->charge.complete, 3)
           | put(b->first_fault, 8, 8);
}

static uint64_t flags_frame(bms_data *b)
{
    return flags(b) | put((int32_t)(b->now_ms / 1000), 16, 16);
}

static uint64_t contactor_commands(bms_data *b)
{
    return b->hv.command; /* in the order of the bits */
}

#define SPN_FIRST 520192 /* manufacturer-assigned numbers begin here; one for each fault */
#define FMI_WARNING 15   /* least severe level */
#define FMI_FAULT 31     /* condition exists */
#define DM1 0xFECA
#define DM1_CYCLE_ms 1000
#define CELLS_CYCLE_ms 1000
_Static_assert(2 * CELLS <= TRANSPORT_LONGEST && 2 + 4 * 2 * FAULT_COUNT <= TRANSPORT_LONGEST, "longer than a message");

#define CODES (2 * FAULT_COUNT) /* of faults, then of warnings */

static uint64_t active_codes(const bms_data *b)
{
    return b->latched | (uint64_t)b->warned << FAULT_COUNT;
}

static uint64_t shown_codes(const bms_data *b)
{
    return b->tx.shown_faults | (uint64_t)b->tx.shown_warnings << FAULT_COUNT;
}

/* News are told at once, and while there is a fault the codes come twice as fast. */
static bool is_diagnosis_urgent(const bms_data *b)
{
    return b->latched || active_codes(b) != shown_codes(b);
}

static unsigned next_of(uint64_t codes, unsigned after)
{
    do
        after = (after + 1) % CODES;
    while (!(codes >> after & 1));
    return after;
}

/* The code that the next frame shows: news, three times out of four a fault, else the one whose turn it is. */
static unsigned code_to_show(bms_data *b)
{
    transmit *tx = &b->tx;
    uint64_t news = active_codes(b) ^ shown_codes(b);
    if (news)
        return next_of(news, CODES - 1);
    tx->turn = (uint8_t)((tx->turn + 1) % 4);
    if (b->latched && tx->turn)
        return tx->active_code = (uint8_t)next_of(b->latched, tx->active_code);
    return tx->page = (uint8_t)((tx->page + 1) % CODES);
}

static uint64_t diagnosis(bms_data *b)
{
    unsigned code = code_to_show(b), fault = code % FAULT_COUNT;
    bool is_warning = code >= FAULT_COUNT;
    uint32_t active = is_warning ? b->warned : b->latched;
    uint32_t *shown = is_warning ? &b->tx.shown_warnings : &b->tx.shown_faults;
    *shown = (*shown & ~FAULT_BIT(fault)) | (active & FAULT_BIT(fault));
    return put((int32_t)(SPN_FIRST + fault), 0, 19) | put(is_warning ? FMI_WARNING : FMI_FAULT, 19, 5)
           | flag((int)(active >> fault & 1), 24);
}

static uint64_t cell_temperatures(bms_data *b)
{
    unsigned group = b->tx.sensor_group;
    uint64_t word = put((int32_t)group, 48, 8);
    for (unsigned k = 0; k < SENSORS_PER_FRAME; k++) {
        int16_t value_dC = b->in.sensor_dC[group * SENSORS_PER_FRAME + k];
        word |= put(value_dC == SENSOR_INVALID ? 0xFFF : value_dC + 500, 12 * k, 12);
    }
    b->tx.sensor_group = (uint8_t)((group + 1) % SENSOR_GROUPS);
    return word;
}

static uint64_t balance_bits(bms_data *b)
{
    unsigned group = b->tx.balance_group;
    b->tx.balance_group = (uint8_t)(1 - group);
    return b->balance[group] | put((int32_t)group, 48, 8);
}

static uint64_t balance_change(bms_data *b)
{
    return b->balance[0] ^ b->balance[1] << 16;
}

static uint64_t fault_memory(bms_data *b)
{
    unsigned entry;
    const dtc_entry *dtc = tx_next_dtc(b, &entry);
    return put((int32_t)entry, 0, 4) | put(b->nv.dtc_count, 8, 8) | put(dtc->code, 16, 8) | put(dtc->occurrences, 24, 8)
           | put((int32_t)dtc->first_seen_ds, 32, 24);
}

/* A frame goes out at once when what `watch` gives changes, and while there is something `urgent`. Phases spread
 * the frames over the steps. */
static const struct {
    uint32_t id;
    uint16_t cycle_ms, phase_ms;
    protection kind;
    uint64_t (*pack)(bms_data *b);
    uint64_t (*watch)(bms_data *b);
    bool (*urgent)(const bms_data *b);
} TX[] = {
    {J1939(3, 0xF096, SA_BMS), 100, 0, PROTECTED_HVESSS1, hvesss1, hvesss1, 0},
    {J1939(3, 0xF090, SA_BMS), 20, 0, PROTECTED_NOT, hvessd1, 0, 0},
    {J1939(3, 0xF091, SA_BMS), 20, 10, PROTECTED_NOT, hvessd2, 0, 0},
    {J1939(3, 0xF092, SA_BMS), 20, 0, PROTECTED_NOT, hvessd3, 0, 0},
    {J1939(3, 0xF094, SA_BMS), 20, 10, PROTECTED_NOT, hvessd5, 0, 0},
    {J1939(6, 0xF095, SA_BMS), 100, 40, PROTECTED_NOT, hvessd6, 0, 0},
    {J1939(6, 0xF10A, SA_BMS), 100, 90, PROTECTED_NOT, hvessd8, 0, 0},
    {J1939(6, 0xFF30, SA_BMS), 50, 30, PROTECTED_XBR, flags_frame, flags, 0},
    {J1939_TO(3, 0xEF00, SA_PDU, SA_BMS), 50, 20, PROTECTED_XBR, contactor_commands, contactor_commands, 0},
    {J1939(3, 0xFF35, SA_BMS), 20, 10, PROTECTED_XBR, diagnosis, 0, is_diagnosis_urgent},
    {J1939(6, 0xFF32, SA_BMS), 100, 60, PROTECTED_XBR, cell_temperatures, 0, 0},
    {J1939(6, 0xFF33, SA_BMS), 250, 20, PROTECTED_XBR, balance_bits, balance_change, 0},
    {J1939(6, 0xFF34, SA_BMS), 100, 70, PROTECTED_XBR, fault_memory, 0, 0},
};
#define MESSAGES ((int)(sizeof TX / sizeof TX[0]))
_Static_assert(sizeof TX / sizeof TX[0] <= TX_COUNT, "bms_data has no room for so many messages");

/* The codes of DM1: all that are active, by occurrences that it does not count; without any, one of zeros. */
static uint16_t put_codes(bms_data *b, uint8_t *data)
{
    uint64_t codes = active_codes(b);
    uint16_t size = 2;
    data[0] = b->latched ? 0x10 : b->warned ? 0x04 : 0; /* red stop lamp, amber warning lamp */
    data[1] = 0xFF;
    for (unsigned code = 0; code < CODES; code++) {
        if (!(codes >> code & 1))
            continue;
        uint32_t spn = SPN_FIRST + code % FAULT_COUNT;
        data[size++] = (uint8_t)spn;
        data[size++] = (uint8_t)(spn >> 8);
        data[size++] = (uint8_t)((spn >> 16) << 5 | (code < FAULT_COUNT ? FMI_FAULT : FMI_WARNING));
        data[size++] = 0x7F; /* occurrences: not available */
    }
    while (size < 6)
        data[size++] = 0;
    return size;
}

/* Once a second and after a change; in one frame as long as there is one code at most. */
static bool trouble_codes(bms_data *b, bms_frame *frame)
{
    transport *t = &b->tx.long_messages[0];
    bool news = active_codes(b) != b->tx.told_codes;
    if (!transport_is_idle(t) || (!news && (int32_t)(b->now_ms - b->tx.long_due_ms[0]) < 0))
        return false;
    b->tx.told_codes = active_codes(b);
    b->tx.long_due_ms[0] = b->now_ms + DM1_CYCLE_ms;
    uint16_t size = put_codes(b, t->data);
    if (size > 6) {
        transport_begin(t, DM1, TRANSPORT_EVERYBODY, size);
        return false;
    }
    *frame = (bms_frame){.id = J1939(6, DM1, SA_BMS), .extended = 1, .length = 8};
    memset(frame->data, 0xFF, 8);
    memcpy(frame->data, t->data, size);
    return true;
}

/* All cell voltages in mV, once a second, to the vehicle's control unit. */
static void cell_voltages(bms_data *b)
{
    transport *t = &b->tx.long_messages[1];
    if ((int32_t)(b->now_ms - b->tx.long_due_ms[1]) < 0)
        return;
    b->tx.long_due_ms[1] += CELLS_CYCLE_ms;
    if (!transport_is_idle(t))
        return;
    for (unsigned k = 0; k < CELLS; k++) {
        uint16_t cell_mV = b->in.cell_mV[k] == CELL_INVALID ? UINT16_MAX : b->in.cell_mV[k];
        t->data[2 * k] = (uint8_t)cell_mV;
        t->data[2 * k + 1] = (uint8_t)(cell_mV >> 8);
    }
    transport_begin(t, 0xFF31, SA_VCU, 2 * CELLS);
}

static int long_messages(bms_data *b, bms_frame *out, int capacity)
{
    int count = 0;
    if (capacity > 0)
        count += trouble_codes(b, out);
    cell_voltages(b);
    for (int k = 0; k < LONG_MESSAGES && count < capacity; k++)
        count += transport_step(&b->tx.long_messages[k], b->now_ms, SA_BMS, &out[count]);
    return count;
}

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
        *frame = (bms_frame){.id = TX[k].id, .extended = 1, .length = 8};
        store_le(frame->data, TX[k].pack(b));
        e2e_seal(TX[k].kind, frame, &b->tx.counter[k]);
    }
    count += long_messages(b, out + count, capacity - count);
    if (count < capacity && charger_command(b, &out[count]))
        count++;
    return count;
}
