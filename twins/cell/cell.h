/* Equivalent-circuit cells in a pack of strings x series groups x parallel cells. Plain C11: no Python, no heap, no
 * globals; every call works on blocks of doubles that the caller owns, so saving a pack is a copy.
 *
 * Current > 0 discharges. SI units; temperatures in degC. The formulae are written out in reference.py.
 * Cells are ordered branch by branch: cell p * groups + g is branch p of group g, so that loops over groups are
 * contiguous whatever the number in parallel. Group s * series + j is number j of string s.
 */
#ifndef BMS_HIL_CELL_H
#define BMS_HIL_CELL_H
#include <stddef.h>

#define CELL_GRID 256    /* intervals of the tables over SOC 0..1 */
#define CELL_OCV_ROWS 7  /* temperatures of the OCV table, equally spaced */
#define CELL_REACTIONS 3 /* of thermal runaway: SEI, anode with electrolyte, cathode */
#define CELL_SLOW_S 0.1  /* resistances follow SOC and temperature at this period, which is far below how they move */
#define CELL_DUE_S (CELL_SLOW_S * (1 - 1e-9)) /* ten steps of 0.01 add up to a little less */
#define CELL_AGEING_S 60.0 /* ageing is worked out at this period */

enum { AGEING_NONE, AGEING_NAUMANN, AGEING_BLAST, AGEING_WANG, AGEING_SCHMALSTIEG, AGEING_RATED };

typedef struct {               /* one cell type; a block of doubles, in this order */
    double hysteresis_V;       /* half-width of the hysteresis loop */
    double gamma;              /* hysteresis rate per unit of SOC */
    double tau1_s, tau2_s;     /* time constants of the RC pairs */
    double heat_J_per_K;       /* mass x specific heat */
    double loss_W_per_K;       /* to the surroundings; 0 is adiabatic */
    double arrhenius_K;        /* resistance ~ a(T) = c + (1 - c) exp(B (1/T - 1/Tref)) */
    double reference_degC;     /* Tref */
    double charge_efficiency;  /* of the charge put in, the part that arrives */
    double ocv_first_degC, ocv_step_K; /* temperatures of the OCV table's rows */
    double constant;           /* c, the part of the resistance at Tref that does not follow temperature */
    double cold_K;             /* Bc; below Tc: a(Tc) exp(Bc (1/T - 1/Tc)) */
    double cold_below_degC;    /* Tc */
    /* What a type may leave out; 0 (1 for the scales and peukert) is off, and costs nothing. */
    double tau1_K, tau2_K;     /* time constants ~ exp(B (1/T - 1/Tref)) */
    double surface_share;      /* part of the heat capacity that is case and outer layers */
    double core_W_per_K;       /* between core and surface; 0 is one body */
    double neighbour_W_per_K;  /* between the surfaces of cells side by side, in series and in parallel */
    double coolant_W_per_K;    /* surface to coolant */
    double leak_per_s;         /* self-discharge: part of the charge that goes per second, at Tref */
    double leak_K;             /* its activation: ~ exp(-B (1/T - 1/Tref)) */
    double peukert, peukert_h; /* exponent, and duration of the discharge that gives the nominal capacity */
    double side_per_h;         /* side reaction of charging (overcharge, gassing): capacities per hour at side_V */
    double side_V, side_slope_V; /* ~ exp((V - side_V) / slope) */
    double ageing_law;         /* one of AGEING_.. */
    double calendar_scale, cycle_scale, growth_scale; /* of what the law says; the last of resistance growth */
    double rated_cycles, rated_depth, depth_exponent; /* AGEING_RATED: full-depth equivalents to 80 % at this depth */
    double rated_years, calendar_K; /* years of storage at Tref to 80 %, and their activation */
    double reaction_per_s[CELL_REACTIONS]; /* decomposition: rate ~ A exp(-B / T) of what is left, */
    double reaction_K[CELL_REACTIONS];     /* B, */
    double reaction_J[CELL_REACTIONS];     /* heat of the whole of it (mass x J/kg) */
    double separator_degC;     /* above, the separator melts: an internal short */
    double separator_Ohm;
    double ocv_V[CELL_OCV_ROWS][CELL_GRID + 1];
    double r0_Ohm[CELL_GRID + 1], r1_Ohm[CELL_GRID + 1], r2_Ohm[CELL_GRID + 1], entropic_V_per_K[CELL_GRID + 1];
    /* Filled by cell_prepare: coefficients of each interval, so that a look-up needs no neighbour. */
    double ocv_cell[(CELL_OCV_ROWS - 1) * CELL_GRID][4]; /* a + b f + g (c + d f) */
    double cold_factor;                                  /* a(Tc) */
} cell_type;

enum { /* per-cell rows of the state. First what is so; of plain cells, R_FACTOR and above is all. */
    CELL_SOC, CELL_H, CELL_V1, CELL_V2, CELL_T, CELL_INV_Q, CELL_R_FACTOR, /* INV_Q: 1 / present capacity in As */
    CELL_SURFACE,                           /* surface temperature, where it is a node of its own */
    CELL_HEAT_J, CELL_TAKEN_J,              /* heat made so far, and what of it has warmed the cell */
    CELL_LOST_As,                           /* charge that went inside: by itself, or through an internal short */
    CELL_SHORT_S, CELL_TAB_Ohm,             /* internal short; in series with the cell: tab, or CELL_OPEN_Ohm */
    CELL_LEAK_FACTOR, CELL_INV_Q0,          /* its self-discharge over its type's; INV_Q when new (0: INV_Q) */
    CELL_CALENDAR, CELL_CYCLE,              /* ageing in virtual time: loss^(1/z) */
    CELL_GROW_CALENDAR, CELL_GROW_CYCLE,    /* the same of resistance */
    CELL_LOSS, CELL_GROWTH,                 /* relative loss of capacity and growth of resistance */
    CELL_SEEN, CELL_TURN, CELL_PEAK,        /* SOC at the last slow step, where this half cycle began, its extreme */
    CELL_THROUGH, CELL_RATE,                /* since then: sum of |dSOC|, and of |dSOC| x C-rate */
    CELL_GONE,                              /* of each decomposition, the part that has happened */
    CELL_R = CELL_GONE + CELL_REACTIONS,    /* What follows from the above: R..PHI2 at the slow period, E always. */
    CELL_S, CELL_R1, CELL_R2, CELL_ENTROPIC, CELL_RELAX1, CELL_RELAX2, CELL_PHI1, CELL_PHI2, CELL_E,
    CELL_LEAK_PER_S, CELL_AT_SOC, CELL_AT_T, /* self-discharge at its temperature; SOC and T that R..LEAK are for */
    CELL_EM, CELL_RM, CELL_SM, CELL_WEIGHT, /* mean over a step: EMF, resistance, conductance; share in the group */
    CELL_SCRATCH,                           /* five rows */
    CELL_ROWS = CELL_SCRATCH + 5
};
enum { /* per-group rows */
    GROUP_BLEED_S, /* conductance of a balancing resistor */
    GROUP_LINK_Ohm, /* in series with the group, beyond its sense wires: bus bar, joint */
    GROUP_WIRE_J, GROUP_BLEED_J, /* heat so far: tabs, bars and link; balancing resistor */
    GROUP_BLEED_As, /* charge so far through the balancing resistor */
    GROUP_E, GROUP_R, GROUP_EM, GROUP_RM, GROUP_ROWS
};
enum { /* per-string rows */
    STRING_OFF, /* 1 if switched off the bus */
    STRING_As,  /* charge given so far */
    STRING_E, STRING_R, STRING_EM, STRING_RM, STRING_A, STRING_ROWS
};
#define CELL_HEAD 16 /* doubles before the rows: */
enum {
    HEAD_AGE_S,    /* age of the slow rows */
    HEAD_BLEEDING, /* 1 if any balancing resistor is on */
    HEAD_BUSY,     /* 1 while another thread advances the pack; the caller's */
    HEAD_FULL,     /* 1 if the plain step is not enough: by the type, the circuit, or HEAD_BOOKS */
    HEAD_CIRCUIT,  /* 1 if there are tabs, bars, links, shorts or open cells */
    HEAD_BOOKS,    /* 1: heat is to be counted in any case; the caller's */
    HEAD_COOLANT_degC, HEAD_BAR_Ohm, /* the caller's; bar: of each of a group's two bus bars, from cell to cell */
    HEAD_DT_S,     /* step that the mean rows are for */
    HEAD_AGEING_S  /* since ageing was last worked out */
};
#define CELL_OPEN_Ohm 1e9 /* what an open contact leaves: finite, so that an open pack needs no rule of its own */

typedef struct {
    size_t strings, series, parallel;
    double ambient_degC;
} cell_layout;

size_t cell_stride(size_t count);                  /* doubles from one row to the next */
size_t cell_state_size(const cell_layout *layout); /* doubles of the whole state */

/* What follows from the rest; once, after the rest is filled. */
void cell_prepare(cell_type *type);
/* Everything derived from the state anew: after any change from outside, of balancing resistors too. */
void cell_refresh(const cell_type *type, const cell_layout *layout, double *state);
/* `steps` steps of `dt_s` at terminal current; needs a refreshed state, leaves one. Returns the terminal voltage. */
double cell_advance(const cell_type *type, const cell_layout *layout, double *state, double current_A, double dt_s,
                    long steps);
/* EMF and resistance seen at the terminals; with all strings off, behind CELL_OPEN_Ohm. */
void cell_thevenin(const cell_layout *layout, const double *state, double *emf_V, double *resistance_Ohm);
/* Voltage of each group at this terminal current, and the current through the tab of each cell at these. */
void cell_voltages(const cell_layout *layout, const double *state, double current_A, double *group_V);
void cell_currents(const cell_layout *layout, const double *state, double current_A, double *cell_A);
/* Current of each string at this terminal current. */
void cell_strings(const cell_layout *layout, const double *state, double current_A, double *string_A);
/* Rates of ageing at this state: see ageing.c. */
typedef struct {
    double calendar, cycle, grow_calendar, grow_cycle; /* k^(1/z) per second and per full equivalent cycle */
} ageing_rates;
typedef struct {
    double temperature_degC, soc, ocv_V; /* at rest */
    double depth, c_rate, middle_V;      /* of a half cycle, and the OCV at its middle */
} ageing_stress;
ageing_rates cell_ageing_rates(const cell_type *type, const ageing_stress *at);
/* Loss and growth of these virtual times. */
double cell_ageing_loss(const cell_type *type, double calendar, double cycle);
double cell_ageing_growth(const cell_type *type, double calendar, double cycle);
#endif
