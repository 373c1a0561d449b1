/* Equivalent-circuit cells in a pack of strings x series groups x parallel cells. Plain C11, no Python, no heap.
 *
 * Current > 0 discharges. SI units; temperatures in degC. All state lies in one block of doubles that the
 * caller owns, so saving it is a copy. The model and its formulae are written out in reference.py.
 */
#ifndef BMS_HIL_CELL_H
#define BMS_HIL_CELL_H
#include <stddef.h>

#define CELL_GRID 256 /* intervals of the tables over SOC 0..1 */

typedef struct {           /* one cell type; a block of doubles, in this order */
    double hysteresis_V;   /* half-width of the hysteresis loop */
    double gamma;          /* hysteresis rate per unit of SOC */
    double tau1_s, tau2_s; /* time constants of the RC pairs */
    double heat_J_per_K;   /* mass x specific heat */
    double loss_W_per_K;   /* to the surroundings */
    double arrhenius_K;    /* resistance ~ exp(B (1/T - 1/Tref)) */
    double reference_degC;
    double ocv_V[CELL_GRID + 1], entropic_V_per_K[CELL_GRID + 1];
    double r0_Ohm[CELL_GRID + 1], r1_Ohm[CELL_GRID + 1], r2_Ohm[CELL_GRID + 1];
} cell_type;

enum { /* per-cell rows of the state */
    CELL_SOC, CELL_H, CELL_V1, CELL_V2, CELL_T, CELL_INV_Q, CELL_R_FACTOR, CELL_ARRHENIUS, CELL_E, CELL_R,
    CELL_I, CELL_ROWS
};
enum { GROUP_BLEED_S, GROUP_E, GROUP_R, GROUP_V, GROUP_ROWS }; /* per-group rows; bleed is a conductance */

typedef struct {
    size_t strings, series, parallel;
    double ambient_degC;
} cell_layout;

size_t cell_stride(size_t count);                  /* doubles from one row to the next */
size_t cell_state_size(const cell_layout *layout); /* doubles of the whole state */

/* Temperature-dependent factors anew: exp() is dear, temperatures are slow. */
void cell_warm(const cell_type *type, const cell_layout *layout, double *state);
/* EMF and resistance of cells and groups from the state, as after a change from outside. */
void cell_refresh(const cell_type *type, const cell_layout *layout, double *state);
/* `steps` steps of `dt_s` at terminal current; needs a refreshed state, leaves one. Returns the terminal voltage. */
double cell_advance(const cell_type *type, const cell_layout *layout, double *state, double current_A, double dt_s,
                    long steps);
/* EMF and resistance seen at the terminals. */
void cell_thevenin(const cell_layout *layout, const double *state, double *emf_V, double *resistance_Ohm);
#endif
