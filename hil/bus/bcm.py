"""The kernel's broadcast manager: cyclic frames that go on while Python stands still.

It sends a message's frames in turn, so a counter and its CRC run by themselves, as a precomputed
sequence of up to 256 frames. It re-arms its timer from the moment at which it fired: the cycle is
always a little longer than asked for, and its phase is nobody's. Linux only.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from typing import NamedTuple

from hil.bus.frame import FdFrame, Frame
from hil.bus.interface import explain, refuse_unless_fit
from hil.bus.socketcan import EXTENDED, SocketCanLink, pack_classic, packed_fd
from hil.clock import NS_PER_US
from hil.errors import BusError

MOST_FRAMES = 256  # MAX_NFRAMES, net/can/bcm.c
# linux/can/bcm.h
_TX_SETUP, _TX_DELETE = 1, 2
_SET_TIMER, _START_TIMER, _ANNOUNCE, _FD_FRAMES = 0x1, 0x2, 0x8, 0x800
# opcode, flags, count, two intervals as seconds and microseconds, identifier, number of frames;
# frames follow, aligned to 8 bytes
_pack_head = struct.Struct("@3I4l2I0q").pack


class _Sequence(NamedTuple):
    """A running message: how many frames, and of which kind; the kernel finds it by key and kind."""

    frames: int
    is_fd: bool


class Broadcast:
    """Cyclic messages that the kernel sends on a link's interface.

    Args:
        link: Where; its echoes of these messages count as own.

    Raises:
        BusError: If the kernel has no broadcast manager, or the interface is not up.
    """

    def __init__(self, link: SocketCanLink) -> None:
        self._link = link
        self._running: dict[int, _Sequence] = {}  # by key
        try:
            self._socket = socket.socket(socket.AF_CAN, socket.SOCK_DGRAM, socket.CAN_BCM)
        except (OSError, AttributeError) as error:
            trouble = explain(error, link.channel)
            trouble.remedy = trouble.remedy and "`modprobe can_bcm` as root"
            raise trouble from error
        try:
            refuse_unless_fit(self._socket, link.channel, link.data_bitrate)
            self._socket.connect((link.channel,))
        except (OSError, BusError) as error:
            self._socket.close()
            raise error if isinstance(error, BusError) else explain(error, link.channel) from error

    def start(self, frames: Sequence[Frame], period_ns: int) -> None:
        """Send these frames in turn, one each period, from now on.

        Args:
            frames: 1 to 256 frames of one identifier.
            period_ns: Time between two, rounded to whole microseconds.

        Raises:
            BusError: If the frames are of several identifiers, too many, or the kernel refuses.
        """
        period_us = round(period_ns / NS_PER_US)
        if period_us <= 0:
            raise BusError(f"a period of {period_ns} ns is too short", place=self._place)
        key = self._common_key(frames)
        wanted = _Sequence(len(frames), frames[0].__class__ is FdFrame)
        running = self._running.get(key, wanted)
        if running.frames < wanted.frames or running.is_fd is not wanted.is_fd:
            self._stop(key)  # the kernel lets no sequence grow, and takes one of another kind for another
        self._link.broadcast.add(key)
        self._setup(key, frames, _SET_TIMER | _START_TIMER | _ANNOUNCE, period_us)
        self._running[key] = wanted

    def update(self, frames: Sequence[Frame]) -> None:
        """Give a running message other bytes; its timing and its turn go on.

        Raises:
            BusError: If it does not run, has more frames now, or the kernel refuses.
        """
        key = self._common_key(frames)
        if key not in self._running:
            raise BusError(f"message {frames[0].id:X} is not running", place=self._place)
        if len(frames) > self._running[key].frames:
            raise BusError("a running sequence cannot grow: start it anew", place=self._place)
        self._setup(key, frames, 0, 0)

    def stop(self, identifier: int, extended: bool = False) -> None:
        """Send a message no more; nothing happens if it does not run."""
        self._stop(identifier | EXTENDED if extended else identifier)

    def close(self) -> None:
        """Stop all; the kernel does so too when the program dies."""
        self._running.clear()
        self._socket.close()

    def _common_key(self, frames: Sequence[Frame]) -> int:
        if not 1 <= len(frames) <= MOST_FRAMES:
            raise BusError(f"{len(frames)} frames are not 1 to {MOST_FRAMES}", place=self._place)
        if len({(frame.key, frame.__class__ is FdFrame) for frame in frames}) > 1:
            raise BusError("the frames of a sequence are not of one kind", place=self._place)
        return frames[0].key

    def _setup(self, key: int, frames: Sequence[Frame], flags: int, period_us: int) -> None:
        if frames[0].__class__ is FdFrame:
            flags |= _FD_FRAMES
        head = _pack_head(
            _TX_SETUP, flags, 0, 0, 0, *divmod(period_us, 1_000_000), key, len(frames)
        )
        self._tell(head + b"".join(_packed(frame) for frame in frames))

    def _stop(self, key: int) -> None:
        sequence = self._running.pop(key, None)
        if sequence is not None:
            flags = _FD_FRAMES if sequence.is_fd else 0
            self._tell(_pack_head(_TX_DELETE, flags, 0, 0, 0, 0, 0, key, 0))

    def _tell(self, message: bytes) -> None:
        try:
            self._socket.send(message)
        except OSError as error:
            raise explain(error, self._link.channel) from error

    @property
    def _place(self) -> str:
        return f"interface {self._link.channel}"


def _packed(frame: Frame) -> bytes:
    if isinstance(frame, FdFrame):
        return packed_fd(frame, frame.key)
    if len(frame.data) > 8:
        raise BusError(f"frame {frame.id:X} has more than 8 bytes and is not CAN FD")
    return pack_classic(frame.key, len(frame.data), frame.data)
