"""What a message is made of, for the codec in C: where its signals lie, and the words of each refusal.

cantools is the oracle of the tests; like it, a physical value is rounded half-to-even to its raw number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NoReturn

from hil.errors import FrameError
from hil.frames import _codec
from hil.frames.bits import put_raw, raw_of

if TYPE_CHECKING:
    from hil.frames.database import Message, Signal
    from hil.frames.restbus import Source

Encoder = Callable[[Sequence[float]], bytearray]
Decoder = Callable[[bytes], tuple[float | None, ...]]
Saturate = Callable[[int, float], float]
Field = tuple[
    int, int, bool, bool, bool, float, float, float, float, float | None, tuple[int, ...] | None
]

_NONE = -1  # index of a signal that is not there


def layout_of(message: Message) -> _codec.Layout:
    """The codec of a message; it raises ``FrameError`` as :class:`Message` says."""
    signals = [signal for signal in message.signals.values() if not signal.is_derived]

    def refuse(index: int, value: float) -> NoReturn:
        signal = signals[index]
        raise FrameError(
            f"{value!r} is outside {signal.minimum:g} to {signal.maximum:g} {signal.unit}".rstrip(),
            place=message.name,
            key=signal.name,
        )

    def misfit(length: int) -> NoReturn:
        raise FrameError(f"{length} bytes instead of {message.length}", place=message.name)

    def unknown(value: float) -> NoReturn:
        raise FrameError(f"multiplexor value {value!r} is unknown", place=message.name)

    multiplexer = next((s.index for s in signals if s.is_multiplexer), _NONE)
    fields = [_field(signal) for signal in signals]
    return _codec.Layout(message.length, fields, multiplexer, message.mux_values, refuse, misfit, unknown)


def packer_of(
    message: Message,
    start_values: Sequence[float],
    sources: Sequence[tuple[Signal, Source]],
    saturate: Saturate,
    group: int | None = None,
) -> _codec.Packer:
    """What packs a message as it is now, without protection.

    Args:
        message: Its layout.
        start_values: What the signals without a source carry, physical, by index.
        sources: The others, and where their values come from.
        saturate: Called with a signal's index and a value outside of its range; gives a value
            to send in its place.
        group: Value of the multiplexor; only its signals are packed.
    """
    fed = {signal.name for signal, _ in sources}
    start = bytearray(message.length)
    for signal in message.signals.values():
        if signal.name not in fed and signal.is_in(group) and not signal.is_derived:
            value = start_values[signal.index]
            if signal.is_multiplexer and group is not None:
                value = group
            put_raw(message, signal, start, raw_of(signal, value))
    rows = [
        (signal.index, source.values, source.index, source.scale, source.offset)
        for signal, source in sources
        if signal.is_in(group)
    ]
    return _codec.Packer(message.layout, bytes(start), rows, saturate)


def _field(signal: Signal) -> Field:
    return (
        signal.start,
        signal.length,
        signal.little_endian,
        signal.signed,
        signal.is_float,
        signal.scale,
        signal.offset,
        signal.minimum,
        signal.maximum,
        signal.not_available,
        signal.groups or None,
    )
