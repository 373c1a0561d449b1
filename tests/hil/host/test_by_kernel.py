"""Messages that the kernel sends, by a kernel of these tests' own; tests/socketcan has the real one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import pytest

from hil.bus.frame import Frame
from hil.bus.link import OWN
from hil.clock import NS_PER_MS, NS_PER_S, Alarm, VirtualClock
from hil.errors import BusError
from hil.frames.database import Message, load_database
from hil.frames.punctual import PunctualRestbus
from hil.frames.restbus import Entry, Source
from hil.host.by_kernel import KernelSender

CYCLE_NS = 100 * NS_PER_MS
CELLS = load_database([Path(__file__).parents[3] / "dbc" / "cell_monitor.dbc"]).messages["CM_Voltages_01"]
CELL = next(name for name in CELLS.signals if name.startswith("Cell"))


class PresentClock(VirtualClock):
    """Virtual time, never late."""

    @property
    def seen_ns(self) -> int:
        return self.now_ns

    real_ns = seen_ns


@dataclass
class Line:
    """A bus on which every frame comes back at once, and what was on it."""

    clock: PresentClock
    is_up: bool = True
    claimed: set[int] = field(default_factory=set)
    taps: list[Callable[[Frame], None]] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)

    def poll(self) -> None:
        """Nothing waits."""

    def put(self, frame: Frame, who: str) -> None:
        frame = Frame(frame.id, frame.data, frame.extended, OWN)
        frame.t_ns = self.clock.now_ns
        self.frames.append(frame)
        self.senders.append(who)
        for tap in self.taps:
            tap(frame)

    def __post_init__(self) -> None:
        self.senders: list[str] = []

    def send(self, identifier: int, data: bytes, extended: bool, _format: int = 0) -> Frame:
        frame = Frame(identifier, data, extended)
        self.put(frame, "rig")
        return frame


class Kernel:
    """Repeats frames; ``slow_ns`` is what each cycle is longer."""

    def __init__(self, line: Line, slow_ns: int = 0) -> None:
        self.line, self.slow_ns = line, slow_ns
        self.broken = False
        self.turn = self.period_ns = 0
        self.frames: list[Frame] = []
        self.alarm: Alarm | None = None
        self.updates = 0

    def start(self, frames: list[Frame], period_ns: int) -> None:
        if self.broken:
            raise BusError("the interface has gone")
        self.frames, self.turn, self.period_ns = frames, 0, period_ns
        self.alarm = Alarm(self.line.clock, self._ring)
        self._ring(None)

    def update(self, frames: list[Frame]) -> None:
        if self.broken:
            raise BusError("the interface has gone")
        self.frames = frames
        self.updates += 1

    def stop(self, _identifier: int, _extended: bool = False) -> None:
        if self.alarm is not None:
            self.alarm.cancel()
        self.alarm = None

    def close(self) -> None:
        self.stop(0)

    def _ring(self, _event: object) -> None:
        assert self.alarm is not None
        clock = self.line.clock
        clock.set_alarm(self.alarm, clock.now_ns + self.period_ns + self.slow_ns)
        self.line.put(self.frames[self.turn], "kernel")
        self.turn = (self.turn + 1) % len(self.frames)


class Bench:
    """A restbus of one message that the kernel sends."""

    def __init__(self, slow_ns: int = 0, message: Message = CELLS) -> None:
        layout = replace(message, cycle_ns=CYCLE_NS, offset_ns=0, by_kernel=True)
        self.values = [3.3]
        self.clock = PresentClock()
        self.line = Line(self.clock)
        self.kernel = Kernel(self.line, slow_ns)
        self.entry = Entry(layout, {CELL: Source(self.values, 0)})
        self.restbus = PunctualRestbus(self.clock, self.line.send, [self.entry])
        self.told: list[str] = []
        self.opened = 0
        self.helper = KernelSender(self.line, self.clock, self.restbus, self._opens, self.told.append)
        self.restbus.helper = self.helper
        self.restbus.start(0)

    def _opens(self) -> Kernel:
        if self.kernel.broken:
            raise BusError("the interface has gone")
        self.opened += 1
        return self.kernel

    def run(self, cycles: float) -> None:
        self.clock.run_until(self.clock.now_ns + round(cycles * CYCLE_NS))

    @property
    def counters(self) -> list[int]:
        e2e = CELLS.e2e
        assert e2e is not None
        assert all(e2e.is_sealed(frame.data) for frame in self.line.frames)
        return [e2e.counter_of(frame.data) for frame in self.line.frames]

    def assert_counters_run_on(self) -> None:
        e2e = CELLS.e2e
        assert e2e is not None
        counters = self.counters
        assert len(counters) > 1
        assert all(after == (before + 1) % e2e.modulus for before, after in pairwise(counters))


def test_the_kernel_sends_and_the_counter_runs() -> None:
    bench = Bench()
    bench.run(40.5)
    assert set(bench.line.senders) == {"kernel"}
    assert len(bench.line.frames) == 41
    assert bench.kernel.updates == 0
    bench.assert_counters_run_on()


def test_a_new_content_is_handed_on_and_keeps_the_counter_running() -> None:
    bench = Bench()
    for step in range(20):
        bench.values[0] = 3.0 + step / 100
        bench.run(1)
    assert bench.kernel.updates == 19
    assert [round(CELLS.decode_dict(f.data)[CELL], 2) for f in bench.line.frames[-3:]] == [3.16, 3.17, 3.18]
    bench.assert_counters_run_on()


@pytest.mark.parametrize("disturb", ["drop", "mutate", "fault"])
def test_a_fault_is_the_rigs_to_play_and_the_counter_goes_on_after_it(disturb: str) -> None:
    bench = Bench()
    entry = bench.entry
    assert entry.protector is not None
    bench.run(5.5)  # in each slot the kernel is the first, and no second frame comes in it
    if disturb == "drop":
        entry.hold = "drop"
    elif disturb == "mutate":
        entry.mutate = lambda data: data
    else:
        entry.protector.fault = "crc"
    bench.run(3)
    sealed = [CELLS.e2e.is_sealed(frame.data) for frame in bench.line.frames if CELLS.e2e is not None]
    assert sealed == [True] * 7 + {"drop": [], "mutate": [True] * 2, "fault": [False] * 2}[disturb]
    entry.hold, entry.mutate, entry.protector.fault = "normal", None, None
    bench.run(20)
    assert bench.line.senders == ["kernel"] * 7 + ["rig"] * (0 if disturb == "drop" else 2) + ["kernel"] * 20
    if disturb != "fault":
        bench.assert_counters_run_on()


def test_when_the_restbus_stops_so_does_the_kernel() -> None:
    bench = Bench()
    bench.run(3.5)
    bench.restbus.stop()
    bench.run(5)
    assert len(bench.line.frames) == 4
    bench.restbus.start(bench.clock.now_ns)
    bench.run(5.5)
    bench.assert_counters_run_on()


def test_a_slow_kernel_is_late_against_its_own_last_frame() -> None:
    bench = Bench(slow_ns=3 * NS_PER_MS)
    bench.run(30)
    numbers = bench.restbus.punctuality.numbers()
    assert numbers["max_ns"] == 3 * NS_PER_MS
    assert numbers["missed"] == 0
    assert numbers["count"] == len(bench.line.frames) - 1


def test_frames_that_the_kernel_left_out_are_missed() -> None:
    bench = Bench()
    bench.run(3.5)
    bench.kernel.stop(0)  # behind the rig's back
    bench.run(4)
    bench.kernel.start(bench.kernel.frames, CYCLE_NS)
    bench.run(1.5)
    assert bench.restbus.punctuality.missed == 3


def test_without_the_kernel_the_rig_sends_itself_and_says_so() -> None:
    bench = Bench()
    bench.run(3.5)
    bench.kernel.broken = True
    bench.values[0] = 3.4
    bench.run(5)
    assert bench.line.senders == ["kernel"] * 5 + ["rig"] * 4
    (told,) = bench.told
    assert told == "the kernel's broadcast manager sends no more, the rig does: the interface has gone"
    bench.kernel.broken = False
    bench.clock.run_until(bench.clock.now_ns + 2 * NS_PER_S)
    assert bench.line.senders[-1] == "kernel"
    assert bench.opened == 2
    bench.assert_counters_run_on()


def test_a_kernel_that_falls_silent_is_noticed_and_the_rig_goes_on() -> None:
    bench = Bench()
    bench.run(3.5)
    bench.kernel.stop(0)  # behind the rig's back
    bench.run(10)
    assert bench.line.senders[:5] == ["kernel"] * 4 + ["rig"]
    (told,) = bench.told
    assert told.endswith("sends no more, the rig does: nothing of CM_Voltages_01 came for 4 cycles")
    assert bench.restbus.punctuality.missed == 4


def test_a_message_that_is_recalled_sends_no_frame_more() -> None:
    """The last frame before a fault is then the last one on the bus."""
    bench = Bench(slow_ns=7 * NS_PER_MS)
    bench.run(9.1)  # the kernel is 63 ms behind the slots by now
    bench.helper.recall([CELLS.name])
    bench.entry.hold = "drop"
    before = len(bench.line.frames)
    bench.run(5)
    assert len(bench.line.frames) == before
    bench.entry.hold = "normal"
    bench.run(5)
    bench.assert_counters_run_on()


def test_what_the_kernel_sends_is_nobody_elses_to_send() -> None:
    bench = Bench()
    bench.run(1)
    assert bench.line.claimed == {CELLS.key}


def test_an_interface_that_comes_back_gets_a_new_sender() -> None:
    bench = Bench()
    bench.run(3.5)
    bench.line.is_up = False
    bench.kernel.stop(0)  # as the kernel itself does
    bench.run(2)
    bench.line.is_up = True
    bench.clock.run_until(bench.clock.now_ns + 2 * NS_PER_S)
    assert (bench.opened, bench.line.senders[-1]) == (2, "kernel")
    assert bench.told == []


def test_while_the_bus_is_away_nothing_is_said_of_the_kernel() -> None:
    bench = Bench()
    bench.run(3.5)
    bench.kernel.broken, bench.line.is_up = True, False
    bench.values[0] = 3.4
    bench.run(5)
    assert bench.told == []


def test_a_message_without_protection_is_one_frame() -> None:
    bench = Bench(message=replace(CELLS, e2e=None))
    bench.run(3.5)
    assert len(bench.kernel.frames) == 1
    assert len(bench.line.frames) == 4
