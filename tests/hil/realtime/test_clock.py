"""The real clock against a monotonic clock of the test's own: nothing here depends on the machine's speed."""

from __future__ import annotations

import os
import select

import pytest

from hil.clock import NS_PER_MS, NS_PER_S, Alarm
from hil.realtime.clock import RealClock


class Monotonic:
    """Time that passes only while the loop waits, and as much as the test says per look."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_ns = 1_000_000_007
        self.waits: list[int] = []
        real_select = select.select

        def waiting(
            readers: list[int], _w: object, _x: object, timeout: float
        ) -> tuple[list[int], list[int], list[int]]:
            ready = real_select(readers, (), (), 0)[0] if readers else []
            if not ready:
                self.waits.append(round(timeout * 1e9))
                self.now_ns += round(timeout * 1e9)
            return ready, [], []

        monkeypatch.setattr("hil.realtime.clock.select.select", waiting)

    def __call__(self) -> int:
        return self.now_ns


def test_events_are_waited_for_at_absolute_deadlines(monkeypatch: pytest.MonkeyPatch) -> None:
    time = Monotonic(monkeypatch)
    clock = RealClock(time)
    rung: list[tuple[int, int]] = []

    def ring(_event: object) -> None:
        rung.append((clock.now_ns, clock.late_ns))
        time.now_ns += 3 * NS_PER_MS  # the work takes a while: the next deadline does not move
        clock.set_alarm(alarm, clock.now_ns + 10 * NS_PER_MS)

    alarm = Alarm(clock, ring)
    clock.set_alarm(alarm, 0)
    clock.run_until(35 * NS_PER_MS)
    assert [now for now, _ in rung] == [0, 10 * NS_PER_MS, 20 * NS_PER_MS, 30 * NS_PER_MS]
    assert [late for _, late in rung] == [0, 0, 0, 0]
    assert clock.now_ns == 35 * NS_PER_MS


def test_a_late_event_keeps_its_instant_and_knows_how_late_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    time = Monotonic(monkeypatch)
    clock = RealClock(time)
    seen: list[tuple[int, int]] = []
    clock.set_alarm(Alarm(clock, lambda _: seen.append((clock.now_ns, clock.late_ns))), 5 * NS_PER_MS)
    time.now_ns += 12 * NS_PER_MS
    clock.run_until(20 * NS_PER_MS)
    assert seen == [(5 * NS_PER_MS, 7 * NS_PER_MS)]


def test_a_loop_without_rest_does_now_and_then_what_it_does_before_a_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    time = Monotonic(monkeypatch)
    clock = RealClock(time)
    rested: list[int] = []
    clock.before_wait = lambda: rested.append(clock.seen_ns) or NS_PER_S  # type: ignore[func-returns-value]

    def ring(_event: object) -> None:
        time.now_ns += 30 * NS_PER_MS  # more than there is between two of them
        clock.set_alarm(alarm, clock.now_ns + 10 * NS_PER_MS)

    alarm = Alarm(clock, ring)
    clock.set_alarm(alarm, 0)
    clock.run_until(3 * NS_PER_S)
    assert rested[0] < NS_PER_S + 100 * NS_PER_MS
    assert NS_PER_S < rested[1] - rested[0] < NS_PER_S + 100 * NS_PER_MS


def test_a_frame_wakes_the_loop_and_ends_a_wait_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    time = Monotonic(monkeypatch)
    clock = RealClock(time)
    reader, writer = os.pipe()
    found: list[bytes] = []
    clock.watch(reader, lambda: found.append(os.read(reader, 1)))
    clock.set_alarm(Alarm(clock, lambda _: os.write(writer, b"x") and None), 4 * NS_PER_MS)
    try:
        assert clock.run_until_any(100 * NS_PER_MS, found)
    finally:
        os.close(reader)
        os.close(writer)
    assert found == [b"x"]
    assert clock.now_ns == 4 * NS_PER_MS


def test_time_does_not_run_back(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = RealClock(Monotonic(monkeypatch))
    clock.run_until(NS_PER_MS)
    with pytest.raises(ValueError, match="cannot run back"):
        clock.run_until(0)


def test_who_has_something_to_do_soon_is_not_slept_over(monkeypatch: pytest.MonkeyPatch) -> None:
    time = Monotonic(monkeypatch)
    clock = RealClock(time)
    asked: list[int] = []

    def before_wait() -> int:
        asked.append(clock.real_ns)
        return 3 * NS_PER_MS

    clock.before_wait = before_wait
    clock.run_until(10 * NS_PER_MS)
    assert time.waits == [3 * NS_PER_MS, 3 * NS_PER_MS, 3 * NS_PER_MS, NS_PER_MS, 0]
    assert asked == [0, 3 * NS_PER_MS, 6 * NS_PER_MS, 9 * NS_PER_MS]
