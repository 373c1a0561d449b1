"""The map of cells: what struck them, in which state, and the worst that came of it."""

from __future__ import annotations

from typing import Any

from hil.report.cells import rows
from hil.report.html import render
from hil.report.record import Event
from hil.report.results import gather


def _events(*cells: tuple[str, int, str, str, bool, int | None]) -> list[Event]:
    events: list[Event] = [{"event": "run", "rig": "r", "cells": 4}]
    for test in dict.fromkeys(cell[0] for cell in cells):
        events.append({"event": "test", "test": test, "t_ns": 0})
        for name, cell, fault, state, ok, reaction_ns in cells:
            if name == test:
                told: dict[str, Any] = {"fault": fault, "state": state, "ok": ok, "reaction_ns": reaction_ns}
                events.append({"event": "cell", "test": test, "cell": cell, **told})
        events.append({"event": "verdict", "test": test, "verdict": "pass", "reason": "", "t_ns": 1})
    return events


def test_each_fault_and_state_has_a_row_of_all_cells() -> None:
    found = rows(gather(_events(
        ("a", 1, "cell_overvoltage", "operate", True, 400_000_000),
        ("b", 4, "cell_overvoltage", "standby", True, None),
    )))  # fmt: skip
    assert [(row.fault, row.state, row.count) for row in found] == [
        ("cell_overvoltage", "operate", "1 of 4"),
        ("cell_overvoltage", "standby", "1 of 4"),
    ]
    assert [cell.verdict for cell in found[0].cells] == ["pass", "", "", ""]
    assert found[0].cells[0].told == "cell 1: pass, flagged after 400 ms"
    assert found[0].cells[1].told == "cell 2: not struck"


def test_the_worst_of_a_cell_counts() -> None:
    (row,) = rows(gather(_events(
        ("a", 2, "f", "s", True, 5_000_000),
        ("b", 2, "f", "s", False, None),
        ("c", 2, "f", "s", True, 9_000_000),
    )))  # fmt: skip
    assert (row.cells[1].verdict, row.cells[1].anchor) == ("fail", "b")


def test_the_report_has_it_only_where_cells_were_struck() -> None:
    assert "not struck" in render(_events(("a", 1, "f", "s", True, None)))
    assert 'id="cells"' not in render([{"event": "run", "rig": "r", "cells": 4}])
