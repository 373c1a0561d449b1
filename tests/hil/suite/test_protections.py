"""What the protections' tests take for closed."""

from __future__ import annotations

import pytest

from hil.suite.protections import closed_contactors

CYCLE = 20
SAID = {  # frames: instant, and 1 for closed
    "main_plus": [(10, 1.0), (30, 1.0), (50, 0.0)],
    "precharge": [(10, 1.0), (30, 0.0), (50, 0.0)],
}


class Said:
    """A rig whose BMS has two contactors."""

    now_ns = 60

    def has(self, role):
        return role.removeprefix("contactor.") in SAID

    def cycle_ns(self, _role):
        return CYCLE

    def history(self, role, since_ns=0):
        return [frame for frame in SAID[role.removeprefix("contactor.")] if frame[0] > since_ns]


@pytest.mark.parametrize(
    ("cause_ns", "closed"),
    [
        (35, ["main_plus"]),  # the precharge was over; a frame told it after the state
        (25, ["main_plus", "precharge"]),
        (45, ["main_plus"]),
        (55, []),
        (200, []),  # long after the last frame: that one still counts
        (5, ["main_plus", "precharge"]),  # before the first: the first after it tells
        (None, []),
    ],
)
def test_closed_is_what_was_said_around_the_cause(cause_ns, closed):
    assert closed_contactors(Said(), cause_ns) == closed
