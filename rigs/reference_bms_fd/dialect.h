/* The reference BMS on CAN FD: the laptop rig's pack, 24 cells or all sensors in one frame. Messages: dbc/fd_*.dbc */
#ifndef DIALECT_H
#define DIALECT_H

#define CELLS_PER_FRAME 24
#define SENSORS_PER_FRAME 16
#define TX_COUNT 13
#define HEADER 3 /* bytes of profile 5: checksum and counter */
#endif
