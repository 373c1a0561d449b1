"""The charger: constant current, then constant voltage, and only while it is told to."""

from typing import Any

import pytest

MS = 1_000_000
S = 1_000_000_000
VOLTS, AMPERES = 56.0, 40.0  # 3.50 V for each of 16 cells


def command(world: Any, voltage: float = VOLTS, current: float = AMPERES, stop: float = 0.0) -> None:
    world["charger.voltage_max"] = voltage
    world["charger.current_max"] = current
    world["charger.control"] = stop


@pytest.fixture
def charging(world: Any) -> Any:
    world.connect()
    world["charger.plugged"] = 1.0
    command(world)
    world.run(100 * MS)
    return world


def test_it_gives_the_commanded_current_into_the_pack(charging: Any) -> None:
    assert charging["charger.current"] == pytest.approx(AMPERES)
    bleed = charging["link.voltage"] / 20e3
    assert charging["pack.current"] == pytest.approx(-AMPERES + bleed, abs=1e-3)
    assert charging["charger.voltage"] == pytest.approx(charging["link.voltage"])
    watts = charging["charger.voltage"] * AMPERES / 0.93
    assert charging.plant.charger.input_W == pytest.approx(watts)


def test_constant_current_goes_over_into_constant_voltage(charging: Any) -> None:
    charging["pack.soc"] = 0.985
    phases: list[str] = []
    for _ in range(600):
        command(charging)
        charging.run(S)
        current, voltage = charging["charger.current"], charging["link.voltage"]
        phases.append("CC" if current == pytest.approx(AMPERES) else "CV")
        if phases[-1] == "CC":
            assert voltage <= VOLTS + 1e-6
        else:
            assert voltage == pytest.approx(VOLTS, abs=1e-6)
            assert 0.0 <= current < AMPERES
    switch = phases.index("CV")
    assert 0 < switch < len(phases)
    assert set(phases[switch:]) == {"CV"}
    assert charging["charger.current"] < 0.8 * AMPERES


def test_without_commands_it_stops_after_five_seconds_and_resumes(charging: Any) -> None:
    command(charging)
    charging.run(5 * S - 10 * MS)
    assert charging["charger.current"] > 0.0
    assert charging["charger.communication_timeout"] == 0.0
    charging.run(30 * MS)
    assert charging["charger.current"] == 0.0
    assert charging["charger.communication_timeout"] == 1.0
    command(charging)
    charging.run(20 * MS)
    assert charging["charger.current"] == pytest.approx(AMPERES)
    assert charging["charger.communication_timeout"] == 0.0


def test_it_stops_when_told_to_or_unplugged(charging: Any) -> None:
    command(charging, stop=1.0)
    charging.run(20 * MS)
    assert charging["charger.current"] == 0.0
    command(charging)
    charging["charger.plugged"] = 0.0
    charging.run(20 * MS)
    assert charging["charger.voltage"] == charging["charger.current"] == 0.0
    assert charging["pack.current"] == pytest.approx(0.0, abs=0.01)


def test_it_keeps_to_its_own_limits(charging: Any) -> None:
    command(charging, voltage=1000.0, current=1000.0)
    charging["pack.soc"] = 0.2
    charging.run(50 * MS)
    assert charging["charger.current"] == charging.plant.charger.config.max_A


def test_without_a_battery_it_gives_nothing_and_says_so(charging: Any) -> None:
    charging.command("main_minus", False)
    charging.run(30 * MS)
    assert charging["charger.no_battery"] == 1.0
    assert charging["charger.current"] == 0.0
    assert charging["link.voltage"] <= VOLTS


def test_it_waits_for_the_link_to_come_up(world: Any) -> None:
    world["charger.plugged"] = 1.0
    command(world)
    world.run(S)
    assert world["charger.current"] == 0.0
    assert world["charger.no_battery"] == 1.0


def test_no_output(charging: Any) -> None:
    charging.plant.charger.fail("no_output")
    charging.run(20 * MS)
    assert charging["charger.current"] == 0.0
    charging.plant.charger.fail(None)
    charging.run(20 * MS)
    assert charging["charger.current"] == pytest.approx(AMPERES)


def test_ignoring_commands_it_goes_on_with_the_last_current(charging: Any) -> None:
    charging.plant.charger.fail("ignore_commands")
    command(charging, current=0.0, stop=1.0)
    charging.run(10 * S)
    assert charging["charger.current"] == pytest.approx(AMPERES)


def test_overshoot(charging: Any) -> None:
    charging.plant.charger.fail("overshoot")
    charging.run(20 * MS)
    assert charging["charger.current"] == pytest.approx(1.3 * AMPERES)
    charging["pack.soc"] = 0.985
    for _ in range(1000):
        command(charging)
        charging.run(S)
        if charging["charger.current"] < 1.29 * AMPERES:
            break
    assert charging["link.voltage"] == pytest.approx(1.05 * VOLTS, abs=1e-6)


def test_an_unknown_failure_is_refused(world: Any) -> None:
    with pytest.raises(ValueError, match="no_output, ignore_commands, overshoot"):
        world.plant.charger.fail("smoke")
