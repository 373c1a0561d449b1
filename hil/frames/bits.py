"""Single signals of a frame as raw bits: for what no encoder would send."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from hil.frames.codec import shift_of

if TYPE_CHECKING:
    from hil.frames.database import Message, Signal


def _order(signal: Signal) -> Literal["little", "big"]:
    return "little" if signal.little_endian else "big"


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
    """Whether a frame has the signal: always, or under its value of the multiplexor."""
    if signal.mux_value is None:
        return True
    multiplexer = next(s for s in message.signals.values() if s.is_multiplexer)
    return raw_in(message, multiplexer, data) == signal.mux_value


def unused_bits(message: Message) -> bytes:
    """A frame in which the bits of no signal are 1."""
    unused = (1 << 8 * message.length) - 1
    for signal in message.signals.values():
        unused &= ~int.from_bytes(bits_of(message, signal), "little")
    return unused.to_bytes(message.length, "little")


def raw_beyond(signal: Signal, by: int = 1, *, above: bool) -> int | None:
    """The raw number ``by`` beyond the signal's range and not "not available"; ``None``: there is none."""
    step = 1 if above == (signal.scale > 0) else -1
    raw = _raw(signal, signal.maximum if above else signal.minimum) + by * step
    if signal.not_available is not None:
        absent = _raw(signal, signal.not_available)
        if 0 <= (raw - absent) * step < by:
            raw += step
    low, high = signal.raw_bounds
    return raw if low <= raw <= high else None


def _raw(signal: Signal, value: float) -> int:
    return round((value - signal.offset) / signal.scale)
