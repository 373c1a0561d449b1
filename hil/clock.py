"""One time line: a SimPy environment in integer nanoseconds.

Virtual time jumps to the next event. Real time will wait for it: the seam is :meth:`simpy.Environment.step`
alone, so nothing else in the rig asks which kind of time it is.
"""

from __future__ import annotations

from collections.abc import Sequence

import simpy

NS_PER_US = 1_000
NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000


class VirtualClock(simpy.Environment):
    """The rig's clock in virtual time: ``now`` is an ``int`` in nanoseconds since the run began.

    Integers, because hours of float seconds drift and two runs would no longer be byte-equal.

    Args:
        start_ns: The instant at which this clock starts; a later world continues the run's time line.
    """

    def __init__(self, start_ns: int = 0) -> None:
        super().__init__(initial_time=start_ns)

    @property
    def now_ns(self) -> int:
        """The present instant in nanoseconds."""
        return int(self.now)

    def run_until(self, instant_ns: int) -> None:
        """Advance to ``instant_ns``; events due exactly then are left for the next call.

        Raises:
            ValueError: If the instant lies in the past.
        """
        if instant_ns < self.now:
            raise ValueError(f"cannot run back from {self.now} ns to {instant_ns} ns")
        if instant_ns > self.now:
            self.run(until=instant_ns)

    def run_until_any(self, instant_ns: int, found: Sequence[object]) -> bool:
        """Advance event by event until something lies in ``found`` or ``instant_ns`` is reached.

        Stopping between two events keeps the clock at the very event that was waited for.

        Returns:
            Whether something was found.
        """
        while not found and self.peek() < instant_ns:
            self.step()
        if not found:
            self.run_until(instant_ns)
        return bool(found)
