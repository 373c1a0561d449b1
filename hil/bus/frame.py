"""A classic CAN frame on its way: cheap to make, one object shared by all who see it."""

from __future__ import annotations

import can

from hil.clock import NS_PER_S


class Frame:
    """A frame on a bus.

    Attributes:
        id: Identifier, 11 or 29 bits.
        data: Payload, up to 8 bytes.
        extended: Whether the identifier has 29 bits.
        t_ns: End of frame on the wire, when receivers have it; 0 until then.
        start_ns: Start of frame on the wire, of the last attempt.
        sender: Name of the node that sent it.
        remote: A remote frame.
        error: An error frame; ``id`` and ``data`` are those of the frame it destroyed.
    """

    __slots__ = ("data", "error", "extended", "id", "remote", "sender", "start_ns", "t_ns")

    def __init__(
        self, id: int, data: bytes, extended: bool = False, sender: str = ""  # noqa: A002
    ) -> None:
        self.id = id
        self.data = data
        self.extended = extended
        self.sender = sender
        self.t_ns = 0
        self.start_ns = 0
        self.remote = False
        self.error = False

    @property
    def key(self) -> int:
        """Identifier with bit 31 set if it is extended: one number per message of a bus."""
        return self.id | 0x80000000 if self.extended else self.id

    def __repr__(self) -> str:
        kind = "error " if self.error else ""
        return f"<{kind}frame {self.id:X}#{self.data.hex()} at {self.t_ns} ns>"


def to_can_message(frame: Frame, channel: int | str | None = None) -> can.Message:
    """The frame as python-can has it; the timestamp is bus time in seconds."""
    return can.Message(
        timestamp=frame.t_ns / NS_PER_S,
        arbitration_id=frame.id,
        is_extended_id=frame.extended,
        is_remote_frame=frame.remote,
        is_error_frame=frame.error,
        data=None if frame.remote else frame.data,
        dlc=len(frame.data),
        channel=channel,
    )


def from_can_message(message: can.Message, sender: str = "") -> Frame:
    """The frame of a python-can message."""
    frame = Frame(
        message.arbitration_id, bytes(message.data), bool(message.is_extended_id), sender
    )
    frame.remote = bool(message.is_remote_frame)
    return frame
