"""What a DBC file may say that the rig cannot follow: found when it is read, not on the wire."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite
from typing import TYPE_CHECKING

from hil.bus.frame import CLASSIC_BYTES, FD_LENGTHS
from hil.frames.j1939 import LONGEST

if TYPE_CHECKING:
    from cantools.database.can import Message as DbcMessage
    from cantools.database.can import Signal as DbcSignal

Flaw = tuple[str, str]  # reason, remedy

FLOATS = (32, 64)  # bits of a floating-point signal


def flaw_of(message: DbcMessage, *, j1939: bool) -> Flaw | None:
    """Why a message cannot be used, and the remedy: it is no matter as long as nobody uses the message.

    Args:
        message: As it stands in the DBC file.
        j1939: Whether it is on a bus of J1939, whose transport protocol carries long messages.
    """
    return _flaw_of_length(message, j1939=j1939) or next(_flaws(message), None)


def _flaw_of_length(message: DbcMessage, *, j1939: bool) -> Flaw | None:
    """Why no bus carries a message."""
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


def _flaws(message: DbcMessage) -> Iterator[Flaw]:
    """What is wrong with the signals of a message that the DBC parser accepted."""
    multiplexers = [signal for signal in message.signals if signal.is_multiplexer]
    if len(multiplexers) > 1:
        names = " and ".join(signal.name for signal in multiplexers)
        yield f"nested multiplexing, by {names}, is not supported", "use one multiplexor signal per message"
    for signal in multiplexers:
        if (signal.scale, signal.offset) != (1, 0) or signal.conversion.is_float:
            reason = f"{signal.name}: a multiplexor is a whole number, as its bits are"
            yield reason, "use factor 1 and offset 0"
    for signal in message.signals:
        for reason, remedy in _of_signal(signal):
            yield f"{signal.name}: {reason}", remedy


def is_sound(signal: DbcSignal) -> bool:
    """Whether a signal by itself can be used."""
    return not any(_of_signal(signal))


def _of_signal(signal: DbcSignal) -> Iterator[Flaw]:
    if signal.conversion.is_float and signal.length not in FLOATS:
        lengths = " or ".join(map(str, FLOATS))
        yield f"a floating-point number has no {signal.length} bits", f"it has {lengths}"
    if signal.scale == 0:
        yield "the factor is 0: every value would be the same", "give the factor that is meant"
    elif not _is_finite(signal):
        yield "its values are too large for any number", "give the factor and the offset that are meant"
    low, high = signal.minimum, signal.maximum
    if low is not None and high is not None and low > high:
        yield f"the range is empty: {low:g} to {high:g}", "swap minimum and maximum"


def _is_finite(signal: DbcSignal) -> bool:
    """Whether factor and offset, and all that an integer signal can say by them, are numbers of 64 bits."""
    highest = 1.0 if signal.conversion.is_float else 2.0**signal.length
    try:
        return isfinite(abs(float(signal.scale)) * highest + abs(float(signal.offset)))
    except OverflowError:
        return False
