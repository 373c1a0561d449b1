"""A client's end of the line to a plant process: commands, answers, and the stream of frames on a time line.

The time line of a client is its place in the stream. All frames before that place have been delivered, none
after it, so that a test sees the same order of things as in virtual time, however late it looks. A command
moves the place on to the instant at which the plant carried it out.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from itertools import count
from typing import Any

from hil.bus.frame import Frame
from hil.clock import NS_PER_MS, NS_PER_S
from hil.errors import HealthError, HilError, RigTroubleError
from hil.host.doors import connect
from hil.host.protocol import (
    FRAMES,
    VERSION,
    Message,
    Reader,
    error_from_json,
    pack_json,
    read_json,
    unpack_frames,
)

_CHUNK = 1 << 18
_SILENT_NS = 30 * NS_PER_S  # the plant shows its mark all the time; so long it is silent only if it is stuck
_LOOK_NS = 200 * NS_PER_MS
_AFTER = 1 << 60  # an event comes after the frame that it is about
_SIGNS = 4  # signs of life within the time of a lease

Deliver = Callable[[int, Frame], None]


class Connection:
    """To a plant process.

    Args:
        address: Path of its socket, or ``tcp://HOST:PORT``.
        name: What this client calls itself.
        frames: Whether to be sent the frames of the buses.
        token: For a plant behind TCP.

    Attributes:
        about: What the plant says of itself: ``rig``, ``buses``, ``rights``, ``identity``, ….
        now_ns: This client's place on the plant's time line.
        margin_ns: How long after its stamp a frame may come.
        taps: Called with the number of its bus and each frame, in the order of their stamps.
        on_stimulus: Called with each ``on_wire`` event, in the same order.
        lost: Frames that this client was too slow to take.
        troubles: The plant's troubles so far that do not end a run.

    Raises:
        RigTroubleError: If no plant is there, or it speaks another language.
        UsageError: If the token is wrong.
    """

    def __init__(self, address: str, name: str, *, frames: bool = True, token: str = "") -> None:
        self.address = address
        self.now_ns = 0
        self.taps: list[Deliver] = []
        self.on_stimulus: Callable[[Message], None] = _ignore
        self.lost = 0
        self.troubles: list[HilError] = []
        self._socket = connect(address)
        self._reader = Reader()
        self._numbers = count(1)
        self._order = count()
        self._answers: dict[int, Message] = {}
        self._items: list[tuple[int, int, int, Frame | Message]] = []
        self._mark_ns = 0
        self._fatal: HilError | None = None
        self._delivering = False
        self._told_ns = self._heard_ns = time.monotonic_ns()
        self._lease_ns = _SILENT_NS
        try:
            self.about = self.call("hello", version=VERSION, name=name, frames=frames, token=token)
        except BaseException:
            self.close()
            raise
        self._lease_ns = int(self.about["lease_ns"])
        self.margin_ns = int(self.about["margin_ns"])

    # -- commands -----------------------------------------------------------------------------

    def call(self, command: str, **arguments: Any) -> Message:
        """Let the plant do something; this client's time goes on to when it has done it.

        Raises:
            HilError: What the command raises in the plant.
            RigTroubleError: If the plant has gone or does not answer.
        """
        number = next(self._numbers)
        self._send({"do": command, "n": number, **arguments})
        while number not in self._answers:
            self._receive()
        answer = self._answers.pop(number)
        if not self._delivering:
            self.now_ns = max(self.now_ns, int(answer["now_ns"]))
        if "error" in answer:
            error = error_from_json(answer["error"])
            if isinstance(error, HealthError):
                self._raise_fatal()  # that the lease was lost, and why, says more than that it is not held
            raise error
        if command == "lease" and isinstance(self._fatal, HealthError):
            self._fatal = None  # it was told too late for the test that lost it, and is not the next one's
        result: Message = answer["ok"]
        return result

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    # -- time ---------------------------------------------------------------------------------

    def catch_up(self) -> None:
        """Deliver all frames up to now, be they on their way."""
        if not self._delivering:
            self.advance(self.now_ns, (), margin_ns=self.margin_ns)

    def advance(self, until_ns: int, found: Sequence[object], *, margin_ns: int = 0) -> bool:
        """Deliver frames until something lies in ``found`` or all before an instant have been.

        Args:
            until_ns: The instant.
            found: What is waited for.
            margin_ns: How much longer to wait for frames that were stamped before the instant.

        Returns:
            Whether something was found.

        Raises:
            HilError: What the plant tells that ends a test or the run.
        """
        if self._delivering:
            raise RuntimeError("time already advances: a watcher cannot wait for a frame")
        self._raise_fatal()
        while not found:
            items = self._items
            if items and items[0][0] < until_ns and items[0][0] <= self._mark_ns:
                self._deliver(*heappop(items))
            elif self._mark_ns >= until_ns + margin_ns:
                self.now_ns = max(self.now_ns, until_ns)
                return bool(found)
            else:
                self._receive()
                self._raise_fatal()
        return True

    def _deliver(self, t_ns: int, _order: int, bus: int, item: Frame | Message) -> None:
        self.now_ns = max(self.now_ns, t_ns)
        self._delivering = True
        try:
            if isinstance(item, Frame):
                for tap in self.taps:
                    tap(bus, item)
            else:
                self.on_stimulus(item)
        finally:
            self._delivering = False

    def _raise_fatal(self) -> None:
        if self._fatal is not None:
            error, self._fatal = self._fatal, None
            raise error

    # -- the line -----------------------------------------------------------------------------

    def _send(self, message: Message) -> None:
        data = memoryview(pack_json(message))
        self._told_ns = time.monotonic_ns()
        while data:
            try:
                data = data[self._socket.send(data) :]
            except BlockingIOError:
                select.select((), (self._socket,), (), _LOOK_NS / NS_PER_S)
            except OSError as error:
                raise self._gone() from error

    def _receive(self) -> None:
        """Take what has come, waiting for it a while; give signs of life."""
        now_ns = time.monotonic_ns()
        if now_ns - self._told_ns > self._lease_ns // _SIGNS:
            self._send({"do": "ping", "n": 0})
        ready, _, _ = select.select((self._socket,), (), (), _LOOK_NS / NS_PER_S)
        if ready:
            self._take()
            self._heard_ns = time.monotonic_ns()
        elif now_ns - self._heard_ns > _SILENT_NS:
            reason = f"the plant has said nothing for {_SILENT_NS / NS_PER_S:g} s"
            raise RigTroubleError(reason, place=self.address, remedy="look at its log")

    def _take(self) -> None:
        try:
            data = self._socket.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            raise self._gone() from error
        if not data:
            raise self._gone()
        for kind, content in self._reader.feed(data):
            if kind == FRAMES:
                self._mark_ns, frames = unpack_frames(content)
                for bus, frame in frames:
                    heappush(self._items, (frame.t_ns, next(self._order), bus, frame))
            else:
                self._hear(read_json(content))

    def _hear(self, message: Message) -> None:
        event = message.get("event")
        if event is None:
            self._answers[int(message.get("n") or 0)] = message
        elif event == "on_wire":
            heappush(self._items, (int(message["t_ns"]), _AFTER + next(self._order), 0, message))
        elif event == "lost":
            self.lost = int(message["frames"])
        elif event == "lease lost":
            self._fatal = HealthError(f"the plant's lease is lost: {message['reason']}")
        elif event == "trouble":
            error = error_from_json(message["error"])
            if message.get("fatal"):
                self._fatal = error
            else:
                self.troubles.append(error)

    def _gone(self) -> RigTroubleError:
        return RigTroubleError("the plant process has ended", place=self.address, remedy="look at its log")

    @property
    def socket(self) -> socket.socket:
        """The line itself, for those who wait for several things."""
        return self._socket


def _ignore(_message: Message) -> None:
    """Nobody asked."""
