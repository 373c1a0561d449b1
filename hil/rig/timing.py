"""Times that a BMS promises, and by how much they may be missed for a reason that the rig file gives."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """By how much a promised time may be missed, either way, and why.

    Attributes:
        tolerance_ns: What a reaction may be later, or come sooner, than promised.
        reason: Such as the task that samples a flag and the cycle that it is sent in.
    """

    tolerance_ns: int = 0
    reason: str = ""


EXACT = Timing()


class PromisedTime(int):
    """A promised time in ns that knows its tolerance.

    What is added to it, or how often it is taken, leaves it the tolerance: the larger one of two, and once,
    for a reaction is late once, however many promises its bound is the sum of. A part of it is a plain int.
    """

    timing: Timing

    def __new__(cls, time_ns: int, timing: Timing = EXACT) -> PromisedTime:
        """A time; without ``timing`` it is exact."""
        promised = super().__new__(cls, time_ns)
        promised.timing = timing
        return promised

    @property
    def latest(self) -> int:
        """The latest that it may be, in ns."""
        return int(self) + self.timing.tolerance_ns

    @property
    def earliest(self) -> int:
        """The earliest that it may be, in ns."""
        return max(int(self) - self.timing.tolerance_ns, 0)

    def __add__(self, other: int) -> PromisedTime:
        """With a time after it; of two tolerances the larger one."""
        if not isinstance(other, int):
            return NotImplemented
        timing = max(self.timing, timing_of(other), key=lambda one: one.tolerance_ns)
        return PromisedTime(int(self) + int(other), timing)

    __radd__ = __add__

    def __mul__(self, times: int) -> PromisedTime:
        """So many times after another."""
        if not isinstance(times, int):
            return NotImplemented
        return PromisedTime(int(self) * int(times), self.timing)

    __rmul__ = __mul__


def timing_of(time_ns: float) -> Timing:
    """The tolerance of a time; none of a plain number."""
    return time_ns.timing if isinstance(time_ns, PromisedTime) else EXACT


def latest(time_ns: int) -> int:
    """A time in ns with its tolerance, if it has one."""
    return int(time_ns) + timing_of(time_ns).tolerance_ns
