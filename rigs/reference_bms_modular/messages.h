#ifndef MESSAGES_H
#define MESSAGES_H
#include "config.h"

static inline unsigned page_of(const uint8_t *data)
{
    return data[1] >> 4;
}

extern const rx_config STRING_CELLS[STRINGS]; /* the carriers of the cells' pages */
#endif
