/* What a reading does to the inputs, in whichever message of whichever dialect it came. */
#ifndef INPUTS_H
#define INPUTS_H
#include "bms_data.h"

/* The cell monitors: whether they are well, whether a sense wire is open, and which one. */
void hear_monitor(inputs *in, bool ok, uint8_t open_wire, uint8_t open_tap);

/* All sensors of a group have been read. */
void hear_sensors(bms_data *b, unsigned group);

/* Isolation of both poles in 100 Ohm, where there is a value now. */
void hear_isolation(bms_data *b, int32_t plus, int32_t minus);

/* A current that the sensor calls good; one beyond its range is none. */
void hear_current(bms_data *b, uint64_t now_ns, int32_t current_mA);

/* A voltage that the sensor calls good. */
void hear_pack_voltage(bms_data *b, int32_t voltage_mV);
void hear_link_voltage(bms_data *b, int32_t voltage_mV);

/* A voltage or current of a sensor that sends each as a message: channel 0 current, 1 pack, 2 link; in mA or mV. */
void hear_shunt(bms_data *b, unsigned channel, uint64_t now_ns, int32_t value);

/* What is asked for; a reset counts when it begins, in standby. */
void hear_request(inputs *in, uint8_t mode, uint8_t reset);

/* The status of an Elcon charger. */
void hear_charger(inputs *in, const uint8_t *data);

/* Old values of a node that is silent are not values. */
void forget_sensors(inputs *in);
void forget_request(inputs *in);

/* Whether a message has been away for longer than it may. */
bool is_overdue(const bms_data *b, const rx_state *rx, uint32_t timeout_ms);
#endif
