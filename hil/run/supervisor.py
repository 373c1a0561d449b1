"""Watches over the process that runs the tests, so that a run always ends and always has its record.

Firmware under test is foreign code in the test process: it may crash it, or never return from a step. The
supervisor reads the sign of life that brackets every firmware call, ends a process that hangs, and completes
the record of one that died.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path

from hil.bms.heartbeat import (
    Call,
    read_heartbeat,
    read_hook_deadline,
    read_last_call,
    read_number_of_tests,
)
from hil.bms.process import KILL, end_group
from hil.checks.verdict import Verdict
from hil.clock import NS_PER_S
from hil.errors import FirmwareError, OutputError, RigTroubleError, UsageError
from hil.report.record import Event, Recorder, read_events
from hil.run.complaints import Complaints
from hil.run.output import RECORD_NAME
from hil.run.patience import Patience
from hil.run.session import RunOptions

_HANG_S = 5.0  # a step of firmware takes microseconds
_LOADED = 2  # signs of life when the firmware is loaded: from the next one on tests run
_HOOK_NS = 5_000_000_000  # for a hook that is overdue to be ended from inside
_POLL_S = 0.1
_LONGEST_LOOK_S = 0.5  # of the time between two looks; if it was longer, nothing here ran
_GRACE_S = 10.0  # for the test process to write its last lines after Ctrl-C
# no SIGKILL or SIGHUP on Windows
_FROM_OUTSIDE = {-getattr(signal, name, signal.SIGTERM) for name in ("SIGKILL", "SIGTERM", "SIGHUP")}
_INTERRUPT = getattr(signal, "CTRL_BREAK_EVENT", signal.SIGINT)  # what Windows has for a process group
_ENDS = {signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)}  # no SIGHUP on Windows
_NEW_GROUP = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)  # start_new_session is for POSIX
_PYTEST_USAGE, _PYTEST_NO_TESTS = 4, 5  # exit statuses
_LIST_TESTS = "hil run RIG -- --collect-only lists the tests"
_PYTEST_SETTINGS = ("PYTEST_ADDOPTS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD")  # meant for other projects
_LISTING = {"--collect-only", "--co", "--help", "-h", "--markers", "--fixtures", "--version"}


@dataclass(frozen=True)
class Ending:
    """How the test process ended.

    Attributes:
        code: Its exit status; negative: the signal that ended it.
        in_firmware: It was inside a firmware call when it ended.
        call: The last call of the firmware; ``at_ns`` its bus time.
        tests: How many tests it was to run, those before it included; 0: that was not known yet.
        hung: It was ended by the supervisor, because a firmware call did not return.
        in_hook: It was inside a hook of the rig file when it ended; by SIGKILL: the supervisor ended it,
            because the hook did not return.
        interrupted: The user pressed Ctrl-C.
        complaint: What pytest says is wrong with its arguments.
    """

    code: int
    in_firmware: bool = False
    hung: bool = False
    in_hook: bool = False
    interrupted: bool = False
    complaint: str = ""
    call: Call = Call.LOAD
    at_ns: int = 0
    tests: int = 0

    def is_of_bms(self) -> bool:
        """Whether it is the BMS's failure: firmware that had begun its life crashed, hung or ended it."""
        return self.in_firmware and not self.interrupted and self.call > Call.FIRST_INIT

    def of_firmware(self) -> str:
        """How the firmware ended it, in words."""
        where = "" if self.call is Call.LOAD else f" in {self.call.function}"
        when = f" at bus time {self.at_ns / NS_PER_S:.3f} s" if self.is_of_bms() else ""
        if self.hung:
            return f"the firmware did not return from {self.call.function} within {_HANG_S:g} s{when}"
        name = _signal_name(self.code)
        if name:
            return f"the firmware crashed ({name}){where}{when}"
        return f"the firmware ended the test process (exit status {self.code}){where}{when}"


@dataclass(frozen=True)
class Manner:
    """How a test process is watched over.

    Attributes:
        debug: Show tracebacks.
        silent: Show nothing of what it says; the record has it.
        is_over: Asked several times a second whether the process is to be ended as it is.
    """

    debug: bool = False
    silent: bool = False
    is_over: Callable[[], bool] = lambda: False


def run_tests(
    rig: Path, options: RunOptions, arguments: Sequence[str], manner: Manner = Manner()
) -> Ending:
    """Run the tests in a process of its own, and wait for its end.

    Args:
        rig: The rig file.
        options: Of the run; a heartbeat file of the supervisor's own is used.
        arguments: More arguments for pytest. Test files and folders among them run in the suite's place.
        manner: How it is watched over.
    """
    with tempfile.TemporaryDirectory(prefix="hil-") as folder, terminated_as_interrupted():
        heartbeat = Path(folder) / "heartbeat"
        command = [sys.executable, "-P", "-m", "pytest", *_rig_options(rig, options, heartbeat)]
        if options.settled:
            settled = Path(folder) / "settled"
            settled.write_text("\n".join(sorted(options.settled)), encoding="utf-8")
            command.append(f"--hil-settled={settled}")
        command += _settings(arguments, debug=manner.debug)
        if not any(map(_is_test, arguments)):
            command += _suite()
        complaints = Complaints(Path(folder) / "stderr", silent=manner.silent)
        # out of reach of the terminal's Ctrl-C: the supervisor hears it, and passes it on once
        with subprocess.Popen(
            [*command, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if manner.silent else None,
            stderr=complaints.file,
            env={name: value for name, value in os.environ.items() if name not in _PYTEST_SETTINGS},
            start_new_session=True,
            creationflags=_NEW_GROUP,
        ) as process:
            ending = _with_last_call(_watch(process, heartbeat, complaints, manner.is_over), heartbeat)
        complaints.close()
        if ending.code == _PYTEST_USAGE:
            return replace(ending, complaint=complaints.of_pytest())
        complaints.relay()
        return ending


def _rig_options(rig: Path, options: RunOptions, heartbeat: Path) -> list[str]:
    given: dict[str, object] = {
        "--rig": rig,
        "--hil-out": options.out,
        "--hil-seed": options.seed,
        "--hil-trace": options.trace,
        "--hil-heartbeat": heartbeat,
    }
    if options.repeat > 1:
        given["--hil-repeat"] = options.repeat
    if options.done:
        given["--hil-done"] = options.done
    if options.plant:
        given["--hil-plant"] = options.plant
    if options.share:
        given["--hil-share"] = options.share
    if options.durations is not None:
        given["--hil-durations"] = options.durations.absolute()
    if options.library is not None:
        given["--hil-library"] = options.library.absolute()
    return [f"{name}={value}" for name, value in given.items()]


def _settings(arguments: Sequence[str], *, debug: bool) -> list[str]:
    """How pytest behaves: the progress and the report say all that there is to say."""
    if debug:
        return ["-p", "no:cacheprovider", "-q", "--tb=short"]
    if only_lists(arguments):
        return ["-p", "no:cacheprovider", "-q"]
    # unraisableexception: five full collections at the end, for warnings that nobody would see
    left_out = ("cacheprovider", "faulthandler", "unraisableexception")
    return [*(word for name in left_out for word in ("-p", f"no:{name}")), "-qq", "--tb=no", "--no-summary"]


def only_lists(arguments: Sequence[str]) -> bool:
    """Whether pytest is asked to tell something rather than to run tests."""
    return not _LISTING.isdisjoint(arguments)


def _suite() -> list[str]:
    """The suite with its own settings, whatever pytest settings lie in the user's folder."""
    suite = Path(str(files("hil.suite")))
    settings = ["-c", str(suite / "pytest.ini"), f"--rootdir={suite}"]
    return [*settings, "-p", "no:hypothesispytest", str(suite)]  # that costs half a second where it is


def _is_test(argument: str) -> bool:
    path = Path(argument.partition("::")[0])
    try:
        is_test_file = path.suffix in (".py", ".toml") and path.is_file()
        return not argument.startswith("-") and (path.is_dir() or is_test_file)
    except OSError:  # too long for a file's name, such as an expression
        return False


@contextlib.contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """Take SIGTERM, and a terminal that is closed, as Ctrl-C: the run ends, and is reported."""
    taken = []
    if threading.current_thread() is threading.main_thread():
        taken = [number for number in _ENDS if signal.getsignal(number) == signal.SIG_DFL]
    for number in taken:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def _watch(
    process: subprocess.Popen[bytes], heartbeat: Path, complaints: Complaints, is_over: Callable[[], bool]
) -> Ending:
    """Wait for the end; a firmware call that does not return for seconds, or a hook, is ended."""
    try:
        last, patience = 0, Patience(process.pid, _LONGEST_LOOK_S)
        while process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_POLL_S)
            if is_over():
                end_group(process, KILL)  # with what hooks may have started
                return Ending(process.wait(), interrupted=True)
            beat = read_heartbeat(heartbeat)
            if beat != last:
                last = beat
                patience.renew()
                if beat > _LOADED:
                    complaints.relay()
            elif beat % 2 and patience.look() > _HANG_S:
                process.kill()
                return Ending(process.wait(), in_firmware=True, hung=True)
            until_ns = read_hook_deadline(heartbeat)
            if until_ns and time.monotonic_ns() > until_ns + _HOOK_NS:
                process.kill()
                return Ending(process.wait(), in_hook=True)
        code = process.returncode
        in_firmware = _is_by_firmware(code, read_heartbeat(heartbeat))
        in_hook = not in_firmware and code not in _FROM_OUTSIDE and bool(read_hook_deadline(heartbeat))
        return Ending(code, in_firmware=in_firmware, in_hook=in_hook)
    except KeyboardInterrupt:
        return Ending(_interrupt(process, heartbeat), interrupted=True)


def _is_by_firmware(code: int, beat: int) -> bool:
    """Whether firmware ended the process: within a call, and not by what only others end a process with."""
    return beat % 2 == 1 and code not in _FROM_OUTSIDE


def _with_last_call(ending: Ending, heartbeat: Path) -> Ending:
    call, at_ns = read_last_call(heartbeat)
    return replace(ending, call=call, at_ns=at_ns, tests=read_number_of_tests(heartbeat))


def _interrupt(process: subprocess.Popen[bytes], heartbeat: Path) -> int:
    """Pass Ctrl-C on, and give the test process time to close its record; a second one ends it."""
    with contextlib.suppress(KeyboardInterrupt, subprocess.TimeoutExpired):
        if heartbeat.exists():  # else it is still starting, and has nothing to lose
            process.send_signal(_INTERRUPT)
            return process.wait(_GRACE_S)
    process.kill()
    return process.wait()


def complete_record(out: Path, ending: Ending, firmware: Path | str) -> list[Event]:
    """The events of a run; what a process that died could not write is added. None: nothing was to be run.

    Args:
        out: The run's folder.
        ending: How the test process ended.
        firmware: What to name where it is the firmware's fault.

    Raises:
        UsageError: If no test could run, because of what the user asked for.
        OutputError: If the record lacks its end, and that cannot be added.
        KeyboardInterrupt: If the run was stopped before it had a record.
        RigTroubleError: If it died before it had one.
    """
    path = out / RECORD_NAME
    events = read_events(path) if path.exists() else []
    if not path.exists() and ending.interrupted:
        raise KeyboardInterrupt
    if not ending.interrupted and not any(event["event"] == "test" for event in events):
        _check_usage(events, ending)
    if not path.exists():
        if ending.code == 0:
            return []
        raise _cause(ending, firmware)
    if any(event["event"] == "end" for event in events):
        return events
    with Recorder(path, append=True) as recorder:
        _conclude(recorder, events, ending, _cause(ending, firmware))
    return read_events(path)


def _check_usage(events: Sequence[Event], ending: Ending) -> None:
    """Nothing has run: whether that is the user's doing."""
    trouble = next((event for event in events if event["event"] == "trouble"), None)
    if trouble is not None:
        if trouble["kind"] == UsageError.__name__:
            raise UsageError(trouble["reason"], place=trouble["place"], remedy=trouble["remedy"])
    elif ending.code == _PYTEST_USAGE:
        raise UsageError(ending.complaint, place="arguments of pytest", remedy=_LIST_TESTS)
    elif ending.code == _PYTEST_NO_TESTS:
        raise UsageError("no test matches", remedy=_LIST_TESTS)


def _conclude(
    recorder: Recorder, events: Sequence[Event], ending: Ending, cause: RigTroubleError
) -> None:
    begun = [event for event in events if event["event"] == "test"]
    ended = {event["test"] for event in events if event["event"] == "verdict"}
    verdicts = Counter(str(e["verdict"]) for e in events if e["event"] == "verdict")
    for event in begun:
        if event["test"] not in ended:
            reason = "interrupted" if ending.interrupted else _told(events, cause)
            is_of_rig = not ending.interrupted and (ending.in_hook or isinstance(cause, OutputError))
            verdict = Verdict.INVALID if is_of_rig else Verdict.ERROR
            recorder.verdict(event["test"], verdict.value, reason, event["t_ns"], 0)
            verdicts[verdict.value] += 1
    if not ending.interrupted and not any(e["event"] == "trouble" for e in events):
        recorder.trouble(cause)
    code = 130 if ending.interrupted else 3
    recorder.end(dict(sorted(verdicts.items())), code, None, interrupted=ending.interrupted)


def _told(events: Sequence[Event], cause: RigTroubleError) -> str:
    """Why a test has no end: the trouble that the record has of it, which comes before what that led to."""
    last = next((event for event in reversed(events) if event["event"] in ("trouble", "test")), None)
    if last is None or last["event"] == "test":
        return str(cause)
    return str(RigTroubleError(last["reason"], place=last["place"], key=last["key"], remedy=last["remedy"]))


def _cause(ending: Ending, firmware: Path | str) -> RigTroubleError:
    if ending.in_firmware:
        remedy = "run it under a debugger; see docs/your-firmware.md"
        return FirmwareError(ending.of_firmware(), place=str(firmware), key="bms.library", remedy=remedy)
    if ending.in_hook:
        reason = "a hook of the rig file did not return, and could not be ended from inside"
        if ending.code not in _FROM_OUTSIDE:
            reason = f"a hook of the rig file ended the test process ({_how(ending.code)})"
        remedy = "the last step of the test in the report says which"
        return RigTroubleError(reason, key="hooks.file", remedy=remedy)
    if 0 <= ending.code <= _PYTEST_NO_TESTS:  # an orderly end, but for the record
        return OutputError("the record could not be written to its end", remedy="make room for it")
    was_killed = ending.code in _FROM_OUTSIDE
    remedy = "did somebody end it, or was there no memory left?" if was_killed else "run again with --debug"
    return RigTroubleError(f"the test process died ({_how(ending.code)})", remedy=remedy)


def _how(code: int) -> str:
    return _signal_name(code) or f"exit status {code}"


def _signal_name(code: int) -> str:
    with contextlib.suppress(ValueError):
        return signal.Signals(-code).name
    return ""
