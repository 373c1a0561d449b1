"""Whole runs in which a function beside the rig file gives a signal: one that goes wrong blames nobody."""

from __future__ import annotations

import pytest

WIRE = '\n[wires.can0.VCU_Request]\nSpare = { function = "spare", of = ["cell_monitor.voltage[*]"] }\n'


@pytest.fixture
def rig(build):
    path = build()
    dbc = path.parent / "bms.dbc"
    reset = ' SG_ Reset : 2|1@1+ (1,0) [0|1] "" BMS\n'
    dbc.write_text(dbc.read_text().replace(reset, reset + ' SG_ Spare : 8|8@1+ (1,0) [0|255] "" BMS\n'))
    text = path.read_text().replace('dbc = ["bms.dbc"]', 'dbc = ["bms.dbc"]\nfunctions = "own.py"')
    path.write_text(text + WIRE)
    return path


def test_a_function_of_ones_own_runs_with_the_suite(hil, rig):
    (rig.parent / "own.py").write_text("def spare(cells):\n    return max(cells) > 3.6\n")
    run = hil("run", rig, "-k", "past_the_limit and cell_overvoltage")
    assert run.code == 0, run.said
    assert run.verdicts == ["pass"]
    told = next(event for event in run.events if event["event"] == "run")
    assert list(told["hooks"]) == ["own.py"]


def test_one_that_raises_makes_each_test_invalid(hil, rig):
    (rig.parent / "own.py").write_text("def spare(cells):\n    return cells[7]\n")
    run = hil("run", rig, "--", "-p", "no:hypothesispytest", "test_one.py")
    assert run.code == 3, run.said
    assert run.verdicts == ["invalid"]
    (reason,) = [event["reason"] for event in run.events if event["event"] == "verdict"]
    assert reason.endswith("own.py: spare: raised IndexError: list index out of range (line 2)")
    run.assert_reported()
