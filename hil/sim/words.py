"""Numbers and times as a summary has them."""

from __future__ import annotations

_UNITS = {"degC": "°C"}
_THOUSANDS = {"Wh": "kWh", "W": "kW"}


def clock(time_s: float) -> str:
    """An instant or a span: 12.5 s, 3:25 min, 2:05:00 h."""
    if time_s < 59.95:
        return f"{time_s:.3g} s"
    whole = round(time_s)
    hours, minutes, seconds = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{seconds:02} h" if hours else f"{minutes}:{seconds:02} min"


def amount(value: float | str, unit: str) -> str:
    """A number with its unit, in thousands where those are many."""
    if isinstance(value, str):
        return value
    if unit in _THOUSANDS and abs(value) >= 1000.0:
        value, unit = value / 1000.0, _THOUSANDS[unit]
    digits = f"{value:.0f}" if abs(value) >= 1000.0 else f"{value:#.4g}".rstrip(".")
    return f"{digits} {_UNITS.get(unit, unit)}".strip()
