"""What the BMS said, by bus timestamp: every frame is looked at, none is polled."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from itertools import islice, takewhile
from typing import Literal

from hil.bus.frame import Frame
from hil.errors import FrameError
from hil.frames.database import Database, Message
from hil.frames.e2e import Checker, Finding

Values = tuple[float | None, ...]
Sample = tuple[int, Values]
Flaw = Finding | Literal["layout"]  # "layout": too short for its signals
Watcher = Callable[[Frame, Values], None]

_KEPT = 200_000  # samples of one message: hours at 20 a second
_FLAWS_KEPT = 10_000  # rejected frames of one message: failure messages count them
_BURST = 32  # frames that may wait to be decoded


class Reception:
    """All that was received of one message.

    What nobody watches is checked and decoded when somebody asks, or in bursts: a frame decoded
    alone, between other work, costs twice as much.

    Args:
        message: Its layout.
        checker: Of its protection, if it has one.

    Attributes:
        watchers: Called with each good frame and its decoded values.
        waiting: Frames yet to be decoded, oldest first.
    """

    def __init__(self, message: Message, checker: Checker | None) -> None:
        self.message = message
        self.checker = checker
        self.watchers: list[Watcher] = []
        self.waiting: list[Frame] = []
        self._samples: deque[Sample] = deque(maxlen=_KEPT)
        self._arrivals_ns: deque[int] = deque(maxlen=_KEPT)
        self._rejected = 0
        self._flaws: deque[tuple[int, Flaw]] = deque(maxlen=_FLAWS_KEPT)

    @property
    def samples(self) -> deque[Sample]:
        """``(t_ns, values)`` of each good frame, oldest first."""
        self.settle()
        return self._samples

    @samples.setter
    def samples(self, samples: deque[Sample]) -> None:
        self._samples = samples

    @property
    def arrivals_ns(self) -> deque[int]:
        """When each frame came, good or bad, oldest first."""
        self.settle()
        return self._arrivals_ns

    @arrivals_ns.setter
    def arrivals_ns(self, arrivals_ns: deque[int]) -> None:
        self._arrivals_ns = arrivals_ns

    @property
    def rejected(self) -> int:
        """Number of frames with a wrong checksum, counter or length; their values are not used."""
        self.settle()
        return self._rejected

    def rejected_since(self, since_ns: int) -> Counter[Flaw]:
        """How many frames were rejected after an instant, and for what."""
        self.settle()
        recent = takewhile(lambda flaw: flaw[0] > since_ns, reversed(self._flaws))
        return Counter(flaw for _, flaw in recent)

    def settle(self) -> None:
        """Check and decode all frames that wait; nobody watches them."""
        for frame in self.waiting:
            self._accept(frame)
        self.waiting.clear()

    def last(self, read: Callable[[Values], float | None], most: int) -> tuple[int, float] | None:
        """When and what was said last of a thing that not every frame carries.

        Args:
            read: Its value in a frame; ``None``: the frame says nothing of it.
            most: How many frames are looked at.
        """
        for t_ns, values in islice(reversed(self.samples), most):
            value = read(values)
            if value is not None:
                return t_ns, value
        return None

    def take(self, frame: Frame) -> None:
        """Check and decode a frame, and tell those who watch."""
        if self.waiting:
            self.settle()
        values = self._accept(frame)
        if values is not None:
            for watcher in self.watchers:
                watcher(frame, values)

    def _accept(self, frame: Frame) -> Values | None:
        self._arrivals_ns.append(frame.t_ns)
        if self.checker is not None:
            finding = self.checker.check(frame.data)
            if finding in _BAD:
                self._reject(frame, finding)
                return None
        try:
            values = self.message.decode(frame.data)
        except FrameError:
            self._reject(frame, "layout")
            return None
        self._samples.append((frame.t_ns, values))
        return values

    def _reject(self, frame: Frame, flaw: Flaw) -> None:
        self._rejected += 1
        self._flaws.append((frame.t_ns, flaw))


class Signals:
    """Decodes and keeps the frames of the nodes that the rig does not play.

    Args:
        database: The layouts of one bus.
        senders: Names of the nodes under test.
    """

    def __init__(self, database: Database, senders: frozenset[str]) -> None:
        self.unknown: dict[int, int] = {}
        self.receptions: dict[str, Reception] = {}
        self._by_key: dict[int, Reception] = {}
        for message in database.messages.values():
            if senders.intersection(message.senders) and message.flaw is None:
                reception = Reception(message, message.e2e.checker() if message.e2e else None)
                self.receptions[message.name] = reception
                self._by_key[message.key] = reception

    def knows(self, frame: Frame) -> bool:
        """Whether a frame is one of the nodes under test."""
        return frame.key in self._by_key

    def on_frame(self, frame: Frame) -> None:
        """Take one frame from the bus."""
        if frame.error or frame.remote:
            return
        key = frame.id | 0x80000000 if frame.extended else frame.id
        reception = self._by_key.get(key)
        if reception is None:
            self.unknown[key] = self.unknown.get(key, 0) + 1
            return
        if reception.watchers:
            reception.take(frame)
            return
        waiting = reception.waiting
        waiting.append(frame)
        if len(waiting) >= _BURST:
            reception.settle()


_BAD = frozenset(("crc", "repeated", "length", "invalid"))
