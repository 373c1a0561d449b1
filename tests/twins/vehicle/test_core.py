"""The vehicle core against what mechanics says, and its books of energy."""

from dataclasses import replace
from math import asin, atan, cos, pi, sin, sqrt, tan
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import twins.vehicle as vehicles
from twins.vehicle import Value, VehicleParameters, _vehicle
from twins.vehicle.parameters import AIR_kg_m3, Array

G = 9.80665
FREE = {"body.auxiliaries": 0.0, "drive.idle": 0.0, "drive.loss_by_speed": 0.0}


def changed(name: str = "xe20", /, **values: float) -> VehicleParameters:
    """A shipped vehicle with other values; a key's dot is written as two underscores."""
    vehicle = vehicles.load(name)
    new = {key.replace("__", "."): Value(value, "test") for key, value in values.items()}
    assert set(new) <= set(vehicle.values)
    return replace(vehicle, values={**vehicle.values, **new})


def free(**values: float) -> VehicleParameters:
    return changed(**{key.replace(".", "__"): value for key, value in FREE.items()}, **values)


def ready(**values: float) -> Array:
    """A state with a strong pack."""
    state = np.zeros(_vehicle.STATE_SIZE)
    state[_vehicle.EMF], state[_vehicle.RESISTANCE] = 330.0, 0.05
    state[_vehicle.LOW], state[_vehicle.HIGH] = 200.0, 400.0
    state[_vehicle.DISCHARGE] = state[_vehicle.CHARGE] = 2000.0
    for name, value in values.items():
        state[getattr(_vehicle, name)] = value
    return state


def drive(vehicle: VehicleParameters, state: Array, look: float, seconds: float, dt: float = 0.01) -> None:
    steps = round(seconds / dt)
    _vehicle.advance(vehicle.block(), state, look, look, look, look, dt, steps)


def motion_J(vehicle: VehicleParameters, state: Array) -> float:
    inertia = vehicle.mass_kg * (1.0 + vehicle["body.rotating"]) + state[_vehicle.PAYLOAD]
    return float(0.5 * inertia * state[_vehicle.SPEED] ** 2)


def test_coasting_follows_the_closed_form() -> None:
    """No power either way: m_eff dv/dt = -(A + B v^2) is solved by a tangent."""
    vehicle = free(body__top_speed=50.0)
    state = ready(SPEED=20.0, DISCHARGE=0.0, CHARGE=0.0, PAYLOAD=5000.0)
    drive(vehicle, state, look=30.0, seconds=100.0, dt=1e-3)
    mass = vehicle.mass_kg + 5000.0
    inertia = mass + vehicle.mass_kg * vehicle["body.rotating"]
    a = mass * G * vehicle["body.rolling"] / inertia
    b = 0.5 * AIR_kg_m3 * vehicle["body.drag"] * vehicle["body.area"] / inertia
    expected = sqrt(a / b) * tan(atan(20.0 * sqrt(b / a)) - sqrt(a * b) * 100.0)
    assert state[_vehicle.SPEED] == pytest.approx(expected, rel=1e-5)
    assert state[_vehicle.CURRENT] == pytest.approx(0.0, abs=1e-9)


def test_full_torque_gives_the_acceleration_of_newton() -> None:
    vehicle = free(
        body__rolling=1e-9, body__drag=0.0, driver__acceleration=50.0, drive__rise_time=1e-6, body__grip=2.0
    )
    state = ready()
    drive(vehicle, state, look=11.0, seconds=1.0)
    force = (
        vehicle["drive.torque"]
        * vehicle.gears[0]
        * vehicle["gearbox.efficiency"]
        / vehicle["body.wheel_radius"]
    )
    inertia = vehicle.mass_kg * (1.0 + vehicle["body.rotating"])
    assert state[_vehicle.SPEED] == pytest.approx(force / inertia * 1.0, rel=1e-6)
    assert state[_vehicle.WAY] == pytest.approx(force / inertia * 0.5, rel=1e-6)


def test_it_climbs_what_its_torque_lifts_and_no_more() -> None:
    vehicle = free(body__grip=2.0)
    force = (
        vehicle["drive.torque"]
        * vehicle.gears[0]
        * vehicle["gearbox.efficiency"]
        / vehicle["body.wheel_radius"]
    )
    weight = vehicle.mass_kg * G
    friction = atan(vehicle["body.rolling"])  # sin + c cos = sqrt(1 + c^2) sin(angle + atan c)
    angle = asin(force / weight * cos(friction)) - friction
    for factor, climbs in ((0.99, True), (1.01, False)):
        state = ready(GRADE=tan(angle * factor))
        drive(vehicle, state, look=5.0, seconds=10.0)
        assert bool(state[_vehicle.SPEED] > 0.01) is climbs
        assert state[_vehicle.WAY] >= 0.0


def test_steady_climbing_takes_the_power_of_the_textbook() -> None:
    vehicle = changed(driver__preview=0.1)
    speed, grade, payload = 6.0, 0.04, 20_000.0
    state = ready(SPEED=speed, GRADE=grade, PAYLOAD=payload)
    drive(vehicle, state, look=speed, seconds=30.0)
    slope, weight = atan(grade), (vehicle.mass_kg + payload) * G
    drag = 0.5 * AIR_kg_m3 * vehicle["body.drag"] * vehicle["body.area"] * speed**2
    force = weight * (sin(slope) + vehicle["body.rolling"] * cos(slope)) + drag
    shaft_W = force * speed / vehicle["gearbox.efficiency"]
    motor_rad_s = speed / vehicle["body.wheel_radius"] * vehicle.gears[0]
    torque, power = vehicle["drive.torque"], vehicle["drive.power"]
    loss_W = vehicle["drive.idle"] + power * (
        vehicle["drive.loss_by_speed"] * motor_rad_s * torque / power
        + vehicle["drive.loss_by_power"] * shaft_W / power
        + vehicle["drive.loss_by_torque"] * (shaft_W / motor_rad_s / torque) ** 2
    )
    assert state[_vehicle.SPEED] == pytest.approx(speed, rel=1e-6)
    assert state[_vehicle.POWER] == pytest.approx(shaft_W + loss_W + vehicle["body.auxiliaries"], rel=1e-6)


def test_the_drive_brakes_first_and_the_brakes_fill() -> None:
    vehicle = changed()
    gentle, hard = ready(SPEED=9.0), ready(SPEED=9.0, CHARGE=0.0)
    for state in (gentle, hard):
        for second in range(4):
            target = 9.0 - 1.2 * second
            _vehicle.advance(vehicle.block(), state, target, target - 1.2, target, target - 1.2, 0.01, 100)
    assert gentle[_vehicle.SPEED] == pytest.approx(hard[_vehicle.SPEED], abs=0.02)
    braked_J = motion_J(vehicle, ready(SPEED=9.0)) - motion_J(vehicle, gentle)
    assert gentle[_vehicle.BRAKE] < 0.08 * braked_J  # while the torque rises
    assert gentle[_vehicle.FED] > 0.6 * braked_J
    assert hard[_vehicle.BRAKE] > 0.8 * braked_J
    assert hard[_vehicle.FED] == 0.0
    assert hard[_vehicle.AT_CHARGE] > 3.0


def test_below_a_walk_the_drive_does_not_brake() -> None:
    vehicle = changed()
    state = ready(SPEED=0.8)
    drive(vehicle, state, look=0.0, seconds=5.0)
    assert state[_vehicle.FED] == 0.0
    assert state[_vehicle.SPEED] == 0.0


@pytest.mark.parametrize("grade", [-0.12, 0.0, 0.12])
def test_it_stands_still_on_a_hill_without_current(grade: float) -> None:
    vehicle = changed()
    state = ready(GRADE=grade)
    drive(vehicle, state, look=0.0, seconds=60.0)
    assert state[_vehicle.WAY] == 0.0
    idle_W = vehicle["body.auxiliaries"] + vehicle["drive.idle"]
    assert state[_vehicle.POWER] == pytest.approx(idle_W, rel=1e-9)


def test_the_speed_limiter_holds() -> None:
    vehicle = changed()
    state = ready()
    drive(vehicle, state, look=30.0, seconds=120.0)
    assert state[_vehicle.SPEED] == pytest.approx(vehicle["body.top_speed"], rel=1e-3)


def test_the_gearbox_shifts_up_and_down_again() -> None:
    vehicle = vehicles.load("truck-50t")
    state = ready(EMF=590.0, RESISTANCE=0.05, LOW=450.0, HIGH=660.0)
    drive(vehicle, state, look=24.0, seconds=120.0)
    assert state[_vehicle.GEAR] == len(vehicle.gears) - 1
    assert state[_vehicle.SPEED] == pytest.approx(24.0, abs=0.1)
    drive(vehicle, state, look=0.0, seconds=60.0)
    assert (state[_vehicle.SPEED], state[_vehicle.GEAR]) == (0.0, 0.0)


def test_the_wheels_hold_no_more_than_their_grip() -> None:
    vehicle = changed(body__grip=0.05, driver__acceleration=5.0)
    state = ready()
    drive(vehicle, state, look=10.0, seconds=3.0)
    most = vehicle["body.grip"] * G / (1.0 + vehicle["body.rotating"]) * 3.0
    assert 0.8 * most < state[_vehicle.SPEED] < most
    assert state[_vehicle.AT_GRIP] > 2.5


def test_the_current_solves_the_power() -> None:
    vehicle = changed()
    state = ready(SPEED=5.0)
    drive(vehicle, state, look=9.0, seconds=0.5)
    volts, amperes = state[_vehicle.LINK], state[_vehicle.CURRENT]
    assert volts == pytest.approx(330.0 - 0.05 * amperes, rel=1e-12)
    assert volts * amperes == pytest.approx(state[_vehicle.POWER], rel=1e-12)


NUMBERS = {
    "look": st.floats(0.0, 25.0),
    "grade": st.floats(-0.15, 0.15),
    "payload": st.floats(0.0, 40_000.0),
    "discharge": st.one_of(st.just(0.0), st.floats(0.0, 1500.0)),
    "charge": st.one_of(st.just(0.0), st.floats(0.0, 800.0)),
    "source": st.sampled_from([0.0, 40e3]),
    "speed": st.floats(0.0, 25.0),
}


@settings(max_examples=150, deadline=None)
@given(
    name=st.sampled_from(["xe20", "truck-50t", "hybrid-bus", "automobile", "e-bike"]),
    legs=st.lists(st.fixed_dictionaries(NUMBERS), min_size=1, max_size=6),
)
def test_the_books_close_and_the_limits_hold(name: str, legs: list[dict[str, Any]]) -> None:
    vehicle = vehicles.load(name)
    emf = 3.3 * vehicle.series
    state = ready(
        EMF=emf, RESISTANCE=0.15e-3 * emf, LOW=0.7 * emf, HIGH=1.2 * emf, SPEED=legs[0]["speed"],
        PAYLOAD=legs[0]["payload"],
    )  # fmt: skip
    begin_J = motion_J(vehicle, state)
    for leg in legs:
        state[_vehicle.GRADE], state[_vehicle.SOURCE] = leg["grade"], leg["source"]
        state[_vehicle.DISCHARGE], state[_vehicle.CHARGE] = leg["discharge"], leg["charge"]
        before = state[_vehicle.WAY]
        drive(vehicle, state, leg["look"], seconds=4.0)
        assert np.isfinite(state).all()
        assert state[_vehicle.SPEED] >= 0.0
        assert state[_vehicle.WAY] >= before
    works = sum(
        state[at]
        for at in (
            _vehicle.AUX, _vehicle.DRIVE, _vehicle.GEARBOX, _vehicle.ROLLING, _vehicle.DRAG, _vehicle.CLIMB,
            _vehicle.BRAKE,
        )
    )  # fmt: skip
    given_J = state[_vehicle.DRAWN] - state[_vehicle.FED] + state[_vehicle.SOURCED] + state[_vehicle.UNSERVED]
    moved_J = motion_J(vehicle, state) - begin_J
    scale = state[_vehicle.DRAWN] + state[_vehicle.FED] + abs(works) + begin_J + 1.0
    assert given_J - works - moved_J == pytest.approx(0.0, abs=1e-9 * scale)


@settings(max_examples=100, deadline=None)
@given(leg=st.fixed_dictionaries(NUMBERS))
def test_the_current_stays_within_what_is_allowed(leg: dict[str, Any]) -> None:
    vehicle = vehicles.load("xe20")
    state = ready(
        SPEED=min(leg["speed"], 11.0), GRADE=leg["grade"], PAYLOAD=leg["payload"], DISCHARGE=leg["discharge"],
        CHARGE=leg["charge"],
    )  # fmt: skip
    drive(vehicle, state, leg["look"], seconds=0.1)
    state[_vehicle.MOST] = state[_vehicle.LEAST] = 0.0
    drive(vehicle, state, leg["look"], seconds=5.0)
    assert state[_vehicle.MOST] <= leg["discharge"] * 1.001 + 1e-9
    assert state[_vehicle.LEAST] >= -leg["charge"] * 1.02 - 3.0  # the speed is taken at the step's begin


def test_a_loss_polynomial_is_near_the_table_that_it_is_from() -> None:
    """NREL T3CO's efficiency over load; the polynomial of `_common.toml` at base speed."""
    load = np.array([0.1, 0.2, 0.4, 0.6, 0.8, 1.0])
    table = np.array([0.91, 0.93, 0.94, 0.94, 0.93, 0.92])
    v = vehicles.load("xe20")
    loss = v["drive.loss_by_speed"] + v["drive.loss_by_power"] * load + v["drive.loss_by_torque"] * load**2
    assert load / (load + loss) == pytest.approx(table, abs=0.012)


@pytest.mark.parametrize(
    "bad", [(np.nan, 0.01, 1), (1.0, 0.0, 1), (1.0, -0.1, 1), (1.0, np.inf, 1), (1.0, 0.01, 0)]
)
def test_steps_that_are_none_are_refused(bad: tuple[float, float, int]) -> None:
    look, dt, steps = bad
    with pytest.raises(ValueError, match="step positive"):
        _vehicle.advance(vehicles.load("xe20").block(), ready(), look, look, look, look, dt, steps)


def test_blocks_of_another_size_are_refused() -> None:
    block = vehicles.load("xe20").block()
    with pytest.raises(ValueError, match="state must be"):
        _vehicle.advance(block, np.zeros(3), 0.0, 0.0, 0.0, 0.0, 0.01, 1)
    with pytest.raises(ValueError, match="type must be"):
        _vehicle.advance(block[:-1], ready(), 0.0, 0.0, 0.0, 0.0, 0.01, 1)


def test_the_motor_speed_of_a_gear_is_ratio_over_radius() -> None:
    """25 mph is 4000 rpm of the XE20's motor: what its file says of the ratio."""
    xe20 = vehicles.load("xe20")
    rpm = xe20["body.top_speed"] / xe20["body.wheel_radius"] * xe20.gears[0] * 30.0 / pi
    assert rpm == pytest.approx(4010.0, rel=2e-3)
