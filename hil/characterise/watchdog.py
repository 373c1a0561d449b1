"""Notices firmware that does not return: it runs in this process, where nothing else could end it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

HANG_S = 5.0  # a step of firmware takes microseconds
_LOOK_S = 0.5


@contextmanager
def watched(beat: memoryview, hung: Callable[[], None], limit_s: float = HANG_S) -> Iterator[None]:
    """Look, in a thread, at the sign of life of firmware; a call that takes too long is told once.

    Args:
        beat: Its counter, odd while a call runs: see :mod:`hil.bms.heartbeat`.
        hung: Called in that thread; a call that hangs lets other threads run.
        limit_s: How long a call may take.
    """
    over = Event()
    thread = Thread(target=_watch, args=(beat, hung, limit_s, over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _watch(beat: memoryview, hung: Callable[[], None], limit_s: float, over: Event) -> None:
    last, since = beat[0], time.monotonic()
    while not over.wait(min(_LOOK_S, limit_s / 4)):
        if beat[0] != last or last % 2 == 0:
            last, since = beat[0], time.monotonic()
        elif time.monotonic() - since > limit_s:
            hung()
            return
