/* What it receives. */
#include "config.h"

const rx_config RX[RX_COUNT] = {
    [RX_CELLS + 0]    = {0x211, 0, 64, PROTECTED_P5, 500 - MARGIN},
    [RX_CELLS + 1]    = {0x212, 0, 64, PROTECTED_P5, 500 - MARGIN},
    [RX_CELLS + 2]    = {0x213, 0, 64, PROTECTED_P5, 500 - MARGIN},
    [RX_CELLS + 3]    = {0x214, 0, 64, PROTECTED_P5, 500 - MARGIN},
    [RX_TEMPERATURES] = {0x220, 0, 48, PROTECTED_P5, 500 - MARGIN},
    [RX_CM_STATUS]    = {0x221, 0, 12, PROTECTED_P5, 500 - MARGIN},
    [RX_JB_STATUS]    = {0x230, 0, 8, PROTECTED_P5, 250 - 20},
    [RX_JB_ISOLATION] = {0x231, 0, 8, PROTECTED_P5, 2500 - 50},
    [RX_CURRENT]      = {0x232, 0, 8, PROTECTED_P5, 200 - 20},
    [RX_PACK_VOLTAGE] = {0x233, 0, 12, PROTECTED_P5, 500 - MARGIN}, /* the link's voltage is in it as well */
    [RX_REQUEST]      = {0x110, 0, 8, PROTECTED_P5, 500 - MARGIN},
    [RX_CHARGER]      = {0x18FF50E5, 1, 8, PROTECTED_NOT, 0}, /* a classic frame */
};
