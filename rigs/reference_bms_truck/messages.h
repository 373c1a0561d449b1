/* Addresses and identifiers on the vehicle's bus. */
#ifndef MESSAGES_H
#define MESSAGES_H
#include "config.h"

#define SA_VCU 0x27u
#define SA_MODULES 0x90u /* of the first of them */
#define SA_PDU 0xB0u
#define SA_BMS OWN_ADDRESS
#define SA_CHARGER 0xE5u

#define J1939(priority, pgn, source) ((uint32_t)(priority) << 26 | (uint32_t)(pgn) << 8 | (source))
#define J1939_TO(priority, pgn, destination, source) J1939(priority, (pgn) | (destination), source)
#endif
