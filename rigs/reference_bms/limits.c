/* Current limits: each cause takes its own share away, the smallest remainder counts. */
#include "limits.h"

#include "bits.h"
#include "protect.h"
#include "soc.h"

/* `full` on the good side of `begin`, `least` beyond `end`, linear between; either may be the larger. */
static int32_t derate(int32_t value, int32_t begin, int32_t end, int32_t full, int32_t least)
{
    int64_t whole = end - begin, part = value - begin;
    if (whole < 0) {
        whole = -whole;
        part = -part;
    }
    if (part <= 0)
        return full;
    return part >= whole ? least : full - (int32_t)((full - least) * part / whole);
}

static int32_t by_limit(int32_t current_mA, int fault, int32_t value, int32_t full)
{
    int32_t allowed = derate(value, LIMITS[fault].derate, LIMITS[fault].open, full, 0);
    return allowed < current_mA ? allowed : current_mA;
}

static int32_t discharge_mA(const bms_data *b)
{
    const int32_t full = DISCHARGE_NOMINAL_mA;
    int32_t limit = derate(soc_ppm(b), SOC_LOW_ppm, SOC_EMPTY_ppm, full, 0);
    limit = by_limit(limit, FAULT_CELL_UNDERVOLTAGE, b->m.cell_min_mV, full);
    limit = by_limit(limit, FAULT_OVERTEMPERATURE_DISCHARGE, b->m.max_dC, full);
    return by_limit(limit, FAULT_UNDERTEMPERATURE_DISCHARGE, b->m.min_dC, full);
}

static int32_t charge_mA(const bms_data *b)
{
    const int32_t full = CHARGE_NOMINAL_mA;
    int32_t limit = derate(soc_ppm(b), SOC_HIGH_ppm, 1000000, full, CHARGE_TRICKLE_mA);
    limit = by_limit(limit, FAULT_CELL_OVERVOLTAGE, b->m.cell_max_mV, full);
    limit = by_limit(limit, FAULT_OVERTEMPERATURE_CHARGE, b->m.max_dC, full);
    return by_limit(limit, FAULT_UNDERTEMPERATURE_CHARGE, b->m.min_dC, full);
}

/* While current flows a limit comes back slowly: it follows a voltage that follows the current. */
static int32_t follow(const bms_data *b, int32_t present, int32_t wanted)
{
    bool flowing = b->state == STATE_OPERATE || b->state == STATE_CHARGE;
    int32_t rise = (int32_t)b->step_ms * LIMIT_RISE_mA_PER_ms;
    return flowing && wanted > present + rise ? present + rise : wanted;
}

/* The limits are meant: who goes on beyond one is warned, then disconnected. */
void limits_watch(bms_data *b)
{
    const int32_t limits_mA[2] = {b->discharge_limit_mA, b->charge_limit_mA};
    bool closed = b->state == STATE_OPERATE || b->state == STATE_CHARGE;
    for (int k = 0; k < 2; k++) {
        int32_t current_mA = k ? -b->in.current_mA : b->in.current_mA;
        bool beyond = current_mA > limits_mA[k] / 100 * BEYOND_percent + BEYOND_mA;
        if (!closed)
            b->beyond_ms[k] = 0;
        else
            b->beyond_ms[k] = protect_debounce(b->beyond_ms[k], beyond, BEYOND_FAULT_ms, b->step_ms);
    }
}

void limits_step(bms_data *b)
{
    if (b->state == STATE_INIT || b->state == STATE_FAULT) {
        b->discharge_limit_mA = b->charge_limit_mA = 0;
        b->derating = 0;
        return;
    }
    b->discharge_limit_mA = follow(b, b->discharge_limit_mA, discharge_mA(b));
    b->charge_limit_mA = follow(b, b->charge_limit_mA, charge_mA(b));
    b->derating = b->discharge_limit_mA < DISCHARGE_NOMINAL_mA || b->charge_limit_mA < CHARGE_NOMINAL_mA;
}
