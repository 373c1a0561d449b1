"""The matrix: each case of the catalogue, its tests, and the worst of their verdicts."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

import hil.suite
from hil.report.matrix import as_csv, as_json, lines, titles
from hil.report.record import Event
from hil.report.results import Outcome, Results, gather


def _outcome(test: str, verdict: str, *cases: int, requirements: tuple[str, ...] = ()) -> Outcome:
    return Outcome(test, cases=cases, requirements=requirements, verdict=verdict, reason=f"{verdict} it is")


def _run(outcomes: list[Outcome], requirements: dict[str, str] | None = None) -> Results:
    return Results({"requirements": requirements or {}}, outcomes, [], None)


def _events() -> list[Event]:
    def told(test: str, verdict: str, cases: list[int]) -> list[Event]:
        head = {
            "event": "test",
            "test": test,
            "title": "",
            "cases": cases,
            "requirements": ["R-7"],
            "t_ns": 0,
        }
        return [
            head,
            {"event": "verdict", "test": test, "verdict": verdict, "reason": "why\nmore", "t_ns": 1},
        ]

    return told("a.py::test_a", "pass", [18]) + told("a.py::test_b", "skipped", [18, 19])


def test_the_catalogue_has_72_cases_and_the_suite_names_no_other() -> None:
    assert sorted(titles()) == list(range(1, 73))
    folder = Path(str(hil.suite.__file__)).parent
    assert "case(" in (folder / "test_protection.py").read_text("utf-8")


@pytest.mark.parametrize(
    ("verdicts", "worst"),
    [
        (["pass", "pass"], "pass"),
        (["pass", "skipped"], "pass"),
        (["skipped"], "skipped"),
        (["pass", "fail", "error"], "fail"),
        (["pass", "error"], "error"),
        (["pass", "invalid"], "invalid"),
        ([], "no test"),
    ],
)
def test_the_worst_verdict_counts(verdicts: list[str], worst: str) -> None:
    outcomes = [_outcome(f"a.py::test_{n}", verdict, 18) for n, verdict in enumerate(verdicts)]
    assert lines(_run(outcomes))[17].verdict == worst


def test_requirements_of_ones_own_follow_the_catalogue() -> None:
    (own,) = lines(_run([_outcome("a.py::test_a", "fail", requirements=("SRS-4",))]))[72:]
    assert (own.requirement, own.verdict, own.reasons) == ("SRS-4", "fail", ["fail it is"])


def test_requirements_of_the_rig_file_are_there_untested_too() -> None:
    promised = {"R-7": "limits: cell_overvoltage", "R-8": "limits: precharge"}
    tested, untested = lines(gather([{"event": "run", "requirements": promised}, *_events()]))[72:]
    assert (tested.requirement, tested.title, tested.verdict) == ("R-7", "limits: cell_overvoltage", "pass")
    assert (untested.requirement, untested.verdict) == ("R-8", "no test")


def test_a_test_proves_the_requirement_behind_a_limit_that_it_took() -> None:
    events = [*_events()[:1], {"event": "proves", "test": "a.py::test_a", "requirement": "R-8"}]
    assert gather(events).outcomes[0].requirements == ("R-7", "R-8")


def test_a_limit_that_two_requirements_promise_is_proven_for_each() -> None:
    """A CSV of limits gathers the ids of one limit's rows as one text."""
    proves = {"event": "proves", "test": "a.py::test_a", "requirement": "R-8, R-9"}
    outcomes = gather([*_events()[:1], proves]).outcomes
    assert outcomes[0].requirements == ("R-7", "R-8", "R-9")
    assert [line.requirement for line in lines(_run(outcomes))[72:]] == ["R-7", "R-8", "R-9"]


def test_an_id_of_the_catalogue_has_one_line_whoever_names_it() -> None:
    marked = _outcome("a.py::test_a", "fail", requirements=("BMS-18",))
    both = _outcome("a.py::test_b", "pass", 18, requirements=("BMS-18",))
    found = lines(_run([marked, both], {"BMS-18": "limits: cell_overvoltage"}))
    assert len(found) == 72
    (line,) = (line for line in found if line.requirement == "BMS-18")
    assert (line.verdict, line.outcomes) == ("fail", [marked, both])
    assert line.title == f"{titles()[18]}; limits: cell_overvoltage"


def test_json_and_csv_say_the_same() -> None:
    rows = {row["requirement"]: row for row in json.loads(as_json(_events()))}
    assert rows["BMS-18"]["tests"] == {"a.py::test_a": "pass", "a.py::test_b": "skipped"}
    assert rows["BMS-18"]["reasons"] == ["why"]
    assert rows["BMS-1"]["verdict"] == "no test"
    table = list(csv.DictReader(io.StringIO(as_csv(_events()))))
    assert [row["test verdict"] for row in table if row["requirement"] == "BMS-18"] == ["pass", "skipped"]
    assert {row["requirement"] for row in table} == set(rows)
