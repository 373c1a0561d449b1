"""Kills: a run loses its test process, its plant, its BMS or its guard at a random instant.

Whole runs of ``hil run`` on two emulated adapters that share a bus. After a kill the safe state must be
reached and recorded, no process may be left, and the next run must begin as if nothing had been. That is the
run of the next kill; after the last one it is a run that nobody disturbs.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from hil.bench import Figure
from hil.bench.realtime.process import Machine, Say
from hil.bus.slcan_twin import serving
from hil.clock import NS_PER_MS, NS_PER_S
from hil.realtime.sleep import sleep_until
from hil.run.command import HIL

_VICTIMS = ("test", "host", "BMS", "guard")
_INSTANT_NS = 3 * NS_PER_S  # a kill comes within this time after the begin of the test
_BEGIN_NS = 180 * NS_PER_S  # on a machine that does much else
_END_NS = 60 * NS_PER_S
_ORPHAN_NS = 30 * NS_PER_S  # what still runs then was forgotten
_LOOK_NS = 20 * NS_PER_MS
_PER_LOAD = 2 * len(_VICTIMS)  # so many kills, the second half of them with one core loaded
_TEST = '''
def test_it_lasts(rig):
    """The BMS operates for a while."""
    rig.operate()
    rig.run_for("{seconds} s")
'''
_RIG = """
extends = "laptop"
[rig]
name = "kills"
title = "On two emulated adapters"
time = "real"
[bus.pack]
interface = "slcan"
channel = "{folder}/can-a"
[bms]
{bms}
[health]
missed_frames = 1
missed_steps = 1
frame_late = "9 s"
frame_late_p99 = "9 s"
step_late = "9 s"
test_late = "9 s"
bms_wait = "9 s"
"""
_OWN_BMS = """kind = "process"
command = "hil bms --interface slcan --channel {folder}/can-b --memory {{memory}}"
ready = "ready on"
cold = "--cold"
"""
_FOREIGN_BMS = 'kind = "external"'
_RIG_TROUBLE = 3  # exit code



@dataclass(frozen=True)
class Aftermath:
    """What one kill left.

    Attributes:
        began: The run before it began as it should, whatever the kill before that was.
        safe: The safe state was reached, and is recorded.
        orphans: Processes that were left.
        told: What there is to say if all was not well.
    """

    began: bool
    safe: bool
    orphans: int
    told: str


def run(count: int, say: Say) -> list[Figure]:
    """Kill so often, each victim in turn, four idle and four with one core loaded.

    After that a run that nobody disturbs must pass.
    """
    say(f"measuring kills, {count} of them …")
    with _bench() as folder:
        found = []
        for number, victim in enumerate(islice(cycle(_VICTIMS), count)):
            loaded = 2 * (number % _PER_LOAD) >= _PER_LOAD
            with Machine(loaded=loaded).load():
                found.append(_kill(folder, victim, number, say))
        last = _undisturbed(folder, count, say)
    began = sum(one.began for one in found[1:]) + last  # of the runs after a kill
    safe = sum(one.safe for one in found)
    orphans = sum(one.orphans for one in found)
    total = f"of {count}"
    return [
        Figure("kills: safe state reached and recorded", safe, total, f"{count}", safe == count),
        Figure("kills: the next run starts clean", began, total, f"{count}", began == count),
        Figure("kills: processes left", orphans, "", "0", orphans == 0),
    ]


@contextlib.contextmanager
def _bench() -> Iterator[Path]:
    """A folder with two adapters on one bus."""
    with tempfile.TemporaryDirectory(prefix="hil-bench-") as name:
        folder = Path(name)
        (folder / "run").mkdir(mode=0o700)
        with serving(folder / "can-a", folder / "can-b"):
            yield folder


def _kill(folder: Path, victim: str, number: int, say: Say) -> Aftermath:
    """One run, one kill."""
    # a BMS that outlives the plant shows that somebody opens its contactors
    seconds = 4 if victim == "guard" else 60  # only without its guard a run goes on to its end
    out, arguments = _prepared(folder, number, foreign=victim == "host", seconds=seconds)
    with contextlib.ExitStack() as stack:
        if victim == "host":
            at = ("--interface", "slcan", "--channel", str(folder / "can-b"))
            stack.enter_context(_running(folder, "bms", *at, "--cold"))
        process = stack.enter_context(_running(folder, "run", *arguments))
        _until(lambda: _events(out / "record.jsonl", "test") or process.poll() is not None, _BEGIN_NS)
        began = process.poll() is None and bool(_events(out / "record.jsonl", "test"))
        safe = began and _murder(folder, out, process, victim, number)
    _until(lambda: not _processes(str(folder)), _ORPHAN_NS)
    left = [_command(pid).replace("\0", " ") for pid in _processes(str(folder))]
    reasons = [event["reason"].split("\n")[0] for event in _events(out / "record.jsonl", "verdict")]
    aftermath = Aftermath(began, safe, len(left), " | ".join([*left, *reasons, _last_words(folder)]))
    if not (began and safe) or aftermath.orphans:
        say(f"kill {number + 1} ({victim}): {aftermath}")
    return aftermath


def _undisturbed(folder: Path, number: int, say: Say) -> bool:
    """Whether a run that nobody disturbs passes."""
    _, arguments = _prepared(folder, number, foreign=False, seconds=1)
    with _running(folder, "run", *arguments) as process:
        passed = _until(lambda: process.poll() is not None, _BEGIN_NS) and process.returncode == 0
    if not passed:
        say(f"the run after the last kill: {_last_words(folder)}")
    return passed


def _prepared(folder: Path, number: int, *, foreign: bool, seconds: int) -> tuple[Path, list[str]]:
    """Where a run's output goes, and the arguments of ``hil run``; its rig and its test are written."""
    rig, out, test = folder / "kills.toml", folder / f"out{number}", folder / "test_one.py"
    bms = _FOREIGN_BMS if foreign else _OWN_BMS.format(folder=folder)
    rig.write_text(_RIG.format(folder=folder, bms=bms))
    test.write_text(_TEST.format(seconds=seconds))
    return out, [str(rig), "--out", str(out), "--", str(test)]


def _murder(folder: Path, out: Path, process: subprocess.Popen[bytes], victim: str, number: int) -> bool:
    """Kill at a random instant; whether the safe state came of it, and is recorded."""
    plant = int(_events(out / "record.jsonl", "run")[0]["host"]["pid"])
    delay_ns = random.Random(number).randrange(_INSTANT_NS)
    sleep_until(time.monotonic_ns() + delay_ns)
    victims: list[int] = []

    def found() -> bool:  # a BMS may not be switched on yet
        victims[:] = _victims(folder, process.pid, plant)[victim]
        return bool(victims)

    if not _until(found):
        return False
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    if not _until(lambda: process.poll() is not None):
        return False
    return _until(lambda: _is_safe(out, victim, process.returncode), 10 * NS_PER_S)


def _is_safe(out: Path, victim: str, code: int) -> bool:
    """Whether a run's record tells of the safe state as it must after a kill, and it ended as it must."""
    log = out / "safe_state.jsonl"
    if victim in ("test", "host"):
        if code != _RIG_TROUBLE or _events(log, "not reached") or not _events(log, "reached"):
            return False
        *_, reached = _events(log, "reached")
        if victim == "test":
            return "without a goodbye" in reached["reason"]
        # the BMS goes on, and says itself that its contactors are open
        return reached["who"] == "guard" and set(reached["contactors"].values()) == {"open"}
    # the test goes on to its own end, and to the safe state there
    ways = [event["text"] for event in _events(out / "record.jsonl", "step") if "safe state" in event["text"]]
    well = bool(ways) and all(text.startswith("safe state reached") for text in ways)
    if victim == "BMS":
        return well and code == _RIG_TROUBLE
    return well and code == 0 and bool(_events(log, "guard died"))


def _victims(folder: Path, runner: int, plant: int) -> dict[str, list[int]]:
    """Who can be killed, by name."""
    parents = {pid: _parent(pid) for pid in _processes(str(folder))}
    of_plant = [pid for pid, parent in parents.items() if parent == plant]
    guards = [pid for pid in of_plant if "hil.host.guard" in _command(pid)]
    tests = [pid for pid, parent in parents.items() if parent == runner and "pytest" in _command(pid)]
    return {"test": tests, "host": [plant], "guard": guards, "BMS": [p for p in of_plant if p not in guards]}


@contextlib.contextmanager
def _running(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A command; what of it still runs in the end is told to end."""
    output = (folder / "output").open("ab")
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(folder / "run")}
    process = subprocess.Popen(
        [*HIL, *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env=environment,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        output.close()


def _until(condition: Callable[[], object], for_ns: int = _END_NS) -> bool:
    """Wait until something is so; whether it came to that."""
    end_ns = time.monotonic_ns() + for_ns
    while not condition():
        if time.monotonic_ns() > end_ns:
            return False
        sleep_until(time.monotonic_ns() + _LOOK_NS)
    return True


def _events(path: Path, kind: str) -> list[dict[str, Any]]:
    """The whole lines of a log that tell of a kind of event."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    return [event for line in lines if (event := json.loads(line))["event"] == kind]


def _last_words(folder: Path) -> str:
    lines = (folder / "output").read_text(encoding="utf-8", errors="replace").splitlines()
    return " | ".join(line for line in lines[-5:] if line.strip())


def _processes(mark: str) -> list[int]:
    """Processes with a text in their command line, but for this one."""
    numbers = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [pid for pid in numbers if pid != os.getpid() and mark in _command(pid)]


def _command(pid: int) -> str:
    with contextlib.suppress(OSError):
        return (Path("/proc") / str(pid) / "cmdline").read_bytes().decode(errors="replace")
    return ""


def _parent(pid: int) -> int:
    with contextlib.suppress(OSError, IndexError):
        return int((Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])
    return -1
