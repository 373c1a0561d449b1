"""An slcan adapter emulated on a pseudo-terminal: programs open it like a real one's serial port.

::

    with serving("/tmp/can-a", "/tmp/can-b") as (a, b):
        ...                              # two adapters on one bus, for this and other programs
        a.inject(b"t12!?garbage")        # what a bad cable does
        b.unplug(); b.replug()

POSIX only.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
import tty
from collections.abc import Iterator
from pathlib import Path

from hil.bus.slcan_adapter import Adapter, Manners, Wire

_RETRY_S = 0.01  # frames that did not get through try again
_CHUNK = 4096


class SlcanTwin:
    """An adapter and its serial port.

    Args:
        path: Where programs find the port; a symbolic link there is replaced.
        wire: The CAN bus that it hangs on.
        manners: What kind of adapter it is.

    Attributes:
        adapter: What it knows and does; error counters, bit rate.

    Raises:
        OSError: If the link cannot be made.
    """

    def __init__(self, path: str | Path, wire: Wire, manners: Manners | None = None) -> None:
        self.path = Path(path)
        self.adapter = Adapter(wire, manners)
        self._master = self._slave = -1
        self.replug()

    @property
    def is_plugged(self) -> bool:
        """Whether the port exists."""
        return self._master >= 0

    def fileno(self) -> int:
        """The adapter's end of the line; -1 while it is unplugged."""
        return self._master

    def pump(self) -> None:
        """Take what programs wrote, let frames run, and give back what the line takes."""
        with self.adapter.wire.lock:
            if not self.is_plugged:
                return
            with contextlib.suppress(BlockingIOError):
                self.adapter.feed(os.read(self._master, _CHUNK))
            self.adapter.wire.carry()
            self.drain()

    def drain(self) -> None:
        """Give the program what the line takes."""
        with self.adapter.wire.lock, contextlib.suppress(BlockingIOError):
            if self.is_plugged and self.adapter.out:
                del self.adapter.out[: os.write(self._master, self.adapter.out)]

    def inject(self, data: bytes) -> None:
        """Put characters on the line to the program, as noise does or a line that is torn."""
        with self.adapter.wire.lock:
            self.adapter.out += data
            self.drain()

    def unplug(self) -> None:
        """Pull the plug: the port is gone, and who has it open gets errors."""
        with self.adapter.wire.lock:
            if not self.is_plugged:
                return
            self.adapter.wire.adapters.remove(self.adapter)
            self.path.unlink(missing_ok=True)
            os.close(self._master)
            hung_up = select.poll()
            hung_up.register(self._slave, 0)
            hung_up.poll(1_000)  # milliseconds; a thread that waits on it still holds the line
            os.close(self._slave)
            self._master = self._slave = -1

    def replug(self) -> None:
        """Plug it in: the same path, and the adapter as it is after power-up."""
        with self.adapter.wire.lock:
            if self.is_plugged:
                return
            # its own hold on the slave keeps the line alive while no program has it open
            self._master, self._slave = os.openpty()
            tty.setraw(self._slave)
            os.set_blocking(self._master, False)
            if self.path.is_symlink():
                self.path.unlink()
            self.path.symlink_to(os.ttyname(self._slave))
            self.adapter.power_up()
            self.adapter.wire.adapters.append(self.adapter)

    def close(self) -> None:
        """Unplug it for good."""
        self.unplug()


def serve(twins: tuple[SlcanTwin, ...], stop: threading.Event) -> None:
    """Let twins live until ``stop`` is set."""
    while not stop.is_set():
        plugged = [twin.fileno() for twin in twins if twin.is_plugged]
        with contextlib.suppress(OSError, ValueError):  # unplugged meanwhile
            select.select(plugged, (), (), _RETRY_S)
        for twin in twins:
            twin.pump()
        for twin in twins:
            twin.drain()


@contextlib.contextmanager
def serving(*paths: str | Path, manners: Manners | None = None) -> Iterator[tuple[SlcanTwin, ...]]:
    """Adapters on one bus, served by a thread of this program."""
    wire = Wire()
    twins: tuple[SlcanTwin, ...] = ()
    stop = threading.Event()
    thread: threading.Thread | None = None
    try:
        for path in paths:
            twins = (*twins, SlcanTwin(path, wire, manners))
        thread = threading.Thread(target=serve, args=(twins, stop), name="slcan twins", daemon=True)
        thread.start()
        yield twins
    finally:
        stop.set()
        if thread is not None:
            thread.join()
        for twin in twins:
            twin.close()
