#include "bench.h"

#include <stdio.h>
#include <string.h>

#define SENT_KINDS 14

world W;
int silent[RX_COUNT], bad_crc[RX_COUNT], skip[RX_COUNT], frozen[RX_COUNT];
uint64_t now_ns;
int position, failures;

static int counter[RX_COUNT], turn[RX_COUNT], moving_ms, wanted, mux;
static uint64_t start_ns, last_said[SENT_KINDS];
static int counts[SENT_KINDS];

void check_failed(const char *text, const char *file, int line)
{
    failures++;
    printf("%s:%d: %s\n", file, line, text);
}

void check_range(const char *text, long long value, long long low, long long high, const char *file, int line)
{
    if (value >= low && value <= high)
        return;
    failures++;
    printf("%s:%d: %s is %lld, not in %lld..%lld\n", file, line, text, value, low, high);
}

/* bit by bit, as the standard has it: not the firmware's table */
static uint8_t crc8(uint8_t crc, uint8_t byte)
{
    crc ^= byte;
    for (int k = 0; k < 8; k++)
        crc = (uint8_t)(crc & 0x80 ? crc << 1 ^ 0x1D : crc << 1);
    return crc;
}

void send(int index, uint64_t word)
{
    const rx_config *rx = &RX[index];
    bms_frame frame = {.id = rx->id, .extended = rx->extended, .length = rx->length};
    int modulus = rx->protection == PROTECTED_P1 ? 15 : 16;
    if (silent[index])
        return;
    counter[index] = (counter[index] + skip[index]) % modulus;
    skip[index] = 0;
    for (int k = 0; k < 8; k++)
        frame.data[k] = (uint8_t)(word >> 8 * k);
    if (rx->protection != PROTECTED_NOT)
        frame.data[1] = (uint8_t)((frame.data[1] & 0xF0) | counter[index]);
    turn[index] ^= 1;
    if (!(frozen[index] == 1 || (frozen[index] == 2 && turn[index])))
        counter[index] = (counter[index] + 1) % modulus;
    if (rx->protection == PROTECTED_P1) {
        uint8_t crc = crc8(crc8(0, (uint8_t)(rx->id & 0xFF)), (uint8_t)(rx->id >> 8));
        for (int k = 1; k < 8; k++)
            crc = crc8(crc, frame.data[k]);
        frame.data[0] = (uint8_t)(bad_crc[index] ? crc ^ 0x5A : crc);
        bad_crc[index] -= bad_crc[index] > 0;
    }
    bms_receive(now_ns, &frame);
}

static void send_cells(int group)
{
    uint64_t word = 0;
    for (int k = 3; k >= 0; k--)
        word = word << 13 | (uint64_t)W.cell_mV[4 * group + k];
    send(RX_CELLS + group, word << 12);
}

static void send_temperatures(void)
{
    uint64_t word = (uint64_t)mux << 12;
    for (int k = 0; k < 4; k++) {
        int value = W.sensor_dC[4 * mux + k];
        word |= (uint64_t)(value == INT16_MAX ? 255 : (value + 500) / 5) << (16 + 8 * k);
    }
    mux = (mux + 1) % 4;
    if ((int)(word >> 12 & 15) != W.missing_group)
        send(RX_TEMPERATURES, word);
}

static void send_shunt(int channel, int value)
{
    uint32_t raw = (uint32_t)value;
    uint64_t word = (uint64_t)channel | (uint64_t)(channel < 3 && W.shunt_error[channel] ? 0x20 : 0) << 8;
    word |= (uint64_t)(raw >> 24) << 16 | (uint64_t)(raw >> 16 & 0xFF) << 24;
    word |= (uint64_t)(raw >> 8 & 0xFF) << 32 | (uint64_t)(raw & 0xFF) << 40;
    send(channel < 3 ? RX_CURRENT + channel : RX_SHUNT_TEMPERATURE, word);
}

static int pack_mV(void)
{
    int sum = 0;
    for (int k = 0; k < CELLS; k++)
        sum += W.cell_mV[k] == CELL_INVALID ? 3300 : W.cell_mV[k];
    return W.pack_mV < 0 ? sum : W.pack_mV;
}

/* Each node's frames on a 10 ms grid, 3 ms after the step of the BMS. */
static void send_all(void)
{
    int ms = (int)((now_ns - start_ns) / 1000000) / 10 * 10;
    int feedback = W.feedback_override < 0 ? position : W.feedback_override;
    for (int k = 0; k < CELL_FRAMES; k++)
        if (ms % 100 == 10 * (k % 10))
            send_cells(k);
    if (ms % 100 == 30)
        send_temperatures();
    if (ms % 100 == 50)
        send(RX_CM_STATUS, (uint64_t)W.monitor_state << 12 | (uint64_t)W.open_wire << 16
                               | (uint64_t)W.open_tap << 17);
    if (ms % 50 == 20)
        send(RX_JB_STATUS, (uint64_t)feedback << 16 | (uint64_t)W.interlock << 20);
    if (ms % 500 == 70)
        send(RX_JB_ISOLATION, (uint64_t)W.isolation_valid << 12 | (uint64_t)W.isolation_kOhm[0] * 10 << 16
                                  | (uint64_t)W.isolation_kOhm[1] * 10 << 32);
    if (ms % 20 == 0)
        send_shunt(0, W.current_mA);
    if (ms % 50 == 10)
        send_shunt(1, pack_mV());
    if (ms % 50 == 30)
        send_shunt(2, W.link_mV);
    if (ms % 200 == 50)
        send_shunt(4, 250);
    if (ms % 50 == 40)
        send(RX_REQUEST, (uint64_t)W.mode << 12 | (uint64_t)W.reset << 16);
    if (ms % 1000 == 60) {
        uint64_t amperes = (uint64_t)(W.charger_mA / 100);
        uint64_t flags = (uint64_t)W.charger_flags << 32;
        send(RX_CHARGER, amperes >> 8 << 16 | (amperes & 0xFF) << 24 | flags);
    }
}

/* 30 ms from command to contact; the link in steps of 10 ms: 50 Ohm and 3 mF, else what it is tied to. */
static void physics(void)
{
    int target = (command() | W.welded) & ~W.stuck;
    if (target != wanted) {
        wanted = target;
        moving_ms = 30;
    } else if (moving_ms > 0) {
        moving_ms -= 10;
    }
    if (moving_ms <= 0)
        position = wanted;
    int tied = position & MINUS && position & PLUS;
    int charging = position & MINUS && position & PRECHARGE && !W.precharge_open;
    if (W.link_short)
        W.link_mV = 1000;
    else if (tied)
        W.link_mV = pack_mV();
    else if (charging)
        W.link_mV += (pack_mV() - W.link_mV) / 15;
    else
        W.link_mV -= W.link_mV / 60; /* the drive's discharge, 0.6 s */
    if (W.charger_follows) {
        W.charger_mA = tied && bits(0x1806E5F4, 32, 8) == 0
                           ? (int)(bits(0x1806E5F4, 16, 8) << 8 | bits(0x1806E5F4, 24, 8)) * 100 : 0;
        W.current_mA = -W.charger_mA;
    }
}

static int kind_of(uint32_t id)
{
    return id >= 0x100 && id <= 0x10C ? (int)id - 0x100 : 13;
}

static void hear(const bms_frame *frame)
{
    uint64_t word = 0;
    for (int k = 7; k >= 0; k--)
        word = word << 8 | frame->data[k];
    last_said[kind_of(frame->id)] = word;
    counts[kind_of(frame->id)]++;
}

void run(int ms)
{
    static bms_frame out[64];
    for (; ms > 0; ms -= 10) {
        int count = bms_step(now_ns, out, 64);
        CHECK(count >= 0 && count <= 64);
        for (int k = 0; k < count; k++)
            hear(&out[k]);
        now_ns += 3000000;
        send_all();
        physics();
        now_ns += 7000000;
    }
}

int run_until(int ms, int (*condition)(void))
{
    for (int waited = 0; waited <= ms; waited += 10) {
        if (condition())
            return waited;
        run(10);
    }
    return -1;
}

void inject(uint32_t id, const uint8_t *data, int length, int extended)
{
    bms_frame frame = {.id = id, .extended = (uint8_t)extended, .length = (uint8_t)length};
    memcpy(frame.data, data, (size_t)length);
    bms_receive(now_ns, &frame);
}

void power_on(int cold)
{
    if (cold) {
        memset(&W, 0, sizeof W);
        for (int k = 0; k < CELLS; k++)
            W.cell_mV[k] = 3320;
        for (int k = 0; k < SENSORS; k++)
            W.sensor_dC[k] = 250;
        W.monitor_state = W.isolation_valid = W.interlock = W.charger_follows = 1;
        W.isolation_kOhm[0] = W.isolation_kOhm[1] = 5000;
        W.pack_mV = W.feedback_override = W.missing_group = -1;
    }
    memset(silent, 0, sizeof silent);
    memset(bad_crc, 0, sizeof bad_crc);
    memset(skip, 0, sizeof skip);
    memset(frozen, 0, sizeof frozen);
    memset(counter, 0, sizeof counter);
    memset(turn, 0, sizeof turn);
    mux = 0;
    memset(last_said, 0, sizeof last_said);
    memset(counts, 0, sizeof counts);
    position = wanted = moving_ms = 0;
    now_ns += 1000000000;
    start_ns = now_ns;
    CHECK(bms_init(now_ns, cold) == 0);
}

const bms_data *inside(void)
{
    static bms_data copy;
    CHECK(bms_save(&copy, sizeof copy) == sizeof copy);
    return &copy;
}

uint64_t said(uint32_t id) { return last_said[kind_of(id)]; }
int sent_count(uint32_t id) { return counts[kind_of(id)]; }
unsigned bits(uint32_t id, int start, int count)
{
    return (unsigned)(said(id) >> start & ((1u << count) - 1));
}

int state(void) { return (int)bits(0x100, 12, 4); }
int command(void) { return (int)bits(0x102, 16, 3); }
int faults(void) { return (int)bits(0x101, 16, 24); }
int warnings(void) { return (int)bits(0x101, 40, 24); }
int has_fault(int fault) { return faults() >> fault & 1; }
int has_warning(int fault) { return warnings() >> fault & 1; }

static int is_operating(void) { return state() == STATE_OPERATE; }
static int is_charging(void) { return state() == STATE_CHARGE; }
static int is_standby(void) { return state() == STATE_STANDBY; }

void operate(void)
{
    run_until(2000, is_standby);
    W.mode = REQUEST_OPERATE;
    CHECK_RANGE(run_until(4000, is_operating), 0, 3000);
}

void charge_mode(void)
{
    run_until(2000, is_standby);
    W.mode = REQUEST_CHARGE;
    CHECK_RANGE(run_until(4000, is_charging), 0, 3000);
}

void clear_faults(void)
{
    W.mode = REQUEST_STANDBY;
    W.reset = 0;
    run(150);
    W.reset = 1;
    run(150);
    W.reset = 0;
    run(100);
}
