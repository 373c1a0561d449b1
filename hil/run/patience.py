"""How long a call of firmware has had to return: only time counts in which it could run.

A debugger or SIGSTOP holds the test process, a laptop sleeps, other work takes the processor: none of that
is a hang of the firmware.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from hil.clock import NS_PER_S
from hil.realtime.waiting import Waiting

_PROC = Path("/proc")
_HELD = ("T", "t")  # states of a process: stopped by a signal, or by a debugger


class Patience:
    """Counts the time of one process between looks at it.

    Args:
        pid: Of the process.
        most_s: What a look counts for at most, in s: more time than that this process was held up itself.
        now: A clock that goes on, in s.
        proc: Where the kernel tells of processes; without it all time counts.
    """

    def __init__(
        self, pid: int, most_s: float, now: Callable[[], float] = time.monotonic, proc: Path = _PROC
    ) -> None:
        self._pid = pid
        self._most_s = most_s
        self._now = now
        self._proc = proc
        self._waiting = Waiting(proc)
        self._looked_s = now()
        self._waiting.look(pid)
        self.had_s = 0.0

    def renew(self) -> None:
        """A call has returned."""
        self.look()
        self.had_s = 0.0

    def look(self) -> float:
        """The time in s that the process has had since the last call returned."""
        before_s, self._looked_s = self._looked_s, self._now()
        could_run_s = min(self._looked_s - before_s, self._most_s) - self._waiting.look(self._pid) / NS_PER_S
        if not self._is_held():
            self.had_s += max(0.0, could_run_s)
        return self.had_s

    def _is_held(self) -> bool:
        try:
            told = (self._proc / str(self._pid) / "stat").read_text("utf-8", errors="replace")
        except OSError:  # it has ended, or there is no such folder
            return False
        return told.rpartition(") ")[2][:1] in _HELD
