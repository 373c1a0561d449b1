/* What a hot pack needs: cooling; and what comes long before a limit: sensors that are far apart, one that rises fast,
 * and one that does so while it is hot or a cell breaks down, as ahead of a thermal runaway. It warns and opens
 * nothing: whoever drives must come to a stop first. */
#include "thermal.h"

#include "protect.h"

#define SECOND_ms 1000u

static bool rises(int16_t before_dC, int16_t now_dC)
{
    return before_dC < SENSOR_SHORT_dC && now_dC < SENSOR_SHORT_dC && now_dC - before_dC >= RISE_dC;
}

/* How long each sensor has been rising; whether one has for long enough. */
static bool look_back(bms_data *b)
{
    thermal *t = &b->heat;
    bool found = false;
    for (int k = 0; k < SENSORS; k++) {
        int16_t now_dC = b->in.sensor_dC[k];
        if (!rises(t->before_dC[k], now_dC))
            t->rising_s[k] = 0;
        else if (t->rising_s[k] < RISE_s)
            t->rising_s[k]++;
        found = found || t->rising_s[k] >= RISE_s;
        t->before_dC[k] = now_dC;
    }
    return found;
}

static bool is_hot_or_down(const measurements *m)
{
    return m->max_dC > LIMITS[FAULT_OVERTEMPERATURE_DISCHARGE].warn
           || m->cell_min_mV < m->cell_mean_mV / 100 * RUNAWAY_percent;
}

void thermal_step(bms_data *b)
{
    thermal *t = &b->heat;
    const measurements *m = &b->m;
    if (!m->sensors_known)
        return;
    t->spread_ms = protect_debounce(t->spread_ms, m->max_dC - m->min_dC > SPREAD_dC, SPREAD_ms, b->step_ms);
    t->spread = t->spread_ms >= SPREAD_ms;
    if (b->now_ms - t->looked_ms >= SECOND_ms) {
        t->looked_ms = b->now_ms;
        t->rise = look_back(b);
    }
    if (t->rise && is_hot_or_down(m))
        t->runaway = 1;
    else if (b->in.reset_edge)
        t->runaway = 0;
    t->cooling = m->max_dC > (t->cooling ? COOL_OFF_dC : COOL_ON_dC);
}
