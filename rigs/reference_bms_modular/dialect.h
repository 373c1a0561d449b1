/* The reference BMS on a pack of three strings of 32 cells of 60 Ah. Its messages: dbc/modular_*.dbc */
#ifndef DIALECT_H
#define DIALECT_H

#define TX_COUNT 11
#define STRINGS 3
#define CAPACITY_mAh 180000
#define CHARGE_VOLTAGE_mV 112000 /* 3.50 V per cell */

/* a string's cells come three in each frame, eleven frames in turn, the last with two */
#define STRING_PAGE_CELLS 3
#define STRING_PAGES 11
#define CELL_FRAMES (STRINGS * STRING_PAGES)

#define PACK_LIMITS \
    [FAULT_PACK_OVERVOLTAGE] = {115000, NO_LEVEL, 117500, 113000, 500 - MARGIN, +1, WHEN_ALWAYS}, \
    [FAULT_PACK_UNDERVOLTAGE] = {92000, NO_LEVEL, 80000, 95000, 500 - MARGIN, -1, WHEN_ALWAYS},
#endif
