"""A bus between processes of one machine without CAN: two datagram sockets that carry SocketCAN's frames.

It has what the rig's loop needs of a bus: a descriptor to wait for, a system call for each frame, the
kernel's stamp of the instant at which a frame was sent, own frames that come back, and a count of those that
found no room. It has no bit rate, no arbitration and no errors. Linux only.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from array import array
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from hil.bus.socketcan import SocketCanLink
from hil.clock import NS_PER_MS, NS_PER_S
from hil.realtime.sleep import sleep_until

Frames = NDArray[np.int64]  # a row for each: identifier, instant on CLOCK_MONOTONIC in ns

FRAME_BYTES = 16
_OWN = 5  # a byte of SocketCAN's frame that nobody uses: here it marks an echo
_SO_RCVBUFFORCE, _SO_TIMESTAMPNS, _SO_RXQ_OVFL = 33, 35, 40  # asm-generic/socket.h
_BUFFER = 4 << 20  # bytes, as for a CAN socket
_ANCILLARY = 128
_READINGS = 8
_LOOK_NS = 5 * NS_PER_MS
_timespec = struct.Struct("@ll").unpack_from
_number = struct.Struct("=I").unpack_from


class LocalBus(NamedTuple):
    """Both ends of a bus; whoever starts a process with one hands its descriptor down."""

    near: socket.socket
    far: socket.socket

    def close(self) -> None:
        """Close both ends; those of other processes remain."""
        self.near.close()
        self.far.close()


@contextlib.contextmanager
def local_bus() -> Iterator[LocalBus]:
    """A bus: the rig's end, and that of all others."""
    bus = LocalBus(_end(), _end())
    try:
        bus.near.connect(bus.far.getsockname())
        bus.far.connect(bus.near.getsockname())
        yield bus
    finally:
        bus.close()


def _end() -> socket.socket:
    end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    end.setblocking(False)
    end.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    end.setsockopt(socket.SOL_SOCKET, _SO_RXQ_OVFL, 1)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
    with contextlib.suppress(OSError):  # beyond net.core.rmem_max, with the right to do so
        end.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
    end.bind(("127.0.0.1", 0))
    return end


class _Echoing:
    """Both ends as one socket: what is sent goes to the other side, and comes back as an echo."""

    def __init__(self, bus: LocalBus) -> None:
        self._send_over, self._send_back = bus.near.send, bus.far.send
        self._recvmsg = bus.near.recvmsg
        self.fileno = bus.near.fileno
        self.close = bus.close

    def send(self, packed: bytes) -> int:
        count = self._send_over(packed)
        self._send_back(packed[:_OWN] + b"\1" + packed[_OWN + 1 :])
        return count

    def recvmsg(self, size: int, ancillary: int) -> tuple[bytes, list[Any], int, object]:
        data, told, flags, source = self._recvmsg(size, ancillary)
        return data, told, flags | socket.MSG_CONFIRM if data[_OWN] else flags, source


class LocalLink(SocketCanLink):
    """A local bus, served by the very code that serves SocketCAN.

    Args:
        name: The bus's name.
        bus: Both ends: an echo is sent back from the far one.
        bitrate: Bits per second, for the bus load alone.
    """

    def __init__(self, name: str, bus: LocalBus, bitrate: int) -> None:
        self._bus = bus
        super().__init__(name, "local", bitrate)

    def _opened(self) -> socket.socket:
        return cast("socket.socket", _Echoing(self._bus))

    def _apply_filters(self) -> None:
        """There are none."""


class Sink:
    """The other end of a bus: takes what is sent there, with the kernel's stamp of when it was.

    Attributes:
        lost: Frames that it was too slow to take.
    """

    def __init__(self, bus: LocalBus) -> None:
        self.lost = 0
        self._taken = array("q")
        self._receive = bus.far.recvmsg

    def take(self) -> Frames:
        """What has come since the last time."""
        self.drain()
        taken, self._taken = self._taken, array("q")
        return np.array(taken, dtype=np.int64).reshape(-1, 2)

    def drain(self) -> None:
        """Empty the socket."""
        offset_ns, add, receive = _offset_ns(), self._taken.append, self._receive
        with contextlib.suppress(BlockingIOError):
            while True:
                data, told, _, _ = receive(FRAME_BYTES, _ANCILLARY)
                for _, kind, payload in told:
                    if kind == _SO_TIMESTAMPNS:
                        seconds, ns = _timespec(payload)
                        add(_number(data)[0])
                        add(seconds * NS_PER_S + ns + offset_ns)
                    elif kind == _SO_RXQ_OVFL:
                        (self.lost,) = _number(payload)


def collect(sinks: Sequence[Sink], for_ns: int) -> list[Frames]:
    """What comes to each within a time that begins now."""
    for sink in sinks:
        sink.take()
    end_ns = time.monotonic_ns() + for_ns
    while (now_ns := time.monotonic_ns()) < end_ns:
        sleep_until(min(end_ns, now_ns + _LOOK_NS))
        for sink in sinks:
            sink.drain()
    return [sink.take() for sink in sinks]


def _offset_ns() -> int:
    """CLOCK_MONOTONIC minus the wall clock, by which the kernel stamps: the best of some readings."""
    best = (1 << 62, 0)
    for _ in range(_READINGS):
        before_ns = time.monotonic_ns()
        wall_ns = time.time_ns()
        after_ns = time.monotonic_ns()
        best = min(best, (after_ns - before_ns, (before_ns + after_ns) // 2 - wall_ns))
    return best[1]
