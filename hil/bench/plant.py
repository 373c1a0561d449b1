"""Forks of a plant: how long it takes to save one of 1,000 cells, and to go back to it.

Between the two the plant goes on for long enough to need other noise, which then has to be drawn again.
"""

from __future__ import annotations

import time

import simpy

from hil.bench import Figure
from twins.config import PackConfig, PlantConfig
from twins.plant import Plant

_CELLS = 1000
_ROUNDS = 50
_ON_NS = 1_000_000_000


def run() -> list[Figure]:
    """The best of some rounds: other programs on the machine can only make one slower."""
    env = simpy.Environment(initial_time=0)
    plant = Plant(env, PlantConfig(PackConfig("winston-lyp-100", _CELLS, soc=0.5, soc_spread=0.05)))
    rounds = [_fork(env, plant) for _ in range(_ROUNDS)]
    save_ms, restore_ms = (min(times) * 1e3 for times in zip(*rounds, strict=True))
    both_ms = min(sum(times) for times in rounds) * 1e3
    size = len(plant.save()) / 1024
    return [
        Figure("save and restore, plant of 1,000 cells", both_ms, "ms", "<= 1", both_ms <= 1.0),
        Figure("save, plant of 1,000 cells", save_ms, "ms", "", None),
        Figure("restore, plant of 1,000 cells", restore_ms, "ms", "", None),
        Figure("saved state, plant of 1,000 cells", size, "KiB", "", None),
    ]


def _fork(env: simpy.Environment, plant: Plant) -> tuple[float, float]:
    """Seconds for one save and for one restore."""
    begun_s = time.perf_counter()
    saved = plant.save()
    saved_s = time.perf_counter()
    env.run(until=int(env.now) + _ON_NS)
    before_s = time.perf_counter()
    plant.restore(saved)
    return saved_s - begun_s, time.perf_counter() - before_s
