/* Cell and temperature data: which are valid, and their extremes. An invalid one is never used. */
#include "measure.h"

#define GROUP_STALE_ms 1000u /* a multiplexed group of temperatures that does not come any more */

/* Tap k lies between cell k-1 and cell k: with its wire open neither of them is measured. */
static void mask_open_wire(inputs *in)
{
    if (!in->open_wire)
        return;
    if (in->open_tap >= 2 && in->open_tap <= CELLS + 1)
        in->cell_mV[in->open_tap - 2] = CELL_INVALID;
    if (in->open_tap >= 1 && in->open_tap <= CELLS)
        in->cell_mV[in->open_tap - 1] = CELL_INVALID;
}

static void measure_cells(bms_data *b)
{
    measurements *m = &b->m;
    const uint16_t *cell_mV = b->in.cell_mV;
    int32_t low = INT32_MAX, high = -1, sum = 0, valid = 0;
    int low_at = 0, high_at = 0;
    for (int k = 0; k < CELLS; k++) {
        int32_t value = cell_mV[k];
        if (value == CELL_INVALID)
            continue;
        sum += value;
        valid++;
        if (value < low)
            low = value, low_at = k;
        if (value > high)
            high = value, high_at = k;
    }
    m->invalid_cells = (uint8_t)(CELLS - valid);
    if (!valid)
        return;
    m->cell_min_mV = low;
    m->cell_max_mV = high;
    m->min_cell = (uint8_t)(low_at + 1);
    m->max_cell = (uint8_t)(high_at + 1);
    m->sum_mV = sum + (CELLS - valid) * sum / valid; /* a cell that is not measured: like the others */
    m->cell_mean_mV = (sum + valid / 2) / valid;
}

static void measure_temperatures(bms_data *b)
{
    measurements *m = &b->m;
    const int16_t *sensor_dC = b->in.sensor_dC;
    int32_t low = INT32_MAX, high = INT32_MIN, sum = 0, valid = 0;
    int low_at = 0, high_at = 0;
    for (int k = 0; k < SENSORS; k++) {
        int32_t value = sensor_dC[k];
        if (value == SENSOR_INVALID)
            continue;
        sum += value;
        valid++;
        if (value < low)
            low = value, low_at = k;
        if (value > high)
            high = value, high_at = k;
    }
    m->invalid_sensors = (uint8_t)(SENSORS - valid);
    if (!valid)
        return;
    m->min_dC = low;
    m->max_dC = high;
    m->min_sensor = (uint8_t)(low_at + 1);
    m->max_sensor = (uint8_t)(high_at + 1);
    m->mean_dC = sum / valid;
}

static void forget_stale_groups(bms_data *b)
{
    for (int k = 0; k < SENSOR_GROUPS; k++) {
        if (!b->m.sensors_known || b->now_ms - b->in.group_ms[k] <= GROUP_STALE_ms)
            continue;
        for (int j = 0; j < SENSORS_PER_FRAME; j++)
            b->in.sensor_dC[k * SENSORS_PER_FRAME + j] = SENSOR_INVALID;
        b->in.fresh_sensors = 1;
    }
}

/* Whether every cell and every sensor has been heard of since power-on. */
static void find_what_is_known(bms_data *b)
{
    measurements *m = &b->m;
    if (!m->cells_known) {
        m->cells_known = b->rx[RX_CM_STATUS].seen;
        for (int k = 0; k < CELL_FRAMES; k++)
            m->cells_known = m->cells_known && b->rx[RX_CELLS + k].seen;
    }
    if (!m->sensors_known) {
        m->sensors_known = b->rx[RX_TEMPERATURES].seen;
        for (int k = 0; k < SENSOR_GROUPS; k++)
            m->sensors_known = m->sensors_known && b->in.group_ms[k] != 0;
    }
}

void measure_step(bms_data *b)
{
    find_what_is_known(b);
    forget_stale_groups(b);
    if (b->in.fresh_cells) {
        mask_open_wire(&b->in);
        measure_cells(b);
    }
    if (b->in.fresh_sensors)
        measure_temperatures(b);
    b->in.fresh_cells = b->in.fresh_sensors = 0;
}
