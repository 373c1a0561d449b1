"""Arguments of faults as a script has them: amounts become what the fault takes."""

from __future__ import annotations

import pytest

from hil.errors import UsageError
from hil.faults.catalogue import make_fault
from hil.rig.promises import Limits
from hil.script.arguments import arguments_of
from hil.script.file import StepSection


@pytest.fixture(scope="module")
def limits(laptop):
    return Limits(laptop.limits, lambda _requirement: None)


def arguments(limits, fault, **written):
    return arguments_of(StepSection.model_validate({"fault": fault, "with": written}), limits)


def test_a_time_is_in_ns_and_all_else_has_its_unit(limits):
    found = arguments(limits, "frame.delay", message="A", delay="interlock.delay + 50 ms", seed=3)
    assert found == {"message": "A", "delay": 150_000_000, "seed": 3}
    found = arguments(limits, "cell.voltage", cell=1, value="cell_overvoltage.threshold + 50 mV")
    assert found == {"cell": 1, "value": "3.6999999999999997 V"}
    assert arguments(limits, "sensor.gain", port="a", factor="1.5") == {"port": "a", "factor": 1.5}


def test_a_time_of_a_signal_that_is_in_another_unit_of_time_keeps_its_own(limits):
    found = arguments(limits, "frame.value", message="A", signal="B", value="50 ms")
    assert found["value"] == "50000000.0 ns"


@pytest.mark.parametrize(
    ("fault", "written", "reason"),
    [
        ("cell.voltage", {"cell": 1, "value": "interlock.delay"}, "value '100000000.0 ns' is a time"),
        ("bus.load", {"share": "interlock.delay"}, "share '100000000.0 ns' is a time"),
        ("sensor.gain", {"port": "a", "factor": "interlock.delay"}, "is not a number"),
    ],
)
def test_a_promised_time_is_no_other_quantity(limits, fault, written, reason):
    with pytest.raises(UsageError, match=reason):
        make_fault(fault, arguments(limits, fault, **written))
