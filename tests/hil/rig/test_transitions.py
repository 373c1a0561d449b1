"""Which modes are followed in which state: what is usual, and what a rig file says otherwise."""

from __future__ import annotations

import pytest

from hil.rig.transitions import Transitions

MODES = ("standby", "operate", "charge")


@pytest.mark.parametrize(
    ("state", "followed"),
    [
        ("standby", MODES),
        ("operate", ("standby",)),
        ("charge", ("standby",)),
        ("precharge", ("standby",)),
        ("fault", ()),
    ],
)
def test_what_is_usual(state, followed):
    assert Transitions(MODES).follows(state) == followed


def test_the_rig_file_is_believed_of_the_states_that_it_names():
    transitions = Transitions(MODES, {"operate": ("standby", "charge"), "fault": ("standby",)})
    assert transitions.follows("operate") == ("standby", "charge")
    assert transitions.follows("fault") == ("standby",)
    assert transitions.follows("charge") == ("standby",)
