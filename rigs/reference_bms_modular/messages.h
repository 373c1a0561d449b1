#ifndef MESSAGES_H
#define MESSAGES_H
#include "config.h"

extern const rx_config STRING_CELLS[STRINGS]; /* the carriers of the cells' pages */
#endif
