/* A traction drive, inverter and motor, between the DC link and a shaft. Plain C11: no Python, no heap, no globals.
 *
 * SI units. Torque > 0 drives; power > 0 is taken from the link. The simple drive is a torque with a slew rate inside
 * an envelope, and a polynomial of losses; docs/vehicles.md has the formulae.
 */
#ifndef BMS_HIL_DRIVE_H
#define BMS_HIL_DRIVE_H
#include "induction.h"

typedef struct {           /* a block of doubles, in this order */
    double torque_Nm;      /* most torque, either way */
    double power_W;        /* most power at the shaft while it drives */
    double regen_W;        /* most power at the shaft while it brakes */
    double speed_rad_s;    /* above it there is no torque */
    double slew_Nm_s;      /* rate of the torque */
    double idle_W;         /* inverter and cooling while it is on */
    double spin_W_s;       /* losses that follow the speed: iron, bearings */
    double through;        /* losses that follow the power at the shaft: what the inverter switches */
    double copper_W_Nm2;   /* losses that follow the square of the torque */
    double model;          /* 0: the polynomial; 1: the induction motor */
    induction_type motor;
} drive_type;

typedef struct {
    double torque_Nm;
    double loss_W;         /* what it takes beyond the power at the shaft */
    double request_Nm;     /* after the slew rate */
    induction_state motor;
} drive_state;

enum { DRIVE_FREE, DRIVE_AT_ITS_LIMIT, DRIVE_AT_HIGH, DRIVE_AT_LOW }; /* what held the torque back */

/* One step. `low_W` <= 0 <= `high_W`: what the link gives and takes. Returns what held the torque back. */
int drive_step(const drive_type *type, drive_state *state, double request_Nm, double speed_rad_s, double low_W,
               double high_W, double link_V, double dt_s);
#endif
