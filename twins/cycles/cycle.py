"""A drive cycle: speed, grade and payload over time."""

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]

FASTEST_m_s: Final = 100.0  # 360 km/h: no road vehicle of this project
HARDEST_m_s2: Final = 15.0  # no tyre on a road has more than about 1.5 g
STEEPEST: Final = 0.5  # the steepest streets have 0.35


class CycleError(ValueError):
    """A cycle is wrong.

    Attributes:
        place: File or name of the cycle, and row.
        reason: What is wrong.
        remedy: What helps.
    """

    def __init__(self, place: str, reason: str, remedy: str) -> None:
        super().__init__(f"{place}: {reason}; {remedy}")
        self.place = place
        self.reason = reason
        self.remedy = remedy


@dataclass(frozen=True)
class Cycle:
    """Points of a cycle; between them speed and grade go straight, the payload holds.

    Attributes:
        name: What it is called.
        time_s: Shape (n,), rises, begins with 0.
        speed_mps: Shape (n,), never negative.
        grade: Shape (n,), rise over horizontal way, > 0 uphill.
        payload_kg: Shape (n,), from each point on; ``None``: the cycle says nothing of it.
        ignored: Columns of the file that are not used.
    """

    name: str
    time_s: Array
    speed_mps: Array
    grade: Array
    payload_kg: Array | None = None
    ignored: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check(self, self.name, None)

    @property
    def duration_s(self) -> float:
        """From the first point to the last."""
        return float(self.time_s[-1])

    @property
    def distance_m(self) -> float:
        """The way if the cycle is followed."""
        return float(np.sum(np.diff(self.time_s) * 0.5 * (self.speed_mps[1:] + self.speed_mps[:-1])))

    @property
    def climb_m(self) -> float:
        """How much higher its end lies than its beginning, if the cycle is followed."""
        slope = self.grade / np.sqrt(1.0 + self.grade**2)
        rates = self.speed_mps * slope
        return float(np.sum(np.diff(self.time_s) * 0.5 * (rates[1:] + rates[:-1])))

    @property
    def idle_share(self) -> float:
        """Share of the time at a standstill."""
        stands = (self.speed_mps[1:] < 0.01) & (self.speed_mps[:-1] < 0.01)
        return float(np.sum(np.diff(self.time_s)[stands]) / self.duration_s)

    def with_payload(self, payload_kg: float) -> "Cycle":
        """The same cycle with one payload throughout."""
        return replace(self, payload_kg=np.full(self.time_s.size, payload_kg))


def check(cycle: Cycle, place: str, rows: Array | None) -> None:
    """Refuse what cannot be driven; ``rows`` are the points' rows in their file.

    Raises:
        CycleError: with place, row, reason and remedy.
    """
    columns = {"time": cycle.time_s, "speed": cycle.speed_mps, "grade": cycle.grade}
    if cycle.payload_kg is not None:
        columns["payload"] = cycle.payload_kg
    size = cycle.time_s.size
    if size < 2 or any(column.shape != (size,) for column in columns.values()):
        raise CycleError(place, "has fewer than two points", "a cycle needs a way to go")
    refuse = _Refusal(place, rows)
    for name, column in columns.items():
        refuse(~np.isfinite(column), f"{name} is no finite number", "fill the gap or remove the row")
    steps = np.diff(cycle.time_s)
    refuse(_after(steps < 0.0), "time goes backwards", "sort the rows by time, or split the file into cycles")
    refuse(_after(steps == 0.0), "time stands still", "remove the row that comes twice")
    _check_motion(cycle, refuse, steps)
    if cycle.payload_kg is not None:
        refuse(cycle.payload_kg < 0.0, "payload is negative", "a payload adds to the vehicle's mass")
        moves = (cycle.speed_mps[1:] > 0.0) & (np.diff(cycle.payload_kg) != 0.0)
        refuse(_after(moves), "payload changes while the vehicle moves", "load and unload at a standstill")


def _check_motion(cycle: Cycle, refuse: "_Refusal", steps: Array) -> None:
    speed = cycle.speed_mps
    units = "look at the unit in the column's header"
    refuse(speed < 0.0, "speed is negative", "write that of reversing as positive, too")
    refuse(speed > FASTEST_m_s, f"speed is above {FASTEST_m_s:.0f} m/s", units)
    refuse(np.abs(cycle.grade) > STEEPEST, f"grade is beyond {STEEPEST:.0%}", units)
    change = np.abs(np.diff(speed)) / steps
    hardest = f"speed changes by more than {HARDEST_m_s2:.0f} m/s²"
    refuse(_after(change > HARDEST_m_s2), hardest, f"an outlier, or a wrong unit: {units}")
    if abs(cycle.time_s[0]) > 0.0:
        raise CycleError(refuse.at(0), "time does not begin with 0", "subtract the first time")


def _after(wrong: Any) -> Any:
    """What is wrong between two points is told of the second."""
    return np.concatenate(([False], wrong))


class _Refusal:
    """Raises for the first point that is wrong."""

    def __init__(self, place: str, rows: Array | None) -> None:
        self._place = place
        self._rows = rows

    def at(self, point: int) -> str:
        if self._rows is None:
            return f"{self._place}: point {point + 1}"
        return f"{self._place}: row {int(self._rows[point])}"

    def __call__(self, wrong: Any, reason: str, remedy: str) -> None:
        if wrong.any():
            raise CycleError(self.at(int(np.argmax(wrong))), reason, remedy)
