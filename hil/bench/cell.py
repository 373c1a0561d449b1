"""The cell core: nanoseconds per cell and step, one step per call, on one core."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from hil.bench import Figure
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
    return figures


def _figure(name: str, seconds: float, goal: float) -> Figure:
    value = seconds * 1e9
    return Figure(name, value, "ns", f"<= {goal:g}", value <= goal)


def _ratio(name: str, value: float) -> Figure:
    return Figure(name, value, "x", ">= 8", value >= 8.0)


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
    return Pack(config)


def _vector(count: int) -> VectorPack:
    pack = _pack(count, 1)
    capacity = np.full(count, 3600.0 * pack.cell.capacity_Ah)
    kind = CellType.from_block(pack.cell.block)
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
