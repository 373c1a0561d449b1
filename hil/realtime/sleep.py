"""Sleeping to an instant, and how late one woke: the base of every loop that has no bus to listen to."""

from __future__ import annotations

import time
from collections.abc import Callable

from hil.clock import NS_PER_S

Now = Callable[[], int]
SleepUntil = Callable[[int], None]

_SUB_BITS = 5  # 32 bins for each doubling: a quantile is at most 3 % too high
_SUB = 1 << _SUB_BITS


def sleep_until(instant_ns: int) -> None:
    """Wait for an instant of CLOCK_MONOTONIC; one that has passed is not waited for.

    On Linux the kernel waits for the absolute instant, so a signal handler in between adds no delay.
    """
    while (left_ns := instant_ns - time.monotonic_ns()) > 0:
        time.sleep(left_ns / NS_PER_S)  # noqa: TID251 - this is the one place where real time is slept


class Lateness:
    """How late things were: a histogram of fixed size, so that it may be fed for days.

    Attributes:
        count: How many values it has.
        max_ns: The largest, exact.
    """

    def __init__(self) -> None:
        self.count = 0
        self.max_ns = 0
        self._bins: dict[int, int] = {}

    def add(self, late_ns: int) -> None:
        """Count a value; too early is not late."""
        late_ns = max(late_ns, 0)
        self.count += 1
        self.max_ns = max(self.max_ns, late_ns)
        shift = max(late_ns.bit_length() - _SUB_BITS - 1, 0)
        key = (shift << _SUB_BITS) + (late_ns >> shift)
        self._bins[key] = self._bins.get(key, 0) + 1

    def quantile(self, share: float) -> int:
        """The value in nanoseconds that ``share`` of all values do not exceed; 0 without values.

        It is exact below 64 ns, else up to 3 % too high.
        """
        wanted = share * self.count
        seen = 0
        for key in sorted(self._bins):
            seen += self._bins[key]
            if seen >= wanted:
                return min(_upper_end(key), self.max_ns)
        return self.max_ns

    def __str__(self) -> str:
        """Such as ``p50 0.06 ms, p99 0.21 ms, max 1.4 ms``."""
        p50, p99 = self.quantile(0.5), self.quantile(0.99)
        return f"p50 {_ms(p50)}, p99 {_ms(p99)}, max {_ms(self.max_ns)}"


def _upper_end(key: int) -> int:
    shift = max((key >> _SUB_BITS) - 1, 0)
    mantissa = key - (shift << _SUB_BITS)
    return ((mantissa + 1) << shift) - 1


def _ms(value_ns: int) -> str:
    return f"{value_ns / 1e6:.2g} ms" if value_ns < 9_950_000 else f"{value_ns / 1e6:.0f} ms"
