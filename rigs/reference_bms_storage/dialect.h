/* The reference BMS in a low-voltage storage battery: 16 cells of 280 Ah behind relays, on a slow bus that it shares
 * with its inverter. No isolation monitor: 60 V are not reached. Its messages: dbc/storage_*.dbc */
#ifndef DIALECT_H
#define DIALECT_H

#define CELLS 16
#define SENSORS 4
#define CAPACITY_mAh 280000
#define TX_COUNT 19
#define OWN_LIMITS /* in messages.c */

#define DISCHARGE_NOMINAL_mA 200000
#define CHARGE_NOMINAL_mA 140000
#define CHARGE_TRICKLE_mA 14000
#define CHARGE_VOLTAGE_mV 56000 /* 3.50 V per cell */
#define CHARGE_CURRENT_mA 140000
#define CHARGE_FULL_mA 14000
#define DISCHARGE_VOLTAGE_mV 44800 /* 2.80 V per cell: where the inverter ends */

/* the relay unit speaks five times a second, all others once */
#define GROUP_STALE_ms 3000u
#define CURRENT_GAP_ms 500u
#define SHUNT_INVALID_ms 500u
#define STRAY_ms 1000u
#define LINK_LOOK_ms 50
#define LINK_MIN_PACK_mV 20000
#define OPEN_WAIT_ms 600u
#define PRECHARGE_SHORT_ms 1480u
#define PRECHARGE_TIMEOUT_ms 3900u
#define BEYOND_FAULT_ms 10970
#endif
