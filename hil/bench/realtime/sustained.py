"""A plant that has much to do: 1,000 cells each millisecond and a full bus; four half-full buses."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from hil.bench import Figure
from hil.bench.realtime.local import LocalBus, local_bus
from hil.bench.realtime.peer import start_peer, tally_of, tell
from hil.bench.realtime.plant import PlantUnderLoad
from hil.bench.realtime.process import FULL_BUS, Load, Machine, ended, hear, start_bare
from hil.clock import NS_PER_MS, NS_PER_S

_CELLS = Load(messages=250, cycle_ns=125 * NS_PER_MS, cells=1000, step_ns=NS_PER_MS)  # of a full bus
_BUSES = Load(messages=100, cycle_ns=100 * NS_PER_MS, buses=4)
_BUSES_RATE = 1000
_SETTLE_NS = NS_PER_S
_LAST_NS = NS_PER_S // 5  # what is under way arrives


@dataclass(frozen=True)
class Strain:
    """How a plant, or the bare loop in its place, bore its load.

    Attributes:
        frames: On all buses, in and out, per second.
        steps: Steps of the twins that came in time.
        missed_steps: Those that came a whole step late.
        missed_frames: Slots without a frame.
        lost: Frames that went missing on their way in or out, or on that to the client.
        cpu: Share of one core.
        cell_ns: What the cells took of one step.
    """

    frames: float
    steps: int
    missed_steps: int
    missed_frames: int
    lost: int
    cpu: float
    cell_ns: float

    @property
    def missed_percent(self) -> float:
        """Share of the steps that were missed."""
        return 100 * self.missed_steps / max(1, self.steps + self.missed_steps)


def cells(machine: Machine, seconds: float) -> list[Figure]:
    """1,000 cells in steps of 1 ms beside a full bus, on one core."""
    bus = "full bus" if machine.frames == FULL_BUS else f"{machine.frames} frames/s"
    name = f"1,000 cells each ms, {bus}, {machine.name}"
    rate = machine.frames // 2  # half of the frames are from the rig, half to it
    load = replace(_CELLS, cycle_ns=_CELLS.messages * NS_PER_S // rate)
    on_one = machine if machine.cpu is not None else replace(machine, cpu=max(os.sched_getaffinity(0)))
    rig, bare = _beside(on_one, load, rate, seconds)
    missed, used = rig.missed_percent, 100 * rig.cpu
    share = 100 * rig.cell_ns / _CELLS.step_ns
    figures = [
        Figure(f"{name}: frames in and out", rig.frames, "frames/s", "", None),
        Figure(f"{name}: steps missed in {seconds:g} s", missed, "%", "< 0.1", missed < 0.1),
        Figure(f"{name}: load of the core", used, "%", "<= 70", used <= 70),
        Figure(f"{name}: cells within the loop", share, "%", "<= 1", share <= 1),
        Figure(f"{name}: frames lost", rig.lost, "", "0", rig.lost == 0),
        Figure(f"{name}: slots left out", rig.missed_frames, "", "", None),
    ]
    if bare is not None:
        bare_share = 100 * bare.cell_ns / _CELLS.step_ns
        figures += [
            Figure(f"{name}: bare C loop, steps missed", bare.missed_percent, "%", "", None),
            Figure(f"{name}: bare C loop, load of the core", 100 * bare.cpu, "%", "", None),
            Figure(f"{name}: bare C loop, cells within it", bare_share, "%", "", None),
        ]
    return figures


def buses(machine: Machine, seconds: float) -> list[Figure]:
    """Four buses, each half full."""
    name = f"four buses half full, {machine.name}"
    rig, bare = _beside(machine, _BUSES, _BUSES_RATE, seconds)
    figures = [
        Figure(f"{name}: frames in and out", rig.frames, "frames/s", "", None),
        Figure(f"{name}: frames lost in {seconds:g} s", rig.lost, "", "0", rig.lost == 0),
        Figure(f"{name}: slots left out", rig.missed_frames, "", "", None),
        Figure(f"{name}: load of the core", 100 * rig.cpu, "%", "", None),
    ]
    if bare is not None:
        figures += [
            Figure(f"{name}: bare C loop, frames lost", bare.lost, "", "", None),
            Figure(f"{name}: bare C loop, load of the core", 100 * bare.cpu, "%", "", None),
        ]
    return figures


def _beside(machine: Machine, load: Load, rate: int, seconds: float) -> tuple[Strain, Strain | None]:
    """The rig, then the bare loop."""
    with machine.load(), ExitStack() as stack:
        ends = [stack.enter_context(local_bus()) for _ in range(load.buses)]
        rig = _of_rig(machine, load, ends, rate, seconds)
    if machine.bare is None:
        return rig, None
    with machine.load(), ExitStack() as stack:
        ends = [stack.enter_context(local_bus()) for _ in range(load.buses)]
        return rig, _of_bare(machine, load, ends, rate, seconds)


def _of_rig(machine: Machine, load: Load, ends: Sequence[LocalBus], rate: int, seconds: float) -> Strain:
    with PlantUnderLoad(load, machine, ends, frames=True) as plant, ended(start_peer(rate, ends)) as peer:
        plant.begin()
        tell(peer, "go")
        connection = plant.connection
        connection.advance(connection.now_ns + _SETTLE_NS, ())
        before = plant.health()
        connection.advance(connection.now_ns + round(seconds * NS_PER_S), ())
        after = plant.health()
        tell(peer, "stop")
        connection.advance(connection.now_ns + _LAST_NS, ())
        plant.pause()
        connection.catch_up()
        last = plant.health()
        tally = tally_of(peer)
        told = plant.end()
    return _strain(before, after, _lost(last, tally) + connection.lost, told)


def _lost(health: dict[str, Any], tally: dict[str, int]) -> int:
    """Frames of which one side knows and the other does not."""
    own = int(health["frames"]["count"])
    arrived = _sum(health, ("frames",)) - own
    told = _sum(health, ("overruns", "refused", "unconfirmed"))
    return abs(tally["sent"] - arrived) + abs(own - tally["received"]) + tally["refused"] + told


def _sum(health: dict[str, Any], names: Sequence[str]) -> int:
    return sum(int(bus[name]) for bus in health["buses"].values() for name in names)


def _strain(before: dict[str, Any], after: dict[str, Any], lost: int, told: dict[str, Any]) -> Strain:
    """What lies between two looks at a plant's health."""
    span_ns = after["to_ns"] - before["to_ns"]
    taken_ns = [health["cpu"] * (health["to_ns"] - health["from_ns"]) for health in (before, after)]
    return Strain(
        frames=(_sum(after, ("frames",)) - _sum(before, ("frames",))) * NS_PER_S / span_ns,
        steps=after["steps"]["count"] - before["steps"]["count"],
        missed_steps=after["steps"]["missed"] - before["steps"]["missed"],
        missed_frames=after["frames"]["missed"] - before["frames"]["missed"],
        lost=lost,
        cpu=(taken_ns[1] - taken_ns[0]) / span_ns,
        cell_ns=told["cells_ns"] / max(1, told["cells_calls"]),
    )


def _of_bare(machine: Machine, load: Load, ends: Sequence[LocalBus], rate: int, seconds: float) -> Strain:
    with ended(start_peer(rate, ends)) as peer:
        with ended(start_bare(machine, load, ends, seconds, cells=True)) as process:
            tell(peer, "go")
            told = hear(process)
        tally = tally_of(peer)
    return Strain(
        frames=(told["sent"] + told["received"]) / seconds,
        steps=told["steps"],
        missed_steps=told["missed_steps"],
        missed_frames=told["missed_frames"],
        lost=abs(told["sent"] - tally["received"]) + told["refused"],
        cpu=told["cpu_ns"] / (seconds * NS_PER_S),
        cell_ns=told["cells_ns"] / max(1, told["steps"]),
    )
