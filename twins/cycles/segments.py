"""Cycles that are written as segments, as regulations do: TOML files of durations and end speeds."""

import tomllib
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import numpy as np

from twins.cycles.cycle import Cycle


def folder() -> Traversable:
    """Where the cycles that are shipped lie."""
    return files("twins") / "cycles" / "parameters"


def parameters(name: str) -> dict[str, Any]:
    """A shipped file, as it is written."""
    return tomllib.loads((folder() / f"{name}.toml").read_text("utf-8"))


def from_segments(name: str) -> Cycle:
    """A shipped cycle of segments: each lasts so long, and ends at this speed."""
    rows = np.array(parameters(name)["segments"], np.float64)
    time = np.concatenate(([0.0], np.cumsum(rows[:, 0])))
    speed = np.concatenate(([0.0], rows[:, 1] / 3.6))
    return Cycle(name, time, speed, np.zeros(time.size))
