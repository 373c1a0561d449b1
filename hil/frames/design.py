"""What the messages of a DBC file take of a bus by their cycle times."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.bus.frame import CLASSIC_BYTES, frame_of
from hil.bus.wire_time import wire_s
from hil.clock import NS_PER_S

if TYPE_CHECKING:
    from hil.frames.database import Database, Message


def design_load(database: Database, bitrate: int, data_bitrate: int = 0, sender: str = "") -> float:
    """Share of a bus (0..1) that cyclic messages take, with all-zero data: all, or those of one sender."""
    return sum(
        message_load(message, bitrate, data_bitrate)
        for message in database.messages.values()
        if not sender or sender in message.senders
    )


def message_load(message: Message, bitrate: int, data_bitrate: int = 0) -> float:
    """Share of a bus that one message takes, with all-zero data: there stuffing is at its worst."""
    if not message.cycle_ns:
        return 0.0
    length = CLASSIC_BYTES if message.in_parts else message.length
    frame = frame_of(message.id, bytes(length), message.extended, message.format)
    frames_per_s = message.frames_per_cycle * NS_PER_S / message.cycle_ns
    return wire_s(frame, bitrate, data_bitrate) * frames_per_s
