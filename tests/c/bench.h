/* A small bench around the firmware, for its tests: nodes that send their frames in time, contactors and a
 * link with a little physics, and what the BMS said last. Shares no code with it but bms.h and the layouts
 * of its state, which the tests may look into through bms_save.
 */
#ifndef BENCH_H
#define BENCH_H
#include "bms.h"
#include "bms_data.h"

typedef struct { /* what the nodes measure; change it at will */
    int cell_mV[CELLS], sensor_dC[SENSORS]; /* 8191 and INT16_MAX: not available */
    int monitor_state, open_wire, open_tap;
    int missing_group; /* of the temperatures; < 0: none */
    int current_mA, pack_mV; /* pack_mV < 0: the sum of the cells */
    int shunt_error[3];
    int isolation_kOhm[2], isolation_valid, interlock;
    int mode, reset;
    int charger_mA, charger_flags, charger_follows; /* follows: gives what it is asked for */
    int welded, stuck; /* contactor bits */
    int link_short, precharge_open, link_mV;
    int feedback_override; /* < 0: the true position */
} world;

extern world W;
extern int silent[RX_COUNT];  /* frames not sent */
extern int bad_crc[RX_COUNT]; /* so many frames with a wrong checksum */
extern int skip[RX_COUNT];    /* counter steps left out once */
extern int frozen[RX_COUNT];  /* 1: the counter stands; 2: every frame twice */
extern uint64_t now_ns;
extern int position; /* of the contacts */

void power_on(int cold);          /* the bench as new, and bms_init */
void run(int ms);                 /* in steps of 10 ms */
int run_until(int ms, int (*condition)(void)); /* ms that it took, or -1 */
void send(int index, uint64_t word); /* a message with right counter and checksum */
void inject(uint32_t id, const uint8_t *data, int length, int extended);
const bms_data *inside(void);     /* a copy of the firmware's state */
uint64_t said(uint32_t id);       /* payload of the last frame of an identifier, little-endian */
int sent_count(uint32_t id);
unsigned bits(uint32_t id, int start, int count);
int state(void), command(void), faults(void), warnings(void);
int has_fault(int fault), has_warning(int fault);
void operate(void);
void charge_mode(void);
void clear_faults(void);

extern int failures;
#define CHECK(condition) ((condition) ? (void)0 : check_failed(#condition, __FILE__, __LINE__))
#define CHECK_RANGE(value, low, high) check_range(#value, (long long)(value), low, high, __FILE__, __LINE__)
void check_failed(const char *text, const char *file, int line);
void check_range(const char *text, long long value, long long low, long long high, const char *file,
                 int line);

typedef struct {
    const char *name;
    void (*run)(void);
} test_case;
extern const test_case TESTS_PROTECTION[], TESTS_STATE[], TESTS_CHARGE[]; /* ended by a name of 0 */
#endif
