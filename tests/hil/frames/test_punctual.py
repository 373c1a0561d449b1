"""The restbus in real time: late slots are left out and counted, and no message comes twice in a row."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.bus.frame import Frame
from hil.clock import NS_PER_MS, Alarm, VirtualClock
from hil.errors import BusError
from hil.frames.database import Message, load_database
from hil.frames.punctual import PunctualRestbus
from hil.frames.restbus import Entry, Source

MS = NS_PER_MS
MESSAGE = load_database([Path(__file__).parents[3] / "dbc" / "cell_monitor.dbc"]).messages["CM_Voltages_01"]
NAMES = [name for name in MESSAGE.signals if name.startswith("Cell")]


def entry(cycle_ms: int, offset_ms: int = 0, message: Message = MESSAGE) -> Entry:
    layout = replace(message, cycle_ns=cycle_ms * MS, offset_ns=offset_ms * MS)
    return Entry(layout, {name: Source([3.3], 0) for name in NAMES})


class LateClock(VirtualClock):
    """A clock whose events come as late as a test says: ``lag_ns`` behind the computer's."""

    lag_ns = 0

    @property
    def real_ns(self) -> int:
        return self.now_ns + self.lag_ns

    @property
    def seen_ns(self) -> int:
        return self.real_ns

    def stall(self, from_ms: float, to_ms: float) -> None:
        """All that is due in a span comes at its end."""

        def late(_event: object) -> None:
            self.lag_ns = max(0, round(to_ms * MS) - self.now_ns)

        instant = round(from_ms * MS)
        while instant <= round(to_ms * MS):
            self.set_alarm(Alarm(self, late), instant)
            instant += MS // 2


class Line:
    def __init__(self) -> None:
        self.clock = LateClock()
        self.sent: list[tuple[int, bytes]] = []
        self.broken = False

    def send(self, identifier: int, data: bytes, extended: bool, _format: int = 0) -> Frame:
        if self.broken:
            raise BusError("is down")
        self.sent.append((self.clock.real_ns, data))
        return Frame(identifier, data, extended)

    def restbus(self, *entries: Entry) -> PunctualRestbus:
        return PunctualRestbus(self.clock, self.send, entries)


def test_on_time_it_does_as_in_virtual_time() -> None:
    line = Line()
    restbus = line.restbus(entry(10, 3))
    restbus.start(0)
    line.clock.run_until(100 * MS)
    assert [t for t, _ in line.sent] == [(3 + 10 * k) * MS for k in range(10)]
    assert (restbus.punctuality.missed, restbus.punctuality.lateness.count) == (0, 10)


def test_after_a_stall_one_frame_comes_and_no_burst() -> None:
    line = Line()
    restbus = line.restbus(entry(10))
    line.clock.stall(25, 82)
    restbus.start(0)
    line.clock.run_until(121 * MS)
    # the slots at 30 … 70 have passed, that at 80 is only 2 ms late
    assert [t // MS for t, _ in line.sent] == [0, 10, 20, 82, 90, 100, 110, 120]
    assert (restbus.punctuality.missed, restbus.punctuality.max_ns) == (5, 2 * MS)
    assert restbus.punctuality.worst == "CM_Voltages_01"


def test_a_frame_later_than_half_its_cycle_waits_for_the_next_slot() -> None:
    line = Line()
    restbus = line.restbus(entry(10))
    line.clock.stall(29, 36)
    restbus.start(0)
    line.clock.run_until(61 * MS)
    assert [t // MS for t, _ in line.sent] == [0, 10, 20, 40, 50, 60]
    assert restbus.punctuality.missed == 1


def test_the_alive_counter_of_a_slot_that_was_left_out_is_not_lost() -> None:
    """A receiver sees a gap, and after it the next number."""
    line = Line()
    line.clock.stall(25, 82)
    line.restbus(entry(10)).start(0)
    line.clock.run_until(121 * MS)
    counters = [data[1] & 0x0F for _, data in line.sent]
    assert counters == list(range(counters[0], counters[0] + len(counters)))


def test_a_bus_that_takes_nothing_is_counted_and_the_slots_go_on() -> None:
    line = Line()
    restbus = line.restbus(entry(10))
    restbus.start(0)
    line.broken = True
    line.clock.run_until(45 * MS)
    line.broken = False
    line.clock.run_until(101 * MS)
    assert restbus.refused == 5
    assert [t // MS for t, _ in line.sent] == [50, 60, 70, 80, 90, 100]


def test_a_message_that_is_held_back_misses_nothing() -> None:
    line = Line()
    held = entry(10)
    held.hold = "drop"
    restbus = line.restbus(held)
    line.clock.stall(25, 82)
    restbus.start(0)
    line.clock.run_until(121 * MS)
    assert (line.sent, restbus.punctuality.missed) == ([], 0)


@pytest.mark.parametrize("cycle_ms", [10, 20, 100])
@given(stalls=st.lists(st.tuples(st.integers(0, 900), st.integers(1, 300)), max_size=6))
def test_whatever_stalls_slots_are_sent_or_counted_and_never_bunch(
    cycle_ms: int, stalls: list[tuple[int, int]]
) -> None:
    line = Line()
    restbus = line.restbus(entry(cycle_ms))
    end_ms = 0
    for pause_ms, length_ms in stalls:
        begin_ms = end_ms + pause_ms
        end_ms = begin_ms + length_ms
        line.clock.stall(begin_ms, end_ms)
    restbus.start(0)
    line.clock.run_until((end_ms + 500) * MS)
    sent = [t for t, _ in line.sent]
    slots = -(-(end_ms + 500) // cycle_ms)
    assert len(sent) + restbus.punctuality.missed == slots
    assert all(2 * (b - a) >= cycle_ms * MS for a, b in pairwise(sent))
    assert restbus.punctuality.max_ns <= cycle_ms * MS // 2
