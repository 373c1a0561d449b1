"""How long a process waits for a processor: a BMS that this computer does not let run is not to blame."""

from __future__ import annotations

from pathlib import Path

_PROC = Path("/proc")


class Waiting:
    """Time that a process was ready to run and did not, between two looks; Linux only, else always 0.

    Of a process with several threads its first one is looked at.
    """

    def __init__(self, proc: Path = _PROC) -> None:
        self._proc = proc
        self._pid: int | None = None
        self._before_ns = 0

    def look(self, pid: int | None) -> int:
        """How long it has waited since the last look, in nanoseconds; 0 at the first look at a process."""
        if pid is None:
            self._pid = None
            return 0
        waited_ns = self._read(pid)
        since_ns = waited_ns - self._before_ns if pid == self._pid else 0
        self._pid, self._before_ns = pid, waited_ns
        return max(0, since_ns)

    def _read(self, pid: int) -> int:
        try:
            return int((self._proc / str(pid) / "schedstat").read_text().split()[1])
        except (OSError, ValueError, IndexError):  # it has ended, or the kernel does not count
            return self._before_ns
