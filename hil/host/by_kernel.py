"""Messages that the kernel sends in the rig's place, so that they go on while Python stands still.

At each of its slots such a message's content is looked at; what changed is handed on, with a frame for each
value of its counter, so that counter and checksum run by themselves. While something is wrong with a message
on purpose (:attr:`hil.frames.restbus.Entry.is_plain_sailing`), the rig sends it itself, from the counter at
which the kernel stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from hil.bus.frame import FAST, FdFrame, Frame
from hil.bus.link import OWN
from hil.errors import BusError
from hil.frames.database import Message
from hil.frames.punctual import PunctualRestbus
from hil.frames.restbus import Entry

_RETRY_NS = 1_000_000_000  # the interface may come back
_SILENT = 4  # cycles without a frame: the kernel sends no more


class Cyclic(Protocol):
    """What sends frames by itself: :class:`hil.bus.bcm.Broadcast`."""

    def start(self, frames: list[Frame], period_ns: int) -> None:
        """Send these frames in turn, one each period, from now on."""

    def update(self, frames: list[Frame]) -> None:
        """Give a running message other bytes; its timing and its turn go on."""

    def stop(self, identifier: int, extended: bool = False) -> None:
        """Send a message no more."""

    def close(self) -> None:
        """Stop all."""


class Bus(Protocol):
    """What is needed of a bus: :class:`hil.host.watched.WatchedMedium`."""

    is_up: bool
    claimed: set[int]
    taps: list[Callable[[Frame], None]]

    def poll(self) -> None:
        """Deliver what the link has."""


class Clock(Protocol):
    """What is needed of the clock."""

    @property
    def now_ns(self) -> int:
        """The present instant."""


@dataclass
class _Running:
    """A message that the kernel sends: what it carries, since when, its last frame, and when that was."""

    entry: Entry
    content: bytes
    since_ns: int
    last: bytes = b""
    last_ns: int | None = None

    @property
    def seen_ns(self) -> int:
        """Of its last frame, or of its start."""
        return self.since_ns if self.last_ns is None else self.last_ns


class KernelSender:
    """Hands messages of a restbus to the kernel and takes them back.

    Args:
        bus: Where; the kernel's frames come back on it as own ones.
        clock: The one time line.
        restbus: Whose messages they are; their lateness counts there, each against the frame before it.
        open_cyclic: Opens what sends by itself; raises BusError where that cannot be.
        tell: Told that the rig sends for itself again, and why.
    """

    def __init__(
        self,
        bus: Bus,
        clock: Clock,
        restbus: PunctualRestbus,
        open_cyclic: Callable[[], Cyclic],
        tell: Callable[[str], None],
    ) -> None:
        self._bus = bus
        self._clock = clock
        self._restbus = restbus
        self._open = open_cyclic
        self._tell = tell
        self._cyclic: Cyclic | None = open_cyclic()
        self._retry_ns = 0
        self._running: dict[int, _Running] = {}  # by key
        bus.taps.append(self._tap)

    def takes(self, entry: Entry) -> bool:
        """Whether the frame of the present slot is the kernel's to send; what changed is handed to it."""
        message = entry.message
        if not message.by_kernel:
            return False
        running = self._running.get(message.key)
        if running is not None and self._is_silent(running):
            self._give_up(BusError(f"nothing of {message.name} came for {_SILENT} cycles"))
        elif entry.is_plain_sailing and self._is_there():
            try:
                self._carry(entry, bytes(entry.content()), running)
            except BusError as error:
                self._give_up(error)
            else:
                return True
        elif running is not None:
            self._take_back(running)
        return running is not None and self._was_just_there(running)

    def recall(self, names: Collection[str]) -> None:
        """Send these messages no more, up to the next slot of each: they are about to be disturbed."""
        for running in [one for one in self._running.values() if one.entry.message.name in names]:
            self._take_back(running)

    def stop(self) -> None:
        """Let the kernel send nothing."""
        for running in list(self._running.values()):
            self._take_back(running)

    def close(self) -> None:
        """Leave the kernel."""
        self.stop()
        self._leave()

    def _is_there(self) -> bool:
        if not self._bus.is_up:  # which is told; what is open does not know the interface that comes back
            self._leave()
            return False
        if self._cyclic is None and self._clock.now_ns >= self._retry_ns:
            self._retry_ns = self._clock.now_ns + _RETRY_NS
            with suppress(BusError):
                self._cyclic = self._open()
        return self._cyclic is not None

    def _leave(self) -> None:
        cyclic, self._cyclic = self._cyclic, None
        if cyclic is not None:
            cyclic.close()

    def _is_silent(self, running: _Running) -> bool:
        """Whether the kernel sends a message no more; the frames that are not there count as missed."""
        cycle_ns = running.entry.message.cycle_ns or 1
        if self._clock.now_ns - running.seen_ns <= _SILENT * cycle_ns or not self._bus.is_up:
            return False
        with suppress(BusError):
            self._bus.poll()  # what came while the rig stood still
        missed = (self._clock.now_ns - running.seen_ns - 1) // cycle_ns  # that of this slot may still come
        if missed < _SILENT:
            return False
        self._restbus.punctuality.missed += missed
        return True

    def _carry(self, entry: Entry, content: bytes, running: _Running | None) -> None:
        message, cyclic = entry.message, self._cyclic
        assert cyclic is not None
        if running is None:
            self._running[message.key] = _Running(entry, content, self._clock.now_ns)
            self._bus.claimed.add(message.key)
            cyclic.start(_frames(message, entry.sequence(content)), message.cycle_ns or 0)
        elif content != running.content:
            running.content = content
            cyclic.update(_frames(message, entry.sequence(content)))

    def _take_back(self, running: _Running) -> None:
        """The rig goes on with the counter after the last frame of the kernel's that has come back."""
        message = running.entry.message
        if self._cyclic is not None and self._bus.is_up:
            try:
                self._cyclic.stop(message.id, message.extended)
            except BusError:
                self._leave()  # that ends all that it sends
        if self._bus.is_up:
            with suppress(BusError):  # the bus tells that it is away
                self._bus.poll()
        self._running.pop(message.key, None)
        if running.last:
            running.entry.follow(running.last)

    def _was_just_there(self, running: _Running) -> bool:
        """Whether the kernel's last frame is that of the present slot."""
        cycle_ns = running.entry.message.cycle_ns or 1
        return running.last_ns is not None and 2 * (self._clock.now_ns - running.last_ns) < cycle_ns

    def _give_up(self, error: BusError) -> None:
        """Without the kernel the rig sends for itself; a bus that is away is told by itself."""
        self._leave()
        for running in list(self._running.values()):
            self._take_back(running)
        self._retry_ns = self._clock.now_ns + _RETRY_NS
        if self._bus.is_up:
            self._tell(f"the kernel's broadcast manager sends no more, the rig does: {error}")

    def _tap(self, frame: Frame) -> None:
        """A frame is through: how late it was, after the one before it."""
        running = self._running.get(frame.key)
        if running is None or frame.sender != OWN:
            return
        message = running.entry.message
        cycle_ns = message.cycle_ns or 1
        if running.last_ns is not None:
            passed = max(1, round((frame.t_ns - running.last_ns) / cycle_ns))
            self._restbus.punctuality.missed += passed - 1
            late_ns = frame.t_ns - running.last_ns - passed * cycle_ns
            self._restbus.punctuality.keep(max(0, late_ns), message.name)
        running.last, running.last_ns = frame.data, frame.t_ns


def _frames(message: Message, contents: list[bytes]) -> list[Frame]:
    if message.format:
        fast = bool(message.format & FAST)
        return [FdFrame(message.id, data, message.extended, "", fast) for data in contents]
    return [Frame(message.id, data, message.extended) for data in contents]
