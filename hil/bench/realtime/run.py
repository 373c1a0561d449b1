"""The parts of ``hil bench realtime``, each by a name of its own, idle and with one core loaded."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hil.bench import Figure
from hil.bench.realtime import cyclic, kills, stream, sustained
from hil.bench.realtime.process import FULL_BUS, Machine, Say, built
from hil.errors import UsageError

Measure = Callable[[Machine, float], list[Figure]]


@dataclass(frozen=True)
class Part:
    """What can be measured by itself.

    Attributes:
        measure: Does it, on a machine and for so many seconds.
        seconds: For how long, if nothing else is said.
        text: What it is.
    """

    measure: Measure
    seconds: float
    text: str


PARTS = {
    "lateness": Part(cyclic.lateness, 60, "cyclic frames beside the bare loop, and python-can's threads"),
    "drift": Part(cyclic.drift, 600, "cyclic frames over a long time"),
    "cells": Part(sustained.cells, 60, "1,000 cells each millisecond and a full bus on one core"),
    "buses": Part(sustained.buses, 60, "four buses half full"),
    "reaction": Part(stream.reaction, 30, "from a request to the reaction through the host's socket"),
    "breakpoint": Part(stream.breakpoint_of, 10, "a test that stands still"),
}
KILLS, MOST_KILLS = "kills", 100
_STAT, _STEAL = Path("/proc/stat"), 8  # its line for all processors: name, user, nice, …


@dataclass(frozen=True)
class Options:
    """What is to be measured, and how.

    Attributes:
        only: Names of parts; empty: all.
        seconds: For how long, in place of each part's own time.
        count: How many kills.
        cpu: The one CPU of rig, bare loop and load; ``None``: any.
        frames: What the full bus beside the cells carries each second.
    """

    only: Sequence[str] = ()
    seconds: float | None = None
    count: int = MOST_KILLS
    cpu: int | None = None
    frames: int = FULL_BUS


def run(options: Options, say: Say) -> Iterator[Figure]:
    """Measure one after the other; figures come as soon as they are known.

    Raises:
        UsageError: If this system has not what it takes.
    """
    if sys.platform != "linux":
        raise UsageError("real time is measured on Linux only", remedy="`hil bench cell` runs everywhere")
    chosen = options.only or [*PARTS, KILLS]
    with built(say) as bare:
        for name, part in PARTS.items():
            if name not in chosen:
                continue
            for loaded in (False, True):
                machine = Machine(bare, options.cpu, loaded, say, options.frames)
                seconds = part.seconds if options.seconds is None else options.seconds
                say(f"measuring {name}, {machine.name}, {seconds:g} s: {part.text} …")
                before_ms = _stolen_ms()
                yield from part.measure(machine, seconds)
                stolen_ms = _stolen_ms() - before_ms
                yield Figure(f"{name}, {machine.name}: time the hypervisor took", stolen_ms, "ms", "", None)
    if KILLS in chosen:
        yield from kills.run(options.count, say)


def _stolen_ms() -> float:
    """How long the processors of a virtual machine have stood still so far, because others had their turn."""
    words = _STAT.read_text().split("\n", 1)[0].split()
    return float(words[_STEAL]) * 1e3 / os.sysconf("SC_CLK_TCK")
