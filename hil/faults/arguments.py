"""What a fault is made from: its arguments, checked before anything is broken."""

from __future__ import annotations

import inspect
from numbers import Integral, Real
from typing import Any

from hil.errors import UnitError, UsageError
from hil.units import time_ns

Time = str | int  # with a unit, or in ns

KINDS: dict[str, tuple[str, tuple[type, ...]]] = {
    "int": ("a whole number", (Integral,)),
    "float": ("a number", (Real,)),
    "str": ("a text", (str,)),
    "Time": ("a time such as '300 ms'", (str, Integral)),
}


def check_arguments(name: str, signature: inspect.Signature, arguments: dict[str, Any]) -> None:
    """Whether a fault takes these arguments.

    Raises:
        UsageError: If one is missing, unknown or of another kind.
    """
    takes = ", ".join(signature.parameters) or "no arguments"
    try:
        signature.bind(**arguments)
    except TypeError as error:
        raise UsageError(f"fault {name!r}: {error}", remedy=f"it takes {takes}") from error
    for key, value in arguments.items():
        kind, types = KINDS[signature.parameters[key].annotation]
        if not isinstance(value, types) or isinstance(value, bool):
            raise UsageError(f"fault {name!r}: {key} {value!r} is not {kind}")


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
