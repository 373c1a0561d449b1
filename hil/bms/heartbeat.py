"""A sign of life that outlives the process: the supervisor reads it when firmware hangs.

Eight bytes in a mapped file hold a counter. It is odd while a firmware call runs, even between calls. A
supervisor that sees the same odd number for seconds knows that the firmware, not the rig, is stuck.
"""

from __future__ import annotations

import mmap
from pathlib import Path

_SIZE = 8


class Heartbeat:
    """The writing end, held by the process that calls the firmware."""

    def __init__(self, path: Path | None = None) -> None:
        self._map: mmap.mmap | None = None
        if path is None:
            self.view = memoryview(bytearray(_SIZE)).cast("Q")
            return
        path.write_bytes(bytes(_SIZE))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _SIZE)
        self.view = memoryview(self._map).cast("Q")

    def close(self) -> None:
        """Let go of the mapped file."""
        self.view.release()
        if self._map is not None:
            self._map.close()


def read_heartbeat(path: Path) -> int:
    """The counter in ``path``, or 0 before the other end has made it."""
    try:
        return int.from_bytes(path.read_bytes()[:_SIZE].ljust(_SIZE, b"\0"), "little")
    except OSError:
        return 0
