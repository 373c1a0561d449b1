"""Faults of the messages that the rig sends."""

from __future__ import annotations

import math

from hil.faults.arguments import Measure, Share, Time, time_of
from hil.faults.content import OutOfRange, ReservedBits
from hil.faults.fault import Fault, Maker
from hil.faults.frame import LostFrames, MissingFrame, WrongLength, WrongProtection, WrongValue
from hil.faults.intruder import Masquerade
from hil.faults.packet import PacketFault
from hil.faults.way import DelayedFrames, DuplicateFrames, FrameBursts


def frame_missing(message: str) -> Fault:
    """The rig no longer sends a message."""
    return MissingFrame(message)


def frame_lost(message: str, share: Share, seed: int = 1) -> Fault:
    """A share of a message's frames, 0 to 1, is lost by chance."""
    return LostFrames(message, share, seed)


def frame_length(message: str, length: int) -> Fault:
    """A message has another number of bytes than its DBC says."""
    return WrongLength(message, length)


def frame_value(message: str, signal: str, value: Measure) -> Fault:
    """A signal carries a value, in the DBC's unit, under a right checksum."""
    return WrongValue(message, signal, value)


def frame_not_available(message: str, signal: str) -> Fault:
    """A signal says that it has no value."""
    return WrongValue(message, signal, math.nan)


def frame_crc(message: str) -> Fault:
    """A message carries a wrong checksum."""
    return WrongProtection(message, "crc")


def frame_counter(message: str, mode: str = "frozen") -> Fault:
    """A message's alive counter is ``frozen``, ``skip`` or ``repeat``."""
    return WrongProtection(message, mode)


def frame_delay(message: str, delay: Time, jitter: Time = 0, seed: int = 1) -> Fault:
    """A message comes late by ``delay``, and by chance by up to ``jitter`` more."""
    name = "frame.delay"
    return DelayedFrames(message, time_of(name, delay), time_of(name, jitter), seed)


def frame_duplicate(message: str, times: int = 2) -> Fault:
    """Each frame of a message comes so many times in a row."""
    return DuplicateFrames(message, times)


def frame_burst(message: str, count: int = 10) -> Fault:
    """No frame comes until ``count`` have gathered; then all come at once, again and again."""
    return FrameBursts(message, count)


def frame_out_of_range(message: str, signal: str, side: str = "above", by: int = 1) -> Fault:
    """A signal is ``above`` or ``below`` its range by so many raw numbers, under a right checksum."""
    return OutOfRange(message, signal, side, by)


def frame_reserved(message: str) -> Fault:
    """The bits that no signal of a message uses are 1, under a right checksum."""
    return ReservedBits(message)


def frame_masquerade(message: str, signal: str, value: Measure) -> Fault:
    """Another node sends a message too, rightly protected, with this value in one signal."""
    return Masquerade(message, signal, value)


def frame_packet(message: str, number: int = 1, mode: str = "lost") -> Fault:
    """A packet of each long message is ``lost``, ``never`` there if asked for again, or does ``repeat``."""
    return PacketFault(message, number, mode)


NAMED: dict[str, Maker] = {
    "frame.missing": frame_missing,
    "frame.lost": frame_lost,
    "frame.length": frame_length,
    "frame.value": frame_value,
    "frame.not_available": frame_not_available,
    "frame.crc": frame_crc,
    "frame.counter": frame_counter,
    "frame.delay": frame_delay,
    "frame.duplicate": frame_duplicate,
    "frame.burst": frame_burst,
    "frame.packet": frame_packet,
    "frame.out_of_range": frame_out_of_range,
    "frame.reserved": frame_reserved,
    "frame.masquerade": frame_masquerade,
}
