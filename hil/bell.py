"""Waiting for what comes in, but not for ever: what state machines on the rig's clock are made of."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from simpy.events import Event

from hil.clock import Alarm, VirtualClock

Steps = Generator[Event, Any, Any]


class Bell:
    """Wakes the one process that waits for it: when rung, or at a deadline.

    A deadline that moves on, as a watchdog's does, costs one entry in the clock's queue and not one
    each time.

    Args:
        clock: The one time line.
    """

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._event: Event | None = None
        self._until_ns = 0
        self._alarm = Alarm(clock, self._look)
        self._armed_ns: int | None = None  # when the alarm rings next

    def ring(self) -> None:
        """Wake who waits."""
        event = self._event
        if event is not None:
            self._event = None
            event.succeed()

    def wait(self, until_ns: int) -> Steps:
        """Wait for the bell or the instant, whichever is first; it may also wake for nothing."""
        clock = self._clock
        if until_ns <= clock.now_ns:
            return
        event = self._event = clock.event()
        self._until_ns = until_ns
        if self._armed_ns is None or until_ns < self._armed_ns:
            self._alarm.cancel()
            self._alarm = Alarm(clock, self._look)
            self._arm(until_ns)
        yield event

    def until(self, holds: Callable[[], bool], until_ns: int) -> Generator[Event, Any, bool]:
        """Wait until something holds, looking at each ring; whether it did by the instant."""
        while not holds():
            if self._clock.now_ns >= until_ns:
                return False
            yield from self.wait(until_ns)
        return True

    def forget(self) -> None:
        """Nobody waits any more."""
        self._event = None
        self._alarm.cancel()
        self._armed_ns = None

    def _arm(self, at_ns: int) -> None:
        self._armed_ns = at_ns
        self._clock.set_alarm(self._alarm, at_ns)

    def _look(self, _event: Event) -> None:
        self._armed_ns = None
        if self._event is None:
            return
        if self._clock.now_ns < self._until_ns:
            self._arm(self._until_ns)
        else:
            self.ring()
