/* What it receives. The pages of a string's cells are watched one by one, and their carrier besides: its time-out
 * is that of the message, a page may be lost now and then. */
#include "messages.h"

#define CELL_TIMEOUT_ms (500 - 30)
#define PAGE_TIMEOUT_ms 1000

const rx_config STRING_CELLS[STRINGS] = {
    {0x241, 0, 8, PROTECTED_P1, CELL_TIMEOUT_ms},
    {0x242, 0, 8, PROTECTED_P1, CELL_TIMEOUT_ms},
    {0x243, 0, 8, PROTECTED_P1, CELL_TIMEOUT_ms},
};

#define PAGE(k) [RX_CELLS + (k)] = {0, 0, 8, PROTECTED_NOT, PAGE_TIMEOUT_ms}
#define STRING_OF_PAGES(k) \
    PAGE(k), PAGE(k + 1), PAGE(k + 2), PAGE(k + 3), PAGE(k + 4), PAGE(k + 5), PAGE(k + 6), PAGE(k + 7), \
        PAGE(k + 8), PAGE(k + 9), PAGE(k + 10)

const rx_config RX[RX_COUNT] = {
    STRING_OF_PAGES(0), STRING_OF_PAGES(11), STRING_OF_PAGES(22),
    [RX_TEMPERATURES]      = {0x250, 0, 8, PROTECTED_P1, 500 - 30},
    [RX_CM_STATUS]         = {0x251, 0, 8, PROTECTED_P1, 500 - 30},
    [RX_JB_STATUS]         = {0x260, 0, 8, PROTECTED_P1, 250 - 20},
    [RX_JB_ISOLATION]      = {0x261, 0, 8, PROTECTED_P1, 2500 - 50},
    [RX_CURRENT]           = {0x262, 0, 8, PROTECTED_P1, 200 - 20},
    [RX_PACK_VOLTAGE]      = {0x263, 0, 8, PROTECTED_P1, 500 - 30}, /* the link's voltage is in it as well */
    [RX_REQUEST]           = {0x2A0, 0, 8, PROTECTED_P1, 500 - 30},
    [RX_CHARGER]           = {0x18FF50E5, 1, 8, PROTECTED_NOT, 0},
};
