"""Packers: one generated function per message that reads its sources and gives the bytes.

What no source feeds is a constant in the generated source; what remains per signal is a look-up, a
range check, a rounding and a shift.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from types import CodeType
from typing import TYPE_CHECKING

from hil.frames.codec import bytes_of, raw_of, shift_of

if TYPE_CHECKING:
    from hil.frames.database import Message, Signal
    from hil.frames.restbus import Source

Packer = Callable[[], bytearray]
Saturate = Callable[[int, float], float]


def compile_packer(
    message: Message,
    start_values: Sequence[float],
    sources: Sequence[tuple[Signal, Source]],
    saturate: Saturate,
    group: int | None = None,
) -> Packer:
    """A function that packs a message as it is now, without protection.

    Args:
        message: Its layout.
        start_values: What the signals without a source carry, physical, by index.
        sources: The others, and where their values come from.
        saturate: Called with a signal's index and a value outside of its range; gives a value
            to send in its place.
        group: Value of the multiplexor; only its signals are packed.
    """
    fed = {signal.name for signal, _ in sources}
    constant = {True: 0, False: 0}
    for signal in message.signals.values():
        if signal.name not in fed and signal.mux_value in (None, group):
            value = start_values[signal.index]
            if signal.is_multiplexer and group is not None:
                value = group
            raw = round((value - signal.offset) / signal.scale) & (1 << signal.length) - 1
            constant[signal.little_endian] |= raw << shift_of(signal, message.length)
    lists: dict[int, tuple[str, object]] = {}
    lines = [f"  a = {constant[True]}", f"  b = {constant[False]}"]
    for signal, source in sources:
        if signal.mux_value in (None, group):
            name, _ = lists.setdefault(id(source.values), (f"p{len(lists)}", source.values))
            lines += _read(message, signal, source, name)
    names = ", ".join(["saturate", *(name for name, _ in lists.values())])
    text = "\n".join(
        [f"def make({names}):", " def pack():", *lines, f"  return {bytes_of(message)}"]
    )
    scope: dict[str, Callable[..., Packer]] = {}
    exec(_compile(text + "\n return pack", f"<pack {message.name}>"), scope)
    return scope["make"](saturate, *(values for _, values in lists.values()))


def _read(message: Message, signal: Signal, source: Source, name: str) -> list[str]:
    """Lines that add one signal to the integer of its byte order."""
    value = f"{name}[{source.index}]"
    if source.offset != 0:
        value = f"({value} - {source.offset!r})"
    if source.scale != 1:
        value = f"{value} / {source.scale!r}"
    target = "a" if signal.little_endian else "b"
    shift = shift_of(signal, message.length)
    return [
        f"  x = {value}",
        f"  if not {signal.minimum!r} <= x <= {signal.maximum!r}: x = saturate({signal.index}, x)",
        f"  {target} |= {raw_of(signal)} << {shift}",
    ]


@lru_cache(maxsize=2048)
def _compile(text: str, name: str) -> CodeType:
    """Equal worlds pack by equal source, so each text is compiled once per process."""
    return compile(text, name, "exec")
