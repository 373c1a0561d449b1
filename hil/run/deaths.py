"""Going on after firmware has ended the test process: its test fails, the rest runs in a process of its own.

A crash, or a call that does not return, is the BMS's failure like any other, and no reason to leave the other
tests undone. Each process has a folder of its own for its trace; the record in the first one's holds all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import takewhile
from pathlib import Path

from hil.bms.heartbeat import Call
from hil.checks.verdict import Verdict
from hil.errors import BmsError
from hil.report.record import Event, read_events
from hil.run.lines import line_of, not_run
from hil.run.output import RECORD_NAME, write_record
from hil.run.resume import end_of, new_part
from hil.run.session import MOST_IN_A_ROW, RunOptions
from hil.run.supervisor import Ending, Manner, run_tests
from hil.run.traces import traces_of, with_traces

MOST_IN_ALL = 10
_FAILED = {Verdict.FAIL.value, Verdict.ERROR.value, Verdict.INVALID.value}
_FIRST_FAILURE = re.compile(r"-[qvsl]*x[xqvsl]*|--exitfirst")
_MOST_FAILURES = re.compile(r"--maxfail=(\d+)")


def run_on(
    rig: Path, options: RunOptions, arguments: Sequence[str], manner: Manner = Manner()  # noqa: B008 - frozen
) -> Ending:
    """Run the tests; in a new process after each death of the firmware, until there are too many.

    Args:
        rig: The rig file.
        options: Of the run; its folder gets the record of all.
        arguments: More arguments for pytest.
        manner: How the test processes are watched over.

    Returns:
        How the last process ended. Where that was not in order the record has no end.

    Raises:
        OutputError: If the record of all cannot be written, or there can be no folder for the rest.
    """
    ending = run_tests(rig, options, arguments, manner)
    if options.out is None or not ending.is_of_bms():
        return ending
    whole = _Whole(options.out, _most_failures(arguments), silent=manner.silent)
    with suppress(KeyboardInterrupt):
        while ending.is_of_bms() and whole.has_open_test:
            whole.fail(ending)
            if whole.is_over(ending):
                whole.end([])
                return ending
            folder = new_part(options.out)
            settled = options.settled | whole.settled
            more = replace(options, out=folder, settled=settled, done=options.done + len(whole.settled))
            ending = _later(run_tests(rig, more, [*arguments, *whole.failures_left()], manner))
            whole.take(folder)
        return ending
    return replace(ending, interrupted=True)


def _later(ending: Ending) -> Ending:
    """Of a later process: what is the first life of the firmware there is not its first."""
    return replace(ending, call=Call.INIT) if ending.call is Call.FIRST_INIT else ending


class _Whole:
    """The record of all processes.

    Args:
        out: Folder of the run.
        most_failures: After so many no more tests are run; 0: however many there are.
        silent: Whether nothing is said of the tests that it fails.
    """

    def __init__(self, out: Path, most_failures: int, *, silent: bool) -> None:
        self._path = out / RECORD_NAME
        self._most = most_failures
        self._silent = silent
        self._events = read_events(self._path)
        self._died: set[str] = set()
        self._stopped = ""

    @property
    def settled(self) -> frozenset[str]:
        """The tests that have ended."""
        return frozenset(event["test"] for event in self._verdicts())

    @property
    def has_open_test(self) -> bool:
        """Whether the last process ended within a test."""
        return self._open() is not None

    def fail(self, ending: Ending) -> None:
        """The test that the process died in has failed."""
        begun = self._open()
        if begun is None:
            raise AssertionError("nobody asks without an open test")
        test, at_ns = begun["test"], max(ending.at_ns, begun["t_ns"])
        self._died.add(test)
        verdict = Verdict.FAIL.value
        reason = str(BmsError(ending.of_firmware(), remedy="see docs/your-firmware.md"))
        times = {"t_ns": at_ns, "sim_ns": at_ns - begun["t_ns"]}
        self._events.append({"event": "verdict", "test": test, "verdict": verdict, "reason": reason, **times})
        write_record(self._path, self._events)
        if self._silent:
            return
        with suppress(OSError):  # nobody reads it
            _say(line_of(len(self.settled), ending.tests, test, verdict, reason))

    def is_over(self, ending: Ending) -> bool:
        """Whether no test is left, or the rest is not to be run."""
        left = ending.tests - len(self.settled)
        if left <= 0 or (self._most and self._failures() >= self._most):
            return True
        judged = (e["test"] for e in reversed(list(self._verdicts())) if e["verdict"] != Verdict.SKIPPED)
        row = len(list(takewhile(self._died.__contains__, judged)))
        where = f"{row} tests in a row" if row >= MOST_IN_A_ROW else f"{len(self._died)} tests"
        if row >= MOST_IN_A_ROW or len(self._died) >= MOST_IN_ALL:
            self._stopped = f"the firmware crashed or hung in {where}: {not_run(left)}"
        return bool(self._stopped)

    def failures_left(self) -> list[str]:
        """As an argument of pytest, how many more tests may fail."""
        return [f"--maxfail={self._most - self._failures()}"] if self._most else []

    def take(self, folder: Path) -> None:
        """Add what a process has recorded there; its end is that of all."""
        path = folder / RECORD_NAME
        now = read_events(path) if path.exists() else []
        for event in now:
            if event["event"] == "run":
                self._add_traces(traces_of(event, folder.name))
        self._events += [event for event in now if event["event"] not in ("run", "end")]
        if any(event["event"] == "end" for event in now):
            self.end(now)
        else:
            write_record(self._path, self._events)

    def end(self, now: Sequence[Event]) -> None:
        """The run ends, as in the record of the last process if that has an end."""
        last: Event = {"event": "end", "exit_code": 0, "t_ns": None, "interrupted": False}
        ends = [event for event in now if event["event"] == "end"] or [last]
        broken = [event for event in now if event["event"] == "trouble"]
        end, *_ = end_of(self._events, [*broken, *ends])
        self._events.append({**end, "stopped": self._stopped} if self._stopped else end)
        write_record(self._path, self._events)

    def _add_traces(self, traces: Sequence[str]) -> None:
        first, *others = self._events
        self._events = [with_traces(first, [*traces_of(first), *traces]), *others]

    def _verdicts(self) -> Iterator[Event]:
        return (event for event in self._events if event["event"] == "verdict")

    def _failures(self) -> int:
        return sum(event["verdict"] in _FAILED for event in self._verdicts())

    def _open(self) -> Event | None:
        ended = self.settled
        begun = (e for e in reversed(self._events) if e["event"] == "test")
        return next((event for event in begun if event["test"] not in ended), None)


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - as the test process does, whose line it is


def _most_failures(arguments: Sequence[str]) -> int:
    """After how many failures pytest is to stop; 0: it is not."""
    most = 0
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=True):
        if _FIRST_FAILURE.fullmatch(argument):
            most = 1
        elif argument == "--maxfail" and following.isdecimal():
            most = int(following)
        elif found := _MOST_FAILURES.fullmatch(argument):
            most = int(found[1])
    return most
