"""Events gathered per test: names, verdicts, margins, unfinished tests."""

from __future__ import annotations

import pytest

from hil.report.record import Event
from hil.report.results import Outcome, gather, relative_margin, rows
from hil.report.text import duration, number, percent


def test_of_two_tests_with_one_anchor_each_has_its_own() -> None:
    ids = ("t.py::test_a[1]", "t.py::test_a[1/]", "t.py::test_a[1]")
    results = gather([{"event": "test", "test": test} for test in ids])
    assert len({outcome.anchor for outcome in results.outcomes}) == 3


@pytest.mark.parametrize(
    ("test", "group", "function", "parameters", "name"),
    [
        ("a/test_a_b.py::test_ov[x::y[1]]", "A b", "test_ov[x::y[1]]", "x::y[1]", "Ov"),
        ("a/test_x.py::TestX::test_b_c", "X", "test_b_c", "", "B c"),
        ("odd", "Odd", "odd", "", "Odd"),
    ],
)  # fmt: skip
def test_names(test: str, group: str, function: str, parameters: str, name: str) -> None:
    outcome = Outcome(test)
    assert outcome.group == group
    assert outcome.function == function
    assert outcome.parameters == parameters
    assert outcome.name == name


@pytest.mark.parametrize(
    ("verdicts", "more", "expected"),
    [
        (["pass", "skipped"], [{"event": "end"}], "pass"),
        (["pass", "fail", "error"], [{"event": "end"}], "fail"),
        (["pass", "invalid"], [{"event": "end"}], "invalid"),
        (["skipped"], [{"event": "end"}], "invalid"),
        (["pass"], [], "error"),
        (["pass"], [{"event": "end", "interrupted": True}], "invalid"),
        (["pass"], [{"event": "trouble", "reason": "x"}, {"event": "end"}], "error"),
    ],
)
def test_verdict_of_the_run(verdicts: list[str], more: list[Event], expected: str) -> None:
    events: list[Event] = []
    for index, verdict in enumerate(verdicts):
        events += [
            {"event": "test", "test": str(index)},
            {"event": "verdict", "test": str(index), "verdict": verdict},
        ]
    assert gather([*events, *more]).verdict == expected


def test_tightest_is_relative_to_the_limit() -> None:
    outcome = Outcome(
        "t",
        checks=[
            {"margin": 1.0, "limit": 2.0},
            {"margin": 5.0, "limit": -100.0},
            {"margin": None, "limit": 1.0},
            {"margin": 0.0, "limit": 0.0},
        ],
    )
    assert outcome.tightest == {"margin": 5.0, "limit": -100.0}
    assert relative_margin(outcome.checks[3]) is None


def test_what_was_skipped_half_way_has_no_margin() -> None:
    check = {"margin": 1.0, "limit": 2.0, "reaction_ns": 5}
    outcome = Outcome("t", verdict="skipped", checks=[check])
    assert outcome.tightest is outcome.reaction is None
    assert gather([]).tightest is None
    assert rows([outcome])[0].tightest is rows([outcome])[0].reaction is None


def test_events_of_no_test_are_left_out() -> None:
    assert gather([{"event": "check", "test": "never started"}, {"event": "new"}]).outcomes == []


def test_numbers_in_words() -> None:
    assert [duration(n) for n in (None, -1_500_000, 2_000_000_000, 61 * 10**9, 3600 * 10**9)] == [
        "–", "−1.5 ms", "2.000 s", "61.0 s", "60.0 min",
    ]  # fmt: skip
    assert [percent(p) for p in (None, 0.0994, 0.0996, 1.0, 79.0, -0.5)] == [
        "–",
        "9.9 %",
        "10 %",
        "100 %",
        ">100 %",
        "−50 %",
    ]
    assert number(-3.65123456, "degC") == "−3.6512 °C"
    assert number(None) == "–"


def test_variants_share_a_row_unless_one_needs_a_look() -> None:
    verdicts = ("pass", "fail", "pass", "skipped", "fail", "pass")
    checks = [{"margin": float(i), "limit": 10.0, "reaction_ns": i} for i in range(6)]
    outcomes = [
        Outcome(f"t.py::test_a[{i}]", cases=[i % 2], verdict=verdict, checks=[checks[i]])
        for i, verdict in enumerate(verdicts)
    ]
    found = rows([*outcomes, Outcome("t.py::test_b", verdict="pass")])
    assert [(row.verdict, row.variant) for row in found] == [
        ("pass", "×3"), ("fail", "1"), ("skipped", "3"), ("fail", "4"), ("pass", ""),
    ]  # fmt: skip
    assert found[0].tightest == found[0].reaction == checks[0]
    assert found[0].cases == [0, 1]
