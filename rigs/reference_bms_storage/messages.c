/* What it receives, and what it promises on a bus on which a fault may wait a second for its frame. */
#include "config.h"

#define SAY_ms (1000 + MARGIN) /* the cycle of the frame that says it */
#define FLAG_WITHIN(delay) FLAG((delay) - SAY_ms)

const limit_config LIMITS[FAULT_COUNT] = {
    /*                                    warn    derate    open    release    delay            sign  when */
    [FAULT_CELL_OVERVOLTAGE]           = {3550,   3600,     3650,   3450,   6000 - SAY_ms,  +1, WHEN_ALWAYS},
    [FAULT_CELL_UNDERVOLTAGE]          = {2900,   2800,     2500,   3000,   6000 - SAY_ms,  -1, WHEN_ALWAYS},
    [FAULT_PACK_OVERVOLTAGE]           = {57000,  NO_LEVEL, 58000,  56500,  6000 - SAY_ms,  +1, WHEN_ALWAYS},
    [FAULT_PACK_UNDERVOLTAGE]          = {46000,  NO_LEVEL, 42000,  47500,  6000 - SAY_ms,  -1, WHEN_ALWAYS},
    [FAULT_OVERTEMPERATURE_DISCHARGE]  = {500,    520,      550,    450,    10000 - SAY_ms, +1, WHEN_ALWAYS},
    [FAULT_OVERTEMPERATURE_CHARGE]     = {420,    450,      500,    400,    10000 - SAY_ms, +1, WHEN_CHARGING},
    [FAULT_UNDERTEMPERATURE_CHARGE]    = {50,     30,       0,      50,     10000 - SAY_ms, -1, WHEN_CHARGING},
    [FAULT_UNDERTEMPERATURE_DISCHARGE] = {-150,   -170,     -200,   -100,   10000 - SAY_ms, -1, WHEN_ALWAYS},
    [FAULT_OVERCURRENT_DISCHARGE]      = {250000, NO_LEVEL, 300000, 240000, 4000 - SAY_ms,  +1, WHEN_ALWAYS},
    [FAULT_OVERCURRENT_CHARGE]         = {180000, NO_LEVEL, 200000, 170000, 4000 - SAY_ms,  +1, WHEN_ALWAYS},
    [FAULT_PRECHARGE]                  = FLAG(0),
    [FAULT_CONTACTOR_WELD]             = FLAG_WITHIN(2000),
    [FAULT_CONTACTOR_FEEDBACK]         = FLAG_WITHIN(2000),
    [FAULT_INTERLOCK]                  = FLAG_WITHIN(3000),
    [FAULT_ISOLATION]                  = FLAG(0),
    [FAULT_CELL_SENSOR]                = FLAG_WITHIN(4000),
    [FAULT_TEMPERATURE_SENSOR]         = FLAG_WITHIN(4000),
    [FAULT_CURRENT_SENSOR]             = FLAG(0),
    [FAULT_FRAME_TIMEOUT]              = FLAG(0),
    [FAULT_E2E]                        = FLAG(0),
    [FAULT_CHARGER]                    = FLAG(0),
    [FAULT_DEEP_DISCHARGE]             = {NO_LEVEL, NO_LEVEL, 2000, 2000,   6000 - SAY_ms,  -1, WHEN_ALWAYS},
    [FAULT_VOLTAGE_PLAUSIBILITY]       = {NO_LEVEL, NO_LEVEL, 2000, 1500,   6000 - SAY_ms,  +1, WHEN_ALWAYS},
    [FAULT_INTERNAL]                   = FLAG(0),
};

#define ONCE_A_SECOND_ms (5000 - SAY_ms)
#define FIVE_A_SECOND_ms (3000 - SAY_ms)

const rx_config RX[RX_COUNT] = {
    [RX_CELLS + 0]         = {0x310, 0, 8, PROTECTED_NOT, ONCE_A_SECOND_ms},
    [RX_CELLS + 1]         = {0x311, 0, 8, PROTECTED_NOT, ONCE_A_SECOND_ms},
    [RX_CELLS + 2]         = {0x312, 0, 8, PROTECTED_NOT, ONCE_A_SECOND_ms},
    [RX_CELLS + 3]         = {0x313, 0, 8, PROTECTED_NOT, ONCE_A_SECOND_ms},
    [RX_TEMPERATURES]      = {0x314, 0, 8, PROTECTED_NOT, ONCE_A_SECOND_ms},
    [RX_CM_STATUS]         = {0x315, 0, 8, PROTECTED_NOT, ONCE_A_SECOND_ms},
    [RX_JB_STATUS]         = {0x320, 0, 1, PROTECTED_NOT, FIVE_A_SECOND_ms},
    [RX_CURRENT]           = {0x321, 0, 5, PROTECTED_NOT, FIVE_A_SECOND_ms},
    [RX_PACK_VOLTAGE]      = {0x322, 0, 7, PROTECTED_NOT, FIVE_A_SECOND_ms}, /* the link's voltage is in it as well */
    [RX_REQUEST]           = {0x300, 0, 2, PROTECTED_NOT, ONCE_A_SECOND_ms},
    [RX_CHARGER]           = {0x305, 0, 8, PROTECTED_NOT, 0}, /* the inverter is there: it must be while it charges */
};
