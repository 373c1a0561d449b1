"""Python of the user's own beside the rig file: run, told of where it goes wrong, ended where it hangs."""

from __future__ import annotations

import importlib.util
import inspect
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, FunctionType, ModuleType

from hil.errors import RigFileError

_NS_PER_S = 1_000_000_000
_IMPORT_NS = 10 * _NS_PER_S  # a file of functions is there at once
WITHIN_NS = 1 * _NS_PER_S  # of the computer's clock: what is called for every frame is quick, or hangs
_SOON_S = 0.01  # when it is looked at again, where it was in the rig
_AGAIN_S = 1.0  # what has been ended may still clean up for so long
_OURS = ("hil", "twins")


class Overdue(BaseException):
    """Ends code that hangs; no ``Exception``, so that code which catches all of those is ended, too."""


class TimeLimit:
    """Ends the user's code when its time, that of the computer's clock, is up.

    Such code may wait for ever in a loop of its own, in a call of the system, or for the rig. In the first
    two the system's timer interrupts it; in the rig, which must not be left in the middle of something, it
    ends at the next :meth:`check`. Where there is no such timer, or the code holds on to the interpreter,
    whoever reads ``on_deadline`` has to end the process.

    Args:
        file: The user's file.
        on_deadline: Told the deadline on the computer's monotonic clock, in ns, and 0 when the code is over.
    """

    def __init__(self, file: Path, on_deadline: Callable[[int], None] | None = None) -> None:
        self._file = str(file)
        self._on_deadline = on_deadline
        self._deadline_ns = 0
        self._armed = False

    @property
    def is_on(self) -> bool:
        """Whether the user's code runs."""
        return self._deadline_ns > 0

    def check(self) -> None:
        """A place at which the rig can be left.

        Raises:
            Overdue: If the time is up.
        """
        if self._deadline_ns and time.monotonic_ns() > self._deadline_ns:
            raise Overdue

    @contextmanager
    def over(self, within_ns: int) -> Iterator[None]:
        """Limit a block; one within a limited block has what that has left."""
        if self.is_on:
            yield
            return
        self._set(time.monotonic_ns() + within_ns)
        try:
            with self._alarm(within_ns / _NS_PER_S):
                yield
        finally:
            self._set(0)

    def _set(self, deadline_ns: int) -> None:
        self._deadline_ns = deadline_ns
        if self._on_deadline is not None:
            self._on_deadline(deadline_ns)

    @contextmanager
    def _alarm(self, after_s: float) -> Iterator[None]:
        """The system's timer, which may have been somebody else's."""
        if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
            yield
            return
        begun_s = time.monotonic()
        self._armed = True
        handler = signal.signal(signal.SIGALRM, self._interrupt)
        left_s, interval_s = signal.setitimer(signal.ITIMER_REAL, after_s, _AGAIN_S)
        try:
            yield
        finally:
            self._armed = False  # a signal under way must not start the timer again: its handler goes now
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, handler)
            if left_s:
                left_s = max(left_s - (time.monotonic() - begun_s), 1e-3)
                signal.setitimer(signal.ITIMER_REAL, left_s, interval_s)

    def _interrupt(self, _number: int, frame: FrameType | None) -> None:
        if not self._armed:
            return
        if self._is_outside_the_rig(frame):
            raise Overdue
        signal.setitimer(signal.ITIMER_REAL, _SOON_S, _AGAIN_S)

    def _is_outside_the_rig(self, frame: FrameType | None) -> bool:
        """Whether the user's code, or what it calls of others', is interrupted."""
        while frame is not None and frame.f_code.co_filename != self._file:
            if str(frame.f_globals.get("__name__", "")).partition(".")[0] in _OURS:
                return False
            frame = frame.f_back
        return frame is not None


def run_file(path: Path, kind: str) -> ModuleType:
    """Run a Python file, whose functions are then there.

    Args:
        path: The file, absolute.
        kind: What it holds, in one word: part of the module's name.

    Raises:
        RigFileError: If it cannot be read, raises, or does not come to its end.
    """
    name = f"{kind}_of_a_rig.{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise RigFileError("is no Python file", place=str(path), remedy="its name ends in .py")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)  # data classes look for it there
    try:
        with TimeLimit(path).over(_IMPORT_NS):
            spec.loader.exec_module(module)
    except Overdue as error:
        reason = f"does not come to its end within {_IMPORT_NS / _NS_PER_S:g} s{where(error, path)}"
        raise RigFileError(reason, place=str(path), remedy="only define functions in it") from error
    except (Exception, SystemExit) as error:
        if isinstance(error, OSError) and error.filename == str(path):
            raise RigFileError(f"cannot be read: {error.strerror}", place=str(path)) from error
        raise RigFileError(f"does not run: {told(error, path)}", place=str(path)) from error
    return module


def functions_of(module: ModuleType) -> dict[str, FunctionType]:
    """The public functions that a file defines itself, by name."""
    return {
        name: function
        for name, function in vars(module).items()
        if inspect.isfunction(function) and function.__module__ == module.__name__ and name[0] != "_"
    }


def shown(value: object) -> str:
    """What a function gave, in a line, whatever it is."""
    try:
        text = repr(value)
    except Exception:
        return f"a {type(value).__name__}"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


_SHOWN = 60  # letters


def told(error: BaseException, path: Path) -> str:
    """An exception in a line of words, with the last line of the file that it passed."""
    text = "; ".join(str(getattr(error, "msg", None) or error).splitlines()[:2])
    kind = type(error).__name__
    return f"{kind}: {text}{where(error, path)}" if text else f"{kind}{where(error, path)}"


def where(error: BaseException, path: Path) -> str:
    """The last line of the file that an exception passed, in brackets."""
    passed = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in passed if frame.filename == str(path)]
    line = getattr(error, "lineno", None) or (lines[-1] if lines else None)
    return "" if line is None else f" (line {line})"
