"""A link is one real bus: it takes and gives frames, never blocks, and counts what went wrong.

====================  ==========================================================================
``socketcan``         the kernel's CAN: :mod:`hil.bus.socketcan`
``slcan``             an adapter on a serial line: :mod:`hil.bus.slcan`
any other             python-can's interface of that name: :mod:`hil.bus.python_can`
====================  ==========================================================================
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from hil.bus.can_error import CanError, decode_error
from hil.bus.frame import FdFrame, Frame, as_fd
from hil.errors import BusError, RigFileError

Stamps = Literal["hardware", "kernel", "receive"]
OWN = "rig"  # sender of a link's own echoes
_GIVEN_UP = 1_000  # frames that nobody takes note of


class LinkFullError(BusError):
    """There is no room for a frame now: it is not sent; the next one may be."""


@dataclass(slots=True)
class LinkCounters:
    """What a link has seen so far.

    Attributes:
        sent: Frames taken by driver or adapter.
        received: Frames of the others.
        own_echoes: Own frames that came back: they are through.
        unconfirmed: Own frames whose echo or acknowledgement never came.
        rx_overruns: Frames lost before they could be read, where somebody counts them.
        tx_full: Frames not sent for want of room.
        error_frames: Error frames, or what an adapter tells in their place.
        bus_off: How often the controller went off the bus.
        restarts: How often the controller came back to it, or the link was opened again.
        garbage: What made no sense: malformed frames, lines, messages.
        clock_jumps: How often the wall clock was set, so that frames bear their time of receipt.
        state: The controller's state, as last told.
        tec: Its transmit error counter, as last told.
        rec: Its receive error counter, as last told.
        last_error: The latest of the above in words.
        given_up: Own frames that were refused or not confirmed, until who sent them has taken note.
    """

    sent: int = 0
    received: int = 0
    own_echoes: int = 0
    unconfirmed: int = 0
    rx_overruns: int = 0
    tx_full: int = 0
    error_frames: int = 0
    bus_off: int = 0
    restarts: int = 0
    garbage: int = 0
    clock_jumps: int = 0
    state: str = "error-active"
    tec: int = 0
    rec: int = 0
    last_error: str = ""
    given_up: deque[Frame] = field(default_factory=lambda: deque(maxlen=_GIVEN_UP))

    def count_error(self, frame: Frame) -> CanError:
        """Count an error frame and take over what it tells of the controller."""
        error = decode_error(frame.id, frame.data)
        self.error_frames += 1
        self.last_error = error.text
        self.rx_overruns += error.rx_overflow
        self.restarts += error.restarted
        if error.state == "bus-off" and self.state != "bus-off":
            self.bus_off += 1
        self.state = error.state or self.state
        if error.tec is not None and error.rec is not None:
            self.tec, self.rec = error.tec, error.rec
        return error

    def complaints(self) -> list[str]:
        """What is wrong, in sentences; nothing if all is well."""
        counted = (
            (self.rx_overruns, "frames were lost before they could be read"),
            (self.tx_full, "frames found no room to be sent"),
            (self.garbage, "times what came made no sense"),
            (self.clock_jumps, "times the computer's clock was set"),
        )
        found = [f"{count} {text}" for count, text in counted if count]
        if self.error_frames and not self.received:
            found.insert(
                0,
                f"only error frames come ({self.error_frames}, the last: {self.last_error}): "
                "is the bit rate right, and is the bus terminated?",
            )
        elif self.error_frames:
            found.insert(0, f"{self.error_frames} error frames")
        if self.state == "bus-off":
            found.insert(0, "the controller is off the bus")
        if self.sent and not self.own_echoes:
            found.append("nothing that was sent came back: does anybody acknowledge?")
        return found


class Link(Protocol):
    """One real bus.

    Attributes:
        name: The bus's name in the rig file.
        bitrate: Bits per second, as the rig file says.
        data_bitrate: Bits per second of CAN FD data; 0 on a classic bus.
        stamps: Which clock stamped the frames.
        precision_ns: How far a stamp may lie from the end of its frame on the wire, as far as is
            known; the way through an adapter is not.
        counters: What it has seen.
    """

    name: str
    bitrate: int
    data_bitrate: int
    stamps: Stamps
    precision_ns: int
    counters: LinkCounters

    def fileno(self) -> int | None:
        """What becomes readable when frames wait; ``None`` where the system has nothing such."""

    def send(self, frame: Frame) -> None:
        """Hand a frame over; never blocks.

        Raises:
            LinkFullError: If there is no room for it now.
            BusError: If the bus is down or the adapter gone.
            FrameError: If this bus cannot carry such a frame.
        """

    def receive(self) -> Sequence[Frame]:
        """All frames that wait, oldest first; never blocks, and garbage is only counted.

        ``t_ns`` is CLOCK_MONOTONIC, the sender of own echoes is ``rig``, and error frames have
        SocketCAN's error class and details as ``id`` and ``data``. To be called when
        :meth:`fileno` can be read, and about every 100 ms anyway.

        Raises:
            BusError: If the bus is down or the adapter gone.
        """

    def set_filters(self, identifiers: Iterable[tuple[int, bool]] | None) -> None:
        """Receive only these identifiers (and whether they are extended); ``None``: all.

        Own echoes and error frames come anyhow.
        """

    def reopen(self) -> bool:
        """Try again after trouble: whether the link is back. Its descriptor may be another one."""

    def close(self) -> None:
        """Leave the bus."""


def echo_of(frame: Frame, t_ns: int) -> Frame:
    """An own frame as it comes back, for a bus that sends none back itself.

    Args:
        frame: What was sent; more than 8 bytes make it CAN FD.
        t_ns: When it was through, as far as the bus tells.
    """
    is_fd = len(frame.data) > 8 or isinstance(frame, FdFrame)
    echo = as_fd(frame) if is_fd else Frame(frame.id, frame.data, frame.extended)
    echo.sender = OWN
    echo.remote = frame.remote
    echo.t_ns = t_ns
    return echo


def open_link(name: str, interface: str, channel: str, bitrate: int, **options: Any) -> Link:
    """The link of a rig file's bus.

    Args:
        name: The bus's name.
        interface: ``socketcan``, ``slcan``, or one of python-can's.
        channel: The interface's own name of the bus: ``can0``, ``/dev/ttyACM0``, …
        bitrate: Bits per second.
        options: What else the interface needs; see there.

    Raises:
        RigFileError: If there is no such interface or it has no such option.
        BusError: If the link cannot be opened.
    """
    if interface == "sim":
        raise RigFileError(
            "the sim bus exists in virtual time only",
            key=f"bus.{name}.interface",
            remedy='use socketcan (for example on vcan0), slcan, or a python-can interface',
        )
    try:
        return _open(name, interface, channel, bitrate, options)
    except TypeError as error:
        raise RigFileError(
            f"interface {interface!r} does not take these options: {error}", key=f"bus.{name}"
        ) from error


def _open(name: str, interface: str, channel: str, bitrate: int, options: dict[str, Any]) -> Link:
    # imported here: sockets of this kind, pyserial and python-can's drivers are not everywhere
    if interface == "socketcan":
        from hil.bus.socketcan import SocketCanLink  # noqa: PLC0415

        return SocketCanLink(name, channel, bitrate, **options)
    if interface == "slcan":
        from hil.bus.slcan import SlcanLink  # noqa: PLC0415
        from hil.bus.slcan_options import SlcanOptions  # noqa: PLC0415

        return SlcanLink(name, channel, bitrate, SlcanOptions(**options))
    from hil.bus.python_can import PythonCanLink  # noqa: PLC0415

    return PythonCanLink(name, interface, channel, bitrate, **options)
