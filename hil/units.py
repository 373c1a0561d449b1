"""Quantities with units: ``"500 ms"`` becomes a number once, at the border.

Numbers inside are in SI units, but for these: time is int nanoseconds, temperature degC, charge Ah,
energy Wh, speed rpm. A temperature difference (``"2 K"``) is a kind of its own.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from decimal import Decimal
from math import isfinite

from hil.errors import UnitError


@dataclass(frozen=True)
class Kind:
    """What a quantity measures.

    Attributes:
        name: As messages call it.
        base: The unit that numbers inside have.
        example: What a quantity of this kind looks like in a rig file.
    """

    name: str
    base: str
    example: str


KINDS = {
    kind.name: kind
    for kind in (
        Kind("time", "ns", "500 ms"),
        Kind("voltage", "V", "3.65 V"),
        Kind("current", "A", "160 A"),
        Kind("temperature", "degC", "25 degC"),
        Kind("temperature difference", "K", "2 K"),
        Kind("resistance", "Ohm", "35 kOhm"),
        Kind("capacitance", "F", "3 mF"),
        Kind("charge", "Ah", "160 Ah"),
        Kind("power", "W", "80 kW"),
        Kind("energy", "Wh", "50 kWh"),
        Kind("pulse energy", "J", "15 kJ"),
        Kind("melting integral", "A2s", "40 kA2s"),
        Kind("mass", "kg", "3.5 kg"),
        Kind("torque", "Nm", "200 Nm"),
        Kind("speed", "rpm", "3000 rpm"),
        Kind("ratio", "1", "5 %"),
        Kind("bit rate", "bit/s", "500 kbit/s"),
    )
}

# unit -> kind and factor to the kind's base; decimal, so that "0.1 ms" is exactly 100,000 ns
_UNITS: dict[str, tuple[str, Decimal]] = {
    name: (kind, Decimal(factor))
    for kind, units in {
        "time": {"ns": "1", "us": "1E3", "ms": "1E6", "s": "1E9", "min": "60E9", "h": "3600E9"},
        "voltage": {"uV": "1E-6", "mV": "1E-3", "V": "1", "kV": "1E3"},
        "current": {"uA": "1E-6", "mA": "1E-3", "A": "1", "kA": "1E3"},
        "temperature": {"degC": "1"},
        "temperature difference": {"mK": "1E-3", "K": "1"},
        "resistance": {"uOhm": "1E-6", "mOhm": "1E-3", "Ohm": "1", "kOhm": "1E3", "MOhm": "1E6"},
        "capacitance": {"nF": "1E-9", "uF": "1E-6", "mF": "1E-3", "F": "1"},
        "charge": {"mAh": "1E-3", "Ah": "1"},
        "power": {"mW": "1E-3", "W": "1", "kW": "1E3", "MW": "1E6"},
        "energy": {"Wh": "1", "kWh": "1E3"},
        "pulse energy": {"J": "1", "kJ": "1E3"},
        "melting integral": {"A2s": "1", "kA2s": "1E3"},
        "mass": {"g": "1E-3", "kg": "1"},
        "torque": {"mNm": "1E-3", "Nm": "1", "kNm": "1E3"},
        "speed": {"rpm": "1"},
        "ratio": {"1": "1", "%": "1E-2", "ppm": "1E-6"},
        "bit rate": {"bit/s": "1", "kbit/s": "1E3", "Mbit/s": "1E6"},
    }.items()
    for name, factor in units.items()
}
# how DBC files and keyboards write the same units; of the two letters for micro both are in use
_ALIASES = {
    "°C": "degC", "Ω": "Ohm", "ohm": "Ohm", "mΩ": "mOhm", "kΩ": "kOhm", "MΩ": "MOhm",
    "µs": "us", "μs": "us", "µV": "uV", "μV": "uV", "µA": "uA", "μA": "uA", "µF": "uF", "μF": "uF",
    "A²s": "A2s", "kA²s": "kA2s", "sec": "s", "1/min": "rpm", "-": "1", "": "1",
}  # fmt: skip
# words for units, which say which one is meant
_SLIPS = {
    "volt": "V", "volts": "V", "amp": "A", "amps": "A", "ampere": "A", "ohms": "Ohm", "watt": "W",
    "seconds": "s", "second": "s", "percent": "%", "c": "degC", "celsius": "degC", "kelvin": "K",
}  # fmt: skip
_LONGEST_NS = 2**63 - 1  # what clocks count in
_UNSAID = ("min", "h", "kV")
_QUANTITY = re.compile(r"\s*([+-]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(.*?)\s*")


@dataclass(frozen=True)
class Quantity:
    """A number with its kind.

    Attributes:
        value: In the base unit of its kind.
        kind: A key of ``KINDS``.
        text: As it was written.
    """

    value: float
    kind: str
    text: str

    @property
    def unit(self) -> str:
        """The base unit: what ``value`` is in."""
        return KINDS[self.kind].base


def parse(text: object, kind: str | None = None) -> Quantity:
    """A quantity as written in a rig file or a test.

    Args:
        text: Such as ``"3.65 V"``; a ratio may also be a plain number.
        kind: What it must be; ``None``: any.

    Raises:
        UnitError: If it is no number with a unit, or of another kind.
    """
    number, found, factor = _split(text, kind)
    return Quantity(float(_scaled(text, number, factor)), found, str(text))


def value_of(text: object, kind: str) -> float:
    """The number of a quantity, in the base unit of its kind.

    Raises:
        UnitError: As ``parse``.
    """
    return parse(text, kind).value


def kind_of(unit: str) -> str:
    """What a unit measures: a key of ``KINDS``; ``""`` if it is none that quantities are written in."""
    found = _lookup(unit) if unit else None
    return found[0] if found is not None else ""


def number_in(value: float | str, unit: str) -> float:
    """A number in ``unit``; a text is a quantity that is converted, a number is in it already.

    Raises:
        UnitError: If a quantity is of another kind than the unit, or no quantity has such a unit.
    """
    if not isinstance(value, str):
        return value
    found = _lookup(unit)
    if found is None:
        raise UnitError(f"{value!r} has a unit, and {unit or 'none'} is asked for", remedy="a plain number")
    kind, factor = found
    number, _, own = _split(value, kind)
    return float(_scaled(value, number, own / factor))


def time_ns(text: object) -> int:
    """A time in nanoseconds, exact; an int is taken as nanoseconds already.

    Raises:
        UnitError: As ``parse``, or if the time is negative.
    """
    if isinstance(text, int) and not isinstance(text, bool):
        return text
    return written_ns(text)


def written_ns(text: object) -> int:
    """A time as somebody writes it, in ns, exact: a bare number would be ns where ms are meant.

    Raises:
        UnitError: As ``parse``, or if the time is negative.
    """
    number, _, factor = _split(text, "time")
    nanoseconds = _scaled(text, number, factor).to_integral_value()
    if nanoseconds < 0:
        raise UnitError(f"{text!r} is negative", remedy=_expected("time"))
    if nanoseconds > _LONGEST_NS:
        raise UnitError(f"{text!r} is longer than {_LONGEST_NS // 10**9} s", remedy=_expected("time"))
    return int(nanoseconds)


def scale_between(signal_unit: str, port_unit: str) -> float | None:
    """What a number in the signal's unit is multiplied with to be in the port's unit.

    A signal without a unit is taken as being in the port's. ``None`` if the units do not fit.
    """
    if signal_unit == port_unit or not signal_unit:
        return 1.0
    signal, port = _lookup(signal_unit), _lookup(port_unit)
    if signal is None or port is None or signal[0] != port[0]:
        return None
    return float(signal[1] / port[1])


def say(value: float, unit: str) -> str:
    """A number in a base unit for people: 35000 Ohm is ``35 kOhm``, a ratio is in percent."""
    kind = next((kind.name for kind in KINDS.values() if kind.base == unit), "")
    if kind == "ratio":
        return f"{value * 100:.6g} %"
    units = {name: float(factor) for name, (of, factor) in _UNITS.items() if of == kind}
    smaller = [(f, name) for name, f in units.items() if f <= abs(value) and name not in _UNSAID]
    factor, name = max(smaller, default=(1.0, unit))
    return f"{value / factor:.6g} {name}".rstrip()


def _split(text: object, kind: str | None) -> tuple[Decimal, str, Decimal]:
    """Number, kind and factor to the base unit."""
    if isinstance(text, int | float) and not isinstance(text, bool):
        if kind == "ratio":
            return _decimal(str(text), text), kind, Decimal(1)
        raise UnitError(f"{text} has no unit", remedy=_expected(kind))
    match = _QUANTITY.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise UnitError(f"{text!r} is not a number with a unit", remedy=_expected(kind))
    number, unit = _decimal(match[1], text), match[2]
    if not unit and kind != "ratio":
        raise UnitError(f"{text!r} has no unit", remedy=_expected(kind))
    found = _lookup(unit)
    if found is None:
        raise UnitError(f"{text!r} has an unknown unit {unit!r}", remedy=_suggest(unit, kind))
    if kind is not None and found[0] != kind:
        raise UnitError(f"{text!r} is {_article(found[0])}", remedy=_expected(kind))
    return number, *found


def _decimal(number: str, text: object) -> Decimal:
    """A number that a float can hold, be it rounded."""
    try:
        decimal = Decimal(number)
    except ArithmeticError:  # its exponent has twenty digits
        decimal = Decimal("NaN")
    return _scaled(text, decimal, Decimal(1))


def _scaled(text: object, number: Decimal, factor: Decimal) -> Decimal:
    """A number in another unit, that a float can hold, too."""
    try:
        scaled = number * factor
    except ArithmeticError:
        scaled = Decimal("NaN")
    if not isfinite(float(scaled)):
        raise UnitError(f"{text!r} is no finite number", remedy="a smaller one")
    return scaled


def _lookup(unit: str) -> tuple[str, Decimal] | None:
    return _UNITS.get(_ALIASES.get(unit, unit))


def _expected(kind: str | None) -> str:
    if kind is None:
        return "expected a number with a unit, such as '3.65 V' or '500 ms'"
    return f"expected {_article(kind)} such as {KINDS[kind].example!r}"


def _article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def _suggest(unit: str, kind: str | None) -> str:
    known = [name for name, (of, _) in _UNITS.items() if kind in (None, of)]
    near = [name for name in known if name.lower() == unit.lower()]
    near = near or [name for name in (_SLIPS.get(unit.lower()),) if name in known]
    near = near or difflib.get_close_matches(unit, known, n=1)
    return f"did you mean {near[0]!r}?" if near else _expected(kind)
