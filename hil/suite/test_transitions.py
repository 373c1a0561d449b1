"""H. From state to state: what is asked for and legal is done, what is not legal never happens."""

from __future__ import annotations

import pytest

from hil import Rig
from hil.suite.ways import Way, come_to, prepare, reach

_LEAST_NS = 2_000_000_000  # what must not happen is waited for


@pytest.mark.case(62)
def test_only_a_legal_request_is_followed(rig: Rig, way: Way) -> None:
    """Each mode is asked for in each state: a legal one is reached in time, any other one is never shown."""
    come_to(rig, way)
    if way.followed:
        reach(rig, way.mode)
        rig.stays("state", way.mode, for_="500 ms")
        return
    prepare(rig, way.mode)
    rig.on_wire(rig.request("mode", way.mode))
    rig.never("state", way.mode, for_=max(_LEAST_NS, _closing_ns(rig)))
    if way.state == "fault":
        rig.stays("contactor.main_plus", "open", for_="100 ms")
    elif "standby" in rig.config.transitions.follows(way.state):
        reach(rig, "standby")  # it has not lost its way


def _closing_ns(rig: Rig) -> int:
    """How long a BMS may take to close, where the rig file promises that."""
    if not rig.has("precharge") or not rig.limits.beside("precharge").has("timeout"):
        return 0
    return rig.limits.beside("precharge").timeout
