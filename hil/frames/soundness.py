"""What a DBC file may say that the rig cannot follow: found when it is read, not on the wire."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from hil.bus.frame import CLASSIC_BYTES, FD_LENGTHS
from hil.frames.j1939 import LONGEST

if TYPE_CHECKING:
    from cantools.database.can import Message as DbcMessage
    from cantools.database.can import Signal as DbcSignal

Mistake = tuple[str, str, str]  # key, reason, remedy


def flaw_of(message: DbcMessage, *, j1939: bool) -> tuple[str, str] | None:
    """Why no bus carries a message, and the remedy: it is no matter as long as nobody uses the message.

    Args:
        message: As it stands in the DBC file.
        j1939: Whether it is on a bus of J1939, whose transport protocol carries long messages.
    """
    length = message.length
    if message.is_fd:
        lengths = ", ".join(map(str, FD_LENGTHS))
        fits = length in FD_LENGTHS
        return None if fits else (f"no CAN FD frame has {length} bytes", f"it has one of {lengths}")
    if length <= CLASSIC_BYTES:
        return None
    if j1939 or message.protocol == "j1939":
        if not message.is_extended_frame:
            return f"a message of 11 bits has no {length} bytes", "those of J1939 have 29 bits"
        too_long = f"{length} bytes: the transport protocol of J1939 carries up to {LONGEST}"
        return None if length <= LONGEST else (too_long, "correct its length in the DBC file")
    return (
        f"a classic frame has no {length} bytes",
        "give it the attribute VFrameFormat: of CAN FD, or J1939PG if it goes by the transport protocol; "
        "or the bus a section [bus.NAME.j1939]",
    )


def mistakes_of(message: DbcMessage) -> Iterator[Mistake]:
    """What is wrong with a message that the DBC parser accepted."""
    multiplexers = [signal for signal in message.signals if signal.is_multiplexer]
    if len(multiplexers) > 1:
        yield (
            message.name,
            "nested multiplexing is not supported",
            "use one multiplexor signal per message",
        )
    for signal in multiplexers:
        if (signal.scale, signal.offset) != (1, 0):
            yield (
                f"{message.name}.{signal.name}",
                "a multiplexor with factor or offset is not supported",
                "use factor 1 and offset 0",
            )
    for signal in message.signals:
        for reason, remedy in _of_signal(signal):
            yield f"{message.name}.{signal.name}", reason, remedy


def _of_signal(signal: DbcSignal) -> Iterator[tuple[str, str]]:
    if signal.conversion.is_float:
        yield "floating-point signals are not supported", "use a scaled integer"
    if signal.scale == 0:
        yield "the factor is 0: every value would be the same", "give the factor that is meant"
    low, high = signal.minimum, signal.maximum
    if low is not None and high is not None and low > high:
        yield f"the range is empty: {low:g} to {high:g}", "swap minimum and maximum"
    if len(signal.multiplexer_ids or ()) > 1:
        yield (
            "a signal of several multiplexor values is not supported",
            "declare it once per multiplexor value",
        )
