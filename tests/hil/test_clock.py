"""The clock: integer nanoseconds, exact stops, alarms beside SimPy's own events."""

from collections.abc import Generator

import pytest
from simpy.events import Event

from hil.clock import NS_PER_S, Alarm, VirtualClock


def test_time_is_an_integer_over_hours() -> None:
    clock = VirtualClock(start_ns=3)
    ticks = []

    def process() -> Generator[Event, None, None]:
        for _ in range(1000):
            yield clock.timeout(36 * NS_PER_S + 1)
            ticks.append(clock.now_ns)

    clock.process(process())
    clock.run_until(36_000 * NS_PER_S + 1004)
    assert ticks[-1] == 3 + 1000 * (36 * NS_PER_S + 1)
    assert isinstance(clock.now_ns, int)


def test_events_due_at_the_instant_are_left_for_the_next_call() -> None:
    clock = VirtualClock()
    rung: list[Event] = []
    clock.set_alarm(Alarm(clock, rung.append), 100)
    clock.run_until(100)
    assert not rung
    assert clock.now_ns == 100
    clock.run_until(101)
    assert len(rung) == 1


def test_there_is_no_way_back() -> None:
    clock = VirtualClock(start_ns=10)
    with pytest.raises(ValueError, match="cannot run back"):
        clock.run_until(9)
    clock.run_until(10)


def test_waiting_stops_at_the_very_event() -> None:
    clock = VirtualClock()
    found: list[Event] = []
    clock.set_alarm(Alarm(clock, found.append), 70)
    clock.set_alarm(Alarm(clock, lambda _: pytest.fail("too far")), 70)
    assert clock.run_until_any(1000, found)
    assert clock.now_ns == 70


def test_waiting_for_what_never_comes() -> None:
    clock = VirtualClock()
    assert not clock.run_until_any(1000, [])
    assert clock.now_ns == 1000
    assert not clock.run_until_any(None, [])
    assert clock.now_ns == 1000


def test_an_event_cannot_wait() -> None:
    clock = VirtualClock()
    clock.set_alarm(Alarm(clock, lambda _: clock.run_until(500)), 10)
    with pytest.raises(RuntimeError, match="already advances"):
        clock.run_until(100)
    clock.run_until(200)  # the clock itself is none the worse


def test_alarms_and_timeouts_of_one_instant_keep_their_order() -> None:
    clock = VirtualClock()
    order: list[Event] = []
    made: list[Event] = []
    for place in range(6):
        if place % 2:
            alarm = Alarm(clock, order.append)
            clock.set_alarm(alarm, 10)
            made.append(alarm)
        else:
            timeout = clock.timeout(10)
            timeout.callbacks.append(order.append)
            made.append(timeout)
    clock.run_until(11)
    assert order == made


@pytest.mark.parametrize("through_simpy", [False, True])
def test_an_alarm_rings_again_and_again_until_cancelled(through_simpy: bool) -> None:
    clock = VirtualClock()
    stamps: list[int] = []

    def ring(_: Event) -> None:
        stamps.append(clock.now_ns)
        clock.set_alarm(alarm, clock.now_ns + 10)

    alarm = Alarm(clock, ring)
    clock.set_alarm(alarm, 10)
    if through_simpy:
        clock.run(until=35)
    else:
        clock.run_until(35)
    alarm.cancel()
    clock.run_until(100)
    assert stamps == [10, 20, 30]


def test_an_exception_in_an_event_reaches_the_caller() -> None:
    clock = VirtualClock()

    def process() -> Generator[Event, None, None]:
        yield clock.timeout(5)
        raise LookupError("firmware")

    clock.process(process())
    with pytest.raises(LookupError, match="firmware"):
        clock.run_until(10)
