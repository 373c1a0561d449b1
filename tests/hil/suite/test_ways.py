"""What is asked in which state: every mode of the rig file in every state that can be reached."""

from __future__ import annotations

from dataclasses import replace

from hil.rig.transitions import Transitions
from hil.suite.ways import ways


def test_each_mode_is_asked_for_in_each_state(laptop):
    told = {str(way): way.followed for way in ways(laptop)}
    assert told == {
        "standby-to-operate": True,
        "standby-to-charge": True,
        "operate-to-standby": True,
        "operate-to-charge": False,
        "charge-to-standby": True,
        "charge-to-operate": False,
        "precharge-for-operate-to-standby": True,
        "precharge-for-operate-to-charge": False,
        "precharge-for-charge-to-standby": True,
        "precharge-for-charge-to-operate": False,
        "fault-to-standby": False,
        "fault-to-operate": False,
        "fault-to-charge": False,
    }


def test_what_the_rig_file_says_is_followed_is_legal(laptop):
    said = replace(laptop.transitions, said={"operate": ("standby", "charge")})
    told = {str(way): way.followed for way in ways(replace(laptop, transitions=said))}
    assert told["operate-to-charge"]
    assert not told["charge-to-operate"]


def test_a_bms_without_a_charge_state_is_asked_for_none(laptop):
    state = laptop.roles["state"]
    without = replace(state, values={"standby": 1.0, "operate": 3.0, "fault": 7.0})
    rig = replace(laptop, roles={**laptop.roles, "state": without})
    assert {way.mode for way in ways(rig)} == {"standby", "operate"}
    assert {way.state for way in ways(rig)} == {"standby", "operate", "fault"}


def test_what_asks_for_nothing_has_no_ways(laptop):
    assert not list(ways(replace(laptop, requests={}, transitions=Transitions())))
