/* A vehicle along its road, with driver, brakes, gearbox and drive. Plain C11: no Python, no heap, no globals; the
 * caller owns the blocks of doubles.
 *
 * SI units; a speed is never negative. Current > 0 discharges the pack. In a step the forces stand still, so that the
 * speed is a straight line, and each force's work is force times way: the books of energy close to rounding.
 */
#ifndef BMS_HIL_VEHICLE_H
#define BMS_HIL_VEHICLE_H
#include "../drive/drive.h"

#define VEHICLE_GEARS 6

typedef struct {             /* a block of doubles, in this order */
    double mass_kg;          /* ready to drive, without payload */
    double rotating_kg;      /* what turns with the wheels, as mass */
    double rolling;          /* rolling resistance over weight */
    double rolling_s_m;      /* its growth with speed */
    double drag_kg_m;        /* air density x drag coefficient x area / 2 */
    double wheel_m;          /* radius */
    double grip;             /* adhesion x share of the weight on the driven axle */
    double brake_m_s2;       /* deceleration of the friction brakes */
    double regen_share;      /* of the wanted braking, asked from the drive first */
    double regen_off_m_s;    /* below this speed the drive does not brake, */
    double regen_on_m_s;     /* above this one it does all it can */
    double limit_m_s;        /* speed limiter */
    double preview_s;        /* the driver steers for the speed that the cycle has so much later */
    double accelerate_m_s2;  /* the driver's most acceleration */
    double decelerate_m_s2;  /* and deceleration */
    double gears, gear[VEHICLE_GEARS]; /* motor over wheel speed, slowest first */
    double gear_efficiency;
    double up_rad_s, down_rad_s; /* motor speeds at which the gearbox shifts */
    double shift_s;          /* without torque */
    double aux_W;            /* auxiliaries, always */
    drive_type drive;
} vehicle_type;

typedef struct {             /* a block of doubles, in this order */
    /* set from outside */
    double emf_V, resistance_Ohm;    /* the pack and its path to the link */
    double low_V, high_V;            /* of the link */
    double discharge_A, charge_A;    /* what the BMS allows, both >= 0 */
    double source_W;                 /* of a generator on the link */
    double payload_kg, grade;
    /* moved by steps */
    double speed_m_s, gear, shifting_s;
    drive_state drive;
    double current_A, link_V, power_W; /* of the last step */
    /* sums */
    double way_m, charge_As;
    double drawn_J, fed_J;           /* at the link, while it discharges and while it charges */
    double aux_J, drive_J, gear_J, rolling_J, drag_J, climb_J, brake_J, source_J;
    double unserved_J;               /* asked for beyond what the pack may give */
    double behind_m;                 /* what the cycle has gone further */
    double at_drive_s, at_discharge_s, at_charge_s, at_grip_s; /* held back by */
    double most_A, least_A;          /* current */
} vehicle_state;

/* `steps` steps of `dt_s`, while the cycle's speed goes straight from `first` to `last`, and the speed that the driver
 * looks at from `look_first` to `look_last`. Returns the mean current. */
double vehicle_advance(const vehicle_type *type, vehicle_state *state, double first_m_s, double last_m_s,
                       double look_first_m_s, double look_last_m_s, double dt_s, long steps);
/* One step with a drive elsewhere that has this torque; returns the torque to ask of it next. Nothing electrical moves. */
double vehicle_follow(const vehicle_type *type, vehicle_state *state, double look_m_s, double torque_Nm, double dt_s);
/* Current of a power: the root of P = I (E - R I), or the most that the pack can give. */
double vehicle_current(double power_W, double emf_V, double resistance_Ohm);
#endif
