"""A real bus that may go away and come back: that is told and counted, and never ends the plant."""

from __future__ import annotations

from collections.abc import Callable

from simpy.events import Event

from hil.bus.frame import Frame
from hil.bus.link import Link
from hil.bus.real_medium import RealMedium, RealNode
from hil.clock import NS_PER_MS, NS_PER_S, Alarm
from hil.errors import BusError
from hil.realtime.clock import RealClock

_RETRY_NS = 500 * NS_PER_MS
_BATCH = 256  # links give up to 512 frames at once


class WatchedMedium(RealMedium):
    """A real bus that is opened again after trouble.

    Args:
        clock: The real clock; it watches the link.
        link: The bus.

    Attributes:
        on_trouble: Told when the bus goes away, and why.
        on_return: Told when it is back.
        heard_ns: The last look at the link that left nothing unread.
    """

    def __init__(self, clock: RealClock, link: Link) -> None:
        self.on_trouble: Callable[[BusError], None] = _ignore
        self.on_return: Callable[[str], None] = _ignore
        self.heard_ns = 0
        self._away_since_ns = 0
        self._was_away_ns = 0
        self._real_clock = clock
        self._again = Alarm(clock, self._retry)
        super().__init__(clock, link)

    @property
    def away_ns(self) -> int:
        """How long the bus was not there, in all."""
        away_ns = 0 if self.is_up else self._real_clock.now_ns - self._away_since_ns
        return self._was_away_ns + away_ns

    def heard_until(self, silent_ns: int) -> int:
        """What was there to be read before this instant has been delivered.

        Args:
            silent_ns: When the clock last saw that no descriptor could be read.
        """
        is_blind = self.is_up and self.link.fileno() is None
        return self.heard_ns if is_blind else max(self.heard_ns, silent_ns)

    def poll(self) -> None:
        """Deliver what the link has; raises nothing about the bus."""
        asked_ns, before = self._real_clock.seen_ns, self.frames
        try:
            super().poll()
            if self.frames - before < _BATCH:  # else more may wait
                self.heard_ns = asked_ns
        except BusError as error:
            self._lose(error)

    def send(self, node: RealNode, frame: Frame) -> None:
        """Hand a node's frame to the link.

        Raises:
            BusError: If the bus is away.
        """
        if not self.is_up:
            node.dropped += 1
            raise BusError("the bus is away", place=f"bus {self.name}")
        try:
            super().send(node, frame)
        except BusError as error:
            self._lose(error)
            raise

    def close(self) -> None:
        """Leave the bus."""
        self._again.cancel()
        super().close()

    def _lose(self, error: BusError) -> None:
        self._away_since_ns = self._real_clock.now_ns
        self._real_clock.set_alarm(self._again, self._away_since_ns + _RETRY_NS)
        self.on_trouble(error)

    def _retry(self, _event: Event) -> None:
        now_ns = self._real_clock.now_ns
        if not self.reopen():
            self._real_clock.set_alarm(self._again, now_ns + _RETRY_NS)
            return
        away_ns = now_ns - self._away_since_ns
        self._was_away_ns += away_ns
        self.on_return(f"bus {self.name} is back after {away_ns / NS_PER_S:.1f} s")


def _ignore(_what: object) -> None:
    """Nobody listens."""
