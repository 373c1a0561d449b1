"""Plots as inline SVG: numbers in panels by unit, states in lanes, on one axis of time.

Drawn here and not by a plotting library, so that the report stays one small file that needs
nothing from outside; colours come from the page's style sheet, so that it prints and darkens.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup, escape

from hil.checks.check import say_ns
from hil.clock import NS_PER_MS, NS_PER_S
from hil.report.scale import Point, Scale, changes, clip, path, thin, tick_text, ticks, value_range
from hil.report.text import unit as unit_words

WIDTH = 1080
_LEFT, _RIGHT = 236, 1036  # the drawing's edges; names stand left of it
_PANEL, _LANE, _GAP = 104, 22, 9
_ROW = 16  # height of a row of marks
_LETTER = 6.4  # width of a letter of the small type, about
_AXES = (  # span up to, unit, nanoseconds in one
    (10 * NS_PER_S, "ms", NS_PER_MS),
    (1200 * NS_PER_S, "s", NS_PER_S),
    (72_000 * NS_PER_S, "min", 60 * NS_PER_S),
)


@dataclass
class _Sheet:
    """A drawing in the making: what is drawn so far, and how far down it reaches."""

    zero_ns: int
    unit: str
    unit_ns: int
    time: Scale
    y: float = 0.0
    parts: list[str] = field(default_factory=list)

    def instant(self, t_ns: float) -> float:
        """Time of the axis."""
        return (t_ns - self.zero_ns) / self.unit_ns

    def x(self, t_ns: float) -> float:
        """Where an instant lies."""
        return self.time(self.instant(t_ns))

    def rect(self, look: str, corner: tuple[float, float], size: tuple[float, float]) -> None:
        """Draw a rectangle; ``look`` is its class."""
        place = f'x="{corner[0]:.1f}" y="{corner[1]:.1f}"'
        extent = f'width="{size[0]:.1f}" height="{size[1]:g}"'
        self.parts.append(f'<rect class="{look}" {place} {extent}/>')

    def line(self, look: str, start: tuple[float, float], to: str) -> None:
        """Draw a line; ``to`` is path data after the first point."""
        self.parts.append(f'<path class="{look}" d="M{start[0]:.1f} {start[1]:.1f}{to}"/>')

    def text(self, look: str, x: float, y: float, words: str, tip: str = "") -> None:
        """Write words, escaped; ``tip`` is shown when pointed at."""
        title = f"<title>{escape(tip)}</title>" if tip else ""
        self.parts.append(f'<text class="{look}" x="{x:.1f}" y="{y:.1f}">{title}{escape(words)}</text>')


def draw(plot: Mapping[str, Any], zero_ns: int | None = None, deadlines_ns: Collection[int] = ()) -> Markup:
    """The plot of a check as SVG.

    Args:
        plot: As in the record.
        zero_ns: Zero of the time axis, where the stimulus was on the wire.
        deadlines_ns: By when reactions had to be there; time after the last is shaded.
    """
    sheet = _sheet(plot, zero_ns)
    _marks(sheet, _marked(plot, sheet.zero_ns, deadlines_ns))
    top = sheet.y
    series = [one for one in plot.get("series") or () if _inside(sheet, one)]
    states = [one for one in series if _is_state(one)]
    numeric = [one for one in series if not _is_state(one)]
    for name in dict.fromkeys(_panel_of(one) for one in numeric):
        limits = [line for line in plot.get("limits") or () if _panel_of(line) == name]
        members = [one for one in numeric if _panel_of(one) == name]
        _panel(sheet, members, limits)
    for one in states:
        _lane(sheet, one)
    body, sheet.parts = sheet.parts, []
    _shade(sheet, deadlines_ns, top)
    _lines(sheet, plot.get("marks") or (), top)
    _time_axis(sheet, plot.get("axis") or _axis_words(sheet, zero_ns), top)
    return _wrap("".join(sheet.parts + body), sheet.y, _words(plot, series))


def _sheet(plot: Mapping[str, Any], zero_ns: int | None) -> _Sheet:
    first, last = int(plot["from_ns"]), int(plot["to_ns"])
    last = max(last, first + 1)
    zero = first if zero_ns is None else zero_ns
    unit, unit_ns = next(
        ((unit, ns) for most, unit, ns in _AXES if last - first < most), ("h", 3600 * NS_PER_S)
    )
    time = Scale((first - zero) / unit_ns, (last - zero) / unit_ns, _LEFT, _RIGHT)
    return _Sheet(zero, unit, unit_ns, time)


def _panel_of(drawn: Mapping[str, Any]) -> str:
    """The panel of a series or limit: named, else that of its unit."""
    return drawn.get("panel") or drawn.get("unit") or ""


def _is_state(series: Mapping[str, Any]) -> bool:
    """Whether it is a state: its values have names, or it holds nothing but 0 and 1."""
    if series.get("names"):
        return True
    return bool(series.get("steps")) and not series.get("unit") and set(series["v"]) <= {0, 1, None}


def _inside(sheet: _Sheet, series: Mapping[str, Any]) -> list[Point]:
    points: list[Point] = [(sheet.instant(t), v) for t, v in zip(series["t_ns"], series["v"], strict=False)]
    return clip(points, sheet.time.low, sheet.time.high, steps=bool(series.get("steps")))


def _marked(plot: Mapping[str, Any], zero_ns: int, deadlines_ns: Collection[int]) -> list[Mapping[str, Any]]:
    """The plot's marks and its deadlines."""
    limits = [{"label": f"limit {say_ns(at - zero_ns)}", "t_ns": at, "limit": True} for at in deadlines_ns]
    return [*(plot.get("marks") or ()), *limits]


def _marks(sheet: _Sheet, marks: Sequence[Mapping[str, Any]]) -> None:
    """Names of the marks in as few rows as hold them without touching."""
    ends: list[float] = []
    for mark in sorted(marks, key=lambda mark: int(mark["t_ns"])):
        x, width = sheet.x(mark["t_ns"]), len(str(mark["label"])) * _LETTER + 14
        if not _LEFT - 1 <= x <= _RIGHT + 1:
            continue
        flip = x + width > WIDTH  # no room right of it
        left = x - width if flip else x
        row = next((row for row, end in enumerate(ends) if end <= left), len(ends))
        ends[row : row + 1] = [left + width + (4 if flip else 0)]
        look = " lt" if mark.get("limit") else ""
        y = row * _ROW + 12.0
        sheet.line(f"dot{look}", (x, y - 4), "h0")
        sheet.text(f"mk{look}{' en' if flip else ''}", x + (-7 if flip else 7), y, str(mark["label"]))
    sheet.y = len(ends) * _ROW + 6.0


def _lines(sheet: _Sheet, marks: Iterable[Mapping[str, Any]], top: float) -> None:
    for mark in marks:
        if sheet.time.low <= sheet.instant(mark["t_ns"]) <= sheet.time.high:
            sheet.line("ml", (sheet.x(mark["t_ns"]), top - 6), f"V{sheet.y:.1f}")


def _shade(sheet: _Sheet, deadlines_ns: Collection[int], top: float) -> None:
    """A line at each deadline; behind the last it is too late for anything."""
    inside = [at for at in deadlines_ns if sheet.time.low < sheet.instant(at) < sheet.time.high]
    for at in inside:
        sheet.line("lim", (sheet.x(at), top - 6), f"V{sheet.y:.1f}")
    if inside and max(inside) == max(deadlines_ns):
        x = sheet.x(max(inside))
        sheet.rect("late", (x, top), (_RIGHT - x, sheet.y - top))


def _panel(
    sheet: _Sheet,
    series: Sequence[Mapping[str, Any]],
    limits: Sequence[Mapping[str, Any]],
) -> None:
    """Traces of one unit on an axis of their own, with their limits."""
    traces = [(one, _inside(sheet, one)) for one in series]
    values = [v for _, points in traces for _, v in points if v is not None]
    values += [float(line["value"]) for line in limits]
    if not values:
        return
    top, sheet.y = sheet.y, sheet.y + _PANEL
    scale = Scale(*value_range(values), top + _PANEL, top)
    _value_axis(sheet, scale, top, unit_words(series[0].get("unit")))
    for index, (one, points) in enumerate(traces):
        _trace(sheet, one, points, scale, _look(one, index))
        _legend(sheet, str(one["label"]), _look(one, index), top + 14.0 + 16 * index)
    for line in limits:
        y = scale(float(line["value"]))
        sheet.line("lim", (_LEFT, y), f"H{_RIGHT}")
        # At the left, where the trace is still far from its limit; below a line at the very top.
        sheet.text("tl lt", _LEFT + 40, y + (13 if y - top < 16 else -4), str(line["label"]))
    sheet.y += _GAP


def _value_axis(sheet: _Sheet, scale: Scale, top: float, unit: str) -> None:
    sheet.rect("fr", (_LEFT, top), (_RIGHT - _LEFT, _PANEL))
    found = ticks(scale.low, scale.high, 4)
    step = found[1] - found[0] if len(found) > 1 else abs(found[0])
    for tick in found:
        y = scale(tick)
        sheet.line("gr", (_LEFT, y), f"H{_RIGHT}")
        sheet.text("tk", _LEFT - 7, y + 4, tick_text(tick, step))
    sheet.text("tl", _RIGHT + 7, top + 14, unit)  # outside: within it would stand on the traces


def _look(series: Mapping[str, Any], index: int) -> str:
    """Class of a trace: by what it is, told apart by dashes where there are several."""
    kind = series.get("kind")
    name = kind if kind in ("stimulus", "truth") else "reaction"
    return f"{name} v{index % 3}"


def _trace(
    sheet: _Sheet, series: Mapping[str, Any], points: Sequence[Point], scale: Scale, look: str
) -> None:
    steps = bool(series.get("steps"))
    few = thin(changes(points) if steps else points)
    data = path([(sheet.time(t), None if v is None else scale(v)) for t, v in few], steps=steps)
    sheet.parts.append(f'<path class="tr {look}" d="{data}"/>')


def _legend(sheet: _Sheet, label: str, look: str, y: float) -> None:
    sheet.line(f"tr {look}", (0, y - 4), "H16")
    _label(sheet, label, 22, y, _LEFT - 22 - 48)


def _label(sheet: _Sheet, text: str, x: float, y: float, room: float) -> None:
    most = int(room / _LETTER)
    shown = text if len(text) <= most else f"{text[: most - 1]}…"
    sheet.text("tl", x, y, shown, tip=text if shown != text else "")


def _lane(sheet: _Sheet, series: Mapping[str, Any]) -> None:
    """A state over time: a band per stretch, with the state's name in it."""
    names = series.get("names") or {"0": "0", "1": "1"}
    points = changes(_inside(sheet, series))
    top = sheet.y
    kind = "stimulus" if series.get("kind") == "stimulus" else "reaction"
    sheet.rect(f"sw {kind}", (0, top + 6), (16, 10))
    _label(sheet, str(series["label"]), 22, top + 15.0, _LEFT - 30)
    ends = [*(t for t, _ in points[1:]), sheet.time.high]
    for (start, value), end in zip(points, ends, strict=True):
        if value is not None and end > start:
            _band(sheet, (sheet.time(start), sheet.time(end)), value, names, kind)
    sheet.y += _LANE + _GAP - 3


def _band(
    sheet: _Sheet, across: tuple[float, float], value: float, names: Mapping[str, str], kind: str
) -> None:
    left, right = across
    key = f"{value:g}"
    name = str(names.get(key, key))
    level = "on" if value and key != next(iter(names), "") else "off"
    sheet.rect(f"bd {kind} {level}", (left, sheet.y), (right - left, _LANE))
    if right - left > len(name) * _LETTER + 6:
        sheet.text(f"bt {level}", left + 6, sheet.y + 15, name)


def _axis_words(sheet: _Sheet, zero_ns: int | None) -> Mapping[str, str]:
    """What the axis of time says about its zero."""
    since = "start of this plot" if zero_ns is None else "stimulus on the wire"
    return {"since": f"after {since}", "zero": f"0 = {sheet.zero_ns / NS_PER_S:.6f} s of bus time"}


def _time_axis(sheet: _Sheet, words: Mapping[str, str], top: float) -> None:
    found = ticks(sheet.time.low, sheet.time.high, 8)
    step = found[1] - found[0] if len(found) > 1 else 1.0
    bottom, right = sheet.y - 2, float(_RIGHT)  # the unit stands right of the last number
    sheet.line("ax", (_LEFT, bottom), f"H{_RIGHT}")
    for tick in found:
        x = sheet.time(tick)
        right = max(right, x + 4 * len(tick_text(tick, step)))
        sheet.line("gr", (x, top), f"V{bottom:.1f}")
        sheet.line("ax", (x, bottom), "v4")
        sheet.text("tm", x, bottom + 17, tick_text(tick, step))
    sheet.text("tl", right + 7, bottom + 17, sheet.unit)
    sheet.text("tl", 22, bottom + 12, words["since"])
    sheet.text("tl dim", 22, bottom + 26, words["zero"])
    sheet.y = bottom + 32


def _words(plot: Mapping[str, Any], series: Iterable[Mapping[str, Any]]) -> str:
    """The plot in words, for those who cannot see it."""
    names = ", ".join(str(one["label"]) for one in series)
    limits = ", ".join(str(line["label"]) for line in plot.get("limits") or ())
    return f"{names or 'nothing'} over time" + (f"; limits: {limits}" if limits else "")


def _wrap(body: str, height: float, words: str) -> Markup:
    head = '<svg class="plot" viewBox="0 0 {} {}" role="img" aria-label="{}">'
    return Markup(head.format(WIDTH, f"{height:.0f}", escape(words)) + body + "</svg>")
