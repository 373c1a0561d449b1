/* When a frame is to be sent; what is in it is the dialect's affair. */
#ifndef CAN_TX_H
#define CAN_TX_H
#include "bms.h"
#include "bms_data.h"

/* Whether message k goes out now: its cycle has come, or what it watches is another than the last time. */
bool tx_goes_out(bms_data *b, int k, uint16_t cycle_ms, uint64_t (*watch)(bms_data *b));

/* The entry of the fault memory whose turn it is, and its number. */
const dtc_entry *tx_next_dtc(bms_data *b, unsigned *entry);

/* Whether the charger shall charge. */
bool charger_is_asked(const bms_data *b);

/* Whether the charger's command is due: once a second, and soon after a change. Notes what is sent. */
bool charger_command_is_due(bms_data *b);

/* The command of an Elcon charger, if it is due: no protection, big-endian. */
bool charger_command(bms_data *b, bms_frame *frame);
#endif
