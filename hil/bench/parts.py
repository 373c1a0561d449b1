"""The parts of ``hil bench``, in the order in which they are measured."""

from __future__ import annotations

from collections.abc import Callable

from hil.bench import Figure, accuracy, bus, cell, mutants, plant, rig, suite, vehicle

PARTS: dict[str, Callable[[], list[Figure]]] = {
    "cell": cell.run,
    "accuracy": accuracy.run,
    "plant": plant.run,
    "vehicle": vehicle.run,
    "bus": bus.run,
    "rig": rig.run,
    "suite": suite.run,
    "mutants": mutants.run,
}
