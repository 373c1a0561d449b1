"""Checksums of one's own: functions of a few lines in a Python file beside the rig file."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hil.errors import RigFileError
from hil.frames.profiles import FREE, HEADERS, OwnChecksum
from hil.rig.own_code import WITHIN_NS, Overdue, TimeLimit, functions_of, run_file, shown, told, where

Function = Callable[[bytes, int], Any]


def load_checksums(path: Path) -> dict[str, OwnChecksum]:
    """The public functions that a file defines, by name.

    Each takes the data of a frame, with a zero where the checksum will be, and the frame's identifier, and
    gives the checksum, a number of as many bits as its signal. It is called for each frame, sent or received,
    and must be quick; one that hangs is ended.

    Raises:
        RigFileError: If the file cannot be read or run, defines none, or one has the name of a profile or
            other parameters. A function that raises, or gives what does not fit, does so when it is called.
    """
    path = path.absolute()
    found = functions_of(run_file(path, "checksums"))
    if not found:
        raise RigFileError("defines no function", place=str(path), remedy="def NAME(data, identifier): …")
    for name, function in found.items():
        _check(path, name, function)
    return {name: _guarded(path, name, function) for name, function in found.items()}


def _check(path: Path, name: str, function: Function) -> None:
    if name in HEADERS or name in FREE:
        raise RigFileError(
            "is the name of a profile", place=str(path), key=name, remedy="give it another one"
        )
    try:
        inspect.signature(function).bind(b"", 0)
    except TypeError as error:
        raise RigFileError(
            f"takes other arguments: {error}",
            place=str(path),
            key=name,
            remedy=f"def {name}(data, identifier):",
        ) from error


def _guarded(path: Path, name: str, function: Function) -> OwnChecksum:
    """What goes wrong in it is told as its own doing, not as the BMS's."""
    limit = TimeLimit(path)

    def wrong(reason: str, remedy: str = "") -> RigFileError:
        return RigFileError(reason, place=str(path), key=name, remedy=remedy)

    def checksum(data: bytes, identifier: int, bits: int) -> int:
        try:
            with limit.over(WITHIN_NS):
                value = function(data, identifier)
        except KeyboardInterrupt:
            raise
        except Overdue as error:
            reason = f"did not return within {WITHIN_NS / 1e9:g} s{where(error, path)}"
            raise wrong(reason, "it is called for each frame") from error
        except BaseException as error:
            raise wrong(f"raised {told(error, path)}") from error
        if type(value) is not int or not 0 <= value < 1 << bits:
            what = "no byte" if bits == 8 else f"no number of {bits} bits"
            remedy = f"& 0x{(1 << bits) - 1:X}"
            raise wrong(f"gave {shown(value)}, which is {what}", remedy)
        return value

    return checksum
