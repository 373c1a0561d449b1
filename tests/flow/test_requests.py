"""Whole runs with a BMS that wants an ignition line before it listens to requests: steps of its rig file."""

from __future__ import annotations

import pytest

NEEDS_IGNITION = "if (frame->id == 272 && !(frame->data[0] & 8)) { mode = 0; return 0; }"
REQUESTS = """
[requests.mode.steps]
standby = [
    { signal = "can0/VCU_Request.Mode", to = 0 },
    { wait = "100 ms" },
    { signal = "can0/VCU_Request.Ignition", to = 0 },
]
operate = [
    { signal = "can0/VCU_Request.Ignition", to = 1 },
    { wait = "100 ms" },
    { signal = "can0/VCU_Request.Mode", to = 1 },
]
[requests.reset.steps]
0 = [{ signal = "can0/VCU_Request.Reset", to = 0 }]
1 = [{ signal = "can0/VCU_Request.Ignition", to = 1 }, { signal = "can0/VCU_Request.Reset", to = 1 }]
"""


@pytest.fixture
def rig(build):
    path = build(ON_RECEIVE=NEEDS_IGNITION)
    dbc = path.parent / "bms.dbc"
    reset = ' SG_ Reset : 2|1@1+ (1,0) [0|1] "" BMS\n'
    dbc.write_text(dbc.read_text().replace(reset, reset + ' SG_ Ignition : 3|1@1+ (1,0) [0|1] "" BMS\n'))
    head, _, rest = path.read_text().partition("[requests]")
    path.write_text(f"{head}{REQUESTS}\n[safe_state]{rest.partition('[safe_state]')[2]}")
    return path


def test_the_suite_asks_by_steps(hil, rig):
    run = hil("run", rig, "-k", "past_the_limit or needs_both or mode_that_does_not_exist")
    assert run.code == 0, run.said
    assert run.verdicts.count("pass") == 2
    reasons = {event.get("reason") for event in run.events if event["event"] == "verdict"}
    assert "the rig file asks for a mode by steps, with no signal of its own" in reasons
    steps = [event["text"] for event in run.events if event["event"] == "step"]
    assert "mode = operate, by 3 steps" in steps
    run.assert_reported()


def test_without_them_it_never_operates(hil, rig):
    rig.write_text(rig.read_text().replace('{ signal = "can0/VCU_Request.Ignition", to = 1 },\n', "", 1))
    run = hil("run", rig, "-k", "past_the_limit and cell_overvoltage")
    assert run.code == 1
    assert "operate" in run.said

