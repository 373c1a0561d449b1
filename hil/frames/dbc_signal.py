"""What a signal's bits can hold and mean, as cantools has read a DBC file."""

from __future__ import annotations

from math import isfinite, nan, nextafter
from sys import float_info
from typing import TYPE_CHECKING

from hil.errors import RigFileError
from hil.frames.attributes import number_of

if TYPE_CHECKING:
    from cantools.database.can import Signal as DbcSignal

_LARGEST = {32: 2.0**128 - 2.0**104, 64: float_info.max}  # floating-point number, by its length


def is_signed(source: DbcSignal) -> bool:
    """A multiplexor is its bits, by which a DBC file numbers the groups, whatever it says of a sign."""
    return source.is_signed and not source.is_multiplexer and not source.conversion.is_float


def _raw_bounds(source: DbcSignal) -> tuple[int, int]:
    low = -(1 << source.length - 1) if is_signed(source) else 0
    return low, low + (1 << source.length) - 1


def range_of(source: DbcSignal) -> tuple[float, float]:
    """The physical range that the DBC declares, as far as the bits can hold it.

    Declaring more than that is common; sending it would put another value on the wire.
    """
    if source.conversion.is_float:
        return _float_range(source)
    scale, offset = float(source.scale), float(source.offset)
    low, high = _raw_bounds(source)
    if source.is_multiplexer:
        return low, high  # whatever is declared: the groups have these numbers

    plain = (scale, offset) == (1, 0)  # integers, exact beyond 53 bits

    def fits(value: float) -> bool:
        raw = value if plain else (value - offset) / scale
        return isfinite(raw) and low <= round(raw) <= high

    bounds: list[float] = [low, high] if plain else sorted((low * scale + offset, high * scale + offset))
    for place, declared in enumerate((source.minimum, source.maximum)):
        if declared is not None and fits(_as_double(declared)):
            bounds[place] = float(declared)
        while not fits(bounds[place]):  # more than 53 bits: rounding went beyond
            bounds[place] = nextafter(bounds[place], bounds[1 - place])
    return bounds[0], bounds[1]


def _as_double(declared: float) -> float:
    """The nearest number to one that may be too large for a double."""
    return float(min(max(declared, -float_info.max), float_info.max))


def _float_range(source: DbcSignal) -> tuple[float, float]:
    scale, offset, largest = float(source.scale), float(source.offset), _LARGEST[source.length]
    largest = min(largest * abs(scale), float_info.max)  # a physical value is a double itself
    low, high = (None if end is None else _as_double(end) for end in (source.minimum, source.maximum))
    return (
        offset - largest if low is None else max(low, offset - largest),
        offset + largest if high is None else min(high, offset + largest),
    )


def not_available_of(source: DbcSignal) -> float | None:
    """Physical value of attribute ``SigNotAvailable``, a raw number; -1 means that there is none.

    Of a signed signal the number may be given as the bits are, without the sign. A floating-point signal
    has NaN.
    """
    if source.conversion.is_float:
        return nan
    raw = int(number_of(source, "SigNotAvailable", -1))
    if raw == -1:
        return None
    low, high = _raw_bounds(source)
    if is_signed(source) and high < raw <= 2 * high + 1:
        raw += 2 * low
    if not low <= raw <= high:
        raise RigFileError(
            f"attribute SigNotAvailable: {raw} does not fit into {source.length} bits",
            key=source.name,
        )
    return raw * float(source.scale) + float(source.offset)
