"""Several parts of a run as one: their progress, the order of their tests, their end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hil.report.record import Event
from hil.run.output import RECORD_NAME, write_record
from hil.run.parts import Part, _Progress, joined


def part(folder: Path, number: int, verdicts: dict[str, str], **end: Any) -> Part:
    """A part that ran some tests; a letter says which one of all it is."""
    out = folder / f"part-{number}"
    out.mkdir()
    events: list[Event] = [{"event": "run", "rig": "r", "paths": {"out": str(out), "trace": "trace.blf"}}]
    for test, verdict in verdicts.items():
        place = {"place": ord(test) - ord("a")}
        events += [{"event": "test", "test": test, **place}, {"event": "step", "test": test, "text": "a"}]
        events += [{"event": "verdict", "test": test, "verdict": verdict, "reason": ""}]
    if end.pop("trouble", False):
        events.append({"event": "trouble", "reason": "the firmware crashed"})
    events.append({"event": "end", "verdicts": {}, "exit_code": 0, "interrupted": False, **end})
    write_record(out / RECORD_NAME, events)
    return Part(out)


def test_tests_come_in_the_order_of_a_run_in_one_process(tmp_path: Path) -> None:
    parts = [
        part(tmp_path, 1, {"a": "pass", "d": "fail", "e": "skipped"}),
        part(tmp_path, 2, {"b": "pass", "c": "pass"}),
    ]
    events = joined(parts, tmp_path)
    assert [event["test"] for event in events if event["event"] == "verdict"] == ["a", "b", "c", "d", "e"]
    assert [event["event"] for event in events[:4]] == ["run", "test", "step", "verdict"]
    assert not any("place" in event for event in events)
    assert events[0]["paths"]["trace"] == "part-1/trace.blf, part-2/trace.blf"
    assert events[0]["paths"]["out"] == str(tmp_path)
    assert events[-1]["verdicts"] == {"fail": 1, "pass": 3, "skipped": 1}
    assert events[-1]["exit_code"] == 1


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ({"exit_code": 130, "interrupted": True}, 130),
        ({"exit_code": 3, "trouble": True}, 3),
        ({"exit_code": 3}, 0),  # a part in which all was skipped proves nothing; the whole does
    ],
)
def test_what_broke_one_part_broke_the_whole(tmp_path: Path, end: dict[str, Any], code: int) -> None:
    parts = [part(tmp_path, 1, {"a": "pass"}), part(tmp_path, 2, {"b": "skipped"}, **end)]
    last = joined(parts, tmp_path)[-1]
    assert (last["exit_code"], last["interrupted"]) == (code, code == 130)


def test_a_part_with_nothing_to_run_is_no_part_of_it(tmp_path: Path) -> None:
    events = joined([part(tmp_path, 1, {"a": "pass"}), Part(tmp_path / "part-2")], tmp_path)
    assert events[-1]["exit_code"] == 0
    assert joined([Part(tmp_path / "part-2")], tmp_path) == []


def test_progress_is_that_of_one_run_once_all_parts_have_said_how_much_they_do() -> None:
    said: list[str] = []
    progress = _Progress(said.append, 3)
    progress.take(0, "A rig: 2 tests")
    progress.take(0, "[  1/2] ok    first")
    progress.ended(0)
    assert said == []
    progress.take(1, "A rig: 1 test")
    progress.ended(2)  # it had nothing to run
    progress.take(1, "[  1/1] FAIL  third  (why)")
    progress.take(1, "──── a table that is left out")
    assert said == ["A rig: 3 tests", "[  1/3] ok    first", "[  2/3] FAIL  third  (why)"]
