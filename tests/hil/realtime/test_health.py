"""What a budget allows, and what a rig says that was worse."""

from dataclasses import replace
from typing import Any

import pytest

from hil.clock import NS_PER_MS
from hil.realtime.health import Budget, BusHealth, Health, Punctuality


def punctuality(*late_ms: float, missed: int = 0) -> dict[str, Any]:
    kept = Punctuality()
    for number, late in enumerate(late_ms):
        kept.keep(round(late * NS_PER_MS), f"message {number}")
    for _ in range(missed):
        kept.miss(0)
    return kept.numbers()


GOOD = Health(
    0,
    10,
    frames=punctuality(*[0.1] * 200),
    steps=punctuality(*[0.2] * 100),
    acts=punctuality(1.0),
    buses={"pack": BusHealth(load=0.3)},
)


def test_a_good_rig_has_nothing_to_say() -> None:
    assert GOOD.beyond(Budget()) == []


def test_nothing_at_all_is_no_trouble() -> None:
    nothing = Punctuality().numbers()
    assert Health(0, 0, nothing, nothing, nothing, {}).beyond(Budget()) == []


def test_it_survives_the_way_through_a_message() -> None:
    assert Health.from_dict(GOOD.as_dict()) == GOOD


def test_the_latest_frame_is_named() -> None:
    worse = replace(GOOD, frames=punctuality(0.1, 60, 0.2))
    said = worse.beyond(Budget(frame_late_p99_ns=10**9))
    assert said == ["the latest frame (message 1) was 60 ms late, 50 ms are allowed"]


@pytest.mark.parametrize(("missed", "complains"), [(2, False), (3, True)])
def test_slots_left_out_count_by_their_share(missed: int, complains: bool) -> None:
    worse = replace(GOOD, frames=punctuality(*[0.1] * 200, missed=missed))
    assert bool(worse.beyond(Budget())) is complains


@pytest.mark.parametrize(
    ("bus", "text"),
    [
        (BusHealth(overruns=1), "bus pack: 1 frames lost (1 unread, 0 without room, 0 without echo)"),
        (BusHealth(errors=2, last_error="stuff error"), "bus pack: 2 error frames, the last: stuff error"),
        (BusHealth(intruders=3), "bus pack: 3 frames of somebody else with identifiers that the rig sends"),
        (BusHealth(away_ns=2_100_000_000), "bus pack: it was away for 2.1 s"),
        (BusHealth(bus_off=1), "bus pack: 1 times off the bus"),
        (
            BusHealth(clock_jumps=2),
            "bus pack: 2 times the computer's clock was set: frames bear their time of receipt",
        ),
    ],
)
def test_a_bus_says_what_was_wrong(bus: BusHealth, text: str) -> None:
    assert replace(GOOD, buses={"pack": bus}).beyond(Budget()) == [text]


def test_a_clock_that_is_set_may_be_borne() -> None:
    assert replace(GOOD, buses={"pack": BusHealth(clock_jumps=2)}).beyond(Budget(clock_jumps=2)) == []


def test_a_failure_is_doubted_earlier() -> None:
    budget = Budget(frame_late_p99_ns=10**9, if_failed=0.5)
    late = replace(GOOD, frames=punctuality(30), steps=punctuality(60), acts=punctuality(26))
    assert late.beyond(budget) == []
    assert late.beyond(budget.of_a_failure()) == [
        "the latest frame (message 0) was 30 ms late, 25 ms are allowed",
        "the latest step of the twins (message 0) was 60 ms late, 50 ms are allowed",
        "the latest act of the test (message 0) was 26 ms late, 25 ms are allowed",
    ]


def test_a_test_that_was_held_up_while_it_acted() -> None:
    said = replace(GOOD, acts=punctuality(1, 10_000)).beyond(Budget())
    assert said == ["the latest act of the test (message 1) was 10 s late, 50 ms are allowed"]


def test_a_bms_that_this_computer_does_not_let_run() -> None:
    said = replace(GOOD, bms_wait_ns=90 * NS_PER_MS).beyond(Budget())
    assert said == ["the BMS's process waited 90 ms for a processor, 80 ms are allowed"]


def test_frames_that_a_test_was_too_slow_to_take() -> None:
    assert replace(GOOD, lost=7).beyond(Budget()) == ["the test was too slow to take 7 frames"]
    assert replace(GOOD, lost=7).beyond(Budget(lost_frames=7)) == []


def test_missed_deadlines_are_late_too() -> None:
    steps = Punctuality()
    steps.keep(5)
    steps.miss(150 * NS_PER_MS)
    assert steps.numbers()["max_ns"] == 150 * NS_PER_MS
    said = replace(GOOD, steps=steps.numbers()).beyond(Budget(missed_steps=1.0))
    assert said == ["the latest step of the twins was 150 ms late, 100 ms are allowed"]
