#include "vehicle.h"

#include <math.h>

#define GRAVITY 9.80665 /* CGPM 1901 */
#define STANDS_m_s 0.1  /* slower, with a driver who wants to stop, the brake holds the vehicle */

typedef struct { /* forces of one step, in N */
    double motor, brake, rolling, drag, climb;
} forces;

static double clamp(double x, double low, double high) { return x < low ? low : x > high ? high : x; }

double vehicle_current(double power_W, double emf_V, double resistance_Ohm)
{
    const double square = emf_V * emf_V - 4.0 * resistance_Ohm * power_W;
    if (square <= 0.0) return emf_V / (2.0 * resistance_Ohm);
    return 2.0 * power_W / (emf_V + sqrt(square));
}

/* Most and least power at the link: by the BMS's currents, by the link's voltages and by what a pack can give. */
static void power_range(const vehicle_state *at, double *low_W, double *high_W)
{
    const double e = at->emf_V, r = at->resistance_Ohm;
    double most = (e - at->low_V) / r, least = (e - at->high_V) / r;
    if (most > at->discharge_A) most = at->discharge_A;
    if (most > e / (2.0 * r)) most = e / (2.0 * r);
    if (least < -at->charge_A) least = -at->charge_A;
    if (most < 0.0) most = 0.0;
    if (least > 0.0) least = 0.0;
    *high_W = most * (e - r * most);
    *low_W = least * (e - r * least);
}

static void shift(const vehicle_type *type, vehicle_state *at, double dt_s)
{
    const double turn = at->speed_m_s / type->wheel_m;
    const int gear = (int)at->gear;
    int next = gear;
    if (at->shifting_s > 0.0) {
        at->shifting_s -= dt_s;
        return;
    }
    if (gear + 1 < (int)type->gears && turn * type->gear[gear] > type->up_rad_s) next = gear + 1;
    else if (gear > 0 && turn * type->gear[gear] < type->down_rad_s) next = gear - 1;
    if (next == gear) return;
    at->gear = next;
    at->shifting_s = type->shift_s;
}

/* Road and air at this speed. */
static forces resist(const vehicle_type *type, const vehicle_state *at, double mass_kg)
{
    const double slant = 1.0 / sqrt(1.0 + at->grade * at->grade), v = at->speed_m_s;
    const double weight = mass_kg * GRAVITY * slant; /* on the road */
    return (forces){.rolling = weight * (type->rolling + type->rolling_s_m * v),
                    .drag = type->drag_kg_m * v * v,
                    .climb = weight * at->grade};
}

/* The force at the wheels that an experienced driver calls for. */
static double wanted(const vehicle_type *type, const vehicle_state *at, const forces *road, double inertia_kg,
                     double look_m_s)
{
    const double target = look_m_s < type->limit_m_s ? look_m_s : type->limit_m_s;
    const double change = clamp((target - at->speed_m_s) / type->preview_s, -type->decelerate_m_s2,
                                type->accelerate_m_s2);
    return inertia_kg * change + road->rolling + road->drag + road->climb;
}

/* The part of a wanted braking force that the drive is asked for. */
static double regenerated(const vehicle_type *type, const vehicle_state *at, double force)
{
    const double range = type->regen_on_m_s - type->regen_off_m_s;
    return force * type->regen_share * clamp((at->speed_m_s - type->regen_off_m_s) / range, 0.0, 1.0);
}

static double ratio_of(const vehicle_type *type, const vehicle_state *at)
{
    return type->gear[(int)at->gear] / type->wheel_m;
}

/* The torque that a force at the wheels takes from the drive: what grip leaves, and of braking what is its part. */
static double asked(const vehicle_type *type, vehicle_state *at, double force, double mass_kg, double dt_s)
{
    const double ratio = ratio_of(type, at), efficiency = type->gear_efficiency;
    const double grip = type->grip * mass_kg * GRAVITY;
    double ask = force > 0.0 ? force : regenerated(type, at, force);
    if (fabs(ask) > grip) {
        at->at_grip_s += dt_s;
        ask = copysign(grip, ask);
    }
    if (at->shifting_s > 0.0) return 0.0;
    return ask > 0.0 ? ask / (ratio * efficiency) : ask * efficiency / ratio;
}

/* Forces of the drive at the wheels, and of the brakes, which fill what is missing of a wanted braking. */
static void on_wheels(const vehicle_type *type, const vehicle_state *at, forces *f, double force, double mass_kg)
{
    const double ratio = ratio_of(type, at), torque = at->drive.torque_Nm;
    f->motor = torque > 0.0 ? torque * ratio * type->gear_efficiency : torque * ratio / type->gear_efficiency;
    f->brake = force < 0.0 ? clamp(f->motor - force, 0.0, type->brake_m_s2 * mass_kg) : 0.0;
}

/* Drive and brakes answer the driver; sets the forces of both. */
static void act(const vehicle_type *type, vehicle_state *at, forces *f, double force, double mass_kg, double low_W,
                double high_W, double dt_s)
{
    const double request = asked(type, at, force, mass_kg, dt_s), speed = at->speed_m_s * ratio_of(type, at);
    const int held = drive_step(&type->drive, &at->drive, request, speed, low_W, high_W, at->link_V, dt_s);
    if (held == DRIVE_AT_ITS_LIMIT) at->at_drive_s += dt_s;
    if (held == DRIVE_AT_HIGH) at->at_discharge_s += dt_s;
    if (held == DRIVE_AT_LOW) at->at_charge_s += dt_s;
    on_wheels(type, at, f, force, mass_kg);
}

/* Moves the vehicle; returns the way. It stops where its speed ends, and never rolls back: the brake holds it. */
static double move(vehicle_state *at, const forces *f, double inertia_kg, double dt_s)
{
    const double v = at->speed_m_s;
    const double change = (f->motor - f->brake - f->rolling - f->drag - f->climb) / inertia_kg;
    at->speed_m_s = v + change * dt_s;
    if (at->speed_m_s > 0.0) return 0.5 * (v + at->speed_m_s) * dt_s;
    at->speed_m_s = 0.0;
    return v > 0.0 ? -0.5 * v * v / change : 0.0;
}

/* The works of this step's forces; returns that of the shaft. */
static double work(const vehicle_type *type, vehicle_state *at, const forces *f, double way_m)
{
    const double shaft_J = at->drive.torque_Nm * ratio_of(type, at) * way_m;
    at->gear_J += shaft_J - f->motor * way_m;
    at->rolling_J += f->rolling * way_m;
    at->drag_J += f->drag * way_m;
    at->climb_J += f->climb * way_m;
    at->brake_J += f->brake * way_m;
    at->way_m += way_m;
    return shaft_J;
}

/* What the link delivers for this step, and its sums. */
static void settle(const vehicle_type *type, vehicle_state *at, double shaft_J, double low_W, double high_W,
                   double dt_s)
{
    const double drive_W = shaft_J / dt_s + at->drive.loss_W;
    const double load_W = drive_W + type->aux_W;
    const double room_W = load_W - low_W; /* what a generator may give before the pack has too much */
    const double source_W = at->source_W < room_W ? at->source_W : room_W > 0.0 ? room_W : 0.0;
    const double missing_W = clamp(load_W - source_W - high_W, 0.0, load_W > 0.0 ? load_W : 0.0);
    const double power_W = load_W - source_W - missing_W;
    const double current_A = vehicle_current(power_W, at->emf_V, at->resistance_Ohm);
    at->link_V = at->emf_V - at->resistance_Ohm * current_A;
    at->current_A = current_A;
    at->power_W = at->link_V * current_A;
    *(current_A > 0.0 ? &at->drawn_J : &at->fed_J) += fabs(at->power_W) * dt_s;
    at->charge_As += current_A * dt_s;
    at->source_J += source_W * dt_s;
    at->aux_J += type->aux_W * dt_s;
    at->unserved_J += missing_W * dt_s;
    at->drive_J += at->drive.loss_W * dt_s;
    if (current_A > at->most_A) at->most_A = current_A;
    if (current_A < at->least_A) at->least_A = current_A;
}

static void step(const vehicle_type *type, vehicle_state *at, double look_m_s, double low_W, double high_W,
                 double dt_s)
{
    const double mass_kg = type->mass_kg + at->payload_kg, inertia_kg = mass_kg + type->rotating_kg;
    const int stands = at->speed_m_s < STANDS_m_s && look_m_s < STANDS_m_s;
    shift(type, at, dt_s);
    forces f = resist(type, at, mass_kg);
    const double force = stands ? 0.0 : wanted(type, at, &f, inertia_kg, look_m_s);
    act(type, at, &f, force, mass_kg, low_W, high_W, dt_s);
    if (stands) f.brake = type->brake_m_s2 * mass_kg;
    settle(type, at, work(type, at, &f, move(at, &f, inertia_kg, dt_s)), low_W, high_W, dt_s);
}

double vehicle_advance(const vehicle_type *type, vehicle_state *at, double first_m_s, double last_m_s,
                       double look_first_m_s, double look_last_m_s, double dt_s, long steps)
{
    const double charge_As = at->charge_As;
    double low_W, high_W;
    power_range(at, &low_W, &high_W);
    if (at->link_V <= 0.0) at->link_V = at->emf_V;
    for (long n = 0; n < steps; n++) {
        const double part = ((double)n + 0.5) / (double)steps, way_m = at->way_m;
        step(type, at, look_first_m_s + part * (look_last_m_s - look_first_m_s), low_W, high_W, dt_s);
        at->behind_m += (first_m_s + part * (last_m_s - first_m_s)) * dt_s - (at->way_m - way_m);
    }
    return (at->charge_As - charge_As) / (dt_s * (double)steps);
}

double vehicle_follow(const vehicle_type *type, vehicle_state *at, double look_m_s, double torque_Nm, double dt_s)
{
    const double mass_kg = type->mass_kg + at->payload_kg, inertia_kg = mass_kg + type->rotating_kg;
    const int stands = at->speed_m_s < STANDS_m_s && look_m_s < STANDS_m_s;
    shift(type, at, dt_s);
    at->drive.torque_Nm = torque_Nm;
    forces f = resist(type, at, mass_kg);
    on_wheels(type, at, &f, stands ? 0.0 : wanted(type, at, &f, inertia_kg, look_m_s), mass_kg);
    if (stands) f.brake = type->brake_m_s2 * mass_kg;
    work(type, at, &f, move(at, &f, inertia_kg, dt_s));
    if (at->speed_m_s < STANDS_m_s && look_m_s < STANDS_m_s) return 0.0;
    const forces next = resist(type, at, mass_kg);
    return asked(type, at, wanted(type, at, &next, inertia_kg, look_m_s), mass_kg, dt_s);
}
