"""How long a process waits for a processor: a BMS that this computer does not let run is not to blame."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import NamedTuple

from hil.clock import NS_PER_S

_PROC = Path("/proc")
_MONOTONIC_COARSE = 6  # of Linux, in ticks; Python has no name for it


def _tick_ns() -> int:
    """Between two ticks of the kernel; 0 where there is no ``schedstat`` either."""
    return round(time.clock_getres(_MONOTONIC_COARSE) * NS_PER_S) if sys.platform == "linux" else 0


class _Sched(NamedTuple):
    """``/proc/PID/schedstat``: time on a processor, time waited for one, how often it got one."""

    ran_ns: int = 0
    waited_ns: int = 0
    slices: int = 0


class Waiting:
    """Time that a process was surely ready to run and did not, between two looks; Linux only, else always 0.

    Of a process with several threads its first one is looked at. A kernel that counts in whole ticks, as
    user-mode Linux does, may have found each wait up to one tick too long, so that much is taken off.

    Args:
        proc: Where the kernel tells of processes.
        tick_ns: Between two ticks of the kernel.
    """

    def __init__(self, proc: Path = _PROC, tick_ns: int | None = None) -> None:
        self._proc = proc
        self._tick_ns = _tick_ns() if tick_ns is None else tick_ns
        self._pid: int | None = None
        self._before = _Sched()

    def look(self, pid: int | None) -> int:
        """How long it has waited since the last look, in nanoseconds; 0 at the first look at a process."""
        if pid is None:
            self._pid = None
            return 0
        now = self._read(pid)
        since_ns = 0
        if pid == self._pid:
            since_ns = now.waited_ns - self._before.waited_ns - self._doubt_ns(now)
        self._pid, self._before = pid, now
        return max(0, since_ns)

    def _doubt_ns(self, now: _Sched) -> int:
        """How much of what was waited since the last look may be the rounding of the kernel's clock."""
        in_ticks = self._tick_ns and not (now.ran_ns % self._tick_ns or now.waited_ns % self._tick_ns)
        return (now.slices - self._before.slices) * self._tick_ns if in_ticks else 0

    def _read(self, pid: int) -> _Sched:
        try:
            ran, waited, slices = map(int, (self._proc / str(pid) / "schedstat").read_text().split())
        except (OSError, ValueError):  # it has ended, or the kernel does not count
            return self._before
        return _Sched(ran, waited, slices)
