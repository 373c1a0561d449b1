"""The modelled drives on a plant: limits of the BMS, flux, trips, save and restore."""

from collections.abc import Callable
from math import nan, pi
from typing import Any

import pytest

from twins.config import DriveConfig
from twins.drive.core import CoreDrive

MS = 1_000_000
S = 1_000_000_000
SMALL = {
    "max_torque_Nm": 60.0,
    "max_power_W": 6e3,
    "rated_V": 52.0,
    "speed_rpm": 900.0,
    "aux_W": 0.0,
    "max_V": 70.0,
}


@pytest.fixture(params=["losses", "induction"])
def driving(request: pytest.FixtureRequest, make_world: Callable[..., Any]) -> Any:
    world = make_world(drive=DriveConfig(model=request.param, **SMALL))
    world.connect()
    world["drive.enable"] = 1.0
    world.run(3 * S)
    return world


def power_of(world: Any) -> float:
    return float(world["drive.dc_current"] * world["link.voltage"])


def test_the_power_at_the_link_is_the_shaft_s_and_the_losses(driving: Any) -> None:
    driving["drive.torque_request"] = 40.0
    driving.run(3 * S)
    shaft_W = 40.0 * 900.0 * pi / 30.0
    assert driving["drive.torque"] == pytest.approx(40.0, rel=1e-3)
    assert 0.80 < shaft_W / power_of(driving) < 0.97
    driving["drive.torque_request"] = -40.0
    driving.run(3 * S)
    assert 0.75 < power_of(driving) / -shaft_W < 0.97
    assert driving["pack.current"] < 0.0


@pytest.mark.parametrize("limit", [0.0, 20.0, 60.0])
def test_it_keeps_to_the_limits_of_the_bms(driving: Any, limit: float) -> None:
    idle_A = driving["drive.dc_current"]
    driving["drive.discharge_limit"] = driving["drive.charge_limit"] = limit
    driving["drive.torque_request"] = 60.0
    driving.run(3 * S)
    assert driving["drive.dc_current"] <= max(limit, idle_A) * 1.02 + 0.5
    assert driving["drive.dc_current"] >= 0.8 * limit
    driving["drive.torque_request"] = -60.0
    driving.run(3 * S)
    assert driving["drive.dc_current"] >= -limit * 1.02
    assert driving["drive.dc_current"] <= max(-0.8 * limit, 0.0) + idle_A


def test_a_limit_that_is_not_available_allows_nothing(driving: Any) -> None:
    driving["drive.charge_limit"] = nan
    driving["drive.torque_request"] = -60.0
    driving.run(2 * S)
    assert driving["drive.dc_current"] >= -0.1


def test_a_request_that_is_not_available_asks_for_nothing(driving: Any) -> None:
    driving["drive.torque_request"] = nan
    driving.run(2 * S)
    assert driving["drive.torque"] == pytest.approx(0.0, abs=1e-6)


def test_a_bench_current_goes_past_the_motor(driving: Any) -> None:
    driving["drive.current_request"] = 50.0
    driving.run(S)
    assert driving["drive.dc_current"] == 50.0


def test_when_the_link_goes_it_trips_without_current(driving: Any) -> None:
    driving["drive.torque_request"] = 40.0
    driving.run(S)
    driving.command("main_plus", False)
    driving.run(S)
    assert driving["drive.state"] == 3
    assert (driving["drive.torque"], driving["drive.dc_current"]) == (0.0, 0.0)


def test_the_flux_comes_with_the_enable_and_fades_without(make_world: Callable[..., Any]) -> None:
    world = make_world(drive=DriveConfig(model="induction", **SMALL))
    drive = world.plant.drive
    assert isinstance(drive, CoreDrive)
    rated = drive._motor.flux_Wb
    world.connect()
    assert world["drive.flux"] == 0.0
    world["drive.enable"] = 1.0
    world.run(3 * S)
    assert world["drive.flux"] == pytest.approx(rated, rel=0.02)
    world["drive.enable"] = 0.0
    world.run(round(drive._motor.rotor_s * S))
    assert world["drive.flux"] == pytest.approx(0.37 * rated, rel=0.06)


def test_ripple_grows_with_the_load(make_world: Callable[..., Any]) -> None:
    world = make_world(drive=DriveConfig(model="induction", **SMALL))
    world.connect()
    world["drive.enable"] = 1.0
    world.run(2 * S)
    idle = world["drive.ripple_current"]
    world["drive.torque_request"] = 50.0
    world.run(S)
    assert world["drive.ripple_current"] > 2.0 * idle > 0.0
    assert world["drive.ripple_voltage"] > 0.0


def test_a_fork_goes_on_bit_by_bit(driving: Any) -> None:
    driving["drive.torque_request"] = 30.0
    driving.run(333 * MS)
    saved = driving.plant.save()
    driving.run(S)
    first = driving.plant.save()
    driving.plant.restore(saved)
    driving.run(S)
    assert driving.plant.save() == first


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"model": "diesel"}, "model: must be simple, losses or induction"),
        ({"rated_V": 0.0}, "rated_V: must be greater"),
    ],
)
def test_what_no_drive_is_made_of(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        DriveConfig(**wrong)
