"""A CAN frame on its way: cheap to make, one object shared by all who see it."""

from __future__ import annotations

from typing import Literal

import can

from hil.clock import NS_PER_S
from hil.errors import FrameError

Cause = Literal["bit", "ack"]

CLASSIC_BYTES = 8  # at most, of data
FD_LENGTHS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 20, 24, 32, 48, 64)  # bytes by length code

Format = int  # of a frame on the wire: CLASSIC, FD, or FD | FAST; the numbers are those of the flags in bms.h
CLASSIC, FD = 0, 1
FAST = 2  # data at the data bit rate (bit rate switch)


class Frame:
    """A frame on a bus.

    Attributes:
        id: Identifier, 11 or 29 bits.
        data: Payload, up to 8 bytes; of a remote frame, as many bytes as it asks for.
        extended: Whether the identifier has 29 bits.
        t_ns: End of frame on the wire, when receivers have it; 0 until then.
        start_ns: Start of frame on the wire, of the last attempt.
        sender: Name of the node that sent it.
        remote: A remote frame.
        error: An error frame (:class:`ErrorFrame`).
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


class FdFrame(Frame):
    """A CAN FD frame, up to 64 bytes.

    Attributes:
        fast: Whether its data runs at the data bit rate (bit rate switch).
    """

    __slots__ = ("fast",)

    def __init__(
        self,
        id: int,  # noqa: A002
        data: bytes,
        extended: bool = False,
        sender: str = "",
        fast: bool = True,
    ) -> None:
        super().__init__(id, data, extended, sender)
        self.fast = fast


def frame_of(
    identifier: int, data: bytes, extended: bool, format: Format, sender: str = ""  # noqa: A002
) -> Frame:
    """A frame of a format."""
    if format == CLASSIC:
        return Frame(identifier, data, extended, sender)
    return FdFrame(identifier, data, extended, sender, bool(format & FAST))


def format_of(frame: Frame) -> Format:
    """Whether a frame is one of CAN FD, and fast."""
    if not isinstance(frame, FdFrame):
        return CLASSIC
    return FD | FAST if frame.fast else FD


def as_fd(frame: Frame) -> FdFrame:
    """A frame as one of CAN FD, filled up with zeros to a length that exists; one too long stays as it is."""
    data = frame.data
    length = next((length for length in FD_LENGTHS if length >= len(data)), len(data))
    fast = frame.fast if isinstance(frame, FdFrame) else True
    return FdFrame(frame.id, data.ljust(length, b"\0"), frame.extended, frame.sender, fast)


class ErrorFrame(Frame):
    """An error frame; ``id``, ``data`` and ``sender`` are those of the frame that it destroyed.

    Attributes:
        cause: ``bit``: a bit was not what was sent; ``ack``: nobody acknowledged.
        bit: Position on the wire of the bit that was wrong, stuff bits counted, start of frame 0.
        field: Code of the frame's field that it lies in, as SJA1000 and ``linux/can/error.h``
            number them.
        tec: The sender's transmit error counter after it.
        rec: The sender's receive error counter after it.
        bus_off: Whether it drove the sender off the bus.
    """

    __slots__ = ("bit", "bus_off", "cause", "field", "rec", "tec")

    def __init__(self, wreck: Frame, cause: Cause, bit: int, field: int) -> None:
        super().__init__(wreck.id, wreck.data, wreck.extended, wreck.sender)
        self.remote = wreck.remote
        self.start_ns = wreck.start_ns
        self.error = True
        self.cause = cause
        self.bit = bit
        self.field = field
        self.tec = 0
        self.rec = 0
        self.bus_off = False


# linux/can/error.h: error classes, then details in data[1] (controller) and data[2] (protocol)
_ACK, _CONTROLLER, _PROTOCOL, _BUS_OFF, _BUS_ERROR, _COUNTERS = 0x20, 0x4, 0x8, 0x40, 0x80, 0x200
_TX_WARNING, _TX_PASSIVE, _RX_WARNING, _RX_PASSIVE = 0x08, 0x20, 0x04, 0x10
_BIT_ERROR, _IN_TRANSMISSION = 0x01, 0x80


def error_class(frame: ErrorFrame) -> tuple[int, bytes]:
    """An error frame as SocketCAN tells it to the sender: error class and 8 data bytes."""
    identifier = _BUS_ERROR | _COUNTERS | _PROTOCOL
    data = bytearray(8)
    data[2] = _IN_TRANSMISSION | (_BIT_ERROR if frame.cause == "bit" else 0)
    data[3] = frame.field
    if frame.cause == "ack":
        identifier |= _ACK
    if frame.bus_off:
        identifier |= _BUS_OFF
    data[1] = _controller(frame.tec, _TX_WARNING, _TX_PASSIVE)
    data[1] |= _controller(frame.rec, _RX_WARNING, _RX_PASSIVE)
    if data[1]:
        identifier |= _CONTROLLER
    data[6:8] = min(frame.tec, 255), min(frame.rec, 255)
    return identifier, bytes(data)


def _controller(counter: int, warning: int, passive: int) -> int:
    if counter < 96:
        return 0
    return warning if counter < 128 else passive


def to_can_message(frame: Frame, channel: int | str | None = None) -> can.Message:
    """The frame as python-can has it; the timestamp is bus time in seconds.

    An error frame is told as SocketCAN does: see :func:`error_class`.
    """
    identifier, data = frame.id, frame.data
    if isinstance(frame, ErrorFrame):
        identifier, data = error_class(frame)
    return can.Message(
        timestamp=frame.t_ns / NS_PER_S,
        arbitration_id=identifier,
        is_extended_id=frame.extended and not frame.error,
        is_remote_frame=frame.remote and not frame.error,
        is_error_frame=frame.error,
        data=None if frame.remote and not frame.error else data,
        dlc=len(data),
        channel=channel,
        is_fd=isinstance(frame, FdFrame),
        bitrate_switch=isinstance(frame, FdFrame) and frame.fast,
    )


def from_can_message(message: can.Message, sender: str = "") -> Frame:
    """The frame of a python-can message.

    Raises:
        FrameError: If it is no data or remote frame: an error frame, a number of bytes that no frame of
            its format has, a length code that is not the number of bytes, or an identifier that does
            not fit.
    """
    reason = _unfit(message)
    if reason:
        raise FrameError(reason, place=f"message 0x{message.arbitration_id:X}")
    data = bytes(message.dlc) if message.is_remote_frame else bytes(message.data)
    if message.is_fd:
        fast = bool(message.bitrate_switch)
        return FdFrame(message.arbitration_id, data, bool(message.is_extended_id), sender, fast)
    frame = Frame(message.arbitration_id, data, bool(message.is_extended_id), sender)
    frame.remote = bool(message.is_remote_frame)
    return frame


def _unfit(message: can.Message) -> str:
    """Why no bus can carry a message, or nothing."""
    if message.is_error_frame:
        return "error frames are made by the bus, not sent"
    if message.is_fd and (message.is_remote_frame or message.dlc not in FD_LENGTHS):
        return f"length {message.dlc} is none of CAN FD's, or a remote frame, which it does not have"
    if not message.is_fd and not 0 <= message.dlc <= 8:
        return f"length {message.dlc} is not 0 to 8"
    if not message.is_remote_frame and message.dlc != len(message.data):
        return f"length {message.dlc} but {len(message.data)} data bytes"
    bits = 29 if message.is_extended_id else 11
    if not 0 <= message.arbitration_id < 1 << bits:
        return f"the identifier does not fit into {bits} bits"
    return ""
