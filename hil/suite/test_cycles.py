"""F. Cycles: what the BMS sends while it works is as regular as the rig file promises."""

from __future__ import annotations

import itertools

import pytest

from hil import Rig
from hil.suite.protections import enter

_SPAN_NS = 15_000_000_000
_MANY_FRAMES = 50  # of these messages a share says something


@pytest.mark.case(55)
@pytest.mark.parametrize("state", ["standby", "operate"])  # charging, some come on a change
def test_few_cycles_are_off(rig: Rig, state: str) -> None:
    """Of each frequent message no more gaps than promised are off by more than the jitter."""
    limit = rig.limits["cycle"]
    jitter_ms, share = limit.time("jitter") / 1e6, limit.number("beyond")
    frequent = {m: ns for m, ns in rig.messages.of_bms().items() if _MANY_FRAMES * ns <= _SPAN_NS}
    if not frequent:
        pytest.skip("the rig file has no message of the BMS that is frequent enough")
    enter(rig, state)
    rig.run_for("2 s")
    start_ns = rig.now_ns
    rig.run_for(_SPAN_NS)
    for message, cycle_ns in frequent.items():
        arrivals = rig.messages.arrivals(message, start_ns)
        rig.bounded(f"frames of {message}", len(arrivals), low=_MANY_FRAMES // 2)
        off = [(after - before - cycle_ns) / 1e6 for before, after in itertools.pairwise(arrivals)]
        far = sum(abs(gap) > jitter_ms for gap in off) / len(off)
        rig.bounded(f"share of gaps of {message} off by more than the jitter", far, high=share)
