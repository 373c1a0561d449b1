"""The whole suite on a BMS that has little: what it lacks is skipped, with a reason; its flaws are found."""

from __future__ import annotations

import re


def test_a_small_bms(build, hil):
    run = hil("run", build(), "--trace", "log")
    verdicts = {e["test"].rpartition("::test_")[2]: e for e in run.events if e["event"] == "verdict"}
    assert run.code == 1, run.said
    found = {name for name, event in verdicts.items() if event["verdict"] == "pass"}
    assert found >= {
        "past_the_limit_the_contactors_open[cell_overvoltage]",
        "every_single_cell_is_protected[standby-cell_overvoltage]",
        "every_single_cell_is_protected[operate-cell_overvoltage]",
        "a_fault_needs_both_its_cause_gone_and_a_reset",
    }
    flaws = {name for name, event in verdicts.items() if event["verdict"] == "fail"}
    assert flaws == {  # it trips after 300 ms where 500 ms are promised, and knows no release level
        "transients_below_the_debounce_are_ignored[cell_overvoltage]",
        "no_reset_before_the_release_level[cell_overvoltage]",
    }
    rest = [event for name, event in verdicts.items() if name not in found | flaws]
    assert len(rest) > 50
    for event in rest:
        assert event["verdict"] == "skipped", event
        assert re.search("the rig file|has neither|got empty", event["reason"]), event
    run.assert_reported()
