"""One time line: a SimPy environment in integer nanoseconds.

Virtual time jumps to the next event. Real time will wait for it: the seam is :meth:`simpy.Environment.step`
alone, so nothing else in the rig asks which kind of time it is.
"""

from __future__ import annotations

import simpy

NS_PER_US = 1_000
NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000


class VirtualClock(simpy.Environment):
    """The rig's clock in virtual time: ``now`` is an ``int`` in nanoseconds since the run began.

    Integers, because hours of float seconds drift and two runs would no longer be byte-equal.
    """

    def __init__(self) -> None:
        super().__init__(initial_time=0)

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
