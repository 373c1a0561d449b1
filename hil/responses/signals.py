"""What the BMS said, by bus timestamp: every frame is looked at, none is polled."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from hil.bus.frame import Frame
from hil.errors import FrameError
from hil.frames.database import Database, Message
from hil.frames.e2e import Checker

Values = tuple[float | None, ...]
Sample = tuple[int, Values]
Watcher = Callable[[Frame, Values], None]

_KEPT = 200_000  # samples of one message: hours at 20 a second


@dataclass(slots=True)
class Reception:
    """All that was received of one message.

    Attributes:
        message: Its layout.
        samples: ``(t_ns, values)`` of each good frame, oldest first.
        watchers: Called with each good frame and its decoded values.
        rejected: Number of frames with a wrong checksum, counter or length; their values are not
            used.
    """

    message: Message
    checker: Checker | None
    samples: deque[Sample] = field(default_factory=lambda: deque(maxlen=_KEPT))
    watchers: list[Watcher] = field(default_factory=list)
    rejected: int = 0
    arrivals_ns: deque[int] = field(default_factory=lambda: deque(maxlen=_KEPT))


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
            if senders.intersection(message.senders):
                reception = Reception(message, message.e2e.checker() if message.e2e else None)
                self.receptions[message.name] = reception
                self._by_key[message.key] = reception

    def on_frame(self, frame: Frame) -> None:
        """Take one frame from the bus."""
        if frame.error or frame.remote:
            return
        key = frame.id | 0x80000000 if frame.extended else frame.id
        reception = self._by_key.get(key)
        if reception is None:
            self.unknown[key] = self.unknown.get(key, 0) + 1
            return
        reception.arrivals_ns.append(frame.t_ns)
        if reception.checker is not None and reception.checker.check(frame.data) in _BAD:
            reception.rejected += 1
            return
        try:
            values = reception.message.decode(frame.data)
        except FrameError:
            reception.rejected += 1
            return
        reception.samples.append((frame.t_ns, values))
        for watcher in reception.watchers:
            watcher(frame, values)


_BAD = frozenset(("crc", "repeated", "length", "invalid"))
