"""The drive: torque into current and back, its limits, and what it does when the link goes."""

from math import exp, nan, pi
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twins.circuit import Circuit
from twins.config import ContactorConfig, DriveConfig, LinkConfig
from twins.drive import FAULT, OFF, READY, RUN, Drive

MS = 1_000_000
S = 1_000_000_000
OMEGA = 1800 * 2 * pi / 60


@pytest.fixture
def driving(world: Any) -> Any:
    world.connect()
    world["drive.enable"] = 1.0
    world.run(50 * MS)
    return world


def test_driving_takes_from_the_pack_and_braking_gives_back(driving: Any) -> None:
    driving["drive.torque_request"] = 20.0
    driving.run(S)
    assert driving["drive.torque"] == 20.0
    power = 20.0 * OMEGA / 0.92 + 400.0
    assert driving["drive.dc_current"] * driving["link.voltage"] == pytest.approx(power, rel=1e-4)
    assert driving["pack.current"] > 0.0
    driving["drive.torque_request"] = -20.0
    driving.run(S)
    power = -20.0 * OMEGA * 0.92 + 400.0
    assert driving["drive.dc_current"] * driving["link.voltage"] == pytest.approx(power, rel=1e-4)
    assert driving["pack.current"] < 0.0


def test_backwards_the_signs_turn(driving: Any) -> None:
    driving["drive.speed_request"] = -900.0
    driving["drive.torque_request"] = -20.0
    driving.run(S)
    assert driving["drive.speed"] == -900.0
    assert driving["pack.current"] > 0.0


def test_the_torque_ramps_in_its_slew_time(driving: Any) -> None:
    driving["drive.speed_request"] = 0.0
    driving["drive.torque_request"] = 813.0
    driving.run(100 * MS)
    assert driving["drive.torque"] == pytest.approx(813.0 / 2)
    driving.run(100 * MS)
    assert driving["drive.torque"] == pytest.approx(813.0)


def test_torque_and_power_are_limited(make_world: Any) -> None:
    drive = DriveConfig(max_torque_Nm=100.0, max_power_W=2000.0)
    world = make_world(drive=drive)
    world.connect()
    world["drive.enable"] = 1.0
    world["drive.torque_request"] = 1000.0
    world.run(S)
    assert world["drive.torque"] == pytest.approx(2000.0 / OMEGA)
    world["drive.speed_request"] = 100.0
    world.run(S)
    assert world["drive.torque"] == 100.0


def test_as_a_bench_load_it_draws_exactly_what_it_is_told(driving: Any) -> None:
    for amperes in (100.0, 0.0, -80.0):
        driving["drive.current_request"] = amperes
        driving.run(50 * MS)
        assert driving["drive.dc_current"] == amperes
        bleed = driving["link.voltage"] / 20e3
        assert driving["pack.current"] == pytest.approx(amperes + bleed, abs=0.05)
    driving["drive.current_request"] = nan
    driving.run(50 * MS)
    assert driving["drive.dc_current"] * driving["link.voltage"] == pytest.approx(400.0, rel=1e-4)


def test_its_states(world: Any) -> None:
    assert world["drive.state"] == OFF
    world.connect()
    assert world["drive.state"] == READY
    world["drive.enable"] = 1.0
    world.run(10 * MS)
    assert world["drive.state"] == RUN
    world["drive.enable"] = 0.0
    world.run(10 * MS)
    assert world["drive.state"] == READY
    world.command("main_plus", False)
    world.run(S)
    assert world["drive.state"] == OFF


def test_it_draws_nothing_before_the_main_contactors_are_closed(world: Any) -> None:
    world["drive.enable"] = 1.0
    world["drive.current_request"] = 30.0
    world.command("main_minus", True)
    world.command("precharge", True)
    world.run(2 * S)
    assert world["drive.dc_current"] == 0.0
    assert world["link.voltage"] > 0.99 * world["pack.voltage"]
    world.command("main_plus", True)
    world.run(100 * MS)
    assert world["drive.dc_current"] == 30.0


def test_contactors_that_open_under_load_trip_it(driving: Any) -> None:
    driving["drive.current_request"] = 100.0
    driving.run(100 * MS)
    driving.command("main_plus", False)
    driving.run(15 * MS + 100_000)
    driving.run(20 * MS)
    assert driving["drive.state"] == FAULT
    assert driving["drive.dc_current"] == 0.0
    # The load took the link down to half; from there on only the discharge does.
    assert 0.4 * driving["pack.voltage"] < driving["link.voltage"] < 0.5 * driving["pack.voltage"]
    driving["drive.current_request"] = 0.0
    driving.run(10 * MS)
    assert driving["drive.state"] == OFF


def test_regeneration_into_an_open_link_trips_at_overvoltage(make_world: Any) -> None:
    world = make_world(drive=DriveConfig(max_V=80.0))
    world.connect()
    world["drive.enable"] = 1.0
    world["drive.current_request"] = -100.0
    world.run(100 * MS)
    world.command("main_plus", False)
    world.run(30 * MS)
    assert world["drive.state"] == FAULT
    assert 70.0 < world["link.voltage"] <= 80.0


def test_idle_and_disconnected_it_discharges_the_link(world: Any) -> None:
    world.connect()
    world.command("main_plus", False)
    world.run(15 * MS)
    before = world["link.voltage"]
    world.run(605 * MS)
    expected = before * exp(-0.605 / (3e-3 / (1 / 200 + 1 / 20e3)))
    assert world["link.voltage"] == pytest.approx(expected, rel=1e-9)


def test_it_warms_by_its_losses(driving: Any) -> None:
    driving["drive.torque_request"] = 20.0
    driving.run(300 * S)
    loss = 20.0 * OMEGA * (1 / 0.92 - 1)
    assert driving["drive.inverter_temperature"] == pytest.approx(25 + 0.3 * loss * 0.010, abs=0.05)
    assert 25.0 < driving["drive.motor_temperature"] < 25 + 0.7 * loss * 0.008


def test_more_power_than_the_pack_can_give_ends_in_a_trip(driving: Any) -> None:
    driving["drive.torque_request"] = 813.0
    driving.run(2 * S)
    assert driving["drive.state"] == FAULT


@settings(max_examples=50)
@given(
    emf=st.floats(200, 400),
    resistance=st.floats(0.02, 0.3),
    power=st.floats(-60e3, 60e3),
    feed=st.floats(0, 50),
)
def test_behind_closed_contactors_the_power_is_met_exactly(
    emf: float, resistance: float, power: float, feed: float
) -> None:
    circuit = Circuit(LinkConfig(), ContactorConfig())
    circuit.connect(main_plus=True, main_minus=True, precharge=False)
    circuit.link_V = emf
    circuit.view(emf, resistance)
    drive = Drive(DriveConfig(), 0.01, 25.0)
    drive.power_W = power
    current = drive.current(circuit, feed)
    voltage = circuit.emf_V - circuit.resistance_Ohm * (current - feed)
    if power < circuit.emf_V**2 / (4 * circuit.resistance_Ohm):
        assert voltage * current == pytest.approx(power, rel=1e-9, abs=1e-6)
