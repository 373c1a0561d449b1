/* The tables: limits, received messages, open-circuit voltage. */
#include "config.h"


#ifndef OWN_LIMITS /* else the dialect has a table of its own, for another kind of pack */
/* Units: mV, mA, 0.1 degC, Ohm; flags are 0 or 1. Monitors of flags that wait on their own have delay 0. */
const limit_config LIMITS[FAULT_COUNT] = {
    /*                                    warn    derate    open    release    delay       sign  when */
    [FAULT_CELL_OVERVOLTAGE]           = {3550,   3600,     3650,   3450,   500 - MARGIN,  +1, WHEN_ALWAYS},
    [FAULT_CELL_UNDERVOLTAGE]          = {2900,   2800,     2500,   3000,   500 - MARGIN,  -1, WHEN_ALWAYS},
#ifdef PACK_LIMITS
    PACK_LIMITS
#else
    [FAULT_PACK_OVERVOLTAGE]           = {345000, NO_LEVEL, 352000, 340000, 500 - MARGIN,  +1, WHEN_ALWAYS},
    [FAULT_PACK_UNDERVOLTAGE]          = {275000, NO_LEVEL, 240000, 285000, 500 - MARGIN,  -1, WHEN_ALWAYS},
#endif
    [FAULT_OVERTEMPERATURE_DISCHARGE]  = {500,    520,      550,    450,    5000 - 300,    +1, WHEN_ALWAYS},
    [FAULT_OVERTEMPERATURE_CHARGE]     = {420,    450,      500,    400,    5000 - 300,    +1, WHEN_CHARGING},
    [FAULT_UNDERTEMPERATURE_CHARGE]    = {50,     30,       0,      50,     5000 - 300,    -1, WHEN_CHARGING},
    [FAULT_UNDERTEMPERATURE_DISCHARGE] = {-150,   -200,     -300,   -100,   5000 - 300,    -1, WHEN_ALWAYS},
    [FAULT_OVERCURRENT_DISCHARGE]      = {400000, NO_LEVEL, 480000, 380000, 150 - 35,      +1, WHEN_ALWAYS},
    [FAULT_OVERCURRENT_CHARGE]         = {180000, NO_LEVEL, 200000, 170000, 150 - 35,      +1, WHEN_ALWAYS},
    [FAULT_PRECHARGE]                  = FLAG(0),
    [FAULT_CONTACTOR_WELD]             = FLAG(250 - MARGIN),
    [FAULT_CONTACTOR_FEEDBACK]         = FLAG(200 - MARGIN),
    [FAULT_INTERLOCK]                  = FLAG(100 - 15),
    [FAULT_ISOLATION]                  = {175000, NO_LEVEL, 35000,  200000, 2000 - 100,    -1, WHEN_ALWAYS},
    [FAULT_CELL_SENSOR]                = FLAG(500 - MARGIN),
    [FAULT_TEMPERATURE_SENSOR]         = FLAG(500 - MARGIN),
    [FAULT_CURRENT_SENSOR]             = FLAG(0),
    [FAULT_FRAME_TIMEOUT]              = FLAG(0),
    [FAULT_E2E]                        = FLAG(0),
    [FAULT_CHARGER]                    = FLAG(0),
    [FAULT_DEEP_DISCHARGE]             = {NO_LEVEL, NO_LEVEL, 2000, 2000,   500 - MARGIN,  -1, WHEN_ALWAYS},
    [FAULT_VOLTAGE_PLAUSIBILITY]       = {NO_LEVEL, NO_LEVEL, 7000, 5000,   1000 - MARGIN, +1, WHEN_ALWAYS},
    [FAULT_INTERNAL]                   = FLAG(0),
};
#endif

#ifndef DIALECT /* else messages.c of the dialect has them */
#define CELL_FRAME(k) [RX_CELLS + (k)] = {0x201 + (k), 0, 8, PROTECTED_P1, 500 - MARGIN}

const rx_config RX[RX_COUNT] = {
    CELL_FRAME(0), CELL_FRAME(1), CELL_FRAME(2), CELL_FRAME(3), CELL_FRAME(4), CELL_FRAME(5),
    CELL_FRAME(6), CELL_FRAME(7), CELL_FRAME(8), CELL_FRAME(9), CELL_FRAME(10), CELL_FRAME(11),
    CELL_FRAME(12), CELL_FRAME(13), CELL_FRAME(14), CELL_FRAME(15), CELL_FRAME(16), CELL_FRAME(17),
    CELL_FRAME(18), CELL_FRAME(19), CELL_FRAME(20), CELL_FRAME(21), CELL_FRAME(22), CELL_FRAME(23),
    [RX_TEMPERATURES]      = {0x220, 0, 8, PROTECTED_P1, 500 - MARGIN},
    [RX_CM_STATUS]         = {0x221, 0, 8, PROTECTED_P1, 500 - MARGIN},
    [RX_JB_STATUS]         = {0x230, 0, 8, PROTECTED_P1, 250 - 20},
    [RX_JB_ISOLATION]      = {0x231, 0, 8, PROTECTED_P1, 2500 - 50},
    [RX_CURRENT]           = {0x521, 0, 6, PROTECTED_COUNTER, 200 - 20},
    [RX_PACK_VOLTAGE]      = {0x522, 0, 6, PROTECTED_COUNTER, 500 - MARGIN},
    [RX_LINK_VOLTAGE]      = {0x523, 0, 6, PROTECTED_COUNTER, 500 - MARGIN},
    [RX_SHUNT_TEMPERATURE] = {0x525, 0, 6, PROTECTED_COUNTER, 0},
    [RX_REQUEST]           = {0x110, 0, 8, PROTECTED_P1, 500 - MARGIN},
    [RX_CHARGER]           = {0x18FF50E5, 1, 8, PROTECTED_NOT, 0},
};
#endif

/* Rest voltage of the cell in ppm and 0.01 mV, middle between charge and discharge, 25 degC (C/50 test of the
 * 100 Ah cell of the same family), and what it changes by in uV/K (the same test at 15 and 55 degC). Between 94 and 99 % it says next to nothing: hence the band in soc.c. */
const ocv_point OCV[OCV_POINTS] = {
    {0, 285178, -263}, {19531, 302989, 276}, {50781, 317696, 129}, {66406, 319381, 92}, {101562, 320137, 9},
    {125000, 321426, 3}, {148438, 322694, -3}, {199219, 325520, -16}, {250000, 327480, 75},
    {300781, 328346, 165}, {351562, 328832, 256}, {398438, 329198, 229}, {449219, 329559, 199},
    {500000, 329995, 170}, {550781, 330588, 135}, {601562, 331712, 101}, {648438, 332299, 69},
    {699219, 332913, 53}, {750000, 333334, 38}, {800781, 333740, 22}, {851562, 334074, -3},
    {898438, 334780, -26}, {921875, 335237, -75}, {937500, 336049, -108}, {953125, 336064, -141},
    {976562, 336088, -192}, {992188, 336103, -227}, {996094, 340483, -236}, {1000000, 360876, -245},
};
