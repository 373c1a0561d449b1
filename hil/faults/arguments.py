"""What a fault is made from: its arguments, checked before anything is broken."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, TypeAlias

from hil.errors import UnitError, UsageError
from hil.units import number_in, time_ns, value_of

Time = str | int  # with a unit, or in ns
# numbers in the unit of the name; where a text with a unit is given, the fault gets the number
Volt: TypeAlias = float
Ampere: TypeAlias = float
Celsius: TypeAlias = float
Ohm: TypeAlias = float
Share: TypeAlias = float
Measure = float | str  # in the unit of a port or a signal that another argument names; a text has its own


@dataclass(frozen=True)
class Kind:
    """A kind of argument.

    Attributes:
        said: What it is, for messages.
        types: What it may be given as.
        quantity: What a text with a unit must measure: a key of ``hil.units.KINDS``; ``""``: no text.
    """

    said: str
    types: tuple[type, ...]
    quantity: str = ""


KINDS: dict[str, Kind] = {
    "int": Kind("a whole number", (Integral,)),
    "float": Kind("a number", (Real,)),
    "str": Kind("a text", (str,)),
    "Time": Kind("a time such as '300 ms'", (str, Integral)),
    "Volt": Kind("a number of V, or a voltage such as '3.65 V'", (Real,), "voltage"),
    "Ampere": Kind("a number of A, or a current such as '160 A'", (Real,), "current"),
    "Celsius": Kind("a number of degC, or a temperature such as '25 degC'", (Real,), "temperature"),
    "Ohm": Kind("a number of Ohm, or a resistance such as '35 kOhm'", (Real,), "resistance"),
    "Share": Kind("a share such as 0.8 or '80 %'", (Real,), "ratio"),
    "Measure": Kind("a number, or one with a unit such as '3.65 V'", (Real, str)),
}


def check_arguments(name: str, signature: inspect.Signature, arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments as a fault takes them: quantities are numbers in the unit that it asks for.

    Raises:
        UsageError: If one is missing, unknown or of another kind.
    """
    takes = ", ".join(signature.parameters) or "no arguments"
    try:
        signature.bind(**arguments)
    except TypeError as error:
        raise UsageError(f"fault {name!r}: {error}", remedy=f"it takes {takes}") from error
    return {
        key: _checked(name, key, KINDS[signature.parameters[key].annotation], value)
        for key, value in arguments.items()
    }


def _checked(name: str, key: str, kind: Kind, value: Any) -> Any:
    if isinstance(value, str) and kind.quantity:
        try:
            return value_of(value, kind.quantity)
        except UnitError as error:
            raise UsageError(f"fault {name!r}: {key} {error.reason}", remedy=error.remedy) from error
    if not isinstance(value, kind.types) or isinstance(value, bool):
        raise UsageError(f"fault {name!r}: {key} {value!r} is not {kind.said}")
    return value


def time_of(name: str, value: Time) -> int:
    """A time argument in ns.

    Raises:
        UsageError: If it has no unit, an unknown one, or that of something else, or is negative.
    """
    try:
        span_ns = time_ns(value)
    except UnitError as error:
        raise UsageError(f"fault {name!r}: {error.reason}", remedy=error.remedy) from error
    if span_ns < 0:
        raise UsageError(f"fault {name!r}: a time of {value} is negative")
    return span_ns


def check_part(name: str, share: float) -> None:
    """That a share is a part of the whole.

    Raises:
        UsageError: If it is nothing, or all.
    """
    if not 0.0 < share < 1.0:
        raise UsageError(f"fault {name!r}: share {share:g} is not between 0 and 1")


def in_words(said: Measure) -> str:
    """A measure as it was given."""
    return said if isinstance(said, str) else f"{said:.6g}"


def measure_in(name: str, value: Measure, unit: str) -> float:
    """A measure as a number in the unit of what it is for.

    Raises:
        UsageError: If it has the unit of something else.
    """
    try:
        return number_in(value, unit)
    except UnitError as error:
        raise UsageError(f"fault {name!r}: {error.reason}", remedy=error.remedy) from error
