"""H. What is refused is refused and nothing else: no state, contactor, fault or current changes for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hil import Rig
from hil.suite.protections import break_, contactors, enter, frames_with, operate_watched
from hil.suite.ways import ways

_TRACES = ("fault", "first_fault", "dtc.count", "charge_complete", "charger.control")
_SETTLED_NS = 2_000_000_000
_ASKED_NS = 500_000_000  # how long it is asked for, at least


@pytest.mark.case(62)
@pytest.mark.parametrize("state", ["operate", "charge"])
def test_a_refused_request_changes_nothing(rig: Rig, state: str) -> None:
    """Neither a mode that is not followed there nor a reset does anything while the contactors are closed."""
    refused = _refused(rig, state)
    if not refused and not rig.has("reset"):
        pytest.skip(f"the rig file has each mode followed in {state}, and no reset")
    enter(rig, state)
    with _nothing_changes(rig, state):
        for mode in refused:
            rig.request("mode", mode)
            rig.run_for(_asked_ns(rig))
            rig.request("mode", state)
            rig.run_for(_asked_ns(rig))
        if rig.has("reset"):
            rig.pulse_reset()
            rig.run_for(_asked_ns(rig))
    if "standby" in rig.config.transitions.follows(state):
        rig.standby()  # what is followed still is


@pytest.mark.case(45, 62)
@pytest.mark.parametrize("name", ["interlock", "cell_overvoltage"])
def test_no_request_ends_a_fault_whose_cause_is_there(rig: Rig, name: str) -> None:
    """Each mode that is not followed is asked for, and a reset in each: the fault stays, and what is open."""
    limit = rig.limits[name]
    rig.require("state")
    refused = _refused(rig, "fault")
    operate_watched(rig, name)
    with break_(rig, name):
        rig.expect("state", "fault", within=limit.delay + limit.reaction)
        rig.run_for(limit.reaction)
        with _nothing_changes(rig, "fault"):
            for mode in refused:
                rig.request("mode", mode)
                rig.run_for(_asked_ns(rig))
                if rig.has("reset"):
                    rig.pulse_reset()
                    rig.run_for(_asked_ns(rig))
    rig.run_for(limit.delay + limit.reaction)
    rig.reset_faults()


def _refused(rig: Rig, state: str) -> list[str]:
    """The modes that are not followed in a state."""
    return [way.mode for way in ways(rig.config) if way.state == state and not way.followed]


def _asked_ns(rig: Rig) -> int:
    return max(_ASKED_NS, 3 * rig.cycle_ns("state"))


@contextmanager
def _nothing_changes(rig: Rig, state: str) -> Iterator[None]:
    """While the block runs each frame says what it said before: state, contactors, faults, fault memory.

    A state that has just been reached gets some time first: the precharge opens, the charger is told.
    """
    rig.run_for(_SETTLED_NS)
    roles = [f"contactor.{name}" for name in contactors(rig)]
    roles += [role for role in _TRACES if rig.has(role)]
    rig.stays("state", state, for_="100 ms")
    before = {role: rig.value(role) for role in ("state", *roles)}
    faults = _faults_shown(rig, rig.now_ns)
    start_ns = rig.now_ns
    yield
    for role, value in before.items():
        others = sum(seen != value for _, seen in rig.history(role, start_ns))
        rig.bounded(f"frames in which {role} is another", others, high=0)
    rig.bounded("faults shown that were not before", len(_faults_shown(rig, start_ns) - faults), high=0)


def _faults_shown(rig: Rig, since_ns: int) -> set[str]:
    """The faults that a frame has shown since an instant, or in the last cycles before it."""
    names = [name for name in rig.config.roles if name.startswith("fault.")]
    since = {name: min(since_ns, rig.now_ns - 3 * rig.cycle_ns(name)) for name in names}
    return {name for name in names if frames_with(rig, name, 1, since[name])}
