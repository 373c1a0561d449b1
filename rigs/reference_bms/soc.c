/* State of charge: current counted over time, held within what the rest voltage allows.
 *
 * The cell has a flat curve with hysteresis, so a rest voltage is a band of states, not one state: wide in
 * the middle, narrow at both ends. After a long rest the count is moved into the band, no further.
 */
#include "soc.h"

#include "bits.h"

#define CAPACITY_nC ((int64_t)CAPACITY_mAh * 3600 * 1000000)

int32_t soc_ppm(const bms_data *b)
{
    return clamp((int32_t)(b->nv.charge_nC / (CAPACITY_nC / 1000000)), 0, 1000000);
}

static void set_ppm(bms_data *b, int32_t ppm)
{
    b->nv.charge_nC = CAPACITY_nC / 1000000 * ppm;
}

void soc_count(bms_data *b, uint64_t now_ns, int32_t current_mA)
{
    uint64_t gap_ns = b->in.current_ns ? now_ns - b->in.current_ns : 0;
    int64_t mean_mA = ((int64_t)b->in.current_mA + current_mA) / 2;
    b->in.current_ns = now_ns;
    b->in.current_mA = current_mA;
    if (gap_ns > CURRENT_GAP_ms * UINT64_C(1000000))
        return; /* nothing is known of it */
    b->nv.charge_nC -= mean_mA * (int64_t)(gap_ns / 1000);
    if (b->nv.charge_nC < 0)
        b->nv.charge_nC = 0;
    else if (b->nv.charge_nC > CAPACITY_nC)
        b->nv.charge_nC = CAPACITY_nC;
}

/* The mean of all cells knows more than a millivolt, though none of them does; that of a while still more. */
static int32_t mean_cmV(int64_t sum_mV, uint32_t samples)
{
    return (int32_t)(sum_mV * 100 / ((int64_t)SERIES * samples));
}

/* The rest voltage at a point of the curve, at the pack's temperature: in the flat part of it a millivolt counts. */
static int32_t rest_at(const bms_data *b, const ocv_point *point)
{
    int32_t apart_dK = b->m.sensors_known ? b->m.mean_dC - OCV_dC : 0;
    return point->ocv_cmV + point->entropy_uV_per_K * apart_dK / 100;
}

static int32_t ppm_of_rest(const bms_data *b, int32_t ocv_cmV)
{
    for (int k = 1; k < OCV_POINTS; k++) {
        const ocv_point *low = &OCV[k - 1], *high = &OCV[k];
        int32_t low_cmV = rest_at(b, low), high_cmV = rest_at(b, high);
        if (ocv_cmV < high_cmV || k == OCV_POINTS - 1) {
            int64_t part = (int64_t)(ocv_cmV - low_cmV) * (high->soc_ppm - low->soc_ppm);
            return clamp(low->soc_ppm + (int32_t)(part / (high_cmV - low_cmV)), 0, 1000000);
        }
    }
    return 1000000;
}

static int32_t rest_of_ppm(const bms_data *b, int32_t ppm)
{
    int k = 1;
    while (k < OCV_POINTS - 1 && ppm >= OCV[k].soc_ppm)
        k++;
    const ocv_point *low = &OCV[k - 1], *high = &OCV[k];
    int32_t low_cmV = rest_at(b, low), high_cmV = rest_at(b, high);
    int64_t part = (int64_t)(ppm - low->soc_ppm) * (high_cmV - low_cmV);
    return low_cmV + (int32_t)(part / (high->soc_ppm - low->soc_ppm));
}

int32_t soc_terminal_mV(const bms_data *b)
{
    int64_t drop_mV = (int64_t)b->in.current_mA * GROUP_uOhm / 1000000;
    return SERIES * (rest_of_ppm(b, soc_ppm(b)) / 100 - (int32_t)drop_mV);
}

static void correct_at_rest(bms_data *b)
{
    int32_t rest_cmV = mean_cmV(b->m.sum_mV, 1);
    int32_t low = ppm_of_rest(b, rest_cmV - HYSTERESIS_cmV);
    int32_t high = ppm_of_rest(b, rest_cmV + HYSTERESIS_cmV);
    int32_t ppm = soc_ppm(b);
    if (ppm < low)
        set_ppm(b, low);
    else if (ppm > high)
        set_ppm(b, high);
}

/* After a cold start nothing is known but the rest voltage: the mean of the first seconds, or of as much of
 * them as there is before current flows. */
static void guess(bms_data *b, bool at_rest)
{
    if (b->nv.charge_known || (!at_rest && b->guess_samples)) {
        b->nv.charge_known = 1;
        return;
    }
    b->guess_mV += b->m.sum_mV;
    b->guess_samples++;
    set_ppm(b, ppm_of_rest(b, mean_cmV(b->guess_mV, b->guess_samples)));
    b->nv.charge_known = b->guess_samples == GUESS_SAMPLES;
}

void soc_step(bms_data *b)
{
    bool at_rest = b->in.current_mA < REST_mA && b->in.current_mA > -REST_mA;
    bool measured = b->m.cells_known && b->m.invalid_cells == 0;
    if (measured && b->in.valid_ms[0])
        guess(b, at_rest);
    b->rest_ms = at_rest ? b->rest_ms + b->step_ms : 0;
    if (b->rest_ms >= REST_ms && measured) {
        correct_at_rest(b);
        b->rest_ms -= REST_ms / 10; /* and again after a while */
    }
}

void soc_full(bms_data *b)
{
    set_ppm(b, SOC_FULL_ppm);
}
