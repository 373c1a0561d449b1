"""What the rig hears on one bus: every frame, the BMS's signals, and its own where somebody asks."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from itertools import islice, takewhile

from hil.bus.frame import Frame
from hil.bus.node import FrameHandler
from hil.frames.database import Database
from hil.responses.parcels import Parcels, Whole
from hil.responses.signals import Flaw, Reception, Sample, Signals, Values

_FRAMES_KEPT = 50_000  # about 80 s of a well-filled bus: what plots and failure messages look back on


class Listener:
    """Keeps and decodes what is on one bus.

    Args:
        database: The layouts of the bus.
        bms: Name of the node under test.

    Attributes:
        frames: The last ones; a long message follows its last packet as one frame.
        on_wire: Takes every frame of the bus, whoever sends it.
        on_whole: Called with each long message, before it is decoded.
    """

    def __init__(self, database: Database, bms: str) -> None:
        self.database = database
        self.frames: deque[Frame] = deque(maxlen=_FRAMES_KEPT)
        self.signals = Signals(database, frozenset((bms,)))
        self.parcels = Parcels(database)
        self.on_wire: FrameHandler = self._hear if self.parcels else self.frames.append
        self.on_whole: list[FrameHandler] = []
        self._own: dict[int, Reception] = {}

    def _hear(self, frame: Frame) -> None:
        self.frames.append(frame)
        whole = self.parcels.hear(frame)
        if whole is None:
            return
        self.frames.append(whole)
        for handler in self.on_whole:
            handler(whole)
        if self.signals.knows(whole):
            self.signals.on_frame(whole)
        else:
            self.on_own_frame(whole)

    def on_own_frame(self, frame: Frame) -> None:
        """Take a frame that the rig itself sent."""
        if self._own:
            reception = self._own.get(frame.key)
            if reception is not None:
                _keep(reception, frame)

    def subscribe(
        self, message: str, watcher: Callable[[Frame, Values], None]
    ) -> Callable[[], None]:
        """Hear every good frame of a message; returns the way to stop hearing."""
        watchers = self._reception(message).watchers
        watchers.append(watcher)
        return lambda: watchers.remove(watcher)

    def history(self, message: str, since_ns: int) -> list[Sample]:
        """Good frames of a message after an instant, oldest first."""
        samples = self._reception(message).samples
        found = list(takewhile(lambda sample: sample[0] > since_ns, reversed(samples)))
        return found[::-1]

    def arrivals(self, message: str, since_ns: int) -> list[int] | None:
        """Bus timestamps of a message of the BMS after an instant; ``None`` if it is not the BMS's."""
        reception = self.signals.receptions.get(message)
        return None if reception is None else [t for t in reception.arrivals_ns if t > since_ns]

    def heard(self, since_ns: int) -> list[Frame]:
        """All frames on the wire after an instant, error frames too, oldest first."""
        recent = takewhile(lambda frame: frame.t_ns > since_ns, reversed(self.frames))
        return [frame for frame in recent if not isinstance(frame, Whole)][::-1]

    def rejected(self, message: str, since_ns: int) -> Counter[Flaw]:
        """How many frames of a message of the BMS were rejected after an instant, and for what."""
        reception = self.signals.receptions.get(message)
        return Counter() if reception is None else reception.rejected_since(since_ns)

    def frames_of(self, key: int, from_ns: int, to_ns: int) -> list[Frame]:
        """The good frames of one identifier within a time span, oldest first."""
        recent = takewhile(lambda frame: frame.t_ns >= from_ns, reversed(self.frames))
        found = [f for f in recent if f.key == key and f.t_ns <= to_ns and not f.error]
        return found[::-1]

    def last_frames(self, key: int, count: int) -> list[Frame]:
        """The last good frames of one identifier, oldest first."""
        good = (frame for frame in reversed(self.frames) if frame.key == key and not frame.error)
        return list(islice(good, count))[::-1]

    def _reception(self, message: str) -> Reception:
        """What is kept of a message; of the rig's own ones from the first time that somebody asks."""
        found = self.signals.receptions.get(message)
        if found is not None:
            return found
        layout = self.database.messages[message]
        if layout.key not in self._own:
            reception = self._own[layout.key] = Reception(layout, None)
            for frame in self.last_frames(layout.key, _FRAMES_KEPT):
                _keep(reception, frame)
        return self._own[layout.key]


def _keep(reception: Reception, frame: Frame) -> None:
    values = reception.message.decode(frame.data)
    reception.samples.append((frame.t_ns, values))
    for watcher in reception.watchers:
        watcher(frame, values)
