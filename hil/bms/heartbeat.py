"""A sign of life that outlives the process: the supervisor reads it when firmware hangs.

A mapped file holds numbers of eight bytes. The first is a counter, odd while a firmware call runs, even
between calls: a supervisor that sees the same odd number for seconds knows that the firmware, not the rig, is
stuck. The second is when a hook of the rig file has to be over, on the computer's monotonic clock in ns; 0:
none runs. Then come the last call of the firmware, a :class:`Call`, and its bus time in ns; at last how many
tests are run.
"""

from __future__ import annotations

import mmap
import sys
from enum import IntEnum
from pathlib import Path

_WORD = 8
_SIZE = 5 * _WORD


class Call(IntEnum):
    """What is called of the firmware."""

    LOAD = 0
    FIRST_INIT = 1  # the first life in this process
    INIT = 2
    RECEIVE = 3
    STEP = 4

    @property
    def function(self) -> str:
        """Its name in ``bms.h``."""
        return _FUNCTIONS[self]


_FUNCTIONS = {
    Call.LOAD: "its initialisers",
    Call.FIRST_INIT: "bms_init",
    Call.INIT: "bms_init",
    Call.RECEIVE: "bms_receive",
    Call.STEP: "bms_step",
}


class Heartbeat:
    """The writing end, held by the process that calls the firmware."""

    def __init__(self, path: Path | None = None) -> None:
        if path is None:
            self.view = memoryview(bytearray(_SIZE)).cast("Q")
            return
        path.write_bytes(bytes(_SIZE))
        with path.open("r+b") as file:
            self.view = memoryview(mmap.mmap(file.fileno(), _SIZE)).cast("Q")

    def hook_until(self, deadline_ns: int) -> None:
        """A hook runs, and must be over by then; 0: it is over."""
        self.view[1] = deadline_ns

    def told(self, tests: int) -> None:
        """So many tests are run."""
        self.view[4] = tests


def read_heartbeat(path: Path) -> int:
    """The counter in ``path``, or 0 before the other end has made it."""
    return _word(path, 0)


def read_hook_deadline(path: Path) -> int:
    """When a hook has to be over, in ns of the monotonic clock; 0 if none runs."""
    return _word(path, 1)


def read_last_call(path: Path) -> tuple[Call, int]:
    """What was called last of the firmware, and the bus time of that in ns."""
    return Call(_word(path, 2)), _word(path, 3)


def read_number_of_tests(path: Path) -> int:
    """How many tests are run; 0 before that is known."""
    return _word(path, 4)


def _word(path: Path, number: int) -> int:
    try:
        word = path.read_bytes()[number * _WORD :][:_WORD]
    except OSError:
        return 0
    return int.from_bytes(word.ljust(_WORD, b"\0"), sys.byteorder)
