"""Going on with an earlier run: what has its verdict stays, the rest is run, and one record holds both.

For runs in real time, which take as long as they take: one that was interrupted, whose adapter was unplugged,
or in which the rig was late need not be done again from the start.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from hil.checks.verdict import Verdict
from hil.errors import OutputError, UsageError
from hil.report.record import Event, RunInfo, plain, read_events
from hil.report.results import gather
from hil.rig.schema import RigConfig
from hil.run.facts import run_facts
from hil.run.output import RECORD_NAME, write_record
from hil.run.session import exit_code_of
from hil.run.traces import traces_of, with_traces

_SETTLED = {Verdict.PASS.value, Verdict.FAIL.value, Verdict.SKIPPED.value}
# of the first line: else it is another run
_SAME = ("rig", "seed", "dbc", "firmware", "wiring", "hooks", "repeat")
_OF_A_RUN = {"run", "end", "trouble"}


@dataclass(frozen=True)
class Earlier:
    """A run that is gone on with.

    Attributes:
        folder: Where it is, and where the whole will be.
        out: Folder in it of what is run now.
        events: Its record.
        settled: Tests that have their verdict: passed, failed or skipped.
    """

    folder: Path
    out: Path
    events: Sequence[Event]
    settled: frozenset[str]

    @classmethod
    def of(cls, folder: Path, config: RigConfig, seed: int, trace: str, repeat: int = 1) -> Earlier:
        """Read an earlier run.

        Raises:
            UsageError: If there is none, it is of another rig, seed, firmware or DBC, or nothing is left.
            OutputError: If a folder for what is left cannot be made in it.
        """
        path = folder / RECORD_NAME
        events = read_events(path)
        info = events[0] if events and events[0]["event"] == "run" else {}
        _check_same(info, run_facts(config, folder, seed, trace, repeat=repeat), path)
        results = gather(events)
        settled = frozenset(o.test for o in results.outcomes if o.verdict in _SETTLED)
        if results.end is not None and not (results.troubles or results.interrupted or results.stopped):
            _check_left(results.counts, path)
        return cls(folder, new_part(folder), events, settled)

    def joined(self, now: Sequence[Event]) -> list[Event]:
        """Both records as one."""
        again = {event["test"] for event in now if event["event"] == "test"}
        kept = [e for e in self.events if e["event"] not in _OF_A_RUN and e.get("test") not in again]
        first, *_ = self.events
        dates = [*first.get("resumed", ()), *(e["date"] for e in now if e["event"] == "run")]
        body = [*kept, *(e for e in now if e["event"] not in ("run", "end"))]
        later = [name for e in now if e["event"] == "run" for name in traces_of(e, self.out.name)]
        run = with_traces(first, [*traces_of(first), *later])
        return [{**run, "resumed": dates}, *body, *end_of(body, now)]

    def write(self, events: Sequence[Event]) -> None:
        """Put the record of both in the place of the earlier one, whole or not at all.

        Raises:
            OutputError: If it cannot be written; the earlier one is as it was.
        """
        write_record(self.folder / RECORD_NAME, events)


def _check_same(info: Event, facts: RunInfo, path: Path) -> None:
    now: dict[str, Any] = plain(facts)
    for key in _SAME:
        if info.get(key) != now.get(key):
            raise UsageError(
                f"that run had another {key}: {_brief(info.get(key))}, now it is {_brief(now.get(key))}",
                place=str(path),
                key="--resume",
                remedy="start a new run",
            )


def _brief(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _check_left(counts: dict[str, int], path: Path) -> None:
    if not any(number for verdict, number in counts.items() if verdict not in _SETTLED):
        reason = "nothing is left to do: each of its tests passed, failed or was skipped"
        raise UsageError(reason, place=str(path), key="--resume", remedy="start a new run")


def new_part(folder: Path) -> Path:
    """A folder for a part of a run, for its trace and logs.

    Raises:
        OutputError: If it cannot be made.
    """
    try:
        for number in count(2):
            out = folder / f"part-{number}"
            if not out.exists():
                out.mkdir()
                return out
    except OSError as error:
        reason = f"no folder can be made for what is left: {error.strerror}"
        raise OutputError(reason, place=str(folder), key="--resume") from error
    raise AssertionError("count() ends")


def end_of(body: Sequence[Event], now: Sequence[Event]) -> list[Event]:
    """The last line of a record that parts make up: as that of the last part, with the verdicts of all.

    Args:
        body: The events of all parts.
        now: Those of the last one; without an end among them there is none.
    """
    ends = [event for event in now if event["event"] == "end"]
    if not ends:
        return []
    last = {event["test"]: str(event["verdict"]) for event in body if event["event"] == "verdict"}
    verdicts = Counter(last.values())
    broken = ends[-1]["interrupted"] or any(event["event"] == "trouble" for event in now)
    code = ends[-1]["exit_code"] if broken else exit_code_of(verdicts)
    return [{**ends[-1], "verdicts": dict(sorted(verdicts.items())), "exit_code": code}]
