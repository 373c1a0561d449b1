/* The least that can do a plant's work on time: absolute deadlines, prepared bytes, one system call for a frame.
 *
 * What the rig's loop is measured against: same frames, same phases, same sockets, same priority.
 *
 *     bare_loop MESSAGES CYCLE_NS CELLS STEP_NS SECONDS PRIORITY CPU CLIENT NEAR FAR [NEAR FAR ...]
 *
 * Without cells and client (CELLS 0, CLIENT -1) it sends and sleeps in clock_nanosleep. Otherwise it waits in
 * ppoll as a plant does: steps cells, takes what comes on its buses, and gets its own frames back. A client, if
 * there is one, sends the 8 bytes of a request, which go out in the request's next slot, and is sent each frame
 * of the others. CPU -1 is any, PRIORITY 0 no SCHED_FIFO.
 *
 * Prints one line of JSON: instant of the first slot on CLOCK_MONOTONIC, whether SCHED_FIFO was granted, what was
 * sent and received, slots and steps left out, and the time that process and cells took.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { NS_PER_S = 1000000000, FIRST_ID = 0x200, REQUEST_ID = 0x110, REQUEST_NS = 10000000, MOST_BUSES = 8 };

typedef struct { uint32_t id; uint8_t length, pad, echo, pad2, data[8]; } frame_t;
typedef struct { double charge_As, v1, v2, T_degC, voltage; } cell_t;

static int messages, cells, buses, client;
static int near[MOST_BUSES], far[MOST_BUSES];
static int64_t cycle_ns, step_ns, start_ns, sent, received, refused, missed_frames, steps, missed_steps, cells_ns;
static cell_t *pack;
static uint8_t request[8];

static int64_t now_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static uint8_t crc8(const uint8_t *data, int length) /* SAE J1850, as the rig's frames bear it */
{
    uint8_t crc = 0xFF;
    for (int i = 0; i < length; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (uint8_t)(crc & 0x80 ? crc << 1 ^ 0x1D : crc << 1);
    }
    return (uint8_t)~crc;
}

static void send_frame(int bus, frame_t *frame, int64_t cycle)
{
    frame->length = 8;
    frame->data[1] = (uint8_t)((frame->data[1] & 0xF0) | cycle % 15);
    frame->data[0] = crc8(frame->data + 1, 7);
    if (send(near[bus], frame, sizeof *frame, MSG_DONTWAIT) != sizeof *frame)
        refused++;
    else
        sent++;
    if (!cells && client < 0)
        return; /* nobody reads the echo */
    frame->echo = 1;
    send(far[bus], frame, sizeof *frame, MSG_DONTWAIT);
}

static void send_message(int number, int64_t cycle)
{
    for (int bus = 0; bus < buses; bus++) {
        frame_t frame = {.id = FIRST_ID + (uint32_t)number};
        for (int place = 0; cells && place < 3; place++) {
            double mV = pack[(4 * number + place) % cells].voltage * 1e3;
            uint16_t raw = (uint16_t)(mV < 0.0 ? 0.0 : mV > 65535.0 ? 65535.0 : mV + 0.5);
            frame.data[2 + 2 * place] = (uint8_t)raw;
            frame.data[3 + 2 * place] = (uint8_t)(raw >> 8);
        }
        send_frame(bus, &frame, cycle);
    }
}

/* Charge, two RC pairs, a line for the open-circuit voltage, heat: less than the twin's cell, in the same order. */
static void step_cells(double current_A, double dt_s)
{
    int64_t begun = now_ns(CLOCK_MONOTONIC);
    double keep1 = 1.0 - dt_s / 10.0, keep2 = 1.0 - dt_s / 300.0;
    for (int n = 0; n < cells; n++) {
        cell_t *c = pack + n;
        double r_ohm = 1e-3 * (1.0 + 0.01 * (25.0 - c->T_degC));
        c->charge_As -= current_A * dt_s;
        c->v1 = c->v1 * keep1 + (1.0 - keep1) * 5e-4 * current_A;
        c->v2 = c->v2 * keep2 + (1.0 - keep2) * 8e-4 * current_A;
        c->T_degC += dt_s * (current_A * current_A * r_ohm - 0.5 * (c->T_degC - 25.0)) / 4000.0;
        c->voltage = 3.2 + 0.3 * (c->charge_As / 576e3) - r_ohm * current_A - c->v1 - c->v2;
    }
    cells_ns += now_ns(CLOCK_MONOTONIC) - begun;
}

static void take_frames(int bus)
{
    frame_t frame;
    while (recv(near[bus], &frame, sizeof frame, MSG_DONTWAIT) == sizeof frame) {
        if (frame.echo)
            continue;
        received++;
        if (client >= 0 && send(client, &frame, sizeof frame, MSG_DONTWAIT | MSG_NOSIGNAL) != sizeof frame)
            refused++;
    }
}

static void wait_until(int64_t instant_ns)
{
    if (!cells && client < 0) {
        struct timespec at = {instant_ns / NS_PER_S, instant_ns % NS_PER_S};
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) != 0)
            ;
        return;
    }
    struct pollfd ears[MOST_BUSES + 1];
    for (int bus = 0; bus < buses; bus++)
        ears[bus] = (struct pollfd){.fd = near[bus], .events = POLLIN};
    ears[buses] = (struct pollfd){.fd = client, .events = POLLIN}; /* one below 0 is passed over */
    for (int64_t left_ns; (left_ns = instant_ns - now_ns(CLOCK_MONOTONIC)) > 0;) {
        struct timespec left = {left_ns / NS_PER_S, left_ns % NS_PER_S};
        if (ppoll(ears, (nfds_t)buses + 1, &left, NULL) <= 0)
            continue;
        for (int bus = 0; bus < buses; bus++)
            if (ears[bus].revents)
                take_frames(bus);
        if (ears[buses].revents && recv(client, request, sizeof request, MSG_DONTWAIT) <= 0)
            ears[buses].fd = -1; /* it has gone */
    }
}

/* The next instant of a row of slots, and how many of them have passed altogether. */
static int64_t next_slot(int64_t slot_ns, int64_t period_ns, int64_t *missed)
{
    int64_t late_ns = now_ns(CLOCK_MONOTONIC) - slot_ns;
    int64_t passed = late_ns < period_ns ? 0 : late_ns / period_ns;
    *missed += passed;
    return slot_ns + (passed + 1) * period_ns;
}

static void work(double seconds)
{
    int64_t end_ns = start_ns + (int64_t)(seconds * NS_PER_S), spacing_ns = cycle_ns / messages;
    int64_t frame_ns = start_ns, request_ns = client >= 0 ? start_ns : INT64_MAX;
    int64_t step_at_ns = cells ? start_ns : INT64_MAX;
    for (int64_t due_ns = start_ns; due_ns < end_ns;) {
        wait_until(due_ns);
        if (due_ns == step_at_ns) {
            step_cells(100.0, (double)step_ns / NS_PER_S);
            steps++;
            step_at_ns = next_slot(step_at_ns, step_ns, &missed_steps);
        } else if (due_ns == request_ns) {
            frame_t frame = {.id = REQUEST_ID};
            for (int n = 0; n < 8; n++)
                frame.data[n] = request[n];
            send_frame(0, &frame, (request_ns - start_ns) / REQUEST_NS);
            request_ns = next_slot(request_ns, REQUEST_NS, &missed_frames);
        } else {
            int64_t turn = (frame_ns - start_ns) / spacing_ns;
            if (2 * (now_ns(CLOCK_MONOTONIC) - frame_ns) <= cycle_ns)
                send_message((int)(turn % messages), turn / messages);
            else
                missed_frames++; /* like the rig: left out, not sent in a burst */
            frame_ns += spacing_ns;
        }
        due_ns = frame_ns < request_ns ? frame_ns : request_ns;
        due_ns = due_ns < step_at_ns ? due_ns : step_at_ns;
    }
}

int main(int count, char **arguments)
{
    if (count < 11 || count % 2 == 0 || count > 9 + 2 * MOST_BUSES)
        return 2;
    messages = atoi(arguments[1]);
    cycle_ns = atoll(arguments[2]);
    cells = atoi(arguments[3]);
    step_ns = atoll(arguments[4]);
    int priority = atoi(arguments[6]), cpu = atoi(arguments[7]);
    client = atoi(arguments[8]);
    for (int n = 9; n + 1 < count; n += 2, buses++) {
        near[buses] = atoi(arguments[n]);
        far[buses] = atoi(arguments[n + 1]);
    }
    pack = calloc((size_t)cells + 1, sizeof *pack);
    if (pack == NULL || messages <= 0)
        return 2;

    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu < 0 ? 0 : cpu, &set);
    if (cpu >= 0 && sched_setaffinity(0, sizeof set, &set) != 0)
        return 3;
    struct sched_param wanted = {.sched_priority = priority};
    prctl(PR_SET_TIMERSLACK, 1L); /* before the priority: a real-time thread has none that could be set */
    int fifo = priority > 0 && sched_setscheduler(0, SCHED_FIFO, &wanted) == 0;
    mlockall(MCL_CURRENT | MCL_FUTURE);

    start_ns = now_ns(CLOCK_MONOTONIC) + 50000000;
    int64_t cpu_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID);
    work(atof(arguments[5]));
    cpu_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_ns;
    printf("{\"start_ns\": %" PRId64 ", \"fifo\": %d, \"sent\": %" PRId64 ", \"received\": %" PRId64
           ", \"refused\": %" PRId64 ", \"missed_frames\": %" PRId64 ", \"steps\": %" PRId64
           ", \"missed_steps\": %" PRId64 ", \"cells_ns\": %" PRId64 ", \"cpu_ns\": %" PRId64 "}\n",
           start_ns, fifo, sent, received, refused, missed_frames, steps, missed_steps, cells_ns, cpu_ns);
    return 0;
}
