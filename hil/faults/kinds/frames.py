"""Faults of the messages that the rig sends."""

from __future__ import annotations

from hil.faults.fault import Fault, Maker
from hil.faults.frame import LostFrames, MissingFrame, WrongLength, WrongProtection, WrongValue


def frame_missing(message: str) -> Fault:
    """The rig no longer sends a message."""
    return MissingFrame(message)


def frame_lost(message: str, share: float, seed: int = 1) -> Fault:
    """A share of a message's frames, 0 to 1, is lost by chance."""
    return LostFrames(message, share, seed)


def frame_length(message: str, length: int) -> Fault:
    """A message has another number of bytes than its DBC says."""
    return WrongLength(message, length)


def frame_value(message: str, signal: str, value: float) -> Fault:
    """A signal carries a value, in the DBC's unit, under a right checksum."""
    return WrongValue(message, signal, value)


def frame_not_available(message: str, signal: str) -> Fault:
    """A signal says that it has no value."""
    return WrongValue(message, signal, None)


def frame_crc(message: str) -> Fault:
    """A message carries a wrong checksum."""
    return WrongProtection(message, "crc")


def frame_counter(message: str, mode: str = "frozen") -> Fault:
    """A message's alive counter is ``frozen``, ``skip`` or ``repeat``."""
    return WrongProtection(message, mode)


NAMED: dict[str, Maker] = {
    "frame.missing": frame_missing,
    "frame.lost": frame_lost,
    "frame.length": frame_length,
    "frame.value": frame_value,
    "frame.not_available": frame_not_available,
    "frame.crc": frame_crc,
    "frame.counter": frame_counter,
}
