"""Numbers and times as the report writes them."""

from __future__ import annotations

from hil.clock import NS_PER_MS, NS_PER_S
from hil.report.record import Event
from hil.report.results import relative_margin

MINUS = "−"  # as wide as +
NOTHING = "–"


_UNITS = {"degC": "°C", "Ohm": "Ω", "kOhm": "kΩ", "MOhm": "MΩ", "mOhm": "mΩ"}


def unit(name: str | None) -> str:
    """A unit as people write it."""
    return _UNITS.get(name or "", name or "")


def number(value: float | None, of: str | None = "") -> str:
    """A number to at most five digits with the unit that it is of."""
    if value is None:
        return NOTHING
    return f"{value:.5g} {unit(of)}".strip().replace("-", MINUS)


def duration(ns: int | None) -> str:
    """A time span: ms below one second, s below ten minutes, then min."""
    if ns is None:
        return NOTHING
    sign = MINUS if ns < 0 else ""
    span = abs(ns)
    if span < NS_PER_S:
        return f"{sign}{span / NS_PER_MS:.1f} ms"
    if span < 600 * NS_PER_S:
        return f"{sign}{span / NS_PER_S:.{3 if span < 10 * NS_PER_S else 1}f} s"
    return f"{sign}{span / NS_PER_S / 60:.1f} min"


def instant(ns: int | None) -> str:
    """An instant of the run, in seconds to the microsecond."""
    return NOTHING if ns is None else f"{ns / NS_PER_S:.6f} s"


def percent(part: float | None) -> str:
    """A part as per cent: one decimal below ten, so that a small margin is seen to change."""
    if part is None:
        return NOTHING
    if part > 1:  # far from a lower limit: how far does not matter
        return ">100 %"
    shown = f"{abs(part) * 100:.1f}" if abs(part) < 0.0995 else f"{abs(part) * 100:.0f}"
    return f"{MINUS if part < 0 else ''}{shown} %"


def margin_percent(check: Event | None) -> str:
    """A check's relative margin."""
    return percent(relative_margin(check)) if check else NOTHING


def sentence(text: str) -> str:
    """The text with a capital at its start."""
    return text[:1].upper() + text[1:]
