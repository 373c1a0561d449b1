"""Curves of the sheet as inline SVG: time to the answer over a value, and what is advertised over one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil, floor, log10

from markupsafe import Markup, escape

from hil.characterise.sheet import Characteristic, Curve
from hil.report.scale import Scale, path, tick_text, ticks, value_range
from hil.report.text import unit as unit_words

_WIDTH, _HEIGHT = 520, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 508, 40, 208
_LOOKS = ("reaction v0", "stimulus v0", "truth v0", "reaction v1", "stimulus v1", "truth v1")
_ROW = 15


@dataclass(frozen=True)
class Line:
    """A line of a picture: its points, and the values of x that it is marked at."""

    label: str
    points: Sequence[tuple[float, float]]
    marks: Sequence[float] = ()


def times(found: Sequence[Characteristic]) -> Markup:
    """How long the answers take, all to one quantity turned one way; times go by decades."""
    lines = [line for one in found for line in _stages(one)]
    marked = [replace(line, points=[(x, log10(1e3 * t)) for x, t in line.points]) for line in lines]
    values = [y for line in marked for _, y in line.points]
    low, high = floor(min(values)), ceil(max(values) + 1e-9)
    decades = [(float(power), f"{10**power:g}") for power in range(low, high + 1)]
    across = _x_range([x for line in lines for x, _ in line.points])
    top = _TOP + _ROW * max(0, len(lines) - 2)
    frame = _Frame(across, (low, high), decades, (found[0].unit, "ms"), top)
    return frame.drawn(marked, f"time to the answer over {found[0].quantity} {found[0].direction}")


def _stages(one: Characteristic) -> Iterator[Line]:
    """One line per stage, from its level to that of the next."""
    sign = 1 if one.direction == "rising" else -1
    points = sorted(one.curve, key=lambda point: sign * point[0])
    levels = [stage.level.acts for stage in one.stages]
    for index, stage in enumerate(one.stages):
        start, stop = levels[index], ([*levels, points[-1][0]])[index + 1]
        inside = [(x, t) for x, t in points if sign * start < sign * x < sign * stop]
        name = one.role if index == 0 else f"{one.role}, stage {index + 1}"
        after = stage.reaction.median
        yield Line(name, [(start, after), *inside, (stop, inside[-1][1] if inside else after)], (start,))


def advertised(found: Curve) -> Markup:
    """What is advertised over a quantity."""
    points = found.points
    up = value_range([0.0, *(y for _, y in points)])
    frame = _Frame(
        _x_range([x for x, _ in points]), up, _ticks(*up), (found.unit, found.role_unit), _TOP - 16
    )
    return frame.drawn([Line("", points)], f"{found.role} over {found.quantity}")


def _ticks(low: float, high: float) -> list[tuple[float, str]]:
    found = ticks(low, high, 5)
    step = found[1] - found[0] if len(found) > 1 else 1.0
    return [(tick, tick_text(tick, step)) for tick in found]


@dataclass(frozen=True)
class _Frame:
    """Axes to draw lines on."""

    xs: tuple[float, float]
    ys: tuple[float, float]
    y_ticks: Sequence[tuple[float, str]]
    units: tuple[str, str]
    top: float

    def drawn(self, lines: Sequence[Line], words: str) -> Markup:
        """The lines on the axes."""
        across, up = Scale(*self.xs, _LEFT, _RIGHT), Scale(*self.ys, _BOTTOM, self.top)
        body = self._axes(across, up)
        for index, line in enumerate(lines):
            look = _LOOKS[index % len(_LOOKS)]
            points = [(across(x), up(y)) for x, y in line.points]
            for x in line.marks:
                body += f'<path class="ml" d="M{across(x):.1f} {self.top}V{_BOTTOM}"/>'
            body += f'<path class="tr {look}" d="{path(points, steps=False)}"/>'
            for x, y in points:
                body += f'<path class="tr {look}" d="M{x:.1f} {y - 1.5:.1f}v3"/>'
            if line.label:
                row = 12 + _ROW * index
                body += f'<path class="tr {look}" d="M{_LEFT + 60} {row - 4}h18"/>'
                body += f'<text class="tl" x="{_LEFT + 84}" y="{row}">{escape(line.label)}</text>'
        head = f'<svg class="plot" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(words)}">'
        return Markup(f"{head}{body}</svg>")

    def _axes(self, across: Scale, up: Scale) -> str:
        size = f'width="{_RIGHT - _LEFT}" height="{_BOTTOM - self.top}"'
        body = f'<rect class="fr" x="{_LEFT}" y="{self.top}" {size}/>'
        for tick, words in self.y_ticks:
            body += f'<path class="gr" d="M{_LEFT} {up(tick):.1f}H{_RIGHT}"/>'
            body += f'<text class="tk" x="{_LEFT - 7}" y="{up(tick) + 4:.1f}">{words}</text>'
        for tick, words in _ticks(*self.xs):
            body += f'<path class="gr" d="M{across(tick):.1f} {self.top}V{_BOTTOM}"/>'
            body += f'<text class="tm" x="{across(tick):.1f}" y="{_BOTTOM + 17}">{words}</text>'
        x_unit, y_unit = map(unit_words, self.units)
        body += f'<text class="tl" x="4" y="{self.top - 8}">{escape(y_unit)}</text>'
        return body + f'<text class="tl en" x="{_RIGHT}" y="{_BOTTOM + 34}">{escape(x_unit)}</text>'


def _x_range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    pad = (high - low) * 0.04 or 1.0
    return low - pad, high + pad
