"""The cell core: nanoseconds per cell and step, one step per call, on one core.

*Typical* is a cell with everything optional off; *full* the shipped one, with time constants that follow
temperature, core and surface, neighbours, self-discharge, ageing and decomposition.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from hil.bench import Figure
from twins.cell import parameters
from twins.cell.reference import CellType
from twins.cell.vector import VectorPack
from twins.pack import Pack, PackConfig

_CELL = "winston-lyp-100"
_DT_S = 1e-3
_ROUNDS = 150
_PART_S = 0.002  # one round of one contestant: shorter than the slices of a busy machine


def run() -> list[Figure]:
    """Best of several rounds; C and NumPy take turns, so that both meet the same machine."""
    figures = []
    for count, goal in ((1_000, 6.0), (100_000, 8.0)):
        fast, plain = _best(count, [_stepper(_pack(count, 1)), _stepper(_vector(count))])
        figures.append(_figure(f"cell step, {count:,} cells in series", fast, goal))
        ratio = plain / fast
        figures.append(_ratio(f"NumPy twin over C core, {count:,} cells", ratio))
    for count in (960, 99_840):
        (fast,) = _best(count, [_stepper(_pack(count // 16, 16))])
        figures.append(_figure(f"cell step, {count:,} cells, 16 in parallel", fast, 8.0))
    for count, goal in ((1_000, 12.0), (100_000, 14.0)):
        (fast,) = _best(count, [_stepper(_full(count))])
        figures.append(_figure(f"full cell step, {count:,} cells in series", fast, goal))
    return [*figures, _year(), *_saving()]


def _year() -> Figure:
    """From the best of some parts of a year of one string of 100 full cells at 1 s, up and down by 0.3 C."""
    pack, steps = _full(100), 120  # short parts, each with ageing's own period, a minute, twice in it
    best = float("inf")
    for n in range(600):
        begun = time.perf_counter()
        pack.advance(-30.0 if n & 1 else 30.0, 1.0, steps)
        best = min(best, time.perf_counter() - begun)
    value = best / steps * 365 * 86_400
    return Figure("a year of 1p100s at 1 s, ageing on", value, "s", "<= 120", value <= 120.0)


def _saving() -> list[Figure]:
    """Save and restore together."""
    pack = _full(1_000)
    best = float("inf")
    for _ in range(100):
        begun = time.perf_counter()
        pack.restore(pack.save())
        best = min(best, time.perf_counter() - begun)
    return [Figure("save and restore, 1,000 cells", best * 1e3, "ms", "<= 1", best <= 1e-3)]


def _figure(name: str, seconds: float, goal: float) -> Figure:
    value = seconds * 1e9
    return Figure(name, value, "ns", f"<= {goal:g}", value <= goal)


def _ratio(name: str, value: float) -> Figure:
    return Figure(name, value, "x", ">= 8", value >= 8.0)


def _full(series: int) -> Pack:
    pack = _pack(series, 1)
    following = {"tau1_arrhenius": 2e3, "tau2_arrhenius": 2e3}
    pack.use_type(parameters.with_options(parameters.load(_CELL), following))
    return pack


def _pack(series: int, parallel: int) -> Pack:
    config = PackConfig(
        _CELL,
        series,
        parallel=parallel,
        soc=0.5,
        soc_spread=0.1,
        capacity_spread=0.02,
        resistance_spread=0.05,
    )
    pack = Pack(config)
    pack.use_type(parameters.with_options(pack.cell, None))
    return pack


def _vector(count: int) -> VectorPack:
    pack = _pack(count, 1)
    capacity = np.full(count, 3600.0 * pack.cell.capacity_Ah)
    kind = CellType.from_block(parameters.with_options(pack.cell, None).block)
    return VectorPack(kind, capacity, np.ones(count), pack.soc, _DT_S)


def _stepper(pack: Pack | VectorPack) -> Callable[[float], object]:
    if isinstance(pack, VectorPack):
        return pack.advance
    return lambda current: pack.advance(current, _DT_S)


def _best(count: int, contestants: list[Callable[[float], object]]) -> list[float]:
    """Seconds per cell and step of each, the best of all rounds; the first round warms up."""
    best = [float("inf")] * len(contestants)
    calls = [1] * len(contestants)
    for _ in range(_ROUNDS):
        for n, step in enumerate(contestants):
            seconds = _timed(step, calls[n])
            best[n] = min(best[n], seconds / calls[n])
            calls[n] = max(1, round(_PART_S / best[n]))
    return [value / count for value in best]


def _timed(step: Callable[[float], object], calls: int) -> float:
    begun = time.perf_counter()
    for k in range(calls):
        step(100.0 if k & 64 else -100.0)
    return time.perf_counter() - begun
