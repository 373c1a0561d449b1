"""One run in several processes at a time: each does its share of the tests, and one record holds all.

Each part is a run with a time line, supervisor, record and trace of its own, in a folder of its own. Only
virtual time can be had more than once: a real bus has one rig on it.
"""

from __future__ import annotations

import re
import signal
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import IO

from hil.bms.process import end_group
from hil.report.record import Event, read_events
from hil.run.command import HIL
from hil.run.output import RECORD_NAME
from hil.run.session import exit_code_of
from hil.run.supervisor import terminated_as_interrupted
from hil.run.traces import traces_of, with_traces

_TITLE = re.compile(r"(.*): (\d+) tests?$")
_DONE = re.compile(r"\[ *\d+/\d+\] (.*)$")  # a line of hil.run.progress
_RUN_ENDS = {"run", "end"}

Say = Callable[[str], None]
_Lines = SimpleQueue[tuple[int, str | None]]  # of which part; None: it has ended


@dataclass
class Part:
    """One of the processes.

    Attributes:
        out: Its folder.
        code: Its exit code.
        complaint: What it wrote to its standard error.
    """

    out: Path
    code: int = 0
    complaint: str = ""

    def events(self) -> list[Event]:
        """Its record; none if it had nothing to run."""
        path = self.out / RECORD_NAME
        return read_events(path) if path.exists() else []


class _Progress:
    """The lines of all parts as those of one run.

    Args:
        say: Where they go.
        parts: How many parts there are; none has said yet how many tests it runs.
    """

    def __init__(self, say: Say, parts: int) -> None:
        self._say = say
        self._untold = set(range(parts))
        self._title = ""
        self._total = self._done = 0
        self._waiting: list[str] = []

    def take(self, part: int, line: str) -> None:
        """A part has written a line."""
        if result := _DONE.match(line):
            self._waiting.append(result[1])
        elif part in self._untold and (title := _TITLE.match(line)):
            self._title, self._total = title[1], self._total + int(title[2])
            self._told(part)
        self._show()

    def ended(self, part: int) -> None:
        """A part has ended; one that had nothing to run has not said how many tests it runs."""
        if part in self._untold:
            self._told(part)
            self._show()

    def _told(self, part: int) -> None:
        self._untold.remove(part)
        if not self._untold and self._total:
            self._say(f"{self._title}: {self._total} tests")

    def _show(self) -> None:
        if self._untold:
            return
        for what in self._waiting:
            self._done += 1
            self._say(f"[{self._done:3}/{self._total}] {what}")
        self._waiting.clear()


def run_parts(
    arguments: Sequence[str], pytest_arguments: Sequence[str], out: Path, jobs: int, say: Say
) -> list[Part]:
    """Run each share of the tests in a process, all at a time, and wait for their ends.

    Args:
        arguments: Of ``hil run`` but for ``--out`` and ``--share``.
        pytest_arguments: What comes after ``--``.
        out: Folder of the whole; each part has one in it.
        jobs: How many parts.
        say: Where the progress is told.
    """
    parts = [Part(out / f"part-{number}") for number in range(1, jobs + 1)]
    with tempfile.TemporaryDirectory(prefix="hil-") as folder, terminated_as_interrupted():
        complaints = [Path(folder) / part.out.name for part in parts]
        processes = []
        for number, (part, complaint) in enumerate(zip(parts, complaints, strict=True), 1):
            share = ["--out", str(part.out), "--share", f"{number}/{jobs}"]
            with complaint.open("wb") as errors:
                processes.append(_start([*arguments, *share, "--", *pytest_arguments], errors))
        _follow(processes, _Progress(say, jobs))
        for part, process, complaint in zip(parts, processes, complaints, strict=True):
            part.code = process.returncode
            part.complaint = complaint.read_text("utf-8", errors="replace").strip()
    return parts


def _start(arguments: Sequence[str], errors: IO[bytes]) -> subprocess.Popen[str]:
    """A part, out of reach of the terminal's Ctrl-C: it is passed on."""
    return subprocess.Popen(
        [*HIL, "run", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )


def _follow(processes: Sequence[subprocess.Popen[str]], progress: _Progress) -> None:
    """Tell what the parts do until all have ended; Ctrl-C lets them end in order."""
    lines: _Lines = SimpleQueue()
    for number, process in enumerate(processes):
        Thread(target=_read, args=(number, process, lines), daemon=True).start()
    running = len(processes)
    while running:
        try:
            part, line = lines.get()
        except KeyboardInterrupt:
            for process in processes:
                end_group(process, signal.SIGINT)
            continue
        if line is None:
            running -= 1
            progress.ended(part)
        else:
            progress.take(part, line)
    for process in processes:
        process.wait()


def _read(number: int, process: subprocess.Popen[str], lines: _Lines) -> None:
    assert process.stdout is not None
    with process.stdout as stdout:
        for line in stdout:
            lines.put((number, line.rstrip("\n")))
    lines.put((number, None))


def joined(parts: Sequence[Part], out: Path) -> list[Event]:
    """The records of all parts as one, the tests in the suite's order; empty if none has one.

    Args:
        parts: All that ran.
        out: Folder of the whole.
    """
    records = [(part, events) for part in parts if (events := part.events())]
    if not records:
        return []
    first = records[0][1][0]
    run = with_traces(first, [t for part, events in records for t in traces_of(events[0], part.out.name)])
    run["paths"]["out"] = str(out)
    body = list(_in_turn([events for _, events in records]))
    return [run, *body, *_end([events for _, events in records], body)]


def _in_turn(records: Sequence[list[Event]]) -> Iterator[Event]:
    """The events of each test, in the order in which one process would run them."""
    tests = [events for record in records for events in _by_test(record)]
    for events in sorted(tests, key=_place):
        first, *others = events
        yield {key: value for key, value in first.items() if key != "place"}
        yield from others


def _place(events: Sequence[Event]) -> int:
    """Among the tests of all parts; what a part has before its first test comes first."""
    return int(events[0].get("place", -1))


def _by_test(events: Sequence[Event]) -> list[list[Event]]:
    tests: list[list[Event]] = []
    for event in events:
        if event["event"] in _RUN_ENDS:
            continue
        if event["event"] == "test" or not tests:
            tests.append([])
        tests[-1].append(event)
    return tests


def _end(records: Sequence[Sequence[Event]], body: Sequence[Event]) -> list[Event]:
    """The last line, with the verdicts of all; what broke a part goes before them."""
    ends = [event for events in records for event in events if event["event"] == "end"]
    if not ends:
        return []
    verdicts = Counter(str(event["verdict"]) for event in body if event["event"] == "verdict")
    broken = [code for events in records if (code := _broken(events))]
    code = max(broken, default=exit_code_of(verdicts))
    interrupted = any(end["interrupted"] for end in ends)
    stopped = "; ".join(end["stopped"] for end in ends if end.get("stopped"))
    told = {"verdicts": dict(sorted(verdicts.items())), "exit_code": code, "interrupted": interrupted}
    return [{**ends[0], **told, **({"stopped": stopped} if stopped else {})}]


def _broken(events: Sequence[Event]) -> int:
    """The exit code of a part that did not run to its end; else 0."""
    is_broken = any(event["event"] == "trouble" or event.get("interrupted") for event in events)
    return next((int(e["exit_code"]) for e in events if e["event"] == "end" and is_broken), 0)
