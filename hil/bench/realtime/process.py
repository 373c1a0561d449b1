"""Processes of a measurement: programs of this package, the bare loop in C, one that loads a core."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hil.bench.realtime.local import LocalBus
from hil.mutants.build import compiler
from hil.realtime.rights import PRIORITY

Say = Callable[[str], None]
Process = subprocess.Popen[str]

FULL_BUS = 4000  # frames a second, about, of 500 kbit/s
_SOURCE = Path(__file__).with_name("bare_loop.c")


@dataclass(frozen=True)
class Load:
    """What a plant has to do.

    Attributes:
        messages: Messages with the voltages of four cells each, on each bus.
        cycle_ns: Their cycle time.
        cells: In series.
        step_ns: Time between two steps of the twins.
        buses: How many.
    """

    messages: int
    cycle_ns: int
    cells: int = 96
    step_ns: int = 10_000_000
    buses: int = 1


@dataclass(frozen=True)
class Machine:
    """Where, and beside what, something is measured.

    Attributes:
        bare: The bare loop, compiled; ``None`` where nothing can compile it.
        cpu: The one CPU of rig, bare loop and load; ``None``: any.
        loaded: Whether a normal program needs all of a core meanwhile.
        say: Told what a user must know.
        frames: What a full bus carries each second, in and out: less where system calls are dear.
    """

    bare: Path | None = None
    cpu: int | None = None
    loaded: bool = False
    say: Say = print
    frames: int = FULL_BUS

    @property
    def name(self) -> str:
        """As figures call it."""
        return "one core loaded" if self.loaded else "idle"

    @contextlib.contextmanager
    def load(self) -> Iterator[None]:
        """With the program that loads a core, if there is to be one."""
        if not self.loaded:
            yield
            return
        own = "" if self.cpu is None else f"import os; os.sched_setaffinity(0, {{{self.cpu}}})\n"
        spinner = subprocess.Popen([sys.executable, "-S", "-c", f"{own}while True: pass"])
        try:
            yield
        finally:
            spinner.kill()
            spinner.wait()


def start(module: str, *arguments: object, inherit: Sequence[LocalBus] = ()) -> Process:
    """A program of this package as a process of its own; it speaks and hears lines."""
    command = [sys.executable, "-P", "-m", f"hil.bench.realtime.{module}", *map(str, arguments)]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, pass_fds=descriptors(inherit)
    )


def descriptors(buses: Sequence[LocalBus]) -> list[int]:
    """Of both ends of each bus, in turn."""
    return [end.fileno() for bus in buses for end in bus]


@contextlib.contextmanager
def ended(process: Process) -> Iterator[Process]:
    """The process, which is no more in the end, whatever happens."""
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def hear(process: Process) -> Any:
    """What a process says next, as JSON.

    Raises:
        RuntimeError: If it has ended.
    """
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        raise RuntimeError(f"{process.args!r} has ended")
    return json.loads(line)


@contextlib.contextmanager
def built(say: Say) -> Iterator[Path | None]:
    """The bare loop, compiled; ``None`` where nothing can compile it, which is told."""
    cc = compiler()
    if cc is None:
        say("no C compiler here: nothing is compared with the bare loop")
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="hil-bench-") as folder:
        program = Path(folder) / "bare_loop"
        command = [cc, "-std=c11", "-O2", "-o", str(program), str(_SOURCE)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode != 0 or not os.access(program, os.X_OK):
            say(f"the bare loop cannot be compiled: {done.stderr.strip()}")
            yield None
            return
        yield program


def start_bare(
    machine: Machine,
    load: Load,
    buses: Sequence[LocalBus],
    seconds: float,
    *,
    cells: bool = False,
    client: int = -1,
) -> Process:
    """The bare loop with the work of a plant; it says how that went when it has ended.

    Args:
        machine: Where; must have the bare loop.
        load: Its work.
        buses: Its buses.
        seconds: For how long.
        cells: Whether it steps cells and takes what comes, as a plant; else it only sends.
        client: Descriptor of the client whose requests it sends.
    """
    numbers = [load.messages, load.cycle_ns, load.cells * cells, load.step_ns, seconds, PRIORITY]
    ends = descriptors(buses)
    cpu = -1 if machine.cpu is None else machine.cpu
    command = [str(machine.bare), *map(str, [*numbers, cpu, client, *ends])]
    inherit = [number for number in [*ends, client] if number >= 0]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, pass_fds=inherit)
