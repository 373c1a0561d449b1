"""What can go wrong, as a tree::

    HilError                    place, key, reason, remedy; one line for the user
    ├── UsageError              the command line or the test API is used wrongly          exit 2
    ├── RigFileError            one mistake in a rig file, a DBC or what they name        exit 2
    ├── RigFileErrors           all mistakes of one rig file at once                      exit 2
    ├── UnitError               a quantity with a missing, unknown or wrong unit          exit 2
    ├── NotOfferedError         the BMS does not have what a test needs                   skips the test
    ├── HealthError             the rig was out of its own budget: the verdict is invalid exit 3
    ├── HookError               a hook of the rig file went wrong: the verdict is invalid exit 3
    ├── BmsError                the BMS left no ground for a test: the verdict is fail    exit 1
    │   └── BmsEndedError       its process died or hangs
    └── RigTroubleError         the rig itself is in trouble; never the BMS's failure     exit 3
        ├── FirmwareError       the firmware cannot be loaded or started
        ├── BusError            the bus is down or full
        ├── FrameError          a frame cannot be encoded or decoded
        └── OutputError         the output folder cannot be written or is full
"""

from __future__ import annotations

from collections.abc import Sequence


class HilError(Exception):
    """Base of all errors of this package; ``str()`` is the one line that a user reads."""

    exit_code = 3

    def __init__(self, reason: str, *, place: str = "", key: str = "", remedy: str = "") -> None:
        self.reason = reason
        self.place = place
        self.key = key
        self.remedy = remedy
        super().__init__(reason)

    def __str__(self) -> str:
        where = ": ".join(part for part in (self.place, self.key) if part)
        line = f"{where}: {self.reason}" if where else self.reason
        return f"{line} ({self.remedy})" if self.remedy else line


class UsageError(HilError):
    """The command line or the test API is used wrongly."""

    exit_code = 2


class RigFileError(HilError):
    """One mistake in a rig file, a DBC file, or what they name."""

    exit_code = 2


class RigFileErrors(HilError):
    """All mistakes of one rig file, reported at once; ``errors`` holds each."""

    exit_code = 2

    def __init__(self, errors: Sequence[HilError]) -> None:
        self.errors = tuple(errors)
        super().__init__("\n".join(str(error) for error in self.errors))

    def __str__(self) -> str:
        return "\n".join(str(error) for error in self.errors)


class UnitError(HilError):
    """A quantity with a missing, unknown or wrong unit."""

    exit_code = 2


class NotOfferedError(HilError):
    """The BMS under test does not have what a test needs: the test is skipped with this reason."""

    exit_code = 0


class HealthError(HilError):
    """The rig was late or lost frames during a test: its verdict is ``invalid``, and the run goes on."""

    exit_code = 3


class HookError(HilError):
    """A hook of the rig file raised or hung: the test's verdict is ``invalid``, and the run goes on."""

    exit_code = 3


class BmsError(HilError):
    """The BMS left a test no ground to stand on: it floods a bus, its firmware crashed or returned an error.

    That is its failure: the test's verdict is ``fail``, and the run goes on.
    """

    exit_code = 1


class BmsEndedError(BmsError):
    """The BMS's process died, hangs, or began anew by itself."""


class RigTroubleError(HilError):
    """The rig itself is in trouble; this is never reported as the BMS's failure."""

    exit_code = 3


class FirmwareError(RigTroubleError):
    """The firmware is missing, lacks a function, or cannot be loaded or started at all."""


class BusError(RigTroubleError):
    """The bus is down, or a queue to it is full."""


class FrameError(RigTroubleError):
    """A frame cannot be encoded or decoded."""


class OutputError(RigTroubleError):
    """The output folder cannot be written, or is full."""
