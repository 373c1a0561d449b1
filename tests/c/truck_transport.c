/* The truck's transport protocol by itself, as the sender of SAE J1939-21: every frame that it gives, and when.
 * With an argument only the test of that name runs. */
#include "transport.h"

#include <stdio.h>
#include <string.h>

#define CHECK(holds) ((holds) ? (void)0 : (void)(failures++, printf("%s:%d: %s\n", __FILE__, __LINE__, #holds)))

enum { ME = 0xF3, PEER = 0x00, PGN = 0xFF31, SIZE = 17 }; /* three packets, the last one of 3 bytes */

static int failures;
static transport T;
static uint32_t now_ms;
static bms_frame got;

static void begin(uint8_t destination)
{
    memset(&T, 0, sizeof T);
    for (unsigned k = 0; k < SIZE; k++) T.data[k] = (uint8_t)(k + 1);
    transport_begin(&T, PGN, destination, SIZE);
}

static int steps(void)
{
    return transport_step(&T, now_ms, ME, &got);
}

/* Milliseconds until the next frame; -1: none within 2 s. */
static int next_frame(void)
{
    for (int waited = 0; waited <= 2000; waited++, now_ms++)
        if (steps()) return waited;
    return -1;
}

static int is_control(uint8_t destination, uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint8_t e)
{
    const uint8_t wanted[8] = {a, b, c, d, e, PGN & 0xFF, PGN >> 8, 0};
    uint32_t id = UINT32_C(0x1CEC0000) | (uint32_t)destination << 8 | ME;
    return got.extended && got.id == id && got.length == 8 && memcmp(got.data, wanted, 8) == 0;
}

static int is_packet(uint8_t destination, uint8_t number)
{
    uint32_t id = UINT32_C(0x1CEB0000) | (uint32_t)destination << 8 | ME;
    int right = got.extended && got.id == id && got.length == 8 && got.data[0] == number;
    for (int k = 0; k < 7; k++) {
        int at = 7 * (number - 1) + k;
        right = right && got.data[1 + k] == (at < SIZE ? at + 1 : 0xFF);
    }
    return right;
}

static void hear_from(uint32_t id, uint8_t kind, uint8_t count, uint8_t first, uint16_t pgn)
{
    bms_frame frame = {.id = id, .extended = 1, .length = 8};
    const uint8_t data[8] = {kind, count, first, 0xFF, 0xFF, (uint8_t)pgn, (uint8_t)(pgn >> 8), 0};
    memcpy(frame.data, data, 8);
    transport_hear(&T, now_ms, ME, &frame);
}

static void hear(uint8_t kind, uint8_t count, uint8_t first)
{
    hear_from(UINT32_C(0x1CEC0000) | (uint32_t)ME << 8 | PEER, kind, count, first, PGN);
}

static void a_broadcast_is_announced_and_spaced(void)
{
    begin(TRANSPORT_EVERYBODY);
    CHECK(next_frame() == 0 && is_control(0xFF, 32, SIZE, 0, 3, 0xFF));
    for (uint8_t number = 1; number <= 3; number++) CHECK(next_frame() == 50 && is_packet(0xFF, number));
    CHECK(transport_is_idle(&T) && next_frame() == -1);
}

static void time_may_wrap(void)
{
    now_ms = UINT32_MAX - 70;
    a_broadcast_is_announced_and_spaced();
}

static void packets_go_out_as_they_are_asked_for(void)
{
    begin(PEER);
    CHECK(next_frame() == 0 && is_control(PEER, 16, SIZE, 0, 3, 0xFF));
    hear(17, 2, 1);
    CHECK(next_frame() == 0 && is_packet(PEER, 1));
    CHECK(next_frame() == 0 && is_packet(PEER, 2));
    CHECK(!steps()); /* until it is asked for more */
    hear(17, 1, 3);
    CHECK(next_frame() == 0 && is_packet(PEER, 3));
    CHECK(!steps() && !transport_is_idle(&T));
    hear(17, 1, 2); /* once more */
    CHECK(next_frame() == 0 && is_packet(PEER, 2));
    hear(19, SIZE, 0);
    CHECK(transport_is_idle(&T) && next_frame() == -1);
}

static void without_an_answer_it_gives_up(void)
{
    begin(PEER);
    CHECK(next_frame() == 0);
    CHECK(next_frame() == 1250 && is_control(PEER, 255, 3, 0xFF, 0xFF, 0xFF));
    CHECK(transport_is_idle(&T) && next_frame() == -1);
}

static void it_waits_as_long_as_it_is_held(void)
{
    begin(PEER);
    CHECK(next_frame() == 0);
    for (int k = 0; k < 5; k++, now_ms += 1049) hear(17, 0, 0xFF);
    CHECK(!steps());
    hear(17, 0, 0xFF);
    CHECK(next_frame() == 1050 && is_control(PEER, 255, 3, 0xFF, 0xFF, 0xFF));
}

/* Two times, as the standard has it; the next message begins anew. */
static void who_asks_again_too_often_is_given_up(void)
{
    for (int message = 0; message < 2; message++) {
        begin(PEER);
        CHECK(next_frame() == 0);
        hear(17, 1, 1);
        CHECK(next_frame() == 0 && is_packet(PEER, 1));
        hear(17, 3, 1); /* once more */
        for (uint8_t number = 1; number <= 3; number++) CHECK(next_frame() == 0 && is_packet(PEER, number));
        hear(17, 1, 3);
        CHECK(next_frame() == 0 && is_packet(PEER, 3));
        hear(17, 1, 3);
        CHECK(next_frame() == 0 && is_control(PEER, 255, 5, 0xFF, 0xFF, 0xFF));
        CHECK(transport_is_idle(&T) && next_frame() == -1);
    }
}

static void an_abort_ends_it(void)
{
    begin(PEER);
    CHECK(next_frame() == 0);
    hear(17, 3, 1);
    CHECK(next_frame() == 0 && is_packet(PEER, 1));
    hear(255, 1, 0xFF);
    CHECK(transport_is_idle(&T) && next_frame() == -1);
}

/* Packets that there are not, of others, to others, of another message, and before anything was announced. */
static void what_is_not_its_affair_changes_nothing(void)
{
    static const uint8_t WRONG[][2] = {{1, 0}, {1, 4}, {2, 3}, {255, 1}, {255, 255}};
    begin(PEER);
    hear(255, 1, 0xFF);
    CHECK(next_frame() == 0 && is_control(PEER, 16, SIZE, 0, 3, 0xFF));
    for (unsigned k = 0; k < sizeof WRONG / sizeof *WRONG; k++) hear(17, WRONG[k][0], WRONG[k][1]);
    hear_from(UINT32_C(0x1CEC0000) | (uint32_t)ME << 8 | 0x27, 17, 3, 1, PGN);
    hear_from(UINT32_C(0x1CEC0000) | UINT32_C(0x27) << 8 | PEER, 17, 3, 1, PGN);
    hear_from(UINT32_C(0x1CEC0000) | (uint32_t)ME << 8 | PEER, 255, 1, 0xFF, PGN + 1);
    hear_from(UINT32_C(0x1CEB0000) | (uint32_t)ME << 8 | PEER, 17, 3, 1, PGN);
    hear(99, 3, 1);
    CHECK(!steps() && !transport_is_idle(&T));
    hear(17, 3, 1);
    CHECK(next_frame() == 0 && is_packet(PEER, 1));
}

static void the_longest_message_keeps_within_its_data(void)
{
    memset(&T, 0x5A, sizeof T);
    transport_begin(&T, PGN, TRANSPORT_EVERYBODY, TRANSPORT_LONGEST);
    unsigned count = (TRANSPORT_LONGEST + 6) / 7;
    for (unsigned k = 0; k <= count; k++) CHECK(next_frame() >= 0);
    CHECK(got.data[0] == count && got.data[TRANSPORT_LONGEST - 7 * (count - 1)] == 0x5A);
    CHECK(transport_is_idle(&T));
}

static const struct {
    const char *name;
    void (*run)(void);
} TESTS[] = {
    {"a_broadcast_is_announced_and_spaced", a_broadcast_is_announced_and_spaced},
    {"time_may_wrap", time_may_wrap},
    {"packets_go_out_as_they_are_asked_for", packets_go_out_as_they_are_asked_for},
    {"without_an_answer_it_gives_up", without_an_answer_it_gives_up},
    {"it_waits_as_long_as_it_is_held", it_waits_as_long_as_it_is_held},
    {"who_asks_again_too_often_is_given_up", who_asks_again_too_often_is_given_up},
    {"an_abort_ends_it", an_abort_ends_it},
    {"what_is_not_its_affair_changes_nothing", what_is_not_its_affair_changes_nothing},
    {"the_longest_message_keeps_within_its_data", the_longest_message_keeps_within_its_data},
};

int main(int argc, char **argv)
{
    int done = 0;
    for (unsigned k = 0; k < sizeof TESTS / sizeof *TESTS; k++)
        if (argc < 2 || strcmp(argv[1], TESTS[k].name) == 0) {
            TESTS[k].run();
            done++;
        }
    return done == 0 ? 2 : failures != 0;
}
