"""Any interface of python-can as a link: pcan, vector, kvaser, ixxat, gs_usb, … by name.

An interface with a descriptor is read when that can be read. One without (vendors on Windows) gets
a thread that does nothing but read, stamp and wake; it is the only thread of the rig.

Frames bear the moment of receipt. ``adapter_stamps = true`` takes python-can's timestamps instead,
which are worth it where driver or adapter make them (pcan, kvaser, vector, ixxat, …); they are
mapped to the one time line as :class:`hil.bus.stamps.DeviceClock` says.
"""

from __future__ import annotations

import contextlib
import errno
import re
import socket
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

import can

from hil.bus.can_error import BUS_ERROR
from hil.bus.frame import FdFrame, Frame, as_fd
from hil.bus.link import OWN, LinkCounters, LinkFullError, Stamps, echo_of
from hil.bus.python_can_options import UNMARKED, bus_options, can_echo, is_classic
from hil.bus.stamps import DeviceClock
from hil.clock import NS_PER_MS, NS_PER_S
from hil.errors import BusError, FrameError

_BATCH = 512  # frames at most in one call
_MISREADS = 16  # so many in a row are no garbage: the interface is broken
_LOOK_UP_S = 0.1  # how often the reader looks whether it should end
# interfaces tell a full queue in words of their own
_FULL = re.compile(r"full|buffer|busy|no room|time.?out|timed out|one or more recipients", re.IGNORECASE)
_FULL_CODES = (errno.ENOBUFS, errno.EAGAIN)


class PythonCanLink:
    """A bus of python-can.

    Args:
        name: The bus's name.
        interface: python-can's name of the interface.
        channel: The interface's name of the channel.
        bitrate: Bits per second.
        adapter_stamps: Take the timestamps of driver or adapter.
        options: What else ``can.Bus`` is given; python-can's configuration files are not read.

    Raises:
        RigFileError: If python-can has no such interface.
        BusError: If it cannot be opened, or carries no CAN FD where there shall be some.
    """

    def __init__(
        self,
        name: str,
        interface: str,
        channel: str,
        bitrate: int = 500_000,
        *,
        adapter_stamps: bool = False,
        **options: Any,
    ) -> None:
        self.name = name
        self.interface = interface
        self.channel = channel
        self.bitrate = bitrate
        self.data_bitrate = int(options.get("data_bitrate", bitrate)) if options.get("fd") else 0
        self.stamps: Stamps = "hardware" if adapter_stamps else "receive"
        self.precision_ns = NS_PER_MS  # of a quiet computer
        self.counters = LinkCounters()
        self._options = options
        self._filters: list[tuple[int, bool]] | None = None
        self._echoing = can_echo(interface)  # or it turns out that it does so unasked
        self._echoes: list[Frame] = []
        self._reader: _Reader | None = None
        self._open()

    def fileno(self) -> int | None:
        """The interface's own descriptor, or that of the reader's wake-up socket."""
        return self._reader.fileno() if self._reader is not None else self._descriptor

    def send(self, frame: Frame) -> None:
        """Give a frame to the interface; see :class:`hil.bus.link.Link`."""
        frame = self._fitting(frame)
        message = self._message(frame)
        try:
            self._bus.send(message, timeout=0)
        except (can.CanError, OSError) as error:
            raise self._refusal(error) from error
        except ValueError as error:  # a frame that the driver cannot pack
            raise FrameError(str(error), place=self._place) from error
        self.counters.sent += 1
        if self.interface in UNMARKED:
            self._looped.append((frame.key, frame.data))
        elif not self._echoing:
            self._foretold += 1
            self.counters.own_echoes += 1
            self._echoes.append(echo_of(frame, time.monotonic_ns()))

    def receive(self) -> Sequence[Frame]:
        """All frames that wait, up to 512; see :class:`hil.bus.link.Link`."""
        frames, self._echoes = self._echoes, []
        read = self._read if self._reader is None else self._reader.read
        for _ in range(_BATCH):
            try:
                message, at_ns = read()
            except Exception as error:  # drivers raise what they like
                self._misread(error)
                continue
            self._misreads = 0
            if message is None:
                break
            frame = self._frame(message, at_ns)
            if frame is not None:
                frames.append(frame)
        return frames

    def set_filters(self, identifiers: Iterable[tuple[int, bool]] | None) -> None:
        """Receive only these identifiers."""
        self._filters = None if identifiers is None else list(identifiers)
        self._apply_filters()

    def reopen(self) -> bool:
        """Open the interface again."""
        self.close()
        try:
            self._open()
            self._apply_filters()
        except BusError as error:
            self.counters.last_error = error.reason
            return False
        self.counters.restarts += 1
        return True

    def close(self) -> None:
        """Shut the interface down."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None
        with contextlib.suppress(Exception):  # of an adapter that is gone
            self._bus.shutdown()

    def _open(self) -> None:
        self._echoes = []
        self._looped: deque[tuple[int, bytes]] = deque(maxlen=_BATCH)
        self._foretold = 0  # echoes of our own making, of which none has come from the interface
        self._misreads = 0
        self._clock = DeviceClock()
        try:
            self._bus = can.Bus(
                channel=self.channel,
                interface=self.interface,
                bitrate=self.bitrate,
                ignore_config=True,
                **bus_options(self.interface, self.bitrate, self._options),
            )
        except TypeError:  # an option that the interface does not have
            raise
        except Exception as error:  # drivers raise what they like, NameError without their library
            remedy = "is its driver installed, and the channel right? python-can has a page on each interface"
            raise BusError(str(error), place=self._place, remedy=remedy) from error
        if self.data_bitrate and is_classic(self.interface, self._bus):
            with contextlib.suppress(Exception):
                self._bus.shutdown()
            remedy = "take another, or a bus without fd = true"
            raise BusError("python-can drives it as classic CAN only", place=self._place, remedy=remedy)
        self._descriptor = _descriptor(self._bus)
        if self._descriptor is None:
            self._reader = _Reader(self._bus)

    def _read(self) -> tuple[can.Message | None, int]:
        message = self._bus.recv(timeout=0)
        return message, time.monotonic_ns()

    def _misread(self, error: Exception) -> None:
        """Garbage, or the end of the interface."""
        self.counters.garbage += 1
        self.counters.last_error = str(error)
        self._misreads += 1
        if self._misreads >= _MISREADS:
            self._misreads = 0
            raise BusError(f"cannot be read: {error}", place=self._place) from error

    def _frame(self, message: can.Message, at_ns: int) -> Frame | None:
        frame = self._converted(message)
        if frame is None:
            self.counters.garbage += 1
            self.counters.last_error = f"not a frame: {message}"
            return None
        if frame.sender and self._foretold:  # an interface that sends own frames back unasked
            self._foretold -= 1
            self._echoing = True
            return None
        if self._looped and (frame.key, frame.data) in self._looped:
            self._looped.remove((frame.key, frame.data))
            frame.sender = OWN
        frame.t_ns = at_ns
        if self.stamps == "hardware" and message.timestamp > 0:
            stamp_ns = round(message.timestamp * NS_PER_S)
            frame.t_ns = self._clock.monotonic_ns(stamp_ns, at_ns)
        if frame.error:
            self.counters.count_error(frame)
        elif frame.sender:
            self.counters.own_echoes += 1
        else:
            self.counters.received += 1
        return frame

    def _converted(self, message: can.Message) -> Frame | None:
        identifier, extended = message.arbitration_id, message.is_extended_id
        data = bytes(message.data)
        if message.is_error_frame:
            frame = Frame(identifier, data) if self.interface == "socketcan" else Frame(BUS_ERROR, bytes(8))
            frame.error = True
            return frame
        if not 0 <= identifier < 1 << (29 if extended else 11):
            return None
        sender = "" if message.is_rx else OWN
        if message.is_fd:
            if len(data) > 64:
                return None
            return FdFrame(identifier, data, extended, sender, bool(message.bitrate_switch))
        if len(data) > 8 or not (message.is_remote_frame or message.dlc == len(data)):
            return None
        frame = Frame(identifier, data, extended, sender)
        if message.is_remote_frame:
            frame.remote = True
            frame.data = bytes(min(message.dlc, 8))
        return frame

    def _apply_filters(self) -> None:
        if self._filters is None:
            self._bus.set_filters(None)
            return
        self._bus.set_filters(
            [
                {"can_id": i, "can_mask": 0x1FFFFFFF if extended else 0x7FF, "extended": extended}
                for i, extended in self._filters
            ]
        )

    def _fitting(self, frame: Frame) -> Frame:
        """The frame, of a length that exists."""
        if not isinstance(frame, FdFrame) and len(frame.data) <= 8:
            return frame
        if not self.data_bitrate:
            raise FrameError(
                f"frame {frame.id:X} is CAN FD, but the bus is classic CAN",
                place=self._place,
                remedy="give the bus fd = true",
            )
        return as_fd(frame)

    def _message(self, frame: Frame) -> can.Message:
        fd = isinstance(frame, FdFrame)
        try:
            return can.Message(
                arbitration_id=frame.id,
                is_extended_id=frame.extended,
                is_remote_frame=frame.remote,
                dlc=len(frame.data),
                data=None if frame.remote else frame.data,
                is_fd=fd,
                bitrate_switch=isinstance(frame, FdFrame) and frame.fast,
                is_rx=False,
                check=True,
            )
        except ValueError as error:
            raise FrameError(str(error), place=self._place) from error

    def _refusal(self, error: Exception) -> BusError:
        self.counters.last_error = str(error)
        code = getattr(error, "error_code", None) or getattr(error, "errno", None)
        if isinstance(error, can.CanTimeoutError) or code in _FULL_CODES or _FULL.search(str(error)):
            self.counters.tx_full += 1
            return LinkFullError(str(error), place=self._place)
        return BusError(str(error), place=self._place)

    @property
    def _place(self) -> str:
        return f"python-can interface {self.interface}, channel {self.channel}"


class _Reader:
    """Reads a bus that has no descriptor, in a thread, and wakes who waits for frames."""

    def __init__(self, bus: can.BusABC) -> None:
        self._bus = bus
        self._found: deque[tuple[can.Message | Exception, int]] = deque()
        self._sleeper, self._waker = socket.socketpair()
        self._sleeper.setblocking(False)
        self._waker.setblocking(False)
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="CAN reader", daemon=True)
        self._thread.start()

    def fileno(self) -> int:
        return self._sleeper.fileno()

    def read(self) -> tuple[can.Message | None, int]:
        """The next message and its moment of receipt.

        Raises:
            Exception: What the interface raised in its place.
        """
        if not self._found:
            # first the bell, then the door: a message that comes meanwhile rings again
            with contextlib.suppress(BlockingIOError):
                self._sleeper.recv(4096)
            if not self._found:
                return None, 0
        message, at_ns = self._found.popleft()
        if isinstance(message, Exception):
            raise message
        return message, at_ns

    def close(self) -> None:
        """End the thread."""
        self._ended = True
        self._thread.join(timeout=1.0)
        self._sleeper.close()
        self._waker.close()

    def _run(self) -> None:
        while not self._ended:
            found: can.Message | Exception | None
            try:
                found = self._bus.recv(timeout=_LOOK_UP_S)
            except Exception as error:  # told to who reads
                found = error
            if found is None:
                continue
            self._found.append((found, time.monotonic_ns()))
            with contextlib.suppress(OSError):  # full: whoever sleeps is woken already
                self._waker.send(b"!")
            if isinstance(found, Exception):
                threading.Event().wait(_LOOK_UP_S)  # a broken interface must not take the core


def _descriptor(bus: can.BusABC) -> int | None:
    try:
        descriptor = bus.fileno()
    except Exception:  # NotImplementedError is documented; drivers have others
        return None
    return descriptor if descriptor >= 0 else None
