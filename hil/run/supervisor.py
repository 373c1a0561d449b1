"""Watches over the process that runs the tests, so that a run always ends and always has its record.

Firmware under test is foreign code in the test process: it may crash it, or never return from a step. The
supervisor reads the sign of life that brackets every firmware call, ends a process that hangs, and completes
the record of one that died.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hil.bms.heartbeat import read_heartbeat
from hil.checks.verdict import Verdict
from hil.errors import FirmwareError, RigTroubleError
from hil.report.record import Event, Recorder, read_events
from hil.run.session import RECORD_NAME, RunOptions

_HANG_S = 5.0  # a step of firmware takes microseconds
_POLL_S = 0.1
_GRACE_S = 10.0  # for the test process to write its last lines after Ctrl-C


@dataclass(frozen=True)
class Ending:
    """How the test process ended.

    Attributes:
        code: Its exit status; negative: the signal that ended it.
        in_firmware: It was inside a firmware call when it ended.
        hung: It was ended by the supervisor, because a firmware call did not return.
        interrupted: The user pressed Ctrl-C.
    """

    code: int
    in_firmware: bool = False
    hung: bool = False
    interrupted: bool = False


def run_tests(rig: Path, options: RunOptions, arguments: Sequence[str]) -> Ending:
    """Run the suite in a process of its own, and wait for its end.

    Args:
        rig: The rig file.
        options: Of the run; a heartbeat file of the supervisor's own is used.
        arguments: More arguments for pytest.
    """
    with tempfile.TemporaryDirectory(prefix="hil-") as folder:
        heartbeat = Path(folder) / "heartbeat"
        command = [sys.executable, "-P", "-m", "pytest", *_options(rig, options, heartbeat)]
        with subprocess.Popen([*command, *arguments], stdin=subprocess.DEVNULL) as process:  # noqa: S603
            return _watch(process, heartbeat)


def _options(rig: Path, options: RunOptions, heartbeat: Path) -> list[str]:
    from importlib.resources import files

    suite = Path(str(files("hil.suite")))
    given = {
        "--rig": rig,
        "--hil-out": options.out,
        "--hil-seed": options.seed,
        "--hil-trace": options.trace,
        "--hil-heartbeat": heartbeat,
        # the suite's own settings, whatever pytest settings lie in the user's folder
        "-c": suite / "pytest.ini",
        "--rootdir": suite,
    }
    pairs = [str(part) for pair in given.items() for part in pair]
    quiet = ["-qq", "--tb=no", "--no-summary", "-p", "no:cacheprovider", "--hil-progress"]
    return [*pairs, *quiet, "--pyargs", "hil.suite"]


def _watch(process: subprocess.Popen[bytes], heartbeat: Path) -> Ending:
    """Wait for the end; a firmware call that does not return for seconds is ended."""
    last, since, interrupted = 0, time.monotonic(), False
    while True:
        try:
            code = process.wait(_POLL_S)
        except KeyboardInterrupt:
            interrupted = True
            code = _after_interrupt(process)
        except subprocess.TimeoutExpired:
            beat = read_heartbeat(heartbeat)
            if beat != last:
                last, since = beat, time.monotonic()
            elif beat % 2 and time.monotonic() - since > _HANG_S:
                process.kill()
                return Ending(process.wait(), in_firmware=True, hung=True)
            continue
        return Ending(code, read_heartbeat(heartbeat) % 2 == 1, interrupted=interrupted)


def _after_interrupt(process: subprocess.Popen[bytes]) -> int:
    """Ctrl-C reached the test process too; give it time to close its record."""
    with contextlib.suppress(KeyboardInterrupt, subprocess.TimeoutExpired):
        return process.wait(_GRACE_S)
    process.kill()
    return process.wait()


def complete_record(out: Path, ending: Ending) -> list[Event]:
    """The events of a run; what a process that died could not write is added.

    Raises:
        RigTroubleError: If there is no record at all.
    """
    path = out / RECORD_NAME
    if not path.exists():
        raise RigTroubleError(
            f"the test process ended with status {ending.code} before it wrote a record",
            place=str(path),
        )
    events = read_events(path)
    if any(event["event"] == "end" for event in events):
        return events
    with Recorder(path, append=True) as recorder:
        _conclude(recorder, events, ending)
    return read_events(path)


def _conclude(recorder: Recorder, events: Sequence[Event], ending: Ending) -> None:
    begun = [event for event in events if event["event"] == "test"]
    ended = {event["test"] for event in events if event["event"] == "verdict"}
    verdicts = Counter(str(e["verdict"]) for e in events if e["event"] == "verdict")
    cause = _cause(events, ending)
    for event in begun:
        if event["test"] not in ended:
            reason = "interrupted" if ending.interrupted else str(cause)
            recorder.verdict(event["test"], Verdict.ERROR.value, reason, event["t_ns"], 0)
            verdicts[Verdict.ERROR.value] += 1
    if not ending.interrupted and not any(e["event"] == "trouble" for e in events):
        recorder.trouble(cause)
    code = 130 if ending.interrupted else 3
    recorder.end(dict(sorted(verdicts.items())), code, None, interrupted=ending.interrupted)


def _cause(events: Sequence[Event], ending: Ending) -> RigTroubleError:
    run = next((event for event in events if event["event"] == "run"), {})
    place = str(run.get("firmware", {}).get("file", ""))
    remedy = "run the firmware under a debugger with the trace of this run; see docs/your-firmware.md"
    if ending.hung:
        reason = f"a call of the firmware did not return within {_HANG_S:g} s"
        return FirmwareError(reason, place=place, key="bms.library", remedy=remedy)
    how = f"status {ending.code}"
    if ending.code < 0:
        with contextlib.suppress(ValueError):
            how = signal.Signals(-ending.code).name
    if ending.in_firmware:
        reason = f"the firmware crashed the test process ({how})"
        return FirmwareError(reason, place=place, key="bms.library", remedy=remedy)
    return RigTroubleError(f"the test process died ({how})", remedy="start the run again")
