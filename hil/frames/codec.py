"""Encoders and decoders, generated once per message as Python source.

A frame is one big integer: little-endian signals are fields of it as it stands, big-endian signals
are fields of the byte-reversed one. The generated functions are a few shifts and masks per signal.
cantools is the oracle of the tests; like it, a physical value is rounded half-to-even to its raw
number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from hil.errors import FrameError

if TYPE_CHECKING:
    from hil.frames.database import Message, Signal

Encoder = Callable[[Sequence[float]], bytearray]
Decoder = Callable[[bytes], tuple[float | None, ...]]


def shift_of(signal: Signal, length: int) -> int:
    """How far a signal's lowest bit lies above bit 0 of its integer (see the module's text)."""
    if signal.little_endian:
        return signal.start
    from_msb = 8 * (signal.start // 8) + 7 - signal.start % 8
    return 8 * length - from_msb - signal.length


def compile_encoder(message: Message) -> Encoder:
    """The encoder of a message."""
    lines = ["def encode(v):", " a = b = 0"]
    signals = message.signals.values()
    for signal in signals:
        if signal.mux_value is None:
            _encode_one(message, signal, " ", lines)
    if message.mux_values:
        multiplexer = next(s for s in signals if s.is_multiplexer)
        lines.append(f" m = v[{multiplexer.index}]")
        lines.append(f" if m not in {frozenset(message.mux_values)!r}: unknown(m)")
    for value in message.mux_values:
        lines.append(f" if m == {value}:")
        for signal in signals:
            if signal.mux_value == value:
                _encode_one(message, signal, "  ", lines)
    lines.append(f" return {bytes_of(message)}")
    return _build("encode", lines, message)  # type: ignore[return-value]


def bytes_of(message: Message) -> str:
    """Source that makes a ``bytearray`` of the integers ``a`` (little-endian) and ``b`` (big)."""
    size = message.length
    orders = {signal.little_endian for signal in message.signals.values()}
    if orders == {False}:
        return f"bytearray(b.to_bytes({size}, 'big'))"
    if False in orders:
        a = f"a | int.from_bytes(b.to_bytes({size}, 'big'), 'little')"
        return f"bytearray(({a}).to_bytes({size}, 'little'))"
    return f"bytearray(a.to_bytes({size}, 'little'))"


def raw_of(signal: Signal) -> str:
    """Source of the raw number of the physical value ``x``, cut to the signal's bits."""
    number = "x" if signal.offset == 0 else f"(x - {signal.offset!r})"
    if signal.scale != 1:
        number = f"{number} / {signal.scale!r}"
    bounds = [(value - signal.offset) / signal.scale for value in (signal.minimum, signal.maximum)]
    mask = (1 << signal.length) - 1
    fits = 0 <= round(min(bounds)) <= round(max(bounds)) <= mask
    return f"round({number})" if fits else f"(round({number}) & {mask})"


def _encode_one(message: Message, signal: Signal, indent: str, lines: list[str]) -> None:
    i = signal.index
    test = f"{signal.minimum!r} <= x <= {signal.maximum!r}"
    if signal.not_available is not None:
        test += f" or x == {signal.not_available!r}"
    lines.append(f"{indent}x = v[{i}]")
    lines.append(f"{indent}if not ({test}): refuse({i}, x)")
    target = "a" if signal.little_endian else "b"
    shift = shift_of(signal, message.length)
    lines.append(f"{indent}{target} |= {raw_of(signal)} << {shift}")


def compile_decoder(message: Message) -> Decoder:
    """The decoder of a message."""
    lines = ["def decode(data):", f" if len(data) != {message.length}: misfit(data)"]
    lines.append(" a = int.from_bytes(data, 'little')")
    if any(not s.little_endian for s in message.signals.values()):
        lines.append(" b = int.from_bytes(data, 'big')")
    if not message.mux_values:
        fields = ", ".join(_field(message, s) for s in message.signals.values())
        lines.append(f" return ({fields},)")
        return _build("decode", lines, message)  # type: ignore[return-value]
    multiplexer = next(s for s in message.signals.values() if s.is_multiplexer)
    lines.append(f" m = {_raw(message, multiplexer)}")
    for value in message.mux_values:
        fields = ", ".join(
            _field(message, s) if s.mux_value in (None, value) else "None"
            for s in message.signals.values()
        )
        lines.append(f" if m == {value}: return ({fields},)")
    lines.append(" unknown(m)")
    return _build("decode", lines, message)  # type: ignore[return-value]


def _field(message: Message, signal: Signal) -> str:
    text = _raw(message, signal)
    if signal.scale != 1:
        text = f"{text} * {signal.scale!r}"
    return text if signal.offset == 0 else f"{text} + {signal.offset!r}"


def _raw(message: Message, signal: Signal) -> str:
    source = "a" if signal.little_endian else "b"
    mask = (1 << signal.length) - 1
    text = f"({source} >> {shift_of(signal, message.length)} & {mask})"
    if signal.signed:
        sign = 1 << signal.length - 1
        return f"(({text} ^ {sign}) - {sign})"
    return text


def _build(name: str, lines: list[str], message: Message) -> Callable[..., object]:
    names = list(message.signals.values())

    def refuse(index: int, value: float) -> None:
        signal = names[index]
        raise FrameError(
            f"{value!r} is outside {signal.minimum:g} to {signal.maximum:g} {signal.unit}".rstrip(),
            place=message.name,
            key=signal.name,
        )

    def misfit(data: bytes) -> None:
        raise FrameError(f"{len(data)} bytes instead of {message.length}", place=message.name)

    def unknown(value: float) -> None:
        raise FrameError(f"multiplexor value {value!r} is unknown", place=message.name)

    scope: dict[str, object] = {"refuse": refuse, "misfit": misfit, "unknown": unknown}
    exec(compile("\n".join(lines), f"<{name} {message.name}>", "exec"), scope)
    return scope[name]  # type: ignore[return-value]
