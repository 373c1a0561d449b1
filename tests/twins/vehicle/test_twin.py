"""A vehicle on a plant: its driver, through the plant's drive."""

from collections.abc import Callable
from math import nan
from typing import Any

import pytest

from twins.config import DriveConfig, VehicleConfig

S = 1_000_000_000
BIKE = DriveConfig(
    model="losses", max_torque_Nm=35.0, max_power_W=400.0, rated_V=52.0, max_V=70.0, aux_W=0.0, slew_s=0.2
)


@pytest.fixture
def bike(make_world: Callable[..., Any]) -> Any:
    world = make_world(drive=BIKE, vehicle=VehicleConfig("e-bike"))
    world.connect()
    return world


def test_it_comes_to_speed_and_stops_again(bike: Any) -> None:
    bike["vehicle.driving"] = 1.0
    bike["vehicle.target_speed"] = 20.0
    bike.run(40 * S)
    assert bike["vehicle.speed"] == pytest.approx(20.0, abs=0.3)
    assert bike["drive.speed"] == pytest.approx(20.0 / 3.6 / 0.34 * 30.0 / 3.14159, rel=0.02)
    assert bike["pack.current"] > 1.0
    bike["vehicle.target_speed"] = 0.0
    bike.run(20 * S)
    assert bike["vehicle.speed"] == 0.0
    assert 100.0 < bike["vehicle.distance"] < 260.0


def test_until_somebody_drives_the_drive_is_left_alone(bike: Any) -> None:
    bike["drive.enable"] = 1.0
    bike["drive.current_request"] = 30.0
    bike.run(S)
    assert bike["drive.dc_current"] == 30.0
    assert bike["vehicle.distance"] == 0.0


def test_when_nobody_drives_any_more_the_drive_is_off(bike: Any) -> None:
    bike["vehicle.driving"] = 1.0
    bike["vehicle.target_speed"] = 20.0
    bike.run(5 * S)
    bike.plant.safe()
    bike.run(S)
    assert bike["drive.dc_current"] == 0.0
    assert (bike["drive.enable"], bike["drive.torque_request"]) == (0.0, 0.0)
    bike.run(10 * S)
    assert bike["vehicle.speed"] == 0.0  # by its brakes
    bike["drive.torque_request"] = 1.0
    bike.run(S)
    assert bike["drive.torque_request"] == 1.0


def test_a_limit_of_the_bms_slows_it(bike: Any) -> None:
    bike["drive.discharge_limit"] = 2.0
    bike["vehicle.driving"] = 1.0
    bike["vehicle.target_speed"] = 25.0
    bike.run(60 * S)
    assert bike["drive.dc_current"] == pytest.approx(2.0, rel=0.05)
    assert 5.0 < bike["vehicle.speed"] < 24.0


def test_a_target_that_is_not_available_stops_it(bike: Any) -> None:
    bike["vehicle.driving"] = 1.0
    bike["vehicle.target_speed"] = 10.0
    bike.run(10 * S)
    bike["vehicle.target_speed"] = nan
    bike.run(10 * S)
    assert bike["vehicle.speed"] == 0.0


def test_a_fork_goes_on_bit_by_bit(bike: Any) -> None:
    bike["vehicle.driving"] = 1.0
    bike["vehicle.target_speed"] = 15.0
    bike.run(3 * S)
    saved = bike.plant.save()
    bike.run(3 * S)
    first = bike.plant.save()
    bike.plant.restore(saved)
    bike.run(3 * S)
    assert bike.plant.save() == first


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": "e-bik"}, "name: there is no 'e-bik'; did you mean 'e-bike'"),
        ({"name": "rv", "load": -1.0}, "load: must"),
    ],
)
def test_what_no_vehicle_is_made_of(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        VehicleConfig(**wrong)
