#include "induction.h"

#include <math.h>

#include "drive.h"

#define SQRT3 1.7320508075688772
#define PI 3.141592653589793
#define LEAST_FLUX 0.02 /* of the rated one: below it the slip would have no bounds */

static double clamp(double x, double low, double high) { return x < low ? low : x > high ? high : x; }
static double square(double x) { return x * x; }

static double stator_H(const induction_type *m) { return m->lm_H + m->lls_H; }
static double rotor_H(const induction_type *m) { return m->lm_H + m->llr_H; }
static double coupling(const induction_type *m) { return m->lm_H / rotor_H(m); }
static double transient_H(const induction_type *m) { return stator_H(m) - m->lm_H * coupling(m); } /* sigma Ls */
static double most_V(const induction_type *m, double link_V) { return m->voltage_share * link_V / SQRT3; }

/* Torque over iq, at a flux. */
static double torque_per_A(const induction_type *m, double flux) { return 1.5 * m->pole_pairs * coupling(m) * flux; }

/* Lm iq / (tau_r psi) */
static double slip(const induction_type *m, double flux, double iq)
{
    const double least = LEAST_FLUX * m->flux_Wb;
    return m->rr_Ohm * coupling(m) * iq / (flux > least ? flux : least);
}

/* Below base speed the rated flux. Above it the voltage without load (what the resistance drops aside), we psi Ls / Lm, has the share of the most voltage
 * that leaves room for the most current across the transient inductance; where that is too little for the current, the
 * share 1/sqrt(2) gives the most torque. */
double induction_flux(const induction_type *m, double rotor_rad_s, double link_V)
{
    const double slip_most = slip(m, m->flux_Wb, m->current_A), across = m->rs_Ohm * m->current_A;
    const double most = most_V(m, link_V) - across > 0.0 ? most_V(m, link_V) - across : 0.0;
    const double we = fabs(rotor_rad_s) + slip_most, drop = we * transient_H(m) * m->current_A;
    const double share = drop < most * 0.70710678118654752 ? sqrt(1.0 - square(drop / most)) : 0.70710678118654752;
    const double flux = share * most * m->lm_H / (we * stator_H(m) + 1e-9);
    return flux < m->flux_Wb ? flux : m->flux_Wb;
}

/* |v|^2 = A iq^2 + B iq + C in steady state; the braking side has the smaller |iq| at the same voltage or the greater,
 * so both roots are looked at and the smaller magnitude is kept: one limit for both sides. */
double induction_most_iq(const induction_type *m, const induction_state *at, double we, double link_V)
{
    const double id = at->id_A, r = m->rs_Ohm, x = fabs(we) * transient_H(m);
    const double emf = fabs(we) * coupling(m) * at->flux_Wb;
    const double a = r * r + x * x, b = 2.0 * r * emf, c = square(r * id) + square(x * id + emf);
    const double room = square(most_V(m, link_V)) - c, left = square(m->current_A) - id * id;
    const double by_current = left > 0.0 ? sqrt(left) : 0.0;
    const double by_voltage = room > 0.0 ? (sqrt(b * b + 4.0 * a * room) - b) / (2.0 * a) : 0.0;
    return by_current < by_voltage ? by_current : by_voltage;
}

/* Losses that do not depend on iq, and the factor of iq^2. */
static double fixed_losses(const induction_type *m, const induction_state *at, double we)
{
    const double amplitude = hypot(at->id_A, at->iq_A);
    return 1.5 * m->rs_Ohm * square(at->id_A) + m->iron_W_V2 * square(we * at->flux_Wb)
           + amplitude * (m->device_V + m->device_Ohm * amplitude);
}

/* iq within what the link may be asked for: roots of R iq^2 + k w iq + fixed = P. */
static double within_power(const induction_type *m, const induction_state *at, double iq, double speed, double low_W,
                           double high_W, int *held)
{
    const double a = 1.5 * (m->rs_Ohm + m->rr_Ohm * square(coupling(m))), way = speed < 0.0 ? -1.0 : 1.0;
    const double b = torque_per_A(m, at->flux_Wb) * fabs(speed);
    const double fixed = fixed_losses(m, at, at->electric_rad_s), high = high_W - fixed, low = low_W - fixed;
    const double drives = way * iq, taken = a * iq * iq + b * drives;
    if (drives > 0.0 && taken > high) {
        *held = DRIVE_AT_HIGH;
        return high > 0.0 ? way * 2.0 * high / (b + sqrt(b * b + 4.0 * a * high)) : 0.0;
    }
    if (drives < 0.0 && taken < low && low < 0.0) { /* so there is a root between iq and 0 */
        *held = DRIVE_AT_LOW;
        return way * 2.0 * low / (b + sqrt(b * b + 4.0 * a * low));
    }
    return iq;
}

/* Kolar and Round (2006): rms current of the link's capacitor under space-vector modulation; most of it is at twice the
 * switching frequency. */
static void ripple(const induction_type *m, induction_state *at, double link_V)
{
    const double amplitude = hypot(at->id_A, at->iq_A), volts = hypot(at->vd_V, at->vq_V);
    const double index = 2.0 * volts / link_V;
    const double power = volts * amplitude > 0.0 ? (at->vd_V * at->id_A + at->vq_V * at->iq_A) / (volts * amplitude) : 0.0;
    const double inner = 2.0 * index * (SQRT3 / (4.0 * PI) + square(power) * (SQRT3 / PI - 9.0 * index / 16.0));
    at->ripple_A = amplitude / sqrt(2.0) * sqrt(inner > 0.0 ? inner : 0.0);
    at->ripple_V = at->ripple_A / (2.0 * PI * 2.0 * m->switching_Hz * m->link_F);
}

static double magnetic_J(const induction_type *m, const induction_state *at)
{
    return 0.75 * (transient_H(m) * (square(at->id_A) + square(at->iq_A)) + square(at->flux_Wb) / rotor_H(m));
}

/* Voltages at the middle of the step, by the stator's equations. */
static void voltages(const induction_type *m, const induction_state *old, induction_state *at, double dt_s)
{
    const double sigma = transient_H(m), k = coupling(m), we = at->electric_rad_s;
    const double id = 0.5 * (old->id_A + at->id_A), iq = 0.5 * (old->iq_A + at->iq_A);
    const double flux = 0.5 * (old->flux_Wb + at->flux_Wb);
    at->vd_V = m->rs_Ohm * id + sigma * (at->id_A - old->id_A) / dt_s - we * sigma * iq
               + k * (at->flux_Wb - old->flux_Wb) / dt_s;
    at->vq_V = m->rs_Ohm * iq + sigma * (at->iq_A - old->iq_A) / dt_s + we * (sigma * id + k * flux);
}

static void losses(const induction_type *m, const induction_state *old, induction_state *at, double dt_s)
{
    const double id = 0.5 * (old->id_A + at->id_A), iq = 0.5 * (old->iq_A + at->iq_A);
    const double flux = 0.5 * (old->flux_Wb + at->flux_Wb), amplitude = hypot(id, iq);
    const double ird = (flux - m->lm_H * id) / rotor_H(m), irq = -coupling(m) * iq;
    at->copper_W = 1.5 * (m->rs_Ohm * (id * id + iq * iq) + m->rr_Ohm * (ird * ird + irq * irq));
    at->iron_W = m->iron_W_V2 * square(at->electric_rad_s * flux);
    at->inverter_W = amplitude * (m->device_V + m->device_Ohm * amplitude);
    at->stored_W = (magnetic_J(m, at) - magnetic_J(m, old)) / dt_s;
}

double induction_step(const induction_type *m, induction_state *at, double request_Nm, double speed, double low_W,
                      double high_W, double link_V, double dt_s, double *loss_W, int *held)
{
    const induction_state old = *at;
    const double rotor = m->pole_pairs * speed, tau_s = rotor_H(m) / m->rr_Ohm;
    const double target = induction_flux(m, rotor, link_V);
    const double id_most = 0.9 * m->current_A, least = LEAST_FLUX * m->flux_Wb;
    const double id_ref = clamp((target + m->flux_gain * (target - at->flux_Wb)) / m->lm_H, 0.0, id_most);
    const double per_A = torque_per_A(m, at->flux_Wb > least ? at->flux_Wb : least);
    const double most = induction_most_iq(m, at, at->electric_rad_s, link_V), asked = request_Nm / per_A;
    double iq_ref = clamp(asked, -most, most);
    if (fabs(asked) > most * (1.0 + 1e-9)) *held = DRIVE_AT_ITS_LIMIT;
    iq_ref = within_power(m, at, iq_ref, speed, low_W, high_W, held);
    const double reach = -expm1(-m->loop_rad_s * dt_s);
    at->id_A += (id_ref - at->id_A) * reach;
    at->iq_A += (iq_ref - at->iq_A) * reach;
    const double magnetised = 0.5 * m->lm_H * (old.id_A + at->id_A);
    at->flux_Wb += (magnetised - at->flux_Wb) * -expm1(-dt_s / tau_s);
    at->electric_rad_s = rotor + slip(m, 0.5 * (old.flux_Wb + at->flux_Wb), 0.5 * (old.iq_A + at->iq_A));
    voltages(m, &old, at, dt_s);
    losses(m, &old, at, dt_s);
    ripple(m, at, link_V);
    *loss_W = at->copper_W + at->iron_W + at->inverter_W + at->stored_W;
    return torque_per_A(m, 0.5 * (old.flux_Wb + at->flux_Wb)) * 0.5 * (old.iq_A + at->iq_A);
}
