"""Who plays the rig on a bus: one plant at a time and, after its death, its guard."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterable
from pathlib import Path

from hil.clock import NS_PER_MS, NS_PER_S
from hil.errors import BusError
from hil.realtime.sleep import sleep_until
from hil.rig.schema import BusConfig

_WAIT_NS = 6 * NS_PER_S  # longer than a guard takes to end its work
_LOOK_NS = 50 * NS_PER_MS


class BusLocks:
    """Locks on all buses of a rig; the system lets go of them when this process ends, however it ends.

    Args:
        folder: Where the locks of this user are.
        buses: The buses of the rig.
    """

    def __init__(self, folder: Path, buses: Iterable[BusConfig]) -> None:
        self._buses = {folder / _file_of(bus): bus for bus in buses}
        self._held: list[int] = []

    def take(self, now_ns: int, wait_ns: int = _WAIT_NS) -> None:
        """Wait for them.

        Args:
            now_ns: CLOCK_MONOTONIC.
            wait_ns: How long at most.

        Raises:
            BusError: If somebody else keeps one.
        """
        end_ns = now_ns + wait_ns
        while not self.try_take():
            now_ns += _LOOK_NS
            if now_ns > end_ns:
                raise self._refusal()
            sleep_until(now_ns)

    def try_take(self) -> bool:
        """Take all of them or none; whether they are held now."""
        if self._held:
            return True
        for path in self._buses:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._held.append(descriptor)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                self.release()
                return False
        for descriptor in self._held:
            os.truncate(descriptor, 0)
            os.write(descriptor, f"{os.getpid()}\n".encode())
        return True

    def release(self) -> None:
        """Let go of them."""
        while self._held:
            os.close(self._held.pop())

    def _refusal(self) -> BusError:
        holders = {path: path.read_text("ascii").strip() for path in self._buses if path.exists()}
        path, bus = next(iter(self._buses.items()))
        return BusError(
            f"another plant of yours is on this bus (process {holders.get(path) or 'unknown'})",
            place=f"bus {bus.name}: {bus.interface} {bus.channel}",
            remedy="end that one; two rigs on one bus would both play the same nodes",
        )


def _file_of(bus: BusConfig) -> str:
    return re.sub(r"[^\w.-]+", "_", f"bus-{bus.interface}-{bus.channel}.lock")
