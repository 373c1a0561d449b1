/* Everything that can be set: the pack, the limits, the times. Units are in the names.
 *
 * A delay is what the BMS promises on the bus, from the first frame that carries a value to the frame that
 * carries the fault flag. The monitors count a little less (MARGIN): one step and the frames' way are inside.
 */
#ifndef CONFIG_H
#define CONFIG_H
#include <stdbool.h>
#include <stdint.h>

#include "faults.h"
#ifdef DIALECT /* a build that speaks other messages, or for another pack: it says first what it changes */
#include "dialect.h"
#endif

#ifndef CELLS
#define CELLS 96
#endif
#ifndef STRINGS
#define STRINGS 1 /* in parallel, each with its own cell monitoring */
#endif
#define SERIES (CELLS / STRINGS)
#ifndef CELLS_PER_FRAME
#define CELLS_PER_FRAME 4
#endif
#ifndef CELL_FRAMES
#define CELL_FRAMES (CELLS / CELLS_PER_FRAME)
#endif
#ifndef SENSORS
#define SENSORS 16 /* temperature sensors */
#endif
#ifndef SENSORS_PER_FRAME
#define SENSORS_PER_FRAME 4
#endif
#define SENSOR_GROUPS (SENSORS / SENSORS_PER_FRAME)
#ifndef CAPACITY_mAh
#define CAPACITY_mAh 160000
#endif

/* one limit: levels in the unit of the measurement; `sign` +1 for too high, -1 for too low */
typedef enum { WHEN_ALWAYS, WHEN_CHARGING } limit_when;
typedef struct {
    int32_t warn, derate, open, release;
    uint16_t delay_ms; /* counted by the monitor */
    int8_t sign;
    uint8_t when;
} limit_config;
#define NO_LEVEL INT32_MAX
#define MARGIN 30 /* ms between what a monitor counts and what the BMS promises */
#define FLAG(delay) {NO_LEVEL, NO_LEVEL, 0, 0, delay, +1, WHEN_ALWAYS}

extern const limit_config LIMITS[FAULT_COUNT];

/* one received message */
typedef enum {
    PROTECTED_NOT,
    PROTECTED_P1,
    PROTECTED_COUNTER,
    PROTECTED_XBR,     /* J1939: counter and folded sum share the last byte */
    PROTECTED_HVESSC1, /* J1939: a CRC in the last byte; of each message the counter has its own place */
    PROTECTED_HVESSS1,
    PROTECTED_P5 /* AUTOSAR profile 5: a CRC-16 in two bytes, a whole byte of counter */
} protection;
typedef struct {
    uint32_t id;
    uint8_t extended, length, protection;
    uint16_t timeout_ms; /* 0: may be missing */
} rx_config;

enum {
    RX_CELLS, /* 24 messages of four cells */
    RX_TEMPERATURES = CELL_FRAMES,
    RX_CM_STATUS,
    RX_JB_STATUS,
    RX_JB_ISOLATION,
    RX_CURRENT,
    RX_PACK_VOLTAGE,
    RX_LINK_VOLTAGE,
    RX_SHUNT_TEMPERATURE,
    RX_REQUEST,
    RX_CHARGER,
    RX_COUNT
};
extern const rx_config RX[RX_COUNT];

#ifndef ISOLATION_STALE_ms
#define ISOLATION_STALE_ms 2500u /* five cycles of the monitor */
#endif
#define START_GRACE_ms 3000u /* after power-on every message has this long to come first */
#ifndef SHUNT_INVALID_ms
#define SHUNT_INVALID_ms 150u /* readings of pack or link voltage with an error flag */
#endif
#ifndef GROUP_STALE_ms
#define GROUP_STALE_ms 1000u /* a multiplexed group of temperatures that does not come any more */
#endif
#ifndef CURRENT_GAP_ms
#define CURRENT_GAP_ms 250u /* between two currents: in a longer one nothing is known of the charge */
#endif
#define STRAY_mA 2000 /* a current although every contactor is open, */
#ifndef STRAY_ms
#define STRAY_ms 200u /* for so long: the sensor has an offset */
#endif
/* an NTC resistor whose wire is open, or shorted, is at one end of what a monitor can show */
#define SENSOR_OPEN_dC (-400)
#define SENSOR_SHORT_dC 770
#define STEP_LATE_ms 100u    /* a step this late is a fault of the controller itself */

/* contactors */
#define PRECHARGE_DONE_percent 95
#define PRECHARGE_SHORT_percent 20 /* below this after PRECHARGE_SHORT_ms: shorted or not reached */
#ifndef PRECHARGE_SHORT_ms
#define PRECHARGE_SHORT_ms 480u
#endif
#ifndef PRECHARGE_TIMEOUT_ms
#define PRECHARGE_TIMEOUT_ms 1960u
#endif
#define LINK_UP_percent 90 /* the link is as high as the pack although nothing should reach it */
#define LINK_SETTLE_ms 1000u
#ifndef LINK_LOOK_ms
#define LINK_LOOK_ms 30 /* an auxiliary contact may be ahead of the main one */
#endif
#ifndef LINK_MIN_PACK_mV
#define LINK_MIN_PACK_mV 50000 /* below this a comparison of voltages says nothing */
#endif
#ifndef OPEN_WAIT_ms
#define OPEN_WAIT_ms 200u      /* for the current to fall, then for each contactor to open */
#endif
#define OPEN_CURRENT_mA 10000

/* currents */
#ifndef DISCHARGE_NOMINAL_mA
#define DISCHARGE_NOMINAL_mA 320000
#endif
#ifndef CHARGE_NOMINAL_mA
#define CHARGE_NOMINAL_mA 160000
#endif
#define LIMIT_RISE_mA_PER_ms 10 /* limits fall at once and come back slowly, so that they do not swing */
#define SOC_LOW_ppm 100000      /* below: less discharge current, none at SOC_EMPTY */
#define SOC_EMPTY_ppm 20000
#define SOC_HIGH_ppm 950000 /* above: less charge current, CHARGE_TRICKLE at 100 % */
#ifndef CHARGE_TRICKLE_mA
#define CHARGE_TRICKLE_mA 16000
#endif
#define BEYOND_percent 110 /* of the current limit that is advertised, */
#define BEYOND_mA 5000     /* and this: more is a warning after a while, then a fault */
#define BEYOND_WARN_ms 1970
#ifndef BEYOND_FAULT_ms
#define BEYOND_FAULT_ms 4970
#endif

/* charging */
#ifndef CHARGE_VOLTAGE_mV
#define CHARGE_VOLTAGE_mV 336000 /* 3.50 V per cell */
#endif
#ifndef CHARGE_CURRENT_mA
#define CHARGE_CURRENT_mA 80000
#endif
#ifndef CHARGE_FULL_mA
#define CHARGE_FULL_mA 8000
#endif
#define CHARGE_FULL_MEAN_mV 3450
#define CHARGE_FULL_ms 10000u
#define CHARGER_OVER_percent 110
#define CHARGER_OVER_mA 2000
#define CHARGER_OVER_ms 970u
#define CHARGER_SETTLE_ms 2000u /* a lower command counts after this: the charger needs its time */
#define CHARGER_SILENT_ms 4950u
#define CHARGER_IDLE_ms 9950u /* no current although it is asked for */
#define CHARGER_IDLE_WARN_ms 5000u
#define CHARGER_IDLE_mA 500
#define CHARGER_ASKED_mA 5000
#define CHARGER_SICK 0x07 /* flags: hardware, too hot, mains voltage */
#define CHARGER_SICK_ms 300u
#define CHARGER_ALONE 0x08 /* it sees no battery */
#define CHARGER_ALONE_ms 1970u
#define CHARGER_DEAF 0x10 /* it hears no command */
#define CHARGER_DEAF_ms 970u
#define COMMAND_CYCLE_ms 1000u
#define COMMAND_SPACING_ms 100u
#define COMMAND_CHANGE_mA 1000

/* heat */
#define SPREAD_dC 150 /* between the hottest and the coldest sensor, */
#define SPREAD_ms 1000u
#define RISE_dC 10 /* of one sensor in a second, */
#define RISE_s 3   /* for so many in a row */
#define RUNAWAY_percent 75 /* of the mean: a cell that has broken down */
#define COOL_ON_dC 400
#define COOL_OFF_dC 350

/* terminal voltage, as estimated: of a group of cells, from its rest voltage to what a minute of current makes of it */
#ifndef GROUP_uOhm
#define GROUP_uOhm 1000
#endif

/* balancing */
#define BALANCE_START_mV 3400 /* highest cell */
#define BALANCE_STOP_mV 3380
#define BALANCE_SPREAD_START_mV 10
#define BALANCE_SPREAD_STOP_mV 5
#define BALANCE_MAX_dC 500

/* state of charge */
#define REST_mA 2000
#define REST_ms 600000u
#define HYSTERESIS_cmV 2500 /* 0.01 mV: half-width of what rest voltage leaves open */
#define SOC_FULL_ppm 985000 /* where charging ends: 3.50 V at C/20 is not the 100 % of the C/50 curve */
#define GUESS_SAMPLES 200u /* steps over which the rest voltage is averaged after a cold start */
#define OCV_POINTS 29
#define OCV_dC 250 /* at this temperature */
typedef struct {
    int32_t soc_ppm, ocv_cmV, entropy_uV_per_K;
} ocv_point;
extern const ocv_point OCV[OCV_POINTS];

#define DTC_ENTRIES 16
#endif
