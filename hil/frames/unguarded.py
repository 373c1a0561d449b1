"""Counters and checksums of which only their names tell: no attribute of the DBC file gives a profile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.frames.names import parts_of

if TYPE_CHECKING:
    from hil.frames.database import Message, Signal

_CHECKSUM = {"crc", "checksum", "chksum", "chk", "cks", "bcc"}
_ALIVE = {"alive", "rolling", "livecounter"}
_COUNTER = {"counter", "cnt", "ctr", "cntr", "seq", "sequence"}  # beside a checksum; else of anything
_BITS = {"Counter": range(2, 9), "Checksum": range(4, 65)}


def unguarded(message: Message) -> dict[str, str]:
    """Signals that are probably a ``Counter`` or a ``Checksum``, which nothing fills in or checks."""
    if message.e2e is not None:
        return {}
    checksums = [signal.name for signal in message.signals.values() if _is(signal, _CHECKSUM, "Checksum")]
    words = _ALIVE | _COUNTER if checksums else _ALIVE
    counters = [signal.name for signal in message.signals.values() if _is(signal, words, "Counter")]
    return dict.fromkeys(counters, "Counter") | dict.fromkeys(checksums, "Checksum")


def _is(signal: Signal, words: set[str], kind: str) -> bool:
    plain = not signal.unit and not signal.choices and not signal.groups
    return plain and signal.length in _BITS[kind] and not words.isdisjoint(parts_of(signal.name))
