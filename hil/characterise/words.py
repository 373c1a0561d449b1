"""What was found, in words for a terminal."""

from __future__ import annotations

import math

from hil.characterise.sheet import Characteristic, Clearing, Curve, Reaction, Span


def number(value: float, lsb: float) -> str:
    """A value with as many decimals as its wire has."""
    decimals = max(0, -math.floor(math.log10(lsb) + 1e-9)) if lsb > 0 else 3
    text = f"{value:.{decimals}f}"
    return text if float(text) else text.replace("-", "")


def milliseconds(value: float) -> str:
    """A time."""
    return f"{value * 1e3:.0f} ms" if value < 10 else f"{value:.2f} s"


def reaction(one: Reaction) -> str:
    """A time that was measured, and how far it may be off."""
    return f"{milliseconds(one.median)} (−{one.uncertainty * 1e3:.0f})"


def span(one: Span) -> str:
    """A time between two."""
    if one.high is None:
        return f"over {milliseconds(one.low)}"
    return f"{one.low * 1e3:.0f} to {milliseconds(one.high)}"


def clearing(one: Clearing, unit: str, lsb: float) -> str:
    """How it ends."""
    way = {"itself": "clears by itself", "nothing": "is cleared by nothing"}.get(one.by, f"latched; {one.by}")
    if one.clears is None:
        return way
    return f"{way} from {number(one.clears, lsb)} {unit}".rstrip()


def ends(found: Characteristic) -> str:
    """How an answer ends."""
    return clearing(found.clearing, found.unit, found.lsb)


def one_line(found: Characteristic | Curve) -> str:
    """What was found in one line."""
    return _curve(found) if isinstance(found, Curve) else _characteristic(found)


def _curve(found: Curve) -> str:
    over = f"{found.role} over {found.quantity}, {found.direction}".rstrip(", ")
    if found.begins is None or found.ends is None:
        return f"{over}: {len(found.points)} points"
    return (
        f"{over}: {found.full:g} {found.role_unit} up to {found.begins.holds:.6g} {found.unit}, "
        f"{found.least:g} {found.role_unit} from {found.ends.acts:.6g} {found.unit}"
    )


def _characteristic(found: Characteristic) -> str:
    parts = []
    for stage in found.stages:
        level = f"{number(stage.level.acts, found.lsb)} {found.unit}".rstrip()
        parts.append(f"{level} after {milliseconds(stage.reaction.median)}")
    turned = f"{found.quantity} {found.direction}".rstrip()
    return f"{found.role}: {turned}: {', '.join(parts)}; {ends(found)}"
