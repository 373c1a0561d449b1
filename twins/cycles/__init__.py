"""Drive cycles: speed, grade and payload over time, from a file, a regulation, or dice.

::

    load("trip.csv")             any CSV with time, speed and, if it has them, grade and payload
    load("ece-15")               a regulation's segments
    load("yard", seed=3)         a shift that is drawn, the same for the same seed
"""

import difflib
from pathlib import Path

from twins.cycles.csv_file import read
from twins.cycles.cycle import Cycle, CycleError
from twins.cycles.generator import drayage, yard
from twins.cycles.segments import from_segments

__all__ = ["Cycle", "CycleError", "load", "names"]

_DRAWN = {"drayage": drayage, "yard": yard}
_SEGMENTS = ("ece-15",)


def names() -> list[str]:
    """The cycles that need no file."""
    return sorted([*_DRAWN, *_SEGMENTS])


def load(cycle: str | Path, *, seed: int = 1, hours: float = 8.0) -> Cycle:
    """The cycle of this name, or the one in this CSV file; seed and hours are for drawn ones.

    Raises:
        CycleError: there is no such cycle, or its file is wrong; with file, row, reason and remedy.
        ValueError: seed or hours are out of range.
    """
    if isinstance(cycle, Path) or cycle.lower().endswith((".csv", ".txt")):
        return read(cycle)
    if cycle in _DRAWN:
        if seed < 0:
            raise ValueError(f"seed: must not be negative, not {seed}")
        return _DRAWN[cycle](seed, hours)
    if cycle in _SEGMENTS:
        return from_segments(cycle)
    near = difflib.get_close_matches(cycle, names(), 1, 0.0)[0]
    raise CycleError(cycle, "there is no such cycle", f"did you mean {near!r}? a file's name ends in .csv")
