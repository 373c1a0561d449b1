"""The record: JSON lines, one event each, written as the run goes; all that the writers see.

The first line (``run``) holds everything that may differ between two runs of one rig and one
seed: date, paths, versions. All other lines are equal byte for byte. Times are bus time in integer
nanoseconds; numbers are kept to nine significant digits; what is not a number is ``null``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypedDict, Unpack

from hil.checks.check import Check, CheckResult, Expect
from hil.clock import NS_PER_MS
from hil.errors import HilError, OutputError, UsageError
from hil.host.stimulus import Stimulus

SCHEMA = 1
Event = dict[str, Any]


class Wiring(TypedDict):
    """One wire, as the report's table shows it: ``port = signal * scale + offset``."""

    port: str
    bus: str
    message: str
    signal: str
    direction: str
    scale: float
    offset: float


class RunInfo(TypedDict, total=False):
    """What the first line says of a run.

    Attributes:
        rig: The rig's name; ``title`` says what it is.
        seed: Seed of everything random.
        repeat: How often each test was run, if more than once: each time with the next seed.
        date: Start of the run, ISO 8601.
        paths: Rig file, output folder, trace and the like, by name.
        versions: Python, this package and those it stands on, by name.
        dbc: SHA-256 by file name.
        hooks: SHA-256 by file name of hooks and of functions that give signals, where the rig file has some.
        firmware: What is known of the BMS under test: kind, file, SHA-256, ABI version.
        wiring: What is wired to what.
        buses: Per bus its interface, bit rate and load by design (0..1), by name.
        simulated: One sentence each on what is not real in this run.
        cells: How many cells the BMS watches.
        requirements: Title by id, of all that the rig file's limits name.
        host: In real time, what the plant process says of itself: rights, lease, log of safe states.
        budget: In real time, what the rig allows itself during one test.
    """

    rig: str
    title: str
    seed: int
    repeat: int
    date: str
    paths: Mapping[str, str]
    versions: Mapping[str, str]
    dbc: Mapping[str, str]
    hooks: Mapping[str, str]
    firmware: Mapping[str, object]
    wiring: Sequence[Wiring]
    buses: Mapping[str, Mapping[str, object]]
    simulated: Sequence[str]
    cells: int
    requirements: Mapping[str, str]
    host: Mapping[str, object]
    budget: Mapping[str, object]


class Series(TypedDict):
    """One trace of a plot.

    Attributes:
        kind: ``"stimulus"``, ``"reaction"`` or ``"truth"``.
        steps: Whether it holds each value until the next.
        names: A word per value, for what is a state and no number.
        t_ns: Instants, rising.
        v: Values; ``None`` where there was none.
    """

    label: str
    kind: str
    unit: str
    steps: bool
    names: Mapping[str, str] | None
    t_ns: Sequence[int]
    v: Sequence[float | None]


class LimitLine(TypedDict):
    """A limit to draw across the plots of its unit."""

    label: str
    value: float
    unit: str


class Mark(TypedDict):
    """An instant to mark: stimulus, flag, command, open."""

    label: str
    t_ns: int


class Plot(TypedDict):
    """What a check looked at, over time."""

    from_ns: int
    to_ns: int
    series: Sequence[Series]
    limits: Sequence[LimitLine]
    marks: Sequence[Mark]


class Recorder:
    """Writes the record; each event is in the file before the method returns.

    Args:
        path: The file, usually ``record.jsonl``.
        append: Go on after what another process wrote; a line that it left torn is cut off.

    Raises:
        OutputError: From every method, if the file cannot be written or the disk is full.
    """

    def __init__(self, path: Path, *, append: bool = False) -> None:
        self.path = path
        self._lost: OutputError | None = None
        try:
            if append and path.exists():
                _cut_torn_line(path)
            self._file = path.open("ab" if append else "wb")
        except OSError as error:
            raise self._trouble(error) from error

    def run(self, **info: Unpack[RunInfo]) -> None:
        """The run starts; must be the first event."""
        given: Mapping[str, object] = info
        ordered = {key: given[key] for key in RunInfo.__annotations__ if key in given}
        self._write({"event": "run", "schema": SCHEMA, **ordered})

    def test(
        self,
        test: str,
        t_ns: int,
        title: str = "",
        cases: Sequence[int] = (),
        requirements: Sequence[str] = (),
        more: Mapping[str, object] | None = None,
    ) -> None:
        """A test starts.

        Args:
            test: Its node id.
            t_ns: When.
            title: What it says of itself.
            cases: Its numbers in the catalogue.
            requirements: Ids of what it proves.
            more: In a record of one share of a run, its ``place`` among the tests of all shares. Of a
                repetition what it ``repeats``, its node id without its number; ``repetition``; ``seed``.
        """
        event = {
            "event": "test",
            "test": test,
            "title": title,
            "cases": cases,
            "requirements": requirements,
            "t_ns": t_ns,
        }
        self._write({**event, **(more or {})})

    def cell(self, test: str, cell: int, place: Mapping[str, str], result: CheckResult) -> None:
        """It was judged how the BMS answers to a fault of one cell, and in which state."""
        told = {"ok": result.ok, "reaction_ns": result.reaction_ns}
        self._write({"event": "cell", "test": test, "cell": cell, **place, **told})

    def proves(self, test: str, requirement: str) -> None:
        """The test has taken a limit that a requirement promises."""
        self._write({"event": "proves", "test": test, "requirement": requirement})

    def step(self, test: str, t_ns: int, text: str) -> None:
        """The test did something."""
        self._write({"event": "step", "test": test, "t_ns": t_ns, "text": text})

    def stimulus(self, test: str, stimulus: Stimulus) -> None:
        """Something was done to the BMS; recorded once it is known when it was on the wire."""
        carrier = stimulus.carriers[0] if stimulus.carriers else None
        self._write(
            {
                "event": "stimulus",
                "test": test,
                "name": stimulus.name,
                "text": stimulus.text,
                "applied_ns": stimulus.applied_ns,
                "on_wire_ns": stimulus.on_wire_ns,
                "value": stimulus.value,
                "unit": stimulus.unit,
                "bus": carrier.bus if carrier else "",
                "message": carrier.message if carrier else "",
                "signal": carrier.signal if carrier else "",
            }
        )

    def check(self, test: str, result: CheckResult, plot: Plot | None = None) -> None:
        """A check was judged."""
        self._write(
            {
                "event": "check",
                "test": test,
                "check": str(result.check),
                "kind": type(result.check).__name__,
                "ok": result.ok,
                "actual": result.actual,
                "t_ns": result.t_ns,
                "value": result.value,
                "limit": result.limit,
                "margin": result.margin,
                "unit": result.unit,
                "uncertainty": result.uncertainty,
                "spread": result.spread,
                "reaction_ns": result.reaction_ns,
                "stimulus": result.stimulus,
                "stimulus_ns": result.stimulus_ns,
                "phases": result.phases,
                "frames": [asdict(frame) for frame in result.frames],
                "plot": plot,
                **_tolerated(result.check),
            }
        )

    def plot(self, test: str, plot: Mapping[str, Any]) -> None:
        """What the report draws for a test, a :class:`Plot`; at its end, when all is known."""
        self._write({"event": "plot", "test": test, "plot": plot})

    def health(self, test: str, numbers: Mapping[str, Any], beyond: Sequence[str]) -> None:
        """How the rig itself was during a test, and what was beyond its budget; in real time only."""
        self._write({"event": "health", "test": test, "beyond": beyond, **numbers})

    def verdict(self, test: str, verdict: str, reason: str, t_ns: int, sim_ns: int) -> None:
        """A test ended at ``t_ns`` after ``sim_ns`` of bus time; ``verdict`` as in ``Verdict``."""
        self._write(
            {
                "event": "verdict",
                "test": test,
                "verdict": verdict,
                "reason": reason,
                "t_ns": t_ns,
                "sim_ns": sim_ns,
            }
        )

    def trouble(self, error: HilError) -> None:
        """The rig's own trouble, which ends the run."""
        self._write(
            {
                "event": "trouble",
                "kind": type(error).__name__,
                "reason": error.reason,
                "place": error.place,
                "key": error.key,
                "remedy": error.remedy,
            }
        )

    def end(
        self,
        verdicts: Mapping[str, int],
        exit_code: int,
        t_ns: int | None,
        *,
        interrupted: bool = False,
        stopped: str = "",
    ) -> None:
        """The run ended; ``verdicts`` counts the tests by verdict.

        Of a run that ended before its last test, since the firmware crashed too often, ``stopped`` says so.
        """
        self._write(
            {
                "event": "end",
                "verdicts": verdicts,
                "exit_code": exit_code,
                "t_ns": t_ns,
                "interrupted": interrupted,
                **({"stopped": stopped} if stopped else {}),
            }
        )

    def close(self) -> None:
        """Close the file; may be called twice."""
        try:
            self._file.close()
        except OSError as error:
            raise self._trouble(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _write(self, event: Event) -> None:
        if self._lost is not None:
            raise self._lost
        line = json.dumps(plain(event), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        try:
            self._file.write(line.encode() + b"\n")
            self._file.flush()
        except OSError as error:
            self._abandon()
            self._lost = self._trouble(error)
            raise self._lost from error

    def _abandon(self) -> None:
        """Close after a failed write; what is left in the buffer fails again and is lost."""
        try:
            self._file.close()
        except OSError:
            return

    def _trouble(self, error: OSError) -> OutputError:
        return OutputError(
            f"the record cannot be written: {error.strerror or error}",
            place=str(self.path),
            remedy="make room or give another folder with --out",
        )


def requirements_of(text: str) -> list[str]:
    """The ids in what a limit has as its requirement: more than one if it is promised in several places."""
    return [name for name in (part.strip() for part in text.split(", ")) if name]


def read_events(path: Path) -> list[Event]:
    """The events of a record; a last line that a crash left torn is dropped.

    Raises:
        UsageError: If the file cannot be read, or a line before the last is no event.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        reason = f"the record cannot be read: {error.strerror or error}"
        raise UsageError(reason, place=str(path)) from error
    while lines and not lines[-1].strip():
        lines.pop()
    events: list[Event] = []
    for number, line in enumerate(lines, start=1):
        event = _event(line)
        if event is not None:
            events.append(event)
        elif number < len(lines):
            raise UsageError("not an event of a record", place=f"{path}:{number}")
    return events


def _tolerated(check: Check) -> Event:
    """What is permitted beyond a promised time, in the check's unit, and why; nothing of others."""
    if not isinstance(check, Expect) or not check.tolerance_ns:
        return {}
    return {"tolerance": check.tolerance_ns / NS_PER_MS, "tolerance_reason": check.reason}


def _event(line: bytes) -> Event | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "event" in event else None


def _cut_torn_line(path: Path) -> None:
    """Make the file end with a whole line."""
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole == len(content):
        return
    with path.open("r+b") as file:
        if _event(content[whole:]) is None:
            file.truncate(whole)
        else:
            file.seek(0, 2)
            file.write(b"\n")


def plain(value: Any) -> Any:  # noqa: PLR0911 - a table of types
    """The value as JSON knows it: finite numbers of nine digits, text without lone surrogates."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        # Adding 0.0 turns -0.0 into 0.0, which only rounding could have made.
        return float(f"{value:.9g}") + 0.0 if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Path):
        return value.as_posix()
    if hasattr(value, "tolist"):  # NumPy's arrays and scalars, without importing it
        return plain(value.tolist())
    return [plain(item) for item in value]
