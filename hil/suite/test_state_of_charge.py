"""B. State estimation, against the truth of the twin."""

from __future__ import annotations

from typing import Any

import pytest

from hil import Rig
from hil.suite.protections import within_limits

# C-rate and duration in s (longer where the pack may give less): so much goes, and so much of it comes
# back, that a tenth of the one or most of the other, not counted, is more than the check permits
_PROFILE = ((1.8, 450.0), (0.0, 10.0), (-0.9, 220.0), (1.8, 450.0), (0.0, 10.0))
_NEARLY_EMPTY, _NEARLY_FULL = 0.04, 0.98  # where the rest voltage, or the end of a charge, says much
_FULL_WITHIN_S = 1200
_LONG_S = 120.0


@pytest.mark.case(10)
@pytest.mark.parametrize(
    "share",
    [
        pytest.param(share, id=f"{share:.0%}", marks=pytest.mark.initial(pack__soc=share))
        for share in (0.2, 0.4, 0.6, 0.8)
    ],
)
def test_soc_at_power_on_after_a_rest(rig: Rig, share: float) -> None:
    """A BMS that knows nothing finds its SOC by the voltage of the rested cells."""
    limit = rig.limits["accuracy_soc"]
    rig.run_for(limit.time("first_within"))
    rig.agrees("soc", share * 100, limit.tolerance * 100)


@pytest.mark.case(10)
@pytest.mark.initial(pack__soc=0.9)
def test_soc_follows_a_profile_of_discharge_and_regeneration(rig: Rig) -> None:
    """The reported SOC stays within its tolerance of the truth, and moves as far as the truth does."""
    tolerance = rig.limits["accuracy_soc"].tolerance * 100
    rig.track("soc", "pack.soc", scale=100.0)
    rig.operate()
    first, begin = rig.value("soc"), rig.truth("pack.soc") * 100
    rig.set("drive.enable", 1.0)
    for rate, seconds in _PROFILE:
        wanted = rate * rig.truth("pack.capacity")
        current = within_limits(rig, wanted)
        longer = wanted / current if current else 1.0
        rig.step(f"{current:g} A for {seconds * longer:.0f} s")
        rig.set("drive.current_request", current)
        rig.run_for(round(seconds * longer * 1e9))
        rig.agrees("soc", rig.truth("pack.soc") * 100, tolerance)
    moved = begin - rig.truth("pack.soc") * 100
    error = first - rig.value("soc") - moved
    rig.bounded("SOC really taken", moved, low=30.0, unit="%")
    rig.bounded("error of the SOC's change", abs(error), high=tolerance / 2, unit="%")


@pytest.mark.case(11)
def test_soc_in_heat_and_cold(rig: Rig, degrees: int) -> None:
    """Found at power-on and counted under load, the SOC is right at each temperature."""
    limit = rig.limits["accuracy_soc"]
    tolerance, known = limit.tolerance * 100, limit.time("first_within")
    rig.set("ambient.temperature", float(degrees))
    rig.set("pack.temperature", float(degrees))
    rig.power_on()  # it knows nothing but this pack
    rig.run_for(known)
    rig.agrees("soc", rig.truth("pack.soc") * 100, tolerance)
    _discharge(rig, 0.25, 30.0)
    rig.agrees("soc", rig.truth("pack.soc") * 100, tolerance)


@pytest.mark.case(11, 12)
@pytest.mark.initial(pack__soc=0.30)
def test_a_wrong_soc_is_corrected_by_a_rest(rig: Rig) -> None:
    """A BMS that believes in a quarter more than there is finds the truth by the rest voltage."""
    limit = rig.limits["accuracy_soc"]
    rest = limit.time("rest")
    rig.run_for(limit.time("first_within"))
    rig.set("pack.soc", _NEARLY_EMPTY)
    rig.bounded("SOC before the rest, off", rig.value("soc") - _NEARLY_EMPTY * 100, low=15.0, unit="%")
    rig.run_for(rest)
    rig.agrees("soc", rig.truth("pack.soc") * 100, limit.tolerance * 100)


@pytest.mark.case(12)
@pytest.mark.initial(pack__soc=0.75)
def test_a_wrong_soc_is_corrected_by_a_full_charge(rig: Rig) -> None:
    """A BMS that believes in 20 % less than there is knows better when the pack is full."""
    limit = rig.limits["accuracy_soc"]
    tolerance, known = limit.tolerance * 100, limit.time("first_within")
    rig.require("charge_complete")
    rig.run_for(known)
    rig.set("pack.soc", _NEARLY_FULL)
    rig.bounded("SOC before the charge, off", _NEARLY_FULL * 100 - rig.value("soc"), low=15.0, unit="%")
    rig.charge()
    for _ in range(_FULL_WITHIN_S):
        rig.run_for("1 s")
        if rig.history("charge_complete")[-1][1]:
            break
    rig.stays("charge_complete", True, for_="200 ms")
    rig.agrees("soc", rig.truth("pack.soc") * 100, tolerance)


@pytest.mark.case(13)
@pytest.mark.initial(pack__soc=0.7)
@pytest.mark.parametrize(("how", "factor", "offset"), [("gain", 1.1, 0.0), ("offset", 1.0, 0.05)])
def test_an_error_of_the_current_sensor_moves_the_soc_no_further(
    rig: Rig, how: str, factor: float, offset: float
) -> None:
    """The SOC drifts by the charge that the sensor adds, and by nothing else; ``offset`` is a C-rate."""
    tolerance, capacity = rig.limits["accuracy_soc"].tolerance * 100, rig.truth("pack.capacity")
    wrong: dict[str, Any] = {"factor": factor} if how == "gain" else {"value": offset * capacity}
    rig.operate()
    before, begin = rig.value("soc"), rig.truth("pack.soc") * 100
    with rig.fault(f"sensor.{how}", port="current_sensor.current", **wrong):
        _discharge(rig, 1.0, _LONG_S)
        moved = begin - rig.truth("pack.soc") * 100
        told = before - rig.value("soc")
    expected = moved * factor + offset * _LONG_S / 36.0
    rig.bounded("SOC really taken", moved, low=2.0, unit="%")
    rig.bounded("SOC shown, beyond what the sensor told", abs(told - expected), high=tolerance / 5, unit="%")


@pytest.mark.case(17)
def test_the_estimated_voltage_is_the_terminal_voltage(rig: Rig) -> None:
    """What the BMS expects of the pack at its charge and current agrees with what the pack gives."""
    share = rig.limits["accuracy_estimated_voltage"].tolerance
    rig.require("estimated.pack_voltage")
    rig.operate()
    rig.set("drive.enable", 1.0)
    for rate in (0.0, 0.5, 1.0, 1.8, -0.6):
        rig.set("drive.current_request", within_limits(rig, rate * rig.truth("pack.capacity")))
        rig.run_for("10 s")
        truth = rig.truth("pack.voltage")
        rig.agrees("estimated.pack_voltage", truth, share * truth)


def _discharge(rig: Rig, rate: float, seconds: float) -> None:
    """Draw a current, given as a C-rate, or what the pack offers of it; then none."""
    rig.operate()
    rig.set("drive.enable", 1.0)
    rig.set("drive.current_request", within_limits(rig, rate * rig.truth("pack.capacity")))
    rig.run_for(round(seconds * 1e9))
    rig.set("drive.current_request", 0.0)
    rig.run_for("1 s")
