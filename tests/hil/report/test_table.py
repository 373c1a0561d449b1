"""The terminal's table fits its width and its encoding."""

from __future__ import annotations

import re

import pytest

from hil.checks.check import UNHEARD
from hil.report import table
from hil.report.record import Event

ANSI = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize("width", [50, 60, 80, 100, 200])
@pytest.mark.parametrize("color", [False, True])
def test_fits_the_width(events: list[Event], crashed: list[Event], width: int, color: bool) -> None:
    for record in (events, crashed):
        text = table.render(record, width, color=color)
        assert max(len(ANSI.sub("", line)) for line in text.splitlines()) <= width
        assert bool(ANSI.search(text)) == color


def test_colour_changes_nothing_else(events: list[Event]) -> None:
    plain = table.render(events, 90).split()
    assert ANSI.sub("", table.render(events, 90, color=True)).split() == plain


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "cp437", "no-such-encoding"])
def test_plain_ascii_where_the_terminal_knows_no_better(events: list[Event], encoding: str) -> None:
    text = table.render(events, 100, encoding=encoding)
    assert text.isascii()
    assert "+ pass" in text
    assert "-32 %" in text


def test_failures_say_expected_came_and_when(events: list[Event]) -> None:
    text = table.render(events, 120)
    assert "✗ fail      cell overvoltage opens the contactors[48]" in text
    assert "  expected  contactor.main_plus becomes open within 600 ms\n" in text
    assert "  came      open after 776.0 ms\n" in text
    assert re.search(r"  when      14\.\d{6} s, 776\.0 ms after the stimulus\n", text)
    assert "ZeroDivisionError" in text
    assert "skipped: 2 tests: the BMS has no role 'fault.open_wire'" in text
    assert text.splitlines()[-1].startswith("35 pass · 2 fail · 1 error · 1 invalid · 2 skipped · ")


def test_a_reason_of_several_tests_is_told_once() -> None:
    lacking = "the rig file promises no limit 'charge'"
    made: list[Event] = [{"event": "run", "rig": "small"}]
    for name, reason in (("a", lacking), ("b", "the rig file gives this BMS no role 'soc'"), ("c", lacking)):
        test = {"t_ns": 0, "test": f"t.py::test_{name}"}
        verdict = {"verdict": "skipped", "reason": reason, **test}
        made += [{"event": "test", **test}, {"event": "verdict", **verdict}]
    told = [line for line in table.render(made, 200).splitlines() if line.startswith("skipped: ")]
    assert told == [f"skipped: 2 tests: {lacking}", "skipped: b: the rig file gives this BMS no role 'soc'"]


def test_trouble_is_told(crashed: list[Event]) -> None:
    text = table.render(crashed, 200)
    assert "The rig's own trouble: rigs/reference_bms.so: bms.library: the firmware crashed" in text


def _silent(tests: int, actual: str = f"no frame with state, by 500 ms; {UNHEARD}") -> list[Event]:
    """A run whose tests all fail at power-on."""
    made: list[Event] = [{"event": "run", "rig": "small"}]
    for number in range(tests):
        test = {"test": f"t.py::test_{number}"}
        check = {"check": "state becomes standby within 500 ms", "ok": False, "actual": actual, "t_ns": None}
        made.append({"event": "test", "t_ns": 0, **test})
        made.append({"event": "check", **check, **test})
        made.append({"event": "verdict", "verdict": "fail", "reason": "", "sim_ns": 1, **test})
    return [*made, {"event": "end"}]


def test_a_bms_that_is_never_heard_is_told_once() -> None:
    text = table.render(_silent(280), 200)
    assert text.count(UNHEARD) == 1
    assert "fail of 280 tests alike, the first is: t.py::test_0\n" in text
    assert "\nThe BMS was never heard on any bus: is it on and wired to these buses" in text
    assert len(text.splitlines()) < 300


def test_one_test_that_heard_it_is_enough() -> None:
    other: list[Event] = [
        {"event": "test", "test": "t.py::test_other", "t_ns": 0},
        {"event": "verdict", "test": "t.py::test_other", "verdict": "pass", "reason": "", "sim_ns": 1},
    ]
    assert "never heard" not in table.render([*_silent(9), *other])
    assert "never heard" not in table.render(_silent(9, "no frame with state, by 500 ms"))


def test_few_tests_that_fail_alike_are_each_told() -> None:
    text = table.render(_silent(3), 200)
    assert text.count(UNHEARD) == 3
    assert "alike" not in text


def test_nothing_ran() -> None:

    assert "record stops" in table.render([])
    assert "no test ran" in table.render([{"event": "end"}])


def test_names_cannot_steer_the_terminal() -> None:
    events: list[Event] = [
        {"event": "test", "test": "a.py::test_x[\x1b[2J\r\n]"},
        {
            "event": "verdict",
            "test": "a.py::test_x[\x1b[2J\r\n]",
            "verdict": "fail",
            "reason": "\x07",
        },
    ]
    text = table.render(events, 80)
    assert all(letter == "\n" or letter.isprintable() for letter in text)


def test_a_run_that_judged_nothing_says_so(events: list[Event]) -> None:
    skipped = [{**e, "verdict": "skipped"} if e["event"] == "verdict" else e for e in events]
    assert "nothing was judged" in table.render(skipped, 100)
    assert "nothing was judged" not in table.render(events, 100)
