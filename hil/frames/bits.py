"""Single signals of a frame as raw bits: for what no encoder would send."""

from __future__ import annotations

from math import inf
from struct import pack, unpack
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from hil.frames.database import Message, Signal


def _order(signal: Signal) -> Literal["little", "big"]:
    return "little" if signal.little_endian else "big"


def shift_of(signal: Signal, length: int) -> int:
    """How far its lowest bit lies above bit 0 of a frame, read as one number in the signal's byte order."""
    if signal.little_endian:
        return signal.start
    from_msb = 8 * (signal.start // 8) + 7 - signal.start % 8
    return 8 * length - from_msb - signal.length


def bits_of(message: Message, signal: Signal) -> bytes:
    """A frame in which the signal's bits are 1 and all others 0."""
    field = (1 << signal.length) - 1 << shift_of(signal, message.length)
    return field.to_bytes(message.length, _order(signal))


def raw_in(message: Message, signal: Signal, data: bytes | bytearray) -> int:
    """The signal's bits in a frame, as a number without sign."""
    word = int.from_bytes(data, _order(signal))
    return word >> shift_of(signal, message.length) & (1 << signal.length) - 1


def put_raw(message: Message, signal: Signal, data: bytearray, raw: int) -> None:
    """Write a raw number into the signal's bits; a negative one as two's complement."""
    order, shift = _order(signal), shift_of(signal, message.length)
    field = (1 << signal.length) - 1
    word = int.from_bytes(data, order) & ~(field << shift) | (raw & field) << shift
    data[:] = word.to_bytes(len(data), order)


def carries(message: Message, signal: Signal, data: bytes | bytearray) -> bool:
    """Whether a frame has the signal: always, or under one of its values of the multiplexor."""
    if not signal.groups:
        return True
    multiplexer = next(s for s in message.signals.values() if s.is_multiplexer)
    return raw_in(message, multiplexer, data) in signal.groups


def unused_bits(message: Message) -> bytes:
    """A frame in which the bits of no signal are 1."""
    unused = (1 << 8 * message.length) - 1
    for signal in message.signals.values():
        unused &= ~int.from_bytes(bits_of(message, signal), "little")
    return unused.to_bytes(message.length, "little")


def raw_beyond(signal: Signal, by: int = 1, *, above: bool) -> int | None:
    """The raw number ``by`` beyond the signal's range and not "not available"; ``None``: there is none.

    That of a floating-point signal is given as its bits: beyond the largest numbers are the infinite ones.
    """
    if signal.is_float:
        return _float_beyond(signal, by, above=above)
    step = 1 if above == (signal.scale > 0) else -1
    raw = raw_of(signal, signal.maximum if above else signal.minimum) + by * step
    if signal.not_available is not None:
        absent = raw_of(signal, signal.not_available)
        if 0 <= (raw - absent) * step < by:
            raw += step
    low, high = signal.raw_bounds
    return raw if low <= raw <= high else None


def raw_of(signal: Signal, value: float) -> int:
    """The raw number nearest to a physical value, whether or not the bits can hold it.

    That of a floating-point signal is given as its bits.
    """
    number = (value - signal.offset) / signal.scale
    return _float_bits(signal, number) if signal.is_float else round(number)


_FLOATS = {32: ("<f", "<I"), 64: ("<d", "<Q")}  # by length


def _float_bits(signal: Signal, number: float) -> int:
    as_float, as_bits = _FLOATS[signal.length]
    return int(unpack(as_bits, pack(as_float, number))[0])


def _float_beyond(signal: Signal, by: int, *, above: bool) -> int | None:
    """The bits of floating-point numbers rise with their size, below the bit of the sign."""
    sign = 1 << signal.length - 1
    bits = raw_of(signal, signal.maximum if above else signal.minimum)
    place = sign - bits if bits & sign else bits  # in the order of the numbers
    place += by if above == (signal.scale > 0) else -by
    infinite = _float_bits(signal, inf)
    if abs(place) > infinite:
        return None
    return place if place >= 0 else sign - place
