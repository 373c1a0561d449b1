"""What the report draws for a test."""

from __future__ import annotations

import pytest

from hil.checks.verdict import BmsFailure
from tests.hil.scripted import FAULT, every, scripted_rig, status

FLAG = "fault.cell_overvoltage"
LINES = [*every(20, 400, status()), (400, status(fault=1)), *every(20, 3000, status(FAULT, fault=1), 420)]


def drawn(notes) -> dict:
    (plot,) = notes.of("plot")
    assert plot["from_ns"] < plot["to_ns"]
    for series in plot["series"]:
        assert series["t_ns"] == sorted(series["t_ns"])
        assert len(series["t_ns"]) == len(series["v"])
    return plot


def test_stimulus_reactions_limit_and_marks(small):
    rig, _, notes = scripted_rig(small, LINES)
    rig.run_for("100 ms")
    with rig.fault("cell.voltage", cell=2, value=3.8) as stimulus:
        flag = rig.expect(FLAG, True, within="500 ms")
        rig.expect("state", "fault", within="500 ms")
    rig.run_for("1 s")
    rig.finish()
    plot = drawn(notes)
    assert [(s["label"], s["kind"]) for s in plot["series"]] == [
        ("CMU_Cells.V2", "stimulus"),
        (FLAG, "reaction"),
        ("state", "reaction"),
    ]
    assert plot["series"][0]["unit"] == "V"
    assert plot["series"][1]["names"] == {"0": "clear", "1": "set"}
    assert plot["series"][2]["names"]["7"] == "fault"
    assert plot["limits"] == [{"label": "cell_overvoltage threshold", "value": 3.65, "unit": "V"}]
    assert plot["marks"][0] == {"label": "stimulus", "t_ns": stimulus.on_wire_ns}
    assert {"label": FLAG, "t_ns": flag.t_ns} in plot["marks"]
    assert plot["from_ns"] < stimulus.on_wire_ns < flag.t_ns < plot["to_ns"]


def test_a_failure_is_what_is_drawn(small):
    rig, _, notes = scripted_rig(small, LINES)
    with rig.fault("cell.voltage", cell=2, value=3.8):
        rig.expect(FLAG, True, within="500 ms")
    rig.request("mode", "operate")
    with pytest.raises(BmsFailure):
        rig.expect("state", "operate", within="300 ms")
    rig.finish()
    plot = drawn(notes)
    assert [s["label"] for s in plot["series"]] == ["VCU_Request.Mode", "state"]
    assert [mark["label"] for mark in plot["marks"]] == ["stimulus"]


def test_truth_beside_what_is_reported(small):
    rig, _, notes = scripted_rig(small, every(20, 900, status(highest_mv=3300)))
    rig.track("cell.voltage_max", "pack.voltage", scale=0.25)
    rig.run_for("500 ms")
    rig.finish()
    plot = drawn(notes)
    assert [(s["kind"], s["steps"]) for s in plot["series"]] == [("reaction", True), ("truth", False)]
    assert len(plot["series"][0]["v"]) == len(plot["series"][1]["v"]) == 25
    assert plot["series"][1]["v"][0] == pytest.approx(rig.truth("pack.voltage") / 4, rel=0.01)


def test_nothing_to_draw(small):
    rig, _, notes = scripted_rig(small, LINES)
    rig.stays("state", "standby", for_="100 ms")
    rig.finish()
    assert notes.of("plot") == []


def test_long_series_are_thinned(small):
    rig, _, notes = scripted_rig(small, every(20, 60_000, status()))
    rig.track("state", "pack.soc")
    rig.run_for("60 s")
    rig.finish()
    assert all(300 <= len(series["v"]) <= 1200 for series in drawn(notes)["series"])
