/* All that the BMS knows, in one struct: saving and restoring it is a copy. No pointers inside. */
#ifndef BMS_DATA_H
#define BMS_DATA_H
#include <stdbool.h>
#include <stdint.h>

#include "config.h"

typedef enum {
    STATE_INIT, STATE_STANDBY, STATE_PRECHARGE, STATE_OPERATE, STATE_CHARGE, STATE_FAULT = 7
} bms_mode;
typedef enum { REQUEST_STANDBY, REQUEST_OPERATE, REQUEST_CHARGE } bms_request;

enum { SYNC_NONE, SYNC_DONE, SYNC_LOST }; /* never heard; followed; to be found again after a silence */

/* one received message */
typedef struct {
    uint32_t last_ms; /* when the last good frame came */
    uint8_t seen;     /* a good frame came since power-on */
    uint8_t synced;   /* SYNC_…: whether `counter` is the sender's */
    uint8_t counter;
    uint8_t missed; /* frames lost to a wrong checksum since then */
    uint8_t errors; /* see e2e.c */
    uint8_t overdue;
} rx_state;

#define CARRIERS 4 /* messages that carry several of the received ones in turn: of dialects that multiplex */

/* what came in, as it came */
typedef struct {
    uint16_t cell_mV[CELLS];     /* CELL_INVALID: not available */
    int16_t sensor_dC[SENSORS];  /* 0.1 degC; SENSOR_INVALID: not available */
    uint32_t group_ms[SENSOR_GROUPS];
    uint64_t current_ns;         /* time of the last current frame */
    int32_t current_mA;          /* > 0 discharges */
    int32_t pack_mV, link_mV;
    int32_t isolation_Ohm;       /* the lower pole */
    int32_t plus_Ohm, minus_Ohm; /* and both of them */
    uint32_t isolation_ms;       /* last valid value */
    int32_t charger_mA, charger_mV;
    uint32_t valid_ms[3];        /* last reading without error flag: current, pack voltage, link voltage */
    uint8_t feedback, interlock; /* feedback: contactor bits */
    uint8_t monitor_ok, open_wire, open_tap, isolation_seen;
    uint8_t charger_flags;
    uint8_t request, reset, reset_edge, crash;
    uint8_t fresh_cells, fresh_sensors;
} inputs;
#define CELL_INVALID 8191
#define SENSOR_INVALID INT16_MAX

/* what follows from it */
typedef struct {
    int32_t cell_min_mV, cell_max_mV, cell_mean_mV, sum_mV;
    int32_t min_dC, max_dC, mean_dC;
    uint8_t min_cell, max_cell, invalid_cells; /* cells from 1 */
    uint8_t min_sensor, max_sensor, invalid_sensors;
    uint8_t cells_known, sensors_known;
} measurements;

typedef struct {
    uint16_t open_ms, warn_ms; /* debounce counters */
    uint8_t present, warned;
} monitor;

enum { PLUS = 1, MINUS = 2, PRECHARGE = 4 };
typedef enum {
    CONTACTORS_OPEN,
    CONTACTORS_CLOSE_MINUS,
    CONTACTORS_PRECHARGE,
    CONTACTORS_CLOSE_PLUS,
    CONTACTORS_END_PRECHARGE,
    CONTACTORS_CLOSED,
    CONTACTORS_UNLOAD,
    CONTACTORS_OPEN_PLUS,
    CONTACTORS_OPEN_MINUS
} contactor_phase;
typedef struct {
    uint32_t since_ms;    /* begin of the phase */
    uint32_t begun_ms;    /* begin of the closing sequence */
    uint32_t feedback_ms; /* when minus had closed */
    uint32_t opened_ms;   /* when all were commanded open */
    uint8_t phase, command, close, failed, link_up;
} contactors;

typedef struct {
    uint32_t begun_ms, full_ms, over_ms;
    uint32_t idle_ms, alone_ms, sick_ms, deaf_ms; /* see look_after() */
    uint32_t sent_ms, lowered_ms;
    int32_t current_mA;         /* what the charger may give */
    int32_t judged_mA;          /* what it is held to */
    int32_t sent_mA;
    uint8_t on, sent_on, complete, silent, over, no_current, sick, gone, sent;
} charging;

typedef struct {
    uint8_t code, occurrences; /* code as on the bus; 0: empty */
    uint32_t first_seen_ds;    /* 0.1 s of operating time */
} dtc_entry;

/* see thermal.c */
typedef struct {
    uint32_t looked_ms;         /* when the sensors were last compared with what they had shown a second before */
    int16_t before_dC[SENSORS];
    uint8_t rising_s[SENSORS];  /* for so many seconds each has risen fast */
    uint16_t spread_ms;
    uint8_t spread, rise, runaway, cooling;
} thermal;

/* survives a warm start: the controller's non-volatile memory */
typedef struct {
    uint32_t magic;
    uint64_t operating_ms;
    int64_t charge_nC; /* left in the pack; mA x us */
    dtc_entry dtc[DTC_ENTRIES];
    uint8_t dtc_count, deep_discharged, crashed, charge_known;
} nonvolatile;

#ifndef TX_COUNT
#define TX_COUNT 13 /* messages that it sends */
#endif
typedef struct {
    uint32_t due_ms[TX_COUNT];
    uint8_t counter[TX_COUNT];
    uint64_t last[TX_COUNT]; /* what makes an event message send itself */
    uint8_t cell_group, sensor_group, balance_group, dtc_entry, page;
    uint8_t turn, active_code;             /* of a dialect that shows one fault in each frame, */
    uint32_t shown_faults, shown_warnings; /* and of one that has them on pages of one message */
#ifdef LONG_MESSAGES /* of a dialect that sends some in several frames */
    transport long_messages[LONG_MESSAGES];
    uint32_t long_due_ms[LONG_MESSAGES];
    uint64_t told_codes;
#endif
} transmit;

typedef struct bms_data {
    uint32_t magic;
    uint64_t start_ns;
    uint32_t now_ms, stepped_ms, step_ms; /* since power-on; instant and length of the last step */
    uint32_t rest_ms;
    int64_t guess_mV; /* sum of what the first SOC is made from, see soc.c */
    uint32_t guess_samples;
    uint8_t state, goal;      /* goal: the request that precharge serves */
    uint8_t first_fault;      /* its code; 0: none */
    uint8_t late, started;
    uint32_t latched, present, warned, known; /* fault bits */
    int32_t value[FAULT_COUNT];               /* what each monitor looks at */
    monitor monitors[FAULT_COUNT];
    rx_state rx[RX_COUNT];
    rx_state carrier[CARRIERS]; /* counter and checksum are those of the carrier */
    inputs in;
    measurements m;
    thermal heat;
    contactors hv;
    charging charge;
    int32_t discharge_limit_mA, charge_limit_mA;
    uint16_t beyond_ms[2]; /* for so long the current is beyond its limit: discharge, charge */
    uint16_t stray_ms;     /* for so long there is a current although all contactors are open */
    uint8_t derating, balancing;
    uint64_t balance[2]; /* 48 cells each */
    transmit tx;
    nonvolatile nv;
} bms_data;
#endif
