"""Functions that give signals: a few built-in ones, and those of a Python file beside the rig file."""

from __future__ import annotations

import hashlib
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from hil.errors import HookError, RigFileError
from hil.frames.database import Signal
from hil.rig.mistakes import suggest
from hil.rig.own_code import WITHIN_NS, Overdue, TimeLimit, functions_of, run_file, shown, told, where

Function = Callable[..., Any]

def _flat(arguments: Sequence[float | list[float]]) -> list[float]:
    return [value for each in arguments for value in (each if isinstance(each, list) else [each])]


def _without_lost(work: Callable[[list[float]], float], *arguments: float | list[float]) -> float:
    """Work on all values that are available; NaN if none is."""
    there = [value for value in _flat(arguments) if not math.isnan(value)]
    return work(there) if there else math.nan


def _place_of(best: Callable[[list[float]], float], *arguments: float | list[float]) -> float:
    """The place, from 1, of the lowest or highest value that is available; NaN if none is."""
    value = _without_lost(best, *arguments)
    return value if math.isnan(value) else float(_flat(arguments).index(value) + 1)


BUILT_IN: Mapping[str, Function] = {
    "max": partial(_without_lost, max),
    "min": partial(_without_lost, min),
    "mean": partial(_without_lost, lambda values: sum(values) / len(values)),
    "sum": partial(_without_lost, math.fsum),
    "spread": partial(_without_lost, lambda values: max(values) - min(values)),
    "place_of_max": partial(_place_of, max),
    "place_of_min": partial(_place_of, min),
    "any": partial(_without_lost, lambda values: float(any(values))),
    "all": partial(_without_lost, lambda values: float(all(values))),
    "none": partial(_without_lost, lambda values: float(not any(values))),
}
"""What there is without Python; each leaves out what is not available."""


@dataclass(frozen=True)
class OwnFunctions:
    """The functions of a file beside the rig file."""

    path: Path
    functions: Mapping[str, Function]
    sha256: str


def load_functions(path: Path) -> OwnFunctions:
    """The public functions that a file defines.

    Raises:
        RigFileError: If the file cannot be read or run, defines none, or one has the name of a built-in one.
    """
    path = path.absolute()
    found = functions_of(run_file(path, "functions"))
    if not found:
        raise RigFileError("defines no function", place=str(path), remedy="def NAME(values): …")
    for name, function in found.items():
        if name in BUILT_IN:
            raise RigFileError("is built in", place=str(path), key=name, remedy="give it another name")
        if inspect.isgeneratorfunction(function) or inspect.iscoroutinefunction(function):
            reason = "would never run: it is a generator or a coroutine"
            raise RigFileError(reason, place=str(path), key=name, remedy="a plain function")
    return OwnFunctions(path, found, hashlib.sha256(path.read_bytes()).hexdigest())


class Guarded:
    """A user's function for a signal: what goes wrong in it is told as its own doing, not as the BMS's.

    It gives a number in the signal's unit, a truth value, a name of the DBC's value table, or ``None`` for
    "not available".

    Args:
        path: Its file.
        name: Its name.
        function: What to call.
        signal: What it is for.
    """

    def __init__(self, path: Path, name: str, function: Function, signal: Signal) -> None:
        self._path, self._name, self._function, self._signal = path, name, function, signal
        self._limit = TimeLimit(path)
        self._named = signal.named_values

    def __call__(self, *arguments: object) -> float:
        """What the function gives, as a number.

        Raises:
            HookError: If it raises, does not return, or gives what the signal cannot carry.
        """
        path = self._path
        try:
            with self._limit.over(WITHIN_NS):
                value = self._function(*arguments)
        except (KeyboardInterrupt, HookError):
            raise
        except Overdue as error:
            reason = f"did not return within {WITHIN_NS / 1e9:g} s{where(error, path)}"
            raise self._wrong(reason, "it is called for each frame") from error
        except BaseException as error:
            raise self._wrong(f"raised {told(error, path)}") from error
        return self._number(value)

    def _number(self, value: object) -> float:
        signal, gave = self._signal, f"gave {shown(value)} for {self._signal.name}"
        if isinstance(value, str):
            if value not in self._named:
                remedy = suggest(value, self._named, "names in its value table")
                raise self._wrong(f"{gave}, which has no such value", remedy)
            return self._named[value]
        try:
            number = math.nan if value is None else float(value)  # type: ignore[arg-type]  # which it tells
        except OverflowError:
            number = math.inf
        except (TypeError, ValueError) as error:
            raise self._wrong(f"{gave}, which is no number") from error
        if math.isinf(number):
            raise self._wrong(f"{gave}, which no frame can carry")
        if math.isnan(number) and signal.not_available is None:
            reason = f"{gave}, which has no raw number for 'not available'"
            raise self._wrong(reason, "give the signal the attribute SigNotAvailable")
        return number

    def _wrong(self, reason: str, remedy: str = "") -> HookError:
        return HookError(reason, place=str(self._path), key=self._name, remedy=remedy)
