"""What a process may ask of Linux so that it wakes on time: asked for one by one, told, and given back.

Nothing here is needed: a machine that grants none of it runs the rig too, only later and less evenly. What
was granted goes into the record, since it tells how far the timing of a run can be trusted.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

if sys.platform == "linux":
    import resource

PRIORITY = 50  # of SCHED_FIFO: above all normal programs, with the kernel's interrupt threads
_SLACK_NS = 1  # the kernel may wake a sleeper this much later; it starts with 50 us
_PR_SET_TIMERSLACK, _PR_GET_TIMERSLACK = 29, 30
_MCL_CURRENT, _MCL_FUTURE = 1, 2
_CAP_IPC_LOCK = 14
_STATUS = Path("/proc/self/status")
_ISOLATED = Path("/sys/devices/system/cpu/isolated")

Undo = Callable[[], None]


@dataclass(frozen=True)
class Wanted:
    """What to ask for.

    Attributes:
        priority: Of SCHED_FIFO, 1 to 99; 0: stay as it is.
        memory: Lock all memory, so that no access waits for the disk.
        timer_slack: Wake at the instant asked for, not up to 50 us later.
        collector: Keep Python's cyclic garbage collector from stopping the program.
        cpu: Run on this CPU only; -1: on an isolated one if the machine has any; ``None``: on any.
    """

    priority: int = PRIORITY
    memory: bool = True
    timer_slack: bool = True
    collector: bool = True
    cpu: int | None = -1


@dataclass(frozen=True)
class Right:
    """One thing that was asked for.

    Attributes:
        name: As a report calls it.
        granted: Whether it is in force.
        text: What is in force, or why it is not.
        remedy: What would change that; empty if granted.
    """

    name: str
    granted: bool
    text: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.text}" if self.granted else f"no {self.name}: {self.text}"


class Rights:
    """What was asked for, and what is in force until :meth:`give_back`.

    Attributes:
        asked: Each thing that was asked for.
    """

    def __init__(self, asked: tuple[Right, ...], undo: list[Undo]) -> None:
        self.asked = asked
        self._undo = undo

    @property
    def granted(self) -> tuple[str, ...]:
        """Names of what is in force."""
        return tuple(right.name for right in self.asked if right.granted)

    @property
    def missing(self) -> tuple[Right, ...]:
        """What was not granted, with the reasons."""
        return tuple(right for right in self.asked if not right.granted)

    def __str__(self) -> str:
        return "; ".join(map(str, self.asked))

    def give_back(self) -> None:
        """Be a normal process again; further calls do nothing."""
        while self._undo:
            self._undo.pop()()


def take_rights(wanted: Wanted = Wanted()) -> Rights:
    """Ask for all that is wanted; never fails.

    Priority and CPU are those of the calling thread and of threads that it starts, not of its children.
    """
    # the slack before the priority, for a real-time thread has none that could be set
    tries: list[tuple[bool, Callable[[], tuple[Right, Undo | None]]]] = [
        (wanted.collector, _tame_collector),
        (wanted.memory, _lock_memory),
        (wanted.timer_slack, _cut_slack),
        (wanted.cpu is not None, lambda: _pin(wanted.cpu)),
        (wanted.priority > 0, lambda: _raise_priority(wanted.priority)),
    ]
    asked, undos = [], []
    for is_wanted, take in tries:
        if is_wanted:
            right, undo = take()
            asked.append(right)
            if undo is not None:
                undos.append(undo)
    return Rights(tuple(asked), undos)


@contextmanager
def rights(wanted: Wanted = Wanted()) -> Iterator[Rights]:
    """:func:`take_rights`, given back at the end."""
    taken = take_rights(wanted)
    try:
        yield taken
    finally:
        taken.give_back()


def tidy() -> None:
    """Collect garbage now; for a moment at which nothing is due, while the collector is tamed."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def _tame_collector() -> tuple[Right, Undo]:
    """Off: a full collection takes 10 ms for 100,000 objects, and a history of frames is made of them."""
    name = "quiet garbage collector"
    was_on = gc.isenabled()
    gc.collect()
    gc.freeze()
    gc.disable()

    def undo() -> None:
        gc.unfreeze()
        if was_on:
            gc.enable()

    return Right(name, True, "it runs only when asked to"), undo


def _lock_memory() -> tuple[Right, Undo | None]:
    name = "locked memory"
    if sys.platform != "linux":
        return _elsewhere(name), None
    _lift_limit(resource.RLIMIT_MEMLOCK)
    limit, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    unlimited = limit == resource.RLIM_INFINITY or _capable(_CAP_IPC_LOCK)
    # with a limit, memory that is asked for later would be refused once it is reached
    result = _libc("mlockall", _MCL_CURRENT | (_MCL_FUTURE if unlimited else 0))
    if result != 0:
        remedy = "`* - memlock unlimited` in /etc/security/limits.d/hil.conf, then log in anew"
        reason = f"{os.strerror(ctypes.get_errno())}; the limit is {limit // 1024} KiB"
        return Right(name, False, reason, remedy), None
    text = "all, and all that comes" if unlimited else "what there was at the start; the limit forbids more"
    return Right(name, True, text), lambda: _ignore(_libc("munlockall"))


def _cut_slack() -> tuple[Right, Undo | None]:
    name = "short timer slack"
    if sys.platform != "linux":
        return _elsewhere(name), None
    before = _libc("prctl", _PR_GET_TIMERSLACK, 0, 0, 0, 0)
    if before < 0 or _libc("prctl", _PR_SET_TIMERSLACK, _SLACK_NS, 0, 0, 0) != 0:
        return Right(name, False, os.strerror(ctypes.get_errno()), "allow prctl in this container"), None
    text = f"{_SLACK_NS} ns in place of {before / 1000:g} us"
    return Right(name, True, text), lambda: _ignore(_libc("prctl", _PR_SET_TIMERSLACK, before, 0, 0, 0))


def _pin(cpu: int | None) -> tuple[Right, Undo | None]:
    name = "CPU of its own"
    if sys.platform != "linux":
        return _elsewhere(name), None
    if cpu is None or cpu < 0:
        isolated = isolated_cpus(_read(_ISOLATED))
        if not isolated:
            remedy = "isolcpus=managed_irq,domain,1 on the kernel's command line"
            return Right(name, False, "this machine keeps none free", remedy), None
        cpu = isolated[-1]
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {cpu})
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        return Right(name, False, f"CPU {cpu}: {reason}", "name a CPU of `nproc --all`"), None
    return Right(name, True, f"CPU {cpu}"), lambda: os.sched_setaffinity(0, before)


def _raise_priority(priority: int) -> tuple[Right, Undo | None]:
    """SCHED_FIFO; what this process starts is normal again."""
    name = "real-time priority"
    if sys.platform != "linux":
        return _elsewhere(name), None
    _lift_limit(resource.RLIMIT_RTPRIO)
    limit, _ = resource.getrlimit(resource.RLIMIT_RTPRIO)
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    error: OSError | None = None
    for level in dict.fromkeys((priority, min(priority, limit) if limit > 0 else priority)):
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(level))
        except OSError as refusal:
            error = refusal
        else:
            return Right(name, True, f"SCHED_FIFO {level}"), lambda: _lower_priority(*before)
    remedy = f"`* - rtprio {priority}` in /etc/security/limits.d/hil.conf, then log in anew"
    reason = f"{error.strerror if error else 'refused'}; the limit is {limit}"
    return Right(name, False, reason, remedy), None


def _lower_priority(policy: int, param: os.sched_param) -> None:
    if sys.platform != "linux":
        return
    try:
        os.sched_setscheduler(0, policy, param)
    except PermissionError:  # only the administrator may have children inherit again
        with suppress(OSError):
            os.sched_setscheduler(0, policy | os.SCHED_RESET_ON_FORK, param)


def isolated_cpus(text: str) -> list[int]:
    """The CPUs in a kernel list such as ``2-3,6``."""
    cpus: list[int] = []
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        if first.isdigit():
            cpus += range(int(first), int(last or first) + 1)
    return cpus


def _lift_limit(which: int) -> None:
    """Raise a soft limit to the hard one, which everybody may."""
    if sys.platform == "linux":
        with suppress(OSError, ValueError):
            _, hard = resource.getrlimit(which)
            resource.setrlimit(which, (hard, hard))


def _capable(capability: int) -> bool:
    """Whether this process has a capability in force."""
    for line in _read(_STATUS).splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> capability & 1)
    return False


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _libc(function: str, *arguments: int) -> int:
    """Call a function of the C library; -1 where it has none of that name."""
    try:
        call = getattr(ctypes.CDLL(None, use_errno=True), function)
    except (AttributeError, OSError, TypeError):
        return -1
    result = call(arguments[0], *map(ctypes.c_ulong, arguments[1:])) if arguments else call()
    return int(result)


def _ignore(_result: int) -> None:
    """A right that cannot be given back is no reason to fail."""


def _elsewhere(name: str) -> Right:
    return Right(name, False, f"not looked for on {sys.platform}", "run the rig on Linux")
