"""Pictures of a fit: measured and modelled voltage over time, OCV and resistances over state of charge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan

import numpy as np
from markupsafe import Markup, escape

from hil.fit.columns import Array
from hil.fit.judge import Judged
from hil.report import plot
from hil.report.scale import Scale, path, tick_text, ticks, value_range

_WIDTH, _HEIGHT = 520, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 508, 24, 214
_LOOKS = ("reaction v0", "stimulus v0", "truth v0", "reaction v1", "stimulus v1", "truth v1", "reaction v2")
_MOST = 4000  # samples that go into a drawing; it thins them to what can be seen


@dataclass(frozen=True)
class Curve:
    """A line over state of charge."""

    label: str
    soc: Array
    values: Array


def over_time(judged: Judged) -> Markup:
    """Voltage measured and modelled, their difference, and the state of charge."""
    trace = judged.trace
    keep = np.arange(0, len(trace.soc), max(1, len(trace.soc) // _MOST))
    times_ns = (keep * (trace.dt_s * 1e9)).astype(np.int64).tolist()
    error = np.where(trace.used, 1e3 * judged.error, np.nan)[keep]
    rows = (
        ("voltage", "V", "measured", "truth", trace.voltage[keep]),
        ("voltage", "V", "cell core", "reaction", judged.modelled[keep]),
        ("error", "mV", "measured less modelled", "reaction", error),
        ("soc", "%", "state of charge", "truth", 100.0 * trace.soc[keep]),
    )
    series = [
        {
            "panel": panel,
            "unit": unit,
            "label": label,
            "kind": kind,
            "t_ns": times_ns,
            "v": [None if isnan(value) else value for value in values.tolist()],  # lifts the pen
        }
        for panel, unit, label, kind, values in rows
    ]
    axis = {"since": "after the start", "zero": ""}
    return plot.draw({"from_ns": 0, "to_ns": times_ns[-1], "series": series, "axis": axis})


def over_soc(curves: Sequence[Curve], unit: str, words: str) -> Markup:
    """Lines over state of charge on one axis."""
    values = np.concatenate([curve.values for curve in curves])
    across = Scale(0.0, 100.0, _LEFT, _RIGHT)
    up = Scale(*value_range([float(values.min()), float(values.max())]), _BOTTOM, _TOP)
    body = _axes(across, up, unit)
    for index, curve in enumerate(curves):
        look = _LOOKS[index % len(_LOOKS)]
        points = [(across(100.0 * s), up(v)) for s, v in zip(curve.soc, curve.values, strict=True)]
        body += f'<path class="tr {look}" d="{path(points, steps=False)}"/>'
        x = _LEFT + 8 + (index % 4) * 112
        y = _TOP - 10 if index < 4 else _BOTTOM - 8
        body += f'<path class="tr {look}" d="M{x} {y - 4}h18"/>'
        body += f'<text class="tl" x="{x + 23}" y="{y}">{escape(curve.label)}</text>'
    head = f'<svg class="plot" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(words)}">'
    return Markup(f"{head}{body}</svg>")


def _axes(across: Scale, up: Scale, unit: str) -> str:
    size = f'width="{_RIGHT - _LEFT}" height="{_BOTTOM - _TOP}"'
    body = f'<rect class="fr" x="{_LEFT}" y="{_TOP}" {size}/>'
    found = ticks(up.low, up.high, 5)
    step = found[1] - found[0] if len(found) > 1 else 1.0
    for tick in found:
        y = up(tick)
        body += f'<path class="gr" d="M{_LEFT} {y:.1f}H{_RIGHT}"/>'
        body += f'<text class="tk" x="{_LEFT - 7}" y="{y + 4:.1f}">{tick_text(tick, step)}</text>'
    for tick in range(0, 101, 20):
        x = across(tick)
        body += f'<path class="gr" d="M{x:.1f} {_TOP}V{_BOTTOM}"/>'
        body += f'<text class="tm" x="{x:.1f}" y="{_BOTTOM + 17}">{tick}</text>'
    body += f'<text class="tl" x="4" y="{_TOP - 10}">{escape(unit)}</text>'
    return body + f'<text class="tl" x="{_RIGHT - 118}" y="{_HEIGHT - 4}">state of charge in %</text>'
