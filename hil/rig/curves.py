"""Derating curves: what a BMS promises to offer over what it measures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from hil.rig.file_limits import CurveSection, Points
from hil.rig.mistakes import Mistakes
from hil.units import KINDS, Quantity

QUANTITIES: Mapping[str, str] = {  # what a current limit may follow, and its kind
    "soc": "ratio",
    "temperature_min": "temperature",
    "temperature_max": "temperature",
    "voltage": "voltage",
}


@dataclass(frozen=True)
class Curve:
    """A limit over one quantity, linear between its points and level beyond them.

    Attributes:
        of: What it follows: ``soc``, ``temperature_min``, ``temperature_max`` or ``voltage``.
        points: Value of that, in the base unit of its kind, and the limit there; rising in the first.
        tolerance: By how much the offered value may be off, in the limit's unit.
        within_ns: How long the offer takes to follow; ``None``: not promised.
    """

    of: str
    points: tuple[tuple[float, float], ...]
    tolerance: float = 0.0
    within_ns: int | None = None

    @property
    def unit(self) -> str:
        """What the first number of a point is in."""
        return KINDS[QUANTITIES[self.of]].base

    @property
    def is_rising(self) -> bool:
        """Whether more is offered at higher values."""
        return self.points[-1][1] > self.points[0][1]

    def at(self, value: float) -> float:
        """The limit at a value."""
        for (x, low), (after, high) in pairwise(self.points):
            if value < after:
                return low if value <= x else low + (high - low) * (value - x) / (after - x)
        return self.points[-1][1]

    def around(self, value: float, off: float) -> tuple[float, float]:
        """The least and the most at a value that may be off by so much."""
        ends = self.at(value - off), self.at(value + off)
        return min(ends), max(ends)

    def walk(self) -> list[float]:
        """Its points and the middles between them, from where most is offered to where least is."""
        values = [x for x, _ in self.points]
        middles = [(a + b) / 2 for a, b in pairwise(values)]
        return sorted({*values, *middles}, reverse=self.is_rising)


def curves_of(
    key: str, section: CurveSection | None, threshold: Quantity | None, mistakes: Mistakes
) -> dict[str, Curve]:
    """The curves of one limit by what they follow; those with a mistake are left out."""
    if section is None:
        return {}
    if threshold is None:
        remedy = "what is offered where nothing derates it"
        mistakes.add(f"{key}.curve", "the limit has no threshold", remedy)
        return {}
    tolerance = _share(f"{key}.curve.tolerance", section.tolerance, threshold, mistakes)
    found = {}
    for of, kind in QUANTITIES.items():
        points: Points | None = getattr(section, of)
        if points is None:
            continue
        here = f"{key}.curve.{of}"
        rows = list(_rows(here, points, kind, threshold, mistakes))
        if len(rows) == len(points) and _is_in_order(here, rows, mistakes):
            found[of] = Curve(of, tuple(rows), tolerance or 0.0, section.within)
    if not found and not section.model_fields_set & set(QUANTITIES):
        mistakes.add(f"{key}.curve", "has no points", f"over one of {', '.join(QUANTITIES)}")
    return found


def _rows(
    key: str, points: Points, kind: str, threshold: Quantity, mistakes: Mistakes
) -> Iterator[tuple[float, float]]:
    for number, (value, limit) in enumerate(points, 1):
        here = f"{key}[{number}]"
        if value.kind != kind:
            reason = f"{value.text!r} is of kind {value.kind}"
            mistakes.add(here, reason, f"expected a {kind} such as {KINDS[kind].example!r}")
            continue
        level = _share(here, limit, threshold, mistakes)
        if level is not None:
            yield value.value, level


def _share(key: str, quantity: Quantity | None, threshold: Quantity, mistakes: Mistakes) -> float | None:
    """A value in the limit's own unit; a ratio is that share of its threshold."""
    if quantity is None:
        return None
    if quantity.kind == "ratio":
        return quantity.value * threshold.value
    if quantity.kind != threshold.kind:
        reason = f"{quantity.text!r} is of kind {quantity.kind}, the threshold of kind {threshold.kind}"
        mistakes.add(key, reason, f"a share such as '50 %', or a value such as {threshold.text!r}")
        return None
    return quantity.value


def _is_in_order(key: str, rows: list[tuple[float, float]], mistakes: Mistakes) -> bool:
    """Whether the values rise from point to point, and the limit goes one way only, but not nowhere."""
    if len(rows) < 2:
        mistakes.add(key, "has one point", "a curve has two or more")
        return False
    for number, ((before, _), (after, _)) in enumerate(pairwise(rows), 2):
        if after <= before:
            mistakes.add(f"{key}[{number}]", "is not above the point before it", "order them by their value")
            return False
    steps = [b - a for (_, a), (_, b) in pairwise(rows)]
    if min(steps) < 0 < max(steps) or not any(steps):
        how = "rises and falls" if any(steps) else "is level"
        remedy = "the hottest and the coldest sensor have a curve each"
        mistakes.add(key, f"{how}: a limit goes one way over what derates it", remedy)
        return False
    return True
