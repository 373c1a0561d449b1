/* The reference BMS in a truck: SAE J1939, the HVESS messages and its own. Its messages: dbc/truck_*.dbc */
#ifndef DIALECT_H
#define DIALECT_H

#include "transport.h"

#define OWN_ADDRESS 0xF3u
#define TX_COUNT 13
#define LONG_MESSAGES 2 /* under way at the same time: to everybody, and to the vehicle's control unit */
#endif
