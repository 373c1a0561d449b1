"""One time line: a SimPy environment in integer nanoseconds.

Virtual time jumps to the next event. Real time will wait for it: the seam is
:meth:`simpy.Environment.step` alone, so nothing else in the rig asks which kind of time it is.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from heapq import heappop, heappush

import simpy
from simpy.events import NORMAL

from twins.alarm import Alarm as Alarm  # noqa: PLC0414 - the rig takes it from here

NS_PER_US = 1_000
NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000


class VirtualClock(simpy.Environment):
    """The rig's clock in virtual time: ``now`` is an ``int`` in nanoseconds since the run began.

    Integers, because hours of float seconds drift and two runs would no longer be byte-equal.

    Args:
        start_ns: The instant at which this clock starts; a later world continues the run's time
            line.
    """

    def __init__(self, start_ns: int = 0) -> None:
        super().__init__(initial_time=start_ns)
        self._advancing = False

    @property
    def now_ns(self) -> int:
        """The present instant in nanoseconds."""
        return self._now  # type: ignore[return-value]  # every delay on this clock is an int

    def run_until(self, instant_ns: int) -> None:
        """Advance to ``instant_ns``; events due exactly then are left for the next call.

        Raises:
            ValueError: If the instant lies in the past.
        """
        self.run_until_any(instant_ns, ())

    def run_until_any(self, instant_ns: int | None, found: Sequence[object]) -> bool:
        """Advance event by event until something lies in ``found`` or ``instant_ns`` is reached.

        Stopping between two events keeps the clock at the very event that was waited for. With
        ``None`` for the instant it also stops, where it is, when nothing is left to happen.

        Returns:
            Whether something was found.

        Raises:
            ValueError: If the instant lies in the past.
            RuntimeError: If called by an event, while time already advances.
        """
        if instant_ns is not None and instant_ns < self._now:
            raise ValueError(f"cannot run back from {self._now} ns to {instant_ns} ns")
        if self._advancing:
            raise RuntimeError("time already advances: an event cannot wait for another one")
        self._advancing = True
        queue, step = self._queue, self.step
        end_ns = sys.maxsize if instant_ns is None else instant_ns
        try:
            while queue and not found:
                due_ns, _, _, event = queue[0]
                if due_ns >= end_ns:
                    break
                if event.__class__ is Alarm:  # as in step(), which costs a microsecond for two
                    heappop(queue)
                    self._now = due_ns
                    ring = event.ring  # looked up and called in two steps: see hil.bus.medium
                    ring(event)
                else:
                    step()
        finally:
            self._advancing = False
        if not found and instant_ns is not None:
            self._now = instant_ns
        return bool(found)

    def set_alarm(self, alarm: Alarm, at_ns: int) -> None:
        """Let ``alarm`` ring at ``at_ns``, not in the past, after all that is already due then."""
        heappush(self._queue, (at_ns, NORMAL, next(self._eid), alarm))
