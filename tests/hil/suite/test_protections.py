"""What the protections' tests take for closed."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from hil.rig.limits import Limit
from hil.suite.protections import HEAT, Protection, closed_contactors, longest_gap_ns

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


class Reads:
    """A rig whose BMS reads a temperature too high by so much, and says so."""

    def __init__(self, off: float) -> None:
        self.off = off
        self.shown = 25.0
        self.limits = self

    def beside(self, name):
        accuracy = Limit("accuracy_temperature", numbers={"tolerance": 2.0}, tolerance_unit="K")
        return accuracy if name.startswith("accuracy") else Limit(name, numbers={"warning": 50.0})

    def has(self, _name):
        return True

    def resolution(self, _name):
        return 0.5

    def cycle_ns(self, _role):
        return CYCLE

    def on_wire(self, _stimulus):
        pass

    def run_for(self, _span_ns):
        pass

    def value(self, _role):
        return self.shown + self.off

    @contextmanager
    def at(self, value):
        self.shown = value
        yield


@pytest.mark.parametrize(
    ("off", "value"),
    [
        (0.0, 53.5),
        (1.5, 52.0),
        (-2.0, 55.5),
        (-6.0, 53.5),  # by more than permitted: that is no reading error
    ],
)
def test_a_level_is_shown_as_the_bms_reads_it(off, value):
    said = Protection(
        "overtemperature_discharge", lambda rig, at: rig.at(at), HEAT, told="cell.temperature_max"
    )
    assert said.taken_for(Reads(off), 53.5) == value


@pytest.mark.parametrize(("arrivals", "longest"), [([], 100), ([90], 90), ([10, 30, 95], 65), ([5, 20], 80)])
def test_silence_at_either_end_of_a_span_is_a_gap(arrivals, longest):
    assert longest_gap_ns(arrivals, 0, 100) == longest
