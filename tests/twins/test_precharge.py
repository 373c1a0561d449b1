"""The precharge resistor: what it warms by, how it cools, and when it is gone."""

from math import exp, log
from typing import Any

import pytest

from twins.circuit import Circuit
from twins.config import ContactorConfig, LinkConfig

MS = 1_000_000
S = 1_000_000_000
SMALL = LinkConfig(
    precharge_Ohm=10.0, precharge_rated_W=10.0, precharge_pulse_J=75.0, bleed_Ohm=1e12, capacitance_F=10e-3
)  # 0.2 J/K and 10/175 W/K: 3.5 s


def test_a_precharge_warms_it_by_half_of_the_energy(make_world: Any) -> None:
    world = make_world(link=SMALL)
    emf = world.plant.pack.emf_V
    world.command("main_minus", True)
    world.command("precharge", True)
    world.run(30 * MS + 2 * S)
    rate = 1.0 / ((10.0 + world.plant.pack.resistance_Ohm) * 10e-3)
    loss = 10.0 / 175.0 / 0.2
    # dT/dt = R i² / C - loss T with i = E/R exp(-rate t): the difference of two exponentials
    gain = (emf * rate * 10e-3) ** 2 * 10.0 / 0.2
    expected = gain * (exp(-loss * 2.0) - exp(-2.0 * rate * 2.0)) / (2.0 * rate - loss)
    assert world["precharge.temperature"] - 25.0 == pytest.approx(expected, rel=1e-3)
    assert world.plant.circuit.resistor.heat_J == pytest.approx(0.5 * 10e-3 * emf**2, rel=0.01)


def test_it_cools_with_its_time_constant_and_is_derated_meanwhile(make_world: Any) -> None:
    world = make_world(link=SMALL)
    world.plant.circuit.heat_precharge(165.0)
    assert world["precharge.allowed_power"] == pytest.approx(10.0 * 35.0 / 175.0)
    world.run(7 * S)
    assert world["precharge.temperature"] == pytest.approx(25.0 + 140.0 * exp(-2.0), rel=1e-9)
    world.run(100 * S)
    assert world["precharge.allowed_power"] == pytest.approx(10.0)


def test_into_a_short_it_burns_out_at_a_known_instant(make_world: Any) -> None:
    """What it has is E²/R, less what it loses: an exponential that passes 400 degC."""
    world = make_world(link=SMALL)
    world.plant.circuit.set_link_short(1e-4)
    world.command("main_minus", True)
    world.command("precharge", True)
    world.run(30 * MS)
    circuit = world.plant.circuit
    power = (world.plant.pack.emf_V / (10.0 + 1e-4 + world.plant.pack.resistance_Ohm + 4e-4)) ** 2 * 10.0
    seconds = -3.5 * log(1.0 - 375.0 * (10.0 / 175.0) / power)
    world.run(int((seconds - 0.02) * S))
    assert world["precharge.burnt"] == 0.0
    world.run(40 * MS)
    assert world["precharge.burnt"] == 1.0
    assert world["pack.current"] == 0.0
    assert circuit.resistor.heat_J == pytest.approx(power * seconds, rel=2e-3)
    world.run(60 * S)
    world.plant.circuit.set_link_short(None)
    world.run(2 * S)
    assert world["link.voltage"] == 0.0  # it stays open


def test_attempt_after_attempt_destroys_it(make_world: Any) -> None:
    world = make_world(link=LinkConfig(precharge_Ohm=10.0, precharge_rated_W=10.0, precharge_pulse_J=75.0))
    world.plant.circuit.set_link_short(0.5)
    world.command("main_minus", True)
    attempts = 0
    while not world["precharge.burnt"] and attempts < 9:
        attempts += 1
        world.command("precharge", True)
        world.run(230 * MS)
        world.command("precharge", False)
        world.run(500 * MS)
    assert 1 < attempts < 9


def test_the_instant_is_the_same_whatever_the_steps() -> None:
    heats = []
    for steps in (1, 7, 500):
        circuit = Circuit(SMALL, ContactorConfig())
        circuit.set_link_short(0.1)
        circuit.connect(main_plus=False, main_minus=True, precharge=True)
        for _ in range(steps):
            left = 2.0 / steps
            while left > 0.0:
                circuit.view(324.0, 0.05)
                breaks = circuit.breaks_within(0.0, left)
                dt = left if breaks is None else breaks.instant_s
                circuit.advance(0.0, dt)
                if breaks is not None:
                    circuit.break_now(breaks)
                left -= dt
        assert circuit.resistor.burnt
        heats.append(circuit.resistor.heat_J)
    assert heats[1:] == pytest.approx([heats[0]] * 2, rel=1e-9)


def test_it_is_not_colder_than_its_surroundings(world: Any) -> None:
    with pytest.raises(ValueError, match="not colder than its surroundings, 25 degC"):
        world.plant.circuit.heat_precharge(20.0)
    with pytest.raises(ValueError, match="not colder"):
        world.plant.circuit.heat_precharge(float("nan"))
