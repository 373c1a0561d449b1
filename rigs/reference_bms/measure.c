/* Cell and temperature data: which are valid, and their extremes. An invalid one is never used. */
#include "measure.h"

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

/* Of the values that are valid: where the lowest and the highest are, and the sum. */
typedef struct {
    int32_t low, high, sum;
    int low_at, high_at, valid;
} extremes;

static void look_at(extremes *e, int k, int32_t value)
{
    if (!e->valid || value < e->low)
        e->low = value, e->low_at = k;
    if (!e->valid || value > e->high)
        e->high = value, e->high_at = k;
    e->sum += value;
    e->valid++;
}

static void measure_cells(bms_data *b)
{
    measurements *m = &b->m;
    extremes e = {0};
    for (int k = 0; k < CELLS; k++)
        if (b->in.cell_mV[k] != CELL_INVALID)
            look_at(&e, k, b->in.cell_mV[k]);
    m->invalid_cells = (uint8_t)(CELLS - e.valid);
    if (!e.valid)
        return;
    m->cell_min_mV = e.low;
    m->cell_max_mV = e.high;
    m->min_cell = (uint8_t)(e.low_at + 1);
    m->max_cell = (uint8_t)(e.high_at + 1);
    m->sum_mV = (e.sum + (CELLS - e.valid) * e.sum / e.valid) / STRINGS; /* an unmeasured cell: like the others */
    m->cell_mean_mV = (e.sum + e.valid / 2) / e.valid;
}

/* "Not available" is above the highest of them. */
static bool is_temperature(int16_t value_dC)
{
    return value_dC > SENSOR_OPEN_dC && value_dC < SENSOR_SHORT_dC;
}

static void measure_temperatures(bms_data *b)
{
    measurements *m = &b->m;
    extremes e = {0};
    for (int k = 0; k < SENSORS; k++)
        if (is_temperature(b->in.sensor_dC[k]))
            look_at(&e, k, b->in.sensor_dC[k]);
    m->invalid_sensors = (uint8_t)(SENSORS - e.valid);
    if (!e.valid)
        return;
    m->min_dC = e.low;
    m->max_dC = e.high;
    m->min_sensor = (uint8_t)(e.low_at + 1);
    m->max_sensor = (uint8_t)(e.high_at + 1);
    m->mean_dC = e.sum / e.valid;
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
