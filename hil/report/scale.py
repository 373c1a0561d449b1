"""Axes and points of a plot: round ticks, few points, short path data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Point = tuple[float, float | None]


@dataclass(frozen=True)
class Scale:
    """A straight line from a quantity to user units of the drawing."""

    low: float
    high: float
    start: float
    stop: float

    def __call__(self, value: float) -> float:
        """Where the value lies."""
        return self.start + (value - self.low) * (self.stop - self.start) / (self.high - self.low)


def ticks(low: float, high: float, count: int) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten apart) within the range, about ``count``."""
    if not high > low:
        return [low]
    raw = (high - low) / max(count, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next((m * power for m in (1, 2, 5) if m * power >= raw * 0.999), 10 * power)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)]


def tick_text(value: float, step: float) -> str:
    """A tick's number with as many decimals as its step needs."""
    decimals = max(0, -math.floor(math.log10(step) + 1e-9)) if step > 0 else 3
    text = f"{value:.{decimals}f}"
    return text.replace("-", "−") if float(text) else text.replace("-", "")


def value_range(values: Sequence[float]) -> tuple[float, float]:
    """A range around the values with a little air; never of zero height."""
    low, high = min(values), max(values)
    pad = (high - low) * 0.12 or max(abs(high) * 0.02, 1e-3)
    return low - pad, high + pad


def thin(points: Sequence[Point], most: int = 400) -> list[Point]:
    """At most about ``most`` points that keep each stretch's extremes, its gaps, and both ends."""
    if len(points) <= most:
        return list(points)
    buckets = most // 2
    inner = len(points) - 2
    kept = [points[0]]
    for bucket in range(buckets):
        first, last = 1 + bucket * inner // buckets, 1 + (bucket + 1) * inner // buckets
        kept += _extremes(points[first:last])
    return [*kept, points[-1]]


def _extremes(points: Sequence[Point]) -> list[Point]:
    """The lowest and the highest point and the first gap, in their order."""
    values = [(value, index) for index, (_, value) in enumerate(points) if value is not None]
    gaps = [index for index, (_, value) in enumerate(points) if value is None][:1]
    chosen = {min(values)[1], max(values)[1], *gaps} if values else set(gaps)
    return [points[index] for index in sorted(chosen)]


def changes(points: Sequence[Point]) -> list[Point]:
    """Only the points where the value changes, and the last."""
    kept = [p for i, p in enumerate(points) if i == 0 or p[1] != points[i - 1][1]]
    if points and kept[-1] != points[-1]:
        kept.append(points[-1])
    return kept


def clip(points: Sequence[Point], low: float, high: float, *, steps: bool) -> list[Point]:
    """The points within a time range; a step trace is carried in at its left edge."""
    inside = [point for point in points if low <= point[0] <= high]
    before = [point for point in points if point[0] < low]
    if steps and before and (not inside or inside[0][0] > low):
        inside.insert(0, (low, before[-1][1]))
    if steps and inside and inside[-1][0] < high:
        inside.append((high, inside[-1][1]))
    return inside


def path(points: Sequence[Point], *, steps: bool) -> str:
    """SVG path data in tenths of a unit, relative and so short; ``None`` lifts the pen."""
    out: list[str] = []
    pen: tuple[int, int] | None = None  # in tenths
    for x, y in points:
        if y is None:
            pen = None
            continue
        here = round(x * 10), round(y * 10)
        if pen is None:
            out.append(f"M{_tenth(here[0])} {_tenth(here[1])}")
        elif here != pen:
            dx, dy = here[0] - pen[0], here[1] - pen[1]
            out.append(_step(dx, dy) if steps else f"l{_tenth(dx)} {_tenth(dy)}")
        pen = here
    return "".join(out)


def _step(dx: int, dy: int) -> str:
    across = f"h{_tenth(dx)}" if dx else ""
    return across + (f"v{_tenth(dy)}" if dy else "")


def _tenth(value: int) -> str:
    return f"{value / 10:.1f}".removesuffix(".0")
