"""Cyclic frames: how late they are, beside a bare loop in C and python-can's threads; how they drift.

All send the same frames into the same kind of socket, and the kernel's stamps at its other end tell when.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hil.bench import Figure
from hil.bench.realtime.local import Frames, LocalBus, Sink, collect, local_bus
from hil.bench.realtime.plant import FIRST_ID, PlantUnderLoad, Slots
from hil.bench.realtime.process import Load, Machine, Process, ended, hear, start, start_bare
from hil.clock import NS_PER_MS, NS_PER_S

CYCLIC = Load(messages=30, cycle_ns=10 * NS_PER_MS)
SETTLE_NS = NS_PER_S // 2
_ROUNDS = 3
_EARLY = 50  # 1 / the part of a cycle by which the clocks of stamp and slot may disagree
_TENTHS = 10


@dataclass(frozen=True)
class Kept:
    """How a schedule was kept.

    Attributes:
        late_ns: Of each frame.
        missed: Slots without a frame.
    """

    late_ns: NDArray[np.int64]
    missed: int

    def us(self, percent: float) -> float:
        """A percentile of the lateness, in us."""
        return float(np.percentile(self.late_ns, percent)) / 1e3


def keeping(frames: Frames, slots: Slots) -> Kept:
    """How frames kept their slots: of each message all those between its first and its last frame.

    Raises:
        RuntimeError: If of a message no frame came.
    """
    late, missed = [], 0
    for identifier, (first_ns, cycle_ns) in slots.items():
        stamps = frames[frames[:, 0] == identifier, 1]
        if stamps.size == 0:
            raise RuntimeError(f"no frame {identifier:X} came")
        early_ns = cycle_ns // _EARLY
        number, late_ns = np.divmod(stamps - first_ns + early_ns, cycle_ns)
        late.append(late_ns - early_ns)
        missed += int(number[-1] - number[0]) + 1 - len(np.unique(number))
    return Kept(np.concatenate(late), missed)


def without_slots(frames: Frames, cycle_ns: int) -> Kept:
    """The same where only the cycle is known.

    The earliest frame of each message counts as on time, and none as left out.
    """
    late = []
    for identifier in np.unique(frames[:, 0]):
        stamps = frames[frames[:, 0] == identifier, 1]
        behind_ns = stamps - cycle_ns * np.arange(len(stamps))
        late.append(behind_ns - behind_ns.min())
    return Kept(np.concatenate(late), 0)


def drift_of(frames: Frames, slots: Slots) -> float:
    """By how much of a cycle the last tenth of the frames comes later after its slots than the first."""
    tenth = max(1, len(frames) // _TENTHS)
    first, last = (keeping(part, slots).us(50) for part in (frames[:tenth], frames[-tenth:]))
    cycle_ns = max(cycle for _, cycle in slots.values())
    return abs(last - first) * 1e3 / cycle_ns


def lateness(machine: Machine, seconds: float) -> list[Figure]:
    """The rig beside the bare loop, in turns, so that both meet the same machine; python-can's threads."""
    rig, bare = [], []
    with machine.load(), local_bus() as bus, PlantUnderLoad(CYCLIC, machine, [bus]) as plant:
        for _ in range(_ROUNDS):
            slots = plant.begin()
            rig.append(keeping(_taken(bus, seconds / _ROUNDS), slots))
            plant.pause()
            if machine.bare is not None:
                bare.append(_bare_kept(machine, seconds / _ROUNDS))
    figures = list(_beside(machine.name, _together(rig), _together(bare) if bare else None))
    if machine.loaded:
        figures += _of_threads("a busy Python thread beside them", seconds, busy=True)
    else:
        figures += _of_threads("alone", seconds, busy=False)
    return figures


def drift(machine: Machine, seconds: float) -> list[Figure]:
    """Cycles missed over a long time, and how far the last ones are behind the first ones."""
    name = f"10 ms cyclic over {seconds:g} s, {machine.name}"
    with machine.load(), local_bus() as bus, PlantUnderLoad(CYCLIC, machine, [bus]) as plant:
        slots = plant.begin()
        with bare_beside(machine, seconds) as bare:
            ours, *bares = collect([Sink(bus), *bare.sinks], round(seconds * NS_PER_S))
    ours = ours[np.isin(ours[:, 0], list(slots))]
    missed, drifted = keeping(ours, slots).missed, drift_of(ours, slots)
    figures = [
        Figure(f"{name}: cycles missed", missed, f"of {len(ours)}", "0", missed == 0),
        Figure(f"{name}: drift", drifted, "cycles", "<= 1", drifted <= 1),
    ]
    for frames in bares:
        kept = keeping(frames, bare.slots())
        figures += [
            Figure(f"{name}: bare C loop, cycles missed", kept.missed, f"of {len(frames)}", "", None),
            Figure(f"{name}: bare C loop, drift", drift_of(frames, bare.slots()), "cycles", "", None),
        ]
    return figures


class BareBeside:
    """A bare loop that sends meanwhile.

    Attributes:
        sinks: Where its frames come; none without a bare loop.
    """

    def __init__(self, process: Process | None, bus: LocalBus) -> None:
        self._process = process
        self._slots: Slots = {}
        self.sinks = [] if process is None else [Sink(bus)]

    def slots(self) -> Slots:
        """Where its slots were; waits for its end."""
        if not self._slots and self._process is not None:
            first_ns = int(hear(self._process)["start_ns"])
            step_ns = CYCLIC.cycle_ns // CYCLIC.messages
            self._slots = {
                FIRST_ID + n: (first_ns + n * step_ns, CYCLIC.cycle_ns) for n in range(CYCLIC.messages)
            }
        return self._slots


@contextmanager
def bare_beside(machine: Machine, seconds: float) -> Iterator[BareBeside]:
    """The bare loop, at work for a while, and a little longer on both sides; no longer than the context."""
    with local_bus() as bus:
        if machine.bare is None:
            yield BareBeside(None, bus)
            return
        with ended(start_bare(machine, CYCLIC, [bus], seconds + 2 * SETTLE_NS / NS_PER_S)) as process:
            collect([Sink(bus)], SETTLE_NS)
            beside = BareBeside(process, bus)
            yield beside
            beside.slots()


def _taken(bus: LocalBus, seconds: float) -> Frames:
    """The frames of a time, after a while to settle."""
    sink = Sink(bus)
    collect([sink], SETTLE_NS)
    (frames,) = collect([sink], round(seconds * NS_PER_S))
    return frames


def _bare_kept(machine: Machine, seconds: float) -> Kept:
    with bare_beside(machine, seconds) as bare:
        (frames,) = collect(bare.sinks, round(seconds * NS_PER_S))
        return keeping(frames, bare.slots())


def _together(parts: Sequence[Kept]) -> Kept:
    """Several measurements as one."""
    return Kept(np.concatenate([part.late_ns for part in parts]), sum(part.missed for part in parts))


def _beside(when: str, rig: Kept, bare: Kept | None) -> Iterator[Figure]:
    """Lateness in us, and as a multiple of the bare loop's."""
    cyclic = f"{CYCLIC.messages} messages of {CYCLIC.cycle_ns // NS_PER_MS} ms, {when}"
    for percent, goal in ((99.0, 2.0), (99.9, 3.0)):
        name = f"p{percent:g}, {cyclic}"
        yield Figure(f"lateness {name}", rig.us(percent), "us", "", None)
        if bare is not None:
            yield Figure(f"bare C loop {name}", bare.us(percent), "us", "", None)
            ratio = rig.us(percent) / bare.us(percent)
            yield Figure(f"rig over C {name}", ratio, "x", f"<= {goal:g}", ratio <= goal)
    yield Figure(f"cycles missed, {cyclic}", rig.missed, f"of {len(rig.late_ns)}", "0", rig.missed == 0)


def _of_threads(when: str, seconds: float, *, busy: bool) -> list[Figure]:
    """python-can's turn."""
    with local_bus() as bus:
        arguments = (bus.near.fileno(), CYCLIC.messages, CYCLIC.cycle_ns, int(busy))
        with ended(start("thread_sender", *arguments, inherit=[bus])):
            sink = Sink(bus)
            while not collect([sink], SETTLE_NS)[0].size:
                pass
            (frames,) = collect([sink], round(seconds * NS_PER_S))
    kept = without_slots(frames, CYCLIC.cycle_ns)
    return [
        Figure(f"python-can's threads, {when}, p{percent:g}", kept.us(percent), "us", "", None)
        for percent in (99.0, 99.9)
    ]
