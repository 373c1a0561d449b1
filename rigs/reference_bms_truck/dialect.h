/* The reference BMS in a truck: SAE J1939, the HVESS messages and its own. Its messages: dbc/truck_*.dbc */
#ifndef DIALECT_H
#define DIALECT_H

#define TX_COUNT 14
#endif
