#include "drive.h"

#include <math.h>

static double clamp(double x, double low, double high) { return x < low ? low : x > high ? high : x; }

/* Most torque of the motor itself at a speed, driving or braking. */
static double envelope(const drive_type *type, double speed, double power_W)
{
    if (speed > type->speed_rad_s) return 0.0;
    return speed * type->torque_Nm > power_W ? power_W / speed : type->torque_Nm;
}

static double idle(const drive_type *type, double speed) { return type->idle_W + type->spin_W_s * fabs(speed); }

/* Most torque with which no more than `high_W` are drawn: the root of
 * copper T^2 + (1 + through) w T + idle(w) = high. */
static double most_torque(const drive_type *type, double speed, double high_W)
{
    const double a = type->copper_W_Nm2, b = (1.0 + type->through) * speed, left = high_W - idle(type, speed);
    if (left <= 0.0) return 0.0;
    return 2.0 * left / (b + sqrt(b * b + 4.0 * a * left));
}

/* Most braking torque, <= 0, with which no more than -`low_W` are fed back: the root nearest to 0 of
 * copper T^2 + (1 - through) w T + idle(w) = low. Without a root the losses eat the rest. */
static double least_torque(const drive_type *type, double speed, double low_W)
{
    const double a = type->copper_W_Nm2, b = (1.0 - type->through) * speed, left = low_W - idle(type, speed);
    const double square = b * b + 4.0 * a * left;
    if (square < 0.0) return -INFINITY;
    return 2.0 * left / (b + sqrt(square));
}

static int by_polynomial(const drive_type *type, drive_state *state, double request, double speed, double low_W,
                         double high_W)
{
    const double high = most_torque(type, speed, high_W), low = least_torque(type, speed, low_W);
    const double torque = clamp(request, low, high);
    state->torque_Nm = torque;
    state->loss_W = idle(type, speed) + type->through * fabs(torque * speed) + type->copper_W_Nm2 * torque * torque;
    return request > high ? DRIVE_AT_HIGH : request < low ? DRIVE_AT_LOW : DRIVE_FREE;
}

static int by_motor(const drive_type *type, drive_state *state, double request, double speed, double low_W,
                    double high_W, double link_V, double dt_s)
{
    const double idle_W = type->idle_W;
    int held = DRIVE_FREE;
    double loss_W;
    state->torque_Nm = induction_step(&type->motor, &state->motor, request, speed, low_W - idle_W, high_W - idle_W,
                                      link_V, dt_s, &loss_W, &held);
    state->loss_W = loss_W + idle_W;
    return held;
}

int drive_step(const drive_type *type, drive_state *state, double request_Nm, double speed, double low_W,
               double high_W, double link_V, double dt_s)
{
    const double slew = type->slew_Nm_s * dt_s, way = speed < 0.0 ? -1.0 : 1.0, turn = fabs(speed);
    const double pull = envelope(type, turn, type->power_W), push = -envelope(type, turn, type->regen_W);
    const double before = type->model > 0.0 ? state->request_Nm : state->torque_Nm;
    const double request = way * clamp(way * clamp(request_Nm, before - slew, before + slew), push, pull);
    int held;
    if (type->model > 0.0) {
        held = by_motor(type, state, request, speed, low_W, high_W, link_V, dt_s);
    } else {
        held = by_polynomial(type, state, way * request, turn, low_W, high_W);
        state->torque_Nm *= way;
    }
    state->request_Nm = request;
    if (held == DRIVE_FREE && (way * request_Nm > pull || way * request_Nm < push)) return DRIVE_AT_ITS_LIMIT;
    return held;
}
