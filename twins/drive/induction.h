/* An induction motor under rotor-flux-oriented control, with its inverter, averaged over the switching. Plain C11.
 *
 * Frame: d on the rotor flux, amplitude-invariant, motor convention. The flux follows its own equation; the current
 * loops are what their tuning makes of them, one time constant; voltage and current limits bind the references. Energy:
 * what is taken from the link is shaft work, copper, iron and inverter losses and the change of the magnetic energy,
 * so the books close at any step. Steps of 1 ms or less follow the current loops.
 */
#ifndef BMS_HIL_INDUCTION_H
#define BMS_HIL_INDUCTION_H

typedef struct {          /* a block of doubles, in this order */
    double rs_Ohm, rr_Ohm;
    double lm_H, lls_H, llr_H; /* magnetising, leakage of stator and rotor */
    double pole_pairs;
    double flux_Wb;       /* rotor flux below base speed */
    double current_A;     /* most stator current, amplitude */
    double loop_rad_s;    /* bandwidth of the current loops */
    double flux_gain;     /* of the flux loop: time constant of the rotor over 1 + this */
    double voltage_share; /* of link / sqrt(3) that the modulator may use */
    double iron_W_V2;     /* iron loss over the square of the air gap's voltage */
    double device_V;      /* inverter loss over current amplitude */
    double device_Ohm;    /* and over its square */
    double link_F;        /* capacitor of the link */
    double switching_Hz;
} induction_type;

typedef struct {
    double flux_Wb, id_A, iq_A;
    double electric_rad_s; /* of the rotor flux */
    double vd_V, vq_V;     /* of the last step */
    double copper_W, iron_W, inverter_W, stored_W;
    double ripple_A, ripple_V; /* rms in and on the link's capacitor */
} induction_state;

/* Flux that the control wants at an electrical speed of the rotor. */
double induction_flux(const induction_type *type, double rotor_rad_s, double link_V);
/* Most torque component of the current that current and voltage limits leave at the present flux. */
double induction_most_iq(const induction_type *type, const induction_state *at, double electric_rad_s, double link_V);
/* One step; `request_Nm` is within what the caller allows. Returns the mean torque; `loss_W` is what it takes beyond
 * the power at the shaft. `low_W` and `high_W`: power at the link that may be fed back and drawn. */
double induction_step(const induction_type *type, induction_state *at, double request_Nm, double speed_rad_s,
                      double low_W, double high_W, double link_V, double dt_s, double *loss_W, int *held);
#endif
