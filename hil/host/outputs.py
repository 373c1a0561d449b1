"""The outputs that the safe state switches: a command line each, run side by side while the buses go on."""

from __future__ import annotations

import contextlib
import shlex
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hil.bms.process import KILL, end_group, find_program
from hil.clock import NS_PER_MS, NS_PER_S
from hil.realtime.sleep import Now

SWITCH_NS = 10 * NS_PER_S  # for a command to do its work
_LOOK_NS = 20 * NS_PER_MS
_REAP_S = 5.0  # after SIGKILL
_READ_S = 0.1  # for what it complained of
_LONGEST = 300  # characters of what a command complains of

Pause = Callable[[int], object]


@dataclass(frozen=True)
class _Started:
    """A command: its process, or why there is none."""

    process: subprocess.Popen[bytes] | None
    reason: str = ""

    @property
    def is_at_work(self) -> bool:
        return self.process is not None and self.process.poll() is None


def switch_outputs(
    commands: Sequence[Sequence[str]], pause: Pause, now: Now = time.monotonic_ns
) -> dict[str, str]:
    """Run all of them at once; one that fails keeps no other from its work.

    Args:
        commands: Program and arguments of each.
        pause: Lets so many ns pass; the rig's loop may go on meanwhile.
        now: CLOCK_MONOTONIC.

    Returns:
        What went wrong, by the command line; empty if nothing.
    """
    started = {shlex.join(command): _start(command) for command in commands}
    end_ns = now() + SWITCH_NS
    while any(one.is_at_work for one in started.values()) and now() < end_ns:
        pause(_LOOK_NS)
    return {text: _outcome(one) for text, one in started.items()}


def _start(command: Sequence[str]) -> _Started:
    program = find_program(command[0])
    if not program:
        return _Started(None, "there is no such program")
    try:
        process = subprocess.Popen(
            [program, *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            process_group=0,  # a Ctrl-C that leads to the safe state must not end it
        )
    except OSError as error:
        return _Started(None, f"cannot be started: {error.strerror}")
    return _Started(process)


def _outcome(started: _Started) -> str:
    """What went wrong; a command that is still at work is ended."""
    process = started.process
    if process is None:
        return started.reason
    in_time = not started.is_at_work
    if not in_time:
        end_group(process, KILL)
    said = b""
    with contextlib.suppress(subprocess.TimeoutExpired):  # what it has started may still hold the pipe
        _, said = process.communicate(timeout=_REAP_S if not in_time else _READ_S)
    if not in_time:
        return f"did not end within {SWITCH_NS / NS_PER_S:g} s"
    if process.returncode == 0:
        return ""
    text = " | ".join(said.decode(errors="replace").split("\n")).strip(" |")
    return f"exit status {process.returncode}: {text[-_LONGEST:] or 'it said nothing'}"
