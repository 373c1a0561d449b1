"""H. Two events in order: what one fault, one session or one power cycle leaves behind for the next."""

from __future__ import annotations

import pytest

from hil import Rig
from hil.suite.protections import (
    HEAT,
    break_,
    closed_contactors,
    expect_open,
    operate_watched,
    require_watched,
    surely_balanced,
    within_limits,
)


def _fall_ill(rig: Rig, name: str) -> None:
    """Into the fault and out of it again."""
    require_watched(rig, name, "standby")
    with break_(rig, name):
        rig.expect(f"fault.{name}", True, within=rig.limits[name].delay)
    rig.run_for(rig.limits[name].delay)
    rig.reset_faults()


@pytest.mark.case(72)
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("interlock", "cell_overvoltage"),
        ("interlock", "isolation"),
        ("cell_overvoltage", "interlock"),
        ("cell_undervoltage", "overtemperature_discharge"),
        ("isolation", "overcurrent_discharge"),
    ],
)
def test_two_faults_at_once_are_both_reported(rig: Rig, first: str, second: str) -> None:
    """The fault that is there already hides no other one."""
    rig.require(f"fault.{first}", f"fault.{second}")
    operate_watched(rig, first, second)
    with break_(rig, first):
        rig.expect(f"fault.{first}", True, within=rig.limits[first].delay)
        with break_(rig, second):
            rig.expect(f"fault.{second}", True, within=rig.limits[second].delay)
            rig.stays(f"fault.{first}", True, for_="500 ms")
    rig.stays(f"fault.{second}", True, for_="500 ms")


@pytest.mark.case(72)
@pytest.mark.parametrize(
    ("quick", "slow"),
    [
        ("interlock", "cell_overvoltage"),
        ("interlock", "overcurrent_discharge"),
        ("overcurrent_charge", "cell_undervoltage"),
        ("cell_overvoltage", "isolation"),
        ("cell_undervoltage", "overtemperature_discharge"),
    ],
)
def test_two_faults_at_one_instant_are_both_answered(rig: Rig, quick: str, slow: str) -> None:
    """Each is flagged in its own time, and the contactors open in the time of the quicker one."""
    first, second = (rig.limits[name] for name in (quick, slow))
    rig.require(f"fault.{quick}", f"fault.{slow}")
    within = min(first.delay + first.reaction, second.delay + second.reaction)
    operate_watched(rig, quick, slow)
    with break_(rig, quick) as one, break_(rig, slow) as other:  # no time passes between the two
        flagged = rig.expect(f"fault.{quick}", True, within=first.delay, since=one)
        for contactor in closed_contactors(rig, flagged.stimulus_ns):
            rig.expect(f"contactor.{contactor}", "open", within=within, since=one)
        rig.expect(f"fault.{slow}", True, within=second.delay, since=other)
        rig.stays(f"fault.{quick}", True, for_="200 ms")


@pytest.mark.case(72)
@pytest.mark.parametrize("name", ["interlock", "cell_overvoltage", "isolation"])
def test_a_fault_that_comes_back_is_answered_again(rig: Rig, name: str) -> None:
    """The second time is like the first, after a reset."""
    for _ in range(2):
        operate_watched(rig, name)
        with break_(rig, name):
            expect_open(rig, name)
        rig.run_for(rig.limits[name].delay)
        rig.reset_faults()


@pytest.mark.case(72)
def test_protection_is_whole_after_many_faults(rig: Rig) -> None:
    """A BMS with a history protects as a new one does."""
    for name in ("cell_overvoltage", "cell_undervoltage", "isolation"):
        _fall_ill(rig, name)
    operate_watched(rig, "interlock")
    with rig.fault("interlock"):
        expect_open(rig, "interlock")


@pytest.mark.case(72)
def test_the_first_fault_is_that_of_now(rig: Rig) -> None:
    """What was first before a reset is not first after it."""
    rig.require("first_fault")
    shown = []
    for name in ("interlock", "cell_overvoltage"):
        require_watched(rig, name, "standby")
        with break_(rig, name):
            rig.expect(f"fault.{name}", True, within=rig.limits[name].delay)
            shown.append(rig.value("first_fault"))
        rig.run_for(rig.limits[name].delay)
        rig.reset_faults()
    rig.bounded("different first faults shown", len(set(shown)), low=2)


@pytest.mark.case(22)
def test_a_deep_discharge_is_for_good(rig: Rig) -> None:
    """Neither a reset nor a power cycle lets a pack be used whose cell was too low."""
    limit = rig.limits["deep_discharge"]
    rig.require("fault.deep_discharge")
    operate_watched(rig, "deep_discharge")
    with rig.fault("cell.voltage", cell=rig.cells, value=limit.threshold - 0.05):
        expect_open(rig, "deep_discharge")
    rig.run_for("1 s")
    rig.request("mode", "standby")
    rig.pulse_reset()
    rig.stays("fault.deep_discharge", True, for_="1 s")
    rig.power_on(cold=False, reaches="fault")
    rig.request("mode", "operate")
    rig.stays("fault.deep_discharge", True, for_="1 s")
    rig.never("contactor.main_plus", "closed", for_="2 s")


@pytest.mark.case(23)
def test_overcurrent_is_answered_after_a_charge_session(rig: Rig) -> None:
    """Charging leaves nothing behind that weakens driving."""
    rig.require("charge", "overcurrent_discharge")
    require_watched(rig, "overcurrent_discharge", "operate")
    rig.charge()
    rig.run_for("3 s")
    rig.standby()
    rig.set("charger.plugged", 0.0)
    rig.operate()
    with break_(rig, "overcurrent_discharge"):
        expect_open(rig, "overcurrent_discharge")


@pytest.mark.case(45, 62)
def test_a_held_reset_is_no_reset(rig: Rig) -> None:
    """It is the rising edge that resets: a stuck button must not."""
    rig.require("reset")
    operate_watched(rig, "interlock")
    rig.request("reset", True)
    with rig.fault("interlock"):
        rig.expect("fault.interlock", True, within=rig.limits["interlock"].delay)
    rig.run_for("1 s")
    rig.request("mode", "standby")
    rig.stays("state", "fault", for_="2 s")


@pytest.mark.case(62)
def test_standby_is_reached_in_time(rig: Rig) -> None:
    """From operation, everything open."""
    limit = rig.limits["standby"]
    rig.operate()
    asked = rig.request("mode", "standby")
    rig.expect("state", "standby", within=limit.delay, since=asked)
    rig.stays("contactor.main_plus", "open", for_="500 ms")
    rig.stays("contactor.main_minus", "open", for_="500 ms")


@pytest.mark.case(68)
@pytest.mark.initial(pack__soc=0.97)
def test_balancing_ends_with_a_fault(rig: Rig) -> None:
    """No balancing in the fault state."""
    limit = rig.limits["balancing"]
    rig.require("balancing[1]", "fault.interlock")
    high = rig.cells // 3
    operate_watched(rig, "interlock")
    top = surely_balanced(rig)
    with rig.fault("cell.voltage", cell=high, value=top):
        rig.expect(f"balancing[{high}]", True, within=limit.delay)
        with rig.fault("interlock"):
            rig.expect("fault.interlock", True, within=rig.limits["interlock"].delay)
            rig.run_for(limit.delay)
            rig.stays(f"balancing[{high}]", False, for_=limit.delay)


@pytest.mark.case(68)
def test_a_hot_pack_is_not_balanced(rig: Rig) -> None:
    """The resistors heat, too: one sensor that is too hot ends balancing, until it is so no more."""
    limit = rig.limits["balancing"]
    hottest, high = limit.number("hottest"), rig.cells // 3
    off, top = HEAT.error(rig, hottest), surely_balanced(rig)
    rig.require("balancing[1]")
    rig.operate()
    with rig.fault("cell.voltage", cell=high, value=top):
        rig.expect(f"balancing[{high}]", True, within=limit.delay)
        with rig.fault("temperature", sensor=rig.temperature_sensors, value=hottest - off):
            rig.stays(f"balancing[{high}]", True, for_=2 * limit.delay)
        with rig.fault("temperature", sensor=rig.temperature_sensors, value=hottest + off):
            rig.expect(f"balancing[{high}]", False, within=limit.delay)
            rig.stays(f"balancing[{high}]", False, for_=limit.delay)
            rig.stays("state", "operate", for_="100 ms")  # it is no fault that ended it
        rig.mark("cool again")
        rig.expect(f"balancing[{high}]", True, within=limit.delay)


@pytest.mark.case(14)
def test_soc_outlives_a_power_cycle(rig: Rig) -> None:
    """A BMS that has counted charge goes on from there, whatever the cells' voltage says after a load."""
    tolerance = rig.limits["accuracy_soc"].tolerance * 100
    rig.run_for("3 s")
    rig.operate()
    rig.set("drive.enable", 1.0)
    rig.set("drive.current_request", within_limits(rig, 1.5 * rig.truth("pack.capacity")))
    rig.run_for("60 s")
    rig.set("drive.current_request", 0.0)
    before = rig.value("soc")
    rig.power_on(cold=False)
    rig.run_for("3 s")
    rig.agrees("soc", before, min(tolerance, 1.0))


@pytest.mark.case(72)
def test_the_fault_memory_outlives_a_power_cycle_and_counts(rig: Rig) -> None:
    """A fault that came twice is in the memory once, counted_again; and no power cycle forgets it."""
    rig.require("dtc.count", "dtc.occurrences")
    for _ in range(2):
        _fall_ill(rig, "interlock")
    rig.bounded("entries of the fault memory", rig.value("dtc.count"), low=1, high=1)
    rig.bounded("occurrences of the fault", rig.value("dtc.occurrences"), low=2, high=2)
    rig.power_on(cold=False)
    rig.run_for("3 s")
    rig.bounded("entries after a power cycle", rig.value("dtc.count"), low=1, high=1)
