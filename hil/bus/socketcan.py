"""SocketCAN: a raw socket of our own, because python-can's hides what the rig must know.

Frames bear the kernel's stamp, which tells the moment at which the driver had them, however late
the program asks. Own frames come back once they are sent (``vcan``, and drivers without echo, send
them back at once). What the receive queue lost is told by the kernel (``SO_RXQ_OVFL``). Linux only.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import struct
from collections.abc import Callable, Iterable, Sequence
from typing import NoReturn

from hil.bus.frame import FD_LENGTHS, FdFrame, Frame
from hil.bus.interface import explain, refuse_unless_fit
from hil.bus.link import OWN, LinkCounters, LinkFullError, Stamps
from hil.bus.stamps import DeviceClock, WallClock
from hil.clock import NS_PER_S, NS_PER_US
from hil.errors import BusError, FrameError

# linux/can.h
EXTENDED, REMOTE, ERROR = 0x80000000, 0x40000000, 0x20000000
CLASSIC_BYTES, FD_BYTES = 16, 72
FD_FAST = 0x01
pack_classic = struct.Struct("=IB3x8s").pack  # identifier and flags, length, data
_pack_fd = struct.Struct("=IBB2x64s").pack  # identifier and flags, length, FD flags, data
_unpack_classic = struct.Struct("=IB3x8s").unpack
_unpack_fd = struct.Struct("=IBB2x64s").unpack
_STANDARD_MASK, _EXTENDED_MASK = 0x7FF, 0x1FFFFFFF
_STANDARD_LIMIT, _EXTENDED_LIMIT = 1 << 11, 1 << 29

# what Python's socket module does not name: linux/can/raw.h, asm-generic/socket.h,
# linux/net_tstamp.h
_SOL_CAN_RAW = 101
_RAW_FILTER, _RAW_ERROR_FILTER, _RAW_OWN, _RAW_FD = 1, 2, 4, 5
_SO_RCVBUFFORCE, _SO_TIMESTAMPNS, _SO_TIMESTAMPING, _SO_RXQ_OVFL = 33, 35, 37, 40
_TIMESTAMPING = 1 << 2 | 1 << 3 | 1 << 4 | 1 << 6  # hardware and software, made and told
_ALL_ERRORS = 0x1FFFFFFF
_MOST_FILTERS = 512  # CAN_RAW_FILTER_MAX
_RECEIVE_BUFFER = 4 << 20  # bytes; the kernel counts about 1 KiB for a frame
_BATCH = 512  # frames at most in one call
_ANCILLARY = 128
_timespec = struct.Struct("@ll").unpack_from
_overflow = struct.Struct("=I").unpack_from
_FULL = (errno.ENOBUFS, errno.EAGAIN)

_Raw = tuple[bytes, list[tuple[int, int, bytes]], int, object]


class SocketCanLink:
    """A CAN interface of the kernel.

    Args:
        name: The bus's name.
        channel: The interface: ``can0``, ``vcan0``.
        bitrate: Bits per second, as the rig file says; the interface's own is set by ``ip link``.
        fd: Whether the bus carries CAN FD.
        data_bitrate: Bits per second of CAN FD data.
        hardware_stamps: Take the adapter's own stamps where its driver gives them.

    Attributes:
        broadcast: Keys (:attr:`hil.bus.frame.Frame.key`) that the kernel's broadcast manager sends
            for this program: they count as own.

    Raises:
        BusError: If there is no such interface, it is down or set to classic CAN, or the kernel has no
            SocketCAN.
    """

    def __init__(
        self,
        name: str,
        channel: str,
        bitrate: int = 500_000,
        *,
        fd: bool = False,
        data_bitrate: int = 0,
        hardware_stamps: bool = False,
    ) -> None:
        self.name = name
        self.channel = channel
        self.bitrate = bitrate
        self.data_bitrate = (data_bitrate or bitrate) if fd else 0
        self.stamps: Stamps = "hardware" if hardware_stamps else "kernel"
        self.precision_ns = 100 * NS_PER_US  # interrupt to stamp; adapters on USB add their own
        self.counters = LinkCounters()
        self.broadcast: set[int] = set()
        self._allowed: set[int] | None = None
        self._trouble: BusError | None = None
        self._open()

    def fileno(self) -> int:
        """The socket's descriptor."""
        return self._socket.fileno()

    def send(self, frame: Frame) -> None:
        """Hand a frame to the kernel; see :class:`hil.bus.link.Link`."""
        if self._trouble is not None:
            self._raise_trouble()
        if self._allowed is not None and frame.key not in self._allowed:
            self._allowed.add(frame.key)
            self._apply_filters()
        packed = self._packed(frame)
        try:
            self._send(packed)
        except OSError as error:
            raise self._refusal(error) from error
        self.counters.sent += 1

    def receive(self) -> Sequence[Frame]:
        """All frames that wait, up to 512; see :class:`hil.bus.link.Link`."""
        if self._trouble is not None:
            self._raise_trouble()
        raw: list[_Raw] = []
        add, receive = raw.append, self._recvmsg
        try:
            for _ in range(_BATCH):
                add(receive(FD_BYTES, _ANCILLARY))
        except BlockingIOError:
            pass
        except OSError as error:
            self._trouble = self._explained(error)
            if not raw:
                self._raise_trouble()
        return self._frames(raw) if raw else ()

    def set_filters(self, identifiers: Iterable[tuple[int, bool]] | None) -> None:
        """Receive only these identifiers; own ones are added when they are first sent.

        More than the kernel takes (512) let everything through.
        """
        keys = None if identifiers is None else {i | EXTENDED if e else i for i, e in identifiers}
        self._allowed = keys if keys is None else keys | self.broadcast
        self._apply_filters()

    def reopen(self) -> bool:
        """Take a new socket, if the interface is there and up."""
        self.close()
        try:
            self._open()
            self._apply_filters()
        except BusError as error:
            self.counters.last_error = error.reason
            self._trouble = error
            return False
        self.counters.restarts += 1
        self.counters.state = "error-active"
        return True

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _open(self) -> None:
        self._trouble = None
        self._dropped = 0  # as the kernel counts, from the socket's birth
        self._last_ns = 0
        self._wall_clock = WallClock()
        self._device_clock = DeviceClock()
        self._socket = self._opened()
        self._send = self._socket.send
        self._recvmsg: Callable[[int, int], _Raw] = self._socket.recvmsg

    def _opened(self) -> socket.socket:
        """A socket on the interface, ready to send and receive."""
        try:
            raw = socket.socket(socket.AF_CAN, socket.SOCK_RAW, socket.CAN_RAW)
        except (OSError, AttributeError) as error:
            raise explain(error, self.channel) from error
        try:
            self._configure(raw)
            refuse_unless_fit(raw, self.channel, self.data_bitrate)
            raw.bind((self.channel,))
        except OSError as error:
            raw.close()
            raise explain(error, self.channel) from error
        except BusError:
            raw.close()
            raise
        return raw

    def _configure(self, raw: socket.socket) -> None:
        raw.setblocking(False)
        raw.setsockopt(_SOL_CAN_RAW, _RAW_OWN, 1)
        raw.setsockopt(_SOL_CAN_RAW, _RAW_ERROR_FILTER, _ALL_ERRORS)
        if self.data_bitrate:
            raw.setsockopt(_SOL_CAN_RAW, _RAW_FD, 1)
        if self.stamps == "hardware":
            raw.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPING, _TIMESTAMPING)
        else:
            raw.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        raw.setsockopt(socket.SOL_SOCKET, _SO_RXQ_OVFL, 1)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        with contextlib.suppress(OSError):  # beyond net.core.rmem_max, with the right to do so
            raw.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER)

    def _packed(self, frame: Frame) -> bytes:
        data = frame.data
        length = len(data)
        identifier = frame.id
        if frame.extended:
            fits = 0 <= identifier < _EXTENDED_LIMIT
            identifier |= EXTENDED
        else:
            fits = 0 <= identifier < _STANDARD_LIMIT
        if not fits:
            raise FrameError(f"identifier 0x{frame.id:X} does not fit", place=self._place)
        if length > 8 or frame.__class__ is FdFrame:
            return self._packed_fd(frame, identifier)
        if frame.remote:
            return pack_classic(identifier | REMOTE, length, b"")
        return pack_classic(identifier, length, data)

    def _packed_fd(self, frame: Frame, identifier: int) -> bytes:
        if not self.data_bitrate:
            raise FrameError(
                f"frame {frame.id:X} is CAN FD, but the bus is classic CAN",
                place=self._place,
                remedy="give the bus fd = true",
            )
        if len(frame.data) > 64:
            raise FrameError(f"frame {frame.id:X} has more than 64 bytes", place=self._place)
        return packed_fd(frame, identifier)

    def _frames(self, raw: list[_Raw]) -> list[Frame]:
        now_ns, steady = self._wall_clock.sample()
        counters = self.counters
        if not steady:
            counters.clock_jumps += 1
            counters.last_error = "the computer's clock was set"
        frames = []
        last_ns = self._last_ns
        for data, ancillary, flags, _ in raw:
            frame = self._unpacked(data)
            if frame is None:
                counters.garbage += 1
                continue
            stamp_ns = self._stamp(ancillary)
            if not (steady and 0 < stamp_ns < now_ns):
                stamp_ns = now_ns  # of receipt
            frame.t_ns = last_ns = max(stamp_ns, last_ns)
            self._sort(frame, flags)
            frames.append(frame)
        self._last_ns = last_ns
        return frames

    @staticmethod
    def _unpacked(data: bytes) -> Frame | None:
        if len(data) == CLASSIC_BYTES:
            identifier, length, payload = _unpack_classic(data)
            if length > 8:
                return None
            extended = identifier >= EXTENDED
            mask = _EXTENDED_MASK if extended or identifier & ERROR else _STANDARD_MASK
            frame = Frame(identifier & mask, payload[:length], extended)
            if identifier & (REMOTE | ERROR):
                frame.error = bool(identifier & ERROR)
                frame.remote = not frame.error
            return frame
        if len(data) == FD_BYTES:
            identifier, length, flags, payload = _unpack_fd(data)
            if length > 64:
                return None
            extended = identifier >= EXTENDED
            mask = _EXTENDED_MASK if extended else _STANDARD_MASK
            return FdFrame(identifier & mask, payload[:length], extended, "", bool(flags & FD_FAST))
        return None

    def _stamp(self, ancillary: list[tuple[int, int, bytes]]) -> int:
        """The frame's stamp on CLOCK_MONOTONIC; 0 if it has none. Losses are counted."""
        stamp_ns = 0
        for _, kind, payload in ancillary:
            if kind == _SO_TIMESTAMPNS:
                seconds, nanoseconds = _timespec(payload)
                stamp_ns = seconds * NS_PER_S + nanoseconds + self._wall_clock.offset_ns
            elif kind == _SO_TIMESTAMPING:
                stamp_ns = self._hardware_stamp(payload)
            elif kind == _SO_RXQ_OVFL:
                (dropped,) = _overflow(payload)
                self.counters.rx_overruns += (dropped - self._dropped) & 0xFFFFFFFF
                self._dropped = dropped
        return stamp_ns

    def _hardware_stamp(self, payload: bytes) -> int:
        """``scm_timestamping``: the kernel's stamp, one that is not used any more, the adapter's."""
        step = len(payload) // 3
        seconds, nanoseconds = _timespec(payload)
        kernel_ns = int(seconds * NS_PER_S + nanoseconds) + self._wall_clock.offset_ns
        seconds, nanoseconds = _timespec(payload, 2 * step)
        if not (seconds or nanoseconds):
            return kernel_ns
        return self._device_clock.monotonic_ns(seconds * NS_PER_S + nanoseconds, kernel_ns)

    def _sort(self, frame: Frame, flags: int) -> None:
        """Own, another's or an error frame: count it."""
        if frame.error:
            self.counters.count_error(frame)
        elif flags & socket.MSG_CONFIRM or (
            # sent by a program of this computer: MSG_DONTROUTE; by us only if we said so
            self.broadcast and flags & socket.MSG_DONTROUTE and frame.key in self.broadcast
        ):
            frame.sender = OWN
            self.counters.own_echoes += 1
        else:
            self.counters.received += 1

    def _apply_filters(self) -> None:
        keys = self._allowed
        if keys is None or len(keys) > _MOST_FILTERS:
            rows = struct.pack("=II", 0, 0)
        else:
            rows = b"".join(struct.pack("=II", key, _mask(key)) for key in sorted(keys))
        self._socket.setsockopt(_SOL_CAN_RAW, _RAW_FILTER, rows)

    def _refusal(self, error: OSError) -> BusError:
        if error.errno not in _FULL:
            return self._explained(error)
        self.counters.tx_full += 1
        self.counters.last_error = "no room to send"
        return LinkFullError(
            "the transmit queue is full",
            place=self._place,
            remedy=f"if it stays so, nobody acknowledges; else `ip link set {self.channel} "
            "txqueuelen 1000`",
        )

    def _explained(self, error: OSError) -> BusError:
        trouble = explain(error, self.channel)
        self.counters.last_error = trouble.reason
        return trouble

    def _raise_trouble(self) -> NoReturn:
        """Tell trouble that came while frames were read; once, as the kernel does."""
        trouble, self._trouble = self._trouble, None
        assert trouble is not None
        raise trouble

    @property
    def _place(self) -> str:
        return f"interface {self.channel}"


def _mask(key: int) -> int:
    """All bits of the identifier, and that it is a data frame of this width."""
    return EXTENDED | REMOTE | (_EXTENDED_MASK if key & EXTENDED else _STANDARD_MASK)


def packed_fd(frame: Frame, identifier: int) -> bytes:
    """A CAN FD frame for the kernel; filled up with zeros to a length that exists.

    Args:
        frame: Up to 64 bytes.
        identifier: With the kernel's flags.
    """
    length = next(length for length in FD_LENGTHS if length >= len(frame.data))
    fast = frame.fast if isinstance(frame, FdFrame) else True
    return _pack_fd(identifier, length, FD_FAST if fast else 0, frame.data)
