/* When a frame is to be sent; what is in it is the dialect's affair. */
#ifndef CAN_TX_H
#define CAN_TX_H
#include "bms.h"
#include "bms_data.h"

/* Whether message k goes out now: its cycle has come, or what it watches is another than the last time. */
bool tx_goes_out(bms_data *b, int k, uint16_t cycle_ms, uint64_t (*watch)(bms_data *b));

/* The entry of the fault memory whose turn it is, and its number. */
const dtc_entry *tx_next_dtc(bms_data *b, unsigned *entry);

/* Crash, spread and rise of temperatures, precursor of a thermal runaway, cooling: bits 0 to 4. */
uint64_t tx_alarms(const bms_data *b);

/* An isolation in 100 Ohm; 65535 while none is known. */
int32_t tx_isolation(const bms_data *b, int32_t value_Ohm);

/* Whether the charger shall charge. */
bool charger_is_asked(const bms_data *b);

/* Whether the charger's command is due: once a second, and soon after a change. Notes what is sent. */
bool charger_command_is_due(bms_data *b);

/* The command of an Elcon charger, if it is due: no protection, big-endian. */
bool charger_command(bms_data *b, bms_frame *frame);
#endif
