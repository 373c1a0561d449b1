/* When a frame is to be sent; what is in it is the dialect's affair. */
#ifndef CAN_TX_H
#define CAN_TX_H
#include "bms.h"
#include "bms_data.h"

/* Whether message k, of this cycle, is due; moves on to its next time. */
bool tx_is_due(bms_data *b, int k, uint16_t cycle_ms);

/* Whether what message k watches is another than the last time. */
bool tx_has_changed(bms_data *b, int k, uint64_t watched);

/* Whether the charger shall charge. */
bool charger_is_asked(const bms_data *b);

/* Whether the charger's command is due: once a second, and soon after a change. Notes what is sent. */
bool charger_command_is_due(bms_data *b);

/* The command of an Elcon charger, if it is due: no protection, big-endian. */
bool charger_command(bms_data *b, bms_frame *frame);
#endif
