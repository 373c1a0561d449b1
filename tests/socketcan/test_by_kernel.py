"""Messages that the kernel's broadcast manager sends for the restbus, on real SocketCAN."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from hil.bus.bcm import Broadcast
from hil.bus.frame import Frame
from hil.bus.socketcan import SocketCanLink
from hil.clock import NS_PER_MS
from hil.frames.database import load_database
from hil.frames.punctual import PunctualRestbus
from hil.frames.restbus import Entry, Source
from hil.host.by_kernel import KernelSender
from hil.host.watched import WatchedMedium
from hil.realtime.clock import RealClock

CYCLE_NS = 20 * NS_PER_MS
CELLS = load_database([Path(__file__).parents[2] / "dbc" / "cell_monitor.dbc"]).messages["CM_Voltages_01"]
CELL = next(name for name in CELLS.signals if name.startswith("Cell"))


class Bench:
    """A restbus of one message, and somebody who listens."""

    def __init__(self) -> None:
        self.clock = RealClock()
        self.link, self.listener = SocketCanLink("bus", "vcan0"), SocketCanLink("bus", "vcan0")
        medium = WatchedMedium(self.clock, self.link)
        node = medium.attach("rig")
        self.values = [3.3]
        self.entry = Entry(replace(CELLS, cycle_ns=CYCLE_NS, by_kernel=True), {CELL: Source(self.values, 0)})
        self.restbus = PunctualRestbus(self.clock, node.send, [self.entry])
        self.told: list[str] = []
        self.helper = KernelSender(
            medium, self.clock, self.restbus, lambda: Broadcast(self.link), self.told.append
        )
        self.restbus.helper = self.helper
        self.restbus.start(self.clock.real_ns)

    def run(self, span_ns: int) -> None:
        self.clock.run_until(self.clock.real_ns + span_ns)

    def heard(self) -> list[Frame]:
        frames: list[Frame] = []
        while more := self.listener.receive():
            frames += more
        assert {frame.id for frame in frames} <= {CELLS.id}
        return frames

    def close(self) -> None:
        self.restbus.stop()
        self.helper.close()
        self.link.close()
        self.listener.close()


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.close()


def assert_whole(frames: list[Frame]) -> None:
    """Each checksum is right, and no counter is left out or comes twice."""
    e2e = CELLS.e2e
    assert e2e is not None
    assert all(e2e.is_sealed(frame.data) for frame in frames)
    counters = [e2e.counter_of(frame.data) for frame in frames]
    assert all(after == (before + 1) % e2e.modulus for before, after in pairwise(counters))


def test_frames_go_on_while_python_stands_still(bench: Bench) -> None:
    bench.run(10 * CYCLE_NS)
    before = bench.heard()
    time.sleep(0.6)  # noqa: TID251 - that is the point: nothing of the rig runs
    still = bench.heard()
    bench.run(10 * CYCLE_NS)
    frames = [*before, *still, *bench.heard()]
    assert len(before) >= 5
    assert len(still) >= 15
    assert len(frames) >= 25
    assert_whole(frames)
    assert bench.restbus.punctuality.lateness.count >= 20
    assert bench.told == []


def test_faults_are_the_rigs_and_no_counter_is_lost_on_the_way(bench: Bench) -> None:
    bench.run(6 * CYCLE_NS)
    bench.values[0] = 3.1
    bench.run(6 * CYCLE_NS)
    bench.entry.mutate = lambda data: data
    bench.run(6 * CYCLE_NS)
    bench.entry.mutate = None
    bench.run(6 * CYCLE_NS)
    frames = bench.heard()
    assert len(frames) >= 15
    assert_whole(frames)
    assert round(CELLS.decode_dict(frames[-1].data)[CELL], 2) == 3.1
    bench.entry.hold = "drop"
    bench.run(6 * CYCLE_NS)
    assert len(bench.heard()) <= 1


def test_it_ends_with_the_restbus(bench: Bench) -> None:
    bench.run(3 * CYCLE_NS)
    bench.restbus.stop()
    bench.heard()
    time.sleep(0.2)  # noqa: TID251 - the kernel would go on in that time
    assert bench.heard() == []
