"""The test process does not outlive its supervisor: it would go on unseen, and firmware may hang for ever."""

from __future__ import annotations

import os
import signal
from threading import Event, Thread

_LOOK_S = 1.0
_RIG_TROUBLE = 3
_INTERRUPTS = {signal.SIGINT, getattr(signal, "SIGBREAK", signal.SIGINT)}  # the latter on Windows


def hold_on() -> None:
    """End this process soon after its parent has ended, however that came; and let Ctrl-C reach it.

    On Windows, where the parent's number never changes, only the second.
    """
    # set anew, for a parent that ignores Ctrl-C passes that on
    for name in _INTERRUPTS:
        signal.signal(name, signal.default_int_handler)
    Thread(target=_watch, args=(os.getppid(),), name="hil-lifeline", daemon=True).start()


def let_finish() -> None:
    """From now on nothing interrupts this process: it is about to close its record."""
    for name in _INTERRUPTS:
        signal.signal(name, signal.SIG_IGN)


def _watch(parent: int) -> None:
    never = Event()
    while os.getppid() == parent:
        never.wait(_LOOK_S)
    os._exit(_RIG_TROUBLE)
