"""The BMS as a program of its own: started and ended by the rig, heard on the bus only.

To start the process is to switch the BMS on, to end it is to switch it off. That it answers on the bus is not
looked at here; that it has died, or has started anew by itself, is.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hil.bms import leash
from hil.bus.medium import Medium
from hil.clock import NS_PER_MS, NS_PER_S
from hil.errors import BmsEndedError, FirmwareError
from hil.realtime.sleep import Now, sleep_until

READY_NS = 10 * NS_PER_S  # for a program to start
STOP_NS = 2 * NS_PER_S  # for it to end after SIGTERM
_LOOK_NS = 5 * NS_PER_MS
_REAP_S = 5.0  # after SIGKILL, which only a process stuck in a driver outlives
_LINES = 5  # of its output, in an error
_LONGEST_LINE = 4096
_KEY = "bms.command"

Pause = Callable[[int], None]


class _Output:
    """What a program prints: a file that it appends to, read here from time to time.

    A file rather than a pipe: it never fills up, needs no thread, and is there when the rig has died.
    """

    def __init__(self, path: Path | None, ready: str | None) -> None:
        self._ready = ready
        self._temporary = path is None
        if path is None:
            descriptor, name = tempfile.mkstemp(prefix="hil-bms-", suffix=".log")
            os.close(descriptor)
            path = Path(name)
        self._path = path
        self.writer = path.open("ab")
        self._reader = path.open("rb", buffering=0)
        self._remove()  # while it is open, if the system lets us: nothing is left of a rig that is killed
        self.begin()

    def begin(self) -> None:
        """A start: only what comes from now on counts."""
        self._reader.seek(0, os.SEEK_END)
        self._partial = b""
        self._ready_line: str | None = None
        self._last: deque[str] = deque(maxlen=_LINES)
        self.restarts = 0

    def read(self) -> None:
        """Take in what has been printed since."""
        *lines, self._partial = (self._partial + (self._reader.read() or b"")).split(b"\n")
        self._partial = self._partial[-_LONGEST_LINE:]
        for raw in lines:
            self._take(raw.decode(errors="replace").strip())

    def _take(self, line: str) -> None:
        if line:
            self._last.append(line)
        if self._ready is None or self._ready not in line:
            return
        if self._ready_line is None:
            self._ready_line = line
        elif line == self._ready_line:
            self.restarts += 1

    @property
    def is_ready(self) -> bool:
        """Whether the text was there, be the line finished or not."""
        ready = self._ready
        return ready is None or self._ready_line is not None or ready.encode() in self._partial

    def __str__(self) -> str:
        lines = [*self._last, *filter(None, [self._partial.decode(errors="replace").strip()])]
        return "its last lines: " + " | ".join(lines[-_LINES:]) if lines else "it said nothing"

    def close(self) -> None:
        """Let go of the file; one that nobody named is removed."""
        self.writer.close()
        self._reader.close()
        self._remove()

    def _remove(self) -> None:
        if self._temporary:
            with contextlib.suppress(OSError):
                self._path.unlink()


class ProcessBms:
    """A BMS that is a process.

    The process, and all that it starts, ends at :meth:`power_off`; on Linux it ends with the rig's process
    too, even if that is killed. To be started by the main thread: the kernel ends it with the thread that
    started it.

    Args:
        command: Program and arguments. The program is looked for beside this Python, then on PATH.
        ready: A text in a line that the program prints once, when it listens, and flushes. The same line
            again tells that it has started anew. ``None``: it is ready when it runs.
        cold: Arguments to add for a start without fault memory.
        ready_ns: Time to become ready.
        stop_ns: Time to end by itself when switched off.
        log: Where its output goes, added to what is there; ``None``: a file that is removed at the end.
        pause: Waits until an instant of ``now``; the rig's loop may go on meanwhile.
        now: CLOCK_MONOTONIC.

    Attributes:
        starts: How often it was switched on.
    """

    def __init__(  # noqa: PLR0913 - pause and now are the rig's
        self,
        command: Sequence[str],
        ready: str | None = None,
        *,
        cold: Sequence[str] = (),
        ready_ns: int = READY_NS,
        stop_ns: int = STOP_NS,
        log: Path | None = None,
        pause: Pause = sleep_until,
        now: Now = time.monotonic_ns,
    ) -> None:
        self.command = tuple(command)
        self.starts = 0
        self._ready = ready
        self._cold = tuple(cold)
        self._ready_ns, self._stop_ns = ready_ns, stop_ns
        self._pause, self._now = pause, now
        self._output = _Output(log, ready)
        self._process: subprocess.Popen[bytes] | None = None
        self._starved = False  # it would run if it had a supply
        self._has_begun = False  # it has once become ready

    def attach(self, medium: Medium) -> None:
        """It is on the bus by itself."""

    @property
    def pid(self) -> int | None:
        """Of the process, which leads a group of its own; ``None`` while it is switched off."""
        return None if self._process is None else self._process.pid

    def power_on(self, *, cold: bool) -> None:
        """Start it anew, and wait until it is ready.

        Raises:
            FirmwareError: If it cannot be started; or has never begun, and ends at once or does not become
                ready in time.
            BmsEndedError: If it does that later.
        """
        self.begin(cold=cold)
        try:
            self._await_ready()
        except FirmwareError as error:
            self.power_off()
            if not self._has_begun:
                raise
            raise BmsEndedError(error.reason, remedy=error.remedy) from error
        except BaseException:
            self.power_off()
            raise
        self._has_begun = True

    def _await_ready(self) -> None:
        end_ns = self._now() + self._ready_ns
        while not self.is_ready():
            self.check()
            if self._now() >= end_ns:
                raise self._not_ready()
            self._pause(self._now() + _LOOK_NS)

    def begin(self, *, cold: bool) -> None:
        """Start it anew without waiting; :meth:`is_ready` says when it is.

        Raises:
            FirmwareError: If it cannot be started.
        """
        self.power_off()
        command = [find_program(self.command[0]), *self.command[1:], *(self._cold if cold else ())]
        if not command[0]:
            raise self._trouble("there is no such program", remedy="give its path, or put it on PATH")
        self._output.begin()
        try:
            self._process = subprocess.Popen(
                _leashed(command),
                stdin=subprocess.DEVNULL,
                stdout=self._output.writer,
                stderr=subprocess.STDOUT,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
                process_group=0,
            )
        except OSError as error:
            raise self._trouble(f"cannot be started: {error.strerror}") from error
        self.starts += 1

    def is_ready(self) -> bool:
        """Whether it is switched on, runs, and has said that it listens."""
        self._output.read()
        return self.alive() and self._output.is_ready

    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and _end_of(self._process) is None

    def trouble(self) -> FirmwareError | None:
        """What has happened to it that nobody asked for; nothing while it is switched off."""
        if self._process is None:
            return None
        code = _end_of(self._process)
        self._output.read()
        if code is not None:
            return self._trouble(f"the BMS's process ended by itself ({_how(code)})", str(self._output))
        if self._output.restarts:
            return self._trouble("the BMS's process started anew by itself", str(self._output))
        return None

    def check(self) -> None:
        """Look after it; cheap enough for a hundred times a second.

        Raises:
            FirmwareError: If it has died, or has started anew by itself.
        """
        error = self.trouble()
        if error is not None:
            raise error

    def power_off(self) -> None:
        """End it: asked first, then by force, with all that it has started. It is always reaped."""
        process, self._process = self._process, None
        self._starved = False
        if process is None:
            return
        try:
            if _end_of(process) is None:
                end_group(process, signal.SIGTERM)
                end_ns = self._now() + self._stop_ns
                while _end_of(process) is None and self._now() < end_ns:
                    self._pause(self._now() + _LOOK_NS)
        finally:
            # also when it has ended: what it has started may not have
            end_group(process, KILL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_REAP_S)

    def supply(self, on: bool) -> None:
        """End it without asking when the supply fails; start it with its memory when that comes back.

        Raises:
            FirmwareError: If it cannot be started.
        """
        if not on and self._process is not None:
            process, self._process = self._process, None
            end_group(process, KILL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_REAP_S)
            self._starved = True
        elif on and self._starved:
            self.begin(cold=False)

    def close(self) -> None:
        """Switch it off for good."""
        self.power_off()
        self._output.close()

    def _not_ready(self) -> FirmwareError:
        seconds = self._ready_ns / NS_PER_S
        reason = f"did not say {self._ready!r} within {seconds:g} s"
        return self._trouble(reason, str(self._output), "it has to flush that line")

    def _trouble(self, reason: str, detail: str = "", remedy: str = "") -> FirmwareError:
        text = f"{reason}; {detail}" if detail else reason
        return FirmwareError(text, place=" ".join(self.command), key=_KEY, remedy=remedy)


KILL = getattr(signal, "SIGKILL", signal.SIGTERM)  # on Windows, SIGTERM is as hard


def find_program(program: str) -> str:
    """The program's path: beside this Python, where ``hil`` itself is, else on PATH; empty if nowhere."""
    return shutil.which(program, path=str(Path(sys.executable).parent)) or shutil.which(program) or ""


def _leashed(command: list[str]) -> list[str]:
    """The command in such a way that it does not outlive this process, where the system can do that."""
    if sys.platform != "linux":
        return command
    return [sys.executable, "-I", "-S", leash.__file__, str(os.getpid()), *command]


def _end_of(process: subprocess.Popen[bytes]) -> int | None:
    """How it ended, as ``Popen.returncode`` has it; it stays unreaped, so that its number is its own."""
    if process.returncode is not None or not hasattr(os, "waitid"):
        return process.poll()
    try:
        ended = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:  # somebody else has reaped it
        return process.poll()
    if ended is None:
        return None
    return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status


def end_group(process: subprocess.Popen[Any], number: signal.Signals) -> None:
    """Signal the process and all that it has started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg") and process.returncode is None:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)


def _how(code: int) -> str:
    """An exit status in words."""
    with contextlib.suppress(ValueError):
        if code < 0:
            return f"killed by {signal.Signals(-code).name}"
    return f"exit status {code}"
