"""Repetitions as one test, and its reactions as minimum, median and maximum of all of them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence

import pytest

from hil.report import html, table
from hil.report.matrix import lines
from hil.report.reactions import as_csv, as_json, reactions
from hil.report.record import Event
from hil.report.repeats import folded, shown
from hil.report.results import gather

MS = 1_000_000
TEST = "test_a.py::test_trips[cell-7]"
FLAG, OPEN = "fault.high becomes set within 500 ms", "contactor becomes open within 600 ms"


def expect(test: str, statement: str, ms: float | None, limit: float, phases: dict[str, float]) -> Event:
    """A check as the record has it; ``None``: it never came."""
    return {
        "event": "check",
        "test": test,
        "check": statement,
        "kind": "Expect",
        "ok": ms is not None and ms <= limit,
        "actual": "as it was",
        "t_ns": None,
        "value": ms,
        "limit": limit,
        "margin": None if ms is None else limit - ms,
        "unit": "ms",
        "uncertainty": 20.0,
        "reaction_ns": None if ms is None else int(ms * MS),
        "stimulus": "cell 7 = 3.7 V",
        "stimulus_ns": 1000,
        "phases": {name: int(at * MS) for name, at in phases.items()},
        "frames": [],
    }


def repetition(number: int, flag: float, opened: float | None, verdict: str = "pass") -> list[Event]:
    name = TEST.replace("]", f"-rep{number}]")
    told = {"repeats": TEST, "repetition": number, "seed": 10 + number}
    head = {"event": "test", "test": name, "title": "", "cases": [18], "requirements": [], **told, "t_ns": 0}
    phases = {"fault.high": flag}
    after = phases if opened is None else {**phases, "contactor": opened}
    return [
        head,
        expect(name, FLAG, flag, 500.0, phases),
        expect(name, OPEN, opened, 600.0, after),
        {"event": "verdict", "test": name, "verdict": verdict, "reason": verdict, "t_ns": 1, "sim_ns": 5},
    ]


def run(*repetitions: Sequence[Event]) -> list[Event]:
    head: Event = {"event": "run", "rig": "small", "seed": 11, "repeat": len(repetitions)}
    body = [event for events in repetitions for event in events]
    return [head, *body, {"event": "end", "verdicts": {}, "exit_code": 0, "interrupted": False}]


GOOD = run(repetition(1, 460, 470), repetition(2, 490, 495), repetition(3, 470, 500))
BAD = run(repetition(1, 460, 470), repetition(2, 480, None, "fail"), repetition(3, 495, 500))


def test_repetitions_are_one_test_with_the_tightest_margin_of_all():
    results = folded(gather(GOOD))
    (outcome,) = results.outcomes
    assert (outcome.test, outcome.verdict, len(outcome.times)) == (TEST, "pass", 3)
    assert outcome.repetition == 2  # 10 ms of 500 ms are left
    assert outcome.tightest is not None
    assert outcome.tightest["value"] == 490
    assert results.counts["pass"] == 1
    assert results.sim_ns == 15
    assert {one.anchor for one in outcome.times} == {outcome.anchor}


def test_the_worst_verdict_counts_and_its_evidence_is_shown():
    results = folded(gather(BAD))
    (outcome,) = results.outcomes
    assert (outcome.verdict, outcome.reason) == ("fail", "fail")
    assert shown(outcome) == "3 repetitions: 2 pass, 1 fail; this is repetition 2, with seed 12"
    assert [line.verdict for line in lines(results) if line.requirement == "BMS-18"] == ["fail"]
    assert results.verdict == "fail"


def test_tests_that_ran_once_stay_as_they_are():
    events = [event for event in GOOD if "rep1" in event.get("test", "rep1")]
    plain = [{key: value for key, value in event.items() if key != "repeats"} for event in events]
    (outcome,) = folded(gather(plain)).outcomes
    assert outcome.test == TEST.replace("]", "-rep1]")
    assert not outcome.times


def test_a_reaction_has_its_phases_and_its_spread():
    flag, opened = reactions(folded(gather(GOOD)).outcomes)
    assert (flag.role, flag.what, flag.n, flag.missed) == ("fault.high", "fault.high becomes set", 3, 0)
    assert flag.total is not None
    assert (flag.total.low, flag.total.middle, flag.total.high) == (460 * MS, 470 * MS, 490 * MS)
    assert (flag.after, flag.phase) == ("stimulus", flag.total)
    assert (flag.uncertainty_ns, flag.limit_ns, flag.margin_ns) == (20 * MS, 500 * MS, 10 * MS)
    assert opened.after == "fault.high"
    assert opened.phase is not None
    assert (opened.phase.low, opened.phase.middle, opened.phase.high) == (5 * MS, 10 * MS, 30 * MS)


def test_one_that_did_not_come_is_counted():
    _, opened = reactions(folded(gather(BAD)).outcomes)
    assert (opened.n, opened.missed, opened.ok) == (2, 1, False)
    assert opened.total is not None
    assert opened.total.high == 500 * MS


def test_one_that_never_came_has_no_numbers():
    _, opened = reactions(folded(gather(run(repetition(1, 460, None, "fail")))).outcomes)
    assert (opened.n, opened.missed) == (0, 1)
    assert (opened.total, opened.phase, opened.margin_ns, opened.uncertainty_ns) == (None, None, None, None)
    row = as_csv(run(repetition(1, 460, None, "fail"))).splitlines()[2]
    assert row.endswith(",0,1,,,,stimulus,,,,,600.0,,0.0,")


def test_a_requirement_that_is_also_a_case_is_there_once():
    """One of the rig file, or of a test's mark, may have the id of a case of the catalogue."""
    (head, *rest) = repetition(1, 460, 470)
    events = run([{**head, "requirements": ["BMS-18", "R-7"]}, *rest])
    assert json.loads(as_json(events))[0]["requirements"] == ["BMS-18", "R-7"]


def test_the_tables_agree():
    rows = json.loads(as_json(GOOD))
    cells = list(csv.DictReader(io.StringIO(as_csv(GOOD))))
    assert len(rows) == len(cells) == 2
    assert rows[0] == {
        "test": TEST,
        "requirements": ["BMS-18"],
        "statement": FLAG,
        "reaction": "fault.high",
        "n": 3,
        "missed": 0,
        "min_ms": 460.0,
        "median_ms": 470.0,
        "max_ms": 490.0,
        "after": "stimulus",
        "phase_min_ms": 460.0,
        "phase_median_ms": 470.0,
        "phase_max_ms": 490.0,
        "uncertainty_ms": 20.0,
        "limit_ms": 500.0,
        "margin_ms": 10.0,
        "tolerance_ms": 0.0,
        "tolerance_reason": "",
    }
    for row, cell in zip(rows, cells, strict=True):
        assert [float(cell[key]) for key in row if key.endswith("_ms")] == [
            row[key] for key in row if key.endswith("_ms")
        ]


def test_a_tolerance_is_told_with_its_reason():
    told = {"tolerance": 20.0, "tolerance_reason": "a task of 10 ms samples it"}
    events = [{**event, **told} if event["event"] == "check" else event for event in GOOD]
    (row, _), page = json.loads(as_json(events)), html.render(events)
    assert (row["tolerance_ms"], row["tolerance_reason"]) == (20.0, "a task of 10 ms samples it")
    assert "with 20 ms: a task of 10 ms samples it" in page
    assert "a task of 10 ms" not in html.render(GOOD)


@pytest.mark.parametrize("events", [GOOD, BAD], ids=["good", "bad"])
def test_report_and_terminal_say_how_often(events):
    page, text = html.render(events), table.render(events, 100)
    assert "11 to 13, 3 repetitions" in page
    assert "2 reactions" in page
    assert page.count('class="test ') == 1
    assert "3 repetitions of each" in text
    if events is BAD:
        assert "3 repetitions: 2 pass, 1 fail; this is repetition 2, with seed 12" in page
        assert "3 repetitions: 2 pass, 1 fail; this is repetition 2, with seed 12" in text
