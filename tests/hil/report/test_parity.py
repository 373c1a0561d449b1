"""Two records side by side: what counts as alike, what is matched with what, what the table says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.report.parity import as_data, compare, render
from hil.report.record import Event

MS = 1_000_000
OPENS = "contactor.main_plus becomes open within 600 ms"
FLAG = "fault.cell_overvoltage becomes set within 500 ms"


def check(
    sentence: str, reaction_ms: float | None = None, uncertainty_ms: float | None = 50.0, kind: str = "Expect"
) -> Event:
    return {
        "event": "check",
        "check": sentence,
        "kind": kind,
        "unit": "ms",
        "uncertainty": uncertainty_ms,
        "reaction_ns": None if reaction_ms is None else round(reaction_ms * MS),
    }


def of(name: str, verdict: str, *checks: Event, reason: str = "") -> list[Event]:
    return [
        {"event": "test", "test": name, "title": "", "cases": [], "requirements": [], "t_ns": 0},
        *({**one, "test": name} for one in checks),
        {"event": "verdict", "test": name, "verdict": verdict, "reason": reason, "t_ns": 0, "sim_ns": 0},
    ]


def record(rig: str, *tests: list[Event], end: bool = True, interrupted: bool = False) -> list[Event]:
    events: list[Event] = [{"event": "run", "rig": rig}]
    for one in tests:
        events += one
    return [*events, {"event": "end", "exit_code": 0, "interrupted": interrupted}] if end else events


def both(a: list[Event], b: list[Event]) -> Any:
    """Two runs of one test."""
    return compare(record("laptop", a), record("vcan", b))


def test_a_reaction_may_be_apart_by_the_spread_that_its_test_states() -> None:
    waiting = check(OPENS, 400.0) | {"spread": 60.0}
    assert both(of("t", "pass", waiting), of("t", "pass", check(OPENS, 510.0))).ok
    assert not both(of("t", "pass", waiting), of("t", "pass", check(OPENS, 510.1))).ok


def test_what_one_rig_cannot_do_is_counted_by_itself() -> None:
    a = [of("t::one", "pass", check(FLAG, 471.0)), of("t::two", "pass", check(FLAG, 400.0))]
    b = [of("t::one", "pass", check(FLAG, 471.0)), of("t::two", "skipped", reason="no virtual bus")]
    found = compare(record("laptop", *a), record("vcan", *b))
    assert found.ok
    assert len(found.reactions) == 1
    table = render(found)
    same = "1 of 1 tests with the same verdict"
    for words in ("– two", "no virtual bus", "1 tests that vcan cannot do", same):
        assert words in table
    assert not compare(record("laptop", a[1]), record("vcan", b[1])).ok  # nothing was compared
    failed = of("t::one", "fail", check(FLAG, 471.0), reason="late")
    assert not compare(record("laptop", *a), record("vcan", failed, b[1])).ok


def test_two_runs_of_the_same_are_alike() -> None:
    run = of("test_a.py::test_x", "pass", check(FLAG, 471.0), check(OPENS, 480.0))
    found = both(run, run)
    assert found.ok
    assert [(one.difference_ns, one.ok) for one in found.reactions] == [(0, True), (0, True)]
    assert render(found).endswith("laptop and vcan are alike\n")


@pytest.mark.parametrize(("b_ms", "ok"), [(521.0, True), (521.1, False), (421.0, True), (420.9, False)])
def test_reactions_may_be_one_cycle_apart(b_ms: float, ok: bool) -> None:
    found = both(of("t", "pass", check(FLAG, 471.0)), of("t", "pass", check(FLAG, b_ms)))
    assert found.ok is ok


def test_stamps_of_a_real_bus_add_to_the_cycle() -> None:
    a, b = check(FLAG, 471.0, 50.0), check(FLAG, 521.2, 50.3)
    assert both(of("t", "pass", a), of("t", "pass", b)).ok
    assert both(of("t", "pass", b), of("t", "pass", a)).ok


def test_another_verdict_is_told_with_its_reason() -> None:
    found = both(of("t::test_x", "pass"), of("t::test_x", "invalid", reason="5 ms late,\n3 are allowed"))
    assert not found.ok
    table = render(found)
    assert "    invalid: 5 ms late, 3 are allowed" in table
    assert "0 of 1 tests with the same verdict" in table


@pytest.mark.parametrize("verdict", ["invalid", "error"])
def test_the_rigs_own_trouble_is_no_difference_of_the_bms(verdict: str) -> None:
    good = of("test_a.py::test_x", "pass", check(FLAG, 471.0))
    late = of("test_a.py::test_y", verdict, reason="frames were late")
    found = compare(record("laptop", good, of("test_a.py::test_y", "pass")), record("vcan", good, late))
    assert not found.ok
    assert found.ok_so_far
    assert [pair.test for pair in found.undecided] == ["test_a.py::test_y"]
    assert render(found).endswith("alike but for one test in which the rig itself was in trouble\n")


def test_where_nothing_is_decided_nothing_is_alike() -> None:
    assert not both(of("test_a.py::test_x", "pass"), of("test_a.py::test_x", "invalid")).ok_so_far


def test_what_fails_in_both_is_alike_and_told() -> None:
    found = both(of("t", "fail", reason="a"), of("t", "fail", reason="b"))
    assert found.ok
    assert "1 of 1 tests with the same verdict (1 fail)" in render(found)


def test_a_test_in_one_run_only_is_not_alike() -> None:
    one, other = of("t::test_x", "pass"), of("t::test_y", "pass")
    found = compare(record("laptop", one, other), record("vcan", one))
    assert not found.ok
    table = render(found)
    assert "in one only" in table
    assert "1 tests in laptop only" in table
    assert "in vcan only" not in table


@pytest.mark.parametrize("swap", [False, True])
def test_a_reaction_in_one_run_only_is_not_alike(swap: bool) -> None:
    runs = [of("t", "fail", check(FLAG, 471.0)), of("t", "fail", check(FLAG))]
    found = both(*reversed(runs)) if swap else both(*runs)
    assert not found.ok
    assert found.reactions[0].difference_ns is None
    assert "0 of 1 reactions" in render(found)


@pytest.mark.parametrize(("reaction_ms", "ok"), [(50.0, True), (50.1, False)])
@pytest.mark.parametrize("swap", [False, True])
def test_what_was_so_before_the_stimulus_took_no_time(reaction_ms: float, ok: bool, swap: bool) -> None:
    held = check(FLAG) | {"ok": True, "unit": "", "uncertainty": None}
    runs = [of("t", "pass", check(FLAG, reaction_ms)), of("t", "pass", held)]
    assert both(*reversed(runs) if swap else runs).ok is ok
    assert not both(of("t", "pass", held), of("t", "pass", held)).reactions


def test_checks_are_matched_by_order_and_sentence() -> None:
    a = [check(FLAG, 10.0), check("x stays 1 for 5 ms", kind="Stays"), check(FLAG, 30.0), check(OPENS, 40.0)]
    b = [check(FLAG, 11.0), check(FLAG, 32.0), check("y stays 1 for 5 ms", kind="Stays"), check(OPENS, 43.0)]
    found = both(of("t", "pass", *a), of("t", "pass", *b))
    assert [one.difference_ns for one in found.reactions] == [1 * MS, 2 * MS, 3 * MS]


def test_limits_may_differ_but_cells_may_not() -> None:
    a, b = "balancing[4] becomes set within 1000 ms", "balancing[4] becomes set within 1.5e3 ms"
    assert both(of("t", "pass", check(a, 10.0)), of("t", "pass", check(b, 10.0))).ok
    b = "balancing[5] becomes set within 1000 ms"
    found = both(of("t", "pass", check(a, 10.0)), of("t", "pass", check(b, 10.0)))
    assert [(one.a_ns, one.b_ns) for one in found.reactions] == [(10 * MS, None), (None, 10 * MS)]


def test_the_last_run_of_a_test_counts() -> None:
    again = [*of("t", "invalid", check(FLAG, 900.0)), *of("t", "pass", check(FLAG, 471.0))]
    found = both(of("t", "pass", check(FLAG, 470.0)), again)
    assert found.ok
    assert len(found.pairs) == 1


@pytest.mark.parametrize(
    ("events", "words"),
    [
        (record("vcan", of("t", "pass"), end=False), "vcan: the record stops before the end of the run"),
        (record("vcan", of("t", "pass"), interrupted=True), "vcan: the run was interrupted"),
        (
            [*record("vcan", of("t", "pass")), {"event": "trouble", "reason": "no bus", "place": "vcan0"}],
            "vcan: vcan0: no bus",
        ),
    ],
)
def test_a_run_in_trouble_is_not_alike(events: list[Event], words: str) -> None:
    found = compare(record("laptop", of("t", "pass")), events)
    assert not found.ok
    assert words in render(found).splitlines()


def test_nothing_compared_is_not_alike() -> None:
    assert not compare(record("laptop"), record("vcan")).ok


def test_two_runs_of_one_rig_have_names() -> None:
    found = compare(record("laptop", of("t", "pass")), record("laptop", of("t", "pass")))
    assert (found.a, found.b) == ("laptop A", "laptop B")


def test_the_table_folds_what_is_said_alike_and_shows_the_worst() -> None:
    a = [check(FLAG, 471.0) for _ in range(96)]
    b = [check(FLAG, 471.0 + cell % 7) for cell in range(96)]
    table = render(both(of("t.py::test_x", "pass", *a), of("t.py::test_x", "pass", *b)))
    lines = [line for line in table.splitlines() if FLAG in line and "farthest" not in line]
    assert len(lines) == 1
    assert lines[0].split() == [*f"✓ {FLAG} ×96 471.0 ms 477.0 ms +6.0 ms 50.0 ms".split()]


@given(width=st.integers(1, 200), name=st.text(max_size=120), ascii_only=st.booleans())
def test_no_line_of_figures_is_wider_than_the_terminal(width: int, name: str, ascii_only: bool) -> None:
    found = both(of(name, "pass", check(FLAG, 1.0)), of(name, "pass", check(FLAG, 2.0)))
    table = render(found, width, "ascii" if ascii_only else "utf-8")
    rows = [line for line in table.splitlines() if line.endswith(" 50.0 ms")]
    assert rows
    assert all(len(row) <= max(width, 80) for row in rows)
    assert not ascii_only or table.isascii()


def test_the_data_has_every_reaction() -> None:
    found = both(of("t", "pass", check(FLAG, 471.0)), of("t", "pass", check(FLAG, 472.0)))
    data = json.loads(json.dumps(as_data(found)))
    assert data["ok"] is True
    assert data["tests"][0]["reactions"] == [
        {
            "check": FLAG,
            "a_ns": 471 * MS,
            "b_ns": 472 * MS,
            "allowed_ns": 50 * MS,
            "difference_ns": MS,
            "ok": True,
        }
    ]
