"""Loads on the link: resistors, powers, currents, and when they give up."""

from typing import Any

import pytest

from twins.config import LoadConfig

MS = 1_000_000
S = 1_000_000_000


def test_each_takes_what_it_is(make_world: Any) -> None:
    loads = {
        "heater": LoadConfig(resistance_Ohm=10.0, on=True),
        "dcdc": LoadConfig(power_W=600.0, min_V=20.0, on=True),
        "pump": LoadConfig(current_A=7.0, min_V=20.0, on=True),
        "idle": LoadConfig(power_W=5e3, min_V=20.0),
    }
    world = make_world(loads=loads)
    for name in ("dcdc", "pump"):  # they would keep the link from being precharged
        world[f"load.{name}.on"] = 0.0
    world.connect()
    for name in ("dcdc", "pump"):
        world[f"load.{name}.on"] = 1.0
    world.run(S)
    link = world["link.voltage"]
    assert world["load.heater.current"] == pytest.approx(link / 10.0, rel=1e-6)
    assert world["load.dcdc.power"] == pytest.approx(600.0, rel=1e-6)
    assert world["load.pump.current"] == 7.0
    assert world["load.idle.power"] == 0.0
    total = link / 10.0 + 600.0 / link + 7.0 + link / 20e3
    assert world["pack.current"] == pytest.approx(total, rel=1e-5)


def test_with_the_drive_beside_them_each_power_is_met(make_world: Any) -> None:
    world = make_world(loads={"dcdc": LoadConfig(power_W=2e3, min_V=20.0, on=False)})
    world.connect()
    world["load.dcdc.on"] = 1.0
    world["drive.enable"] = 1.0
    world["drive.torque_request"] = 30.0
    world.run(5 * S)
    assert world["load.dcdc.power"] == pytest.approx(2e3, rel=1e-5)
    shaft = 30.0 * 1800.0 * 3.141592653589793 / 30.0
    drawn = world["drive.dc_current"] * world["link.voltage"]
    assert drawn == pytest.approx(shaft / 0.92 + 400.0, rel=1e-5)


def test_a_heater_left_on_keeps_the_link_below_its_precharge(make_world: Any) -> None:
    """50 Ohm of precharge and 25 Ohm of heater divide the voltage."""
    world = make_world(loads={"heater": LoadConfig(resistance_Ohm=25.0, on=True)})
    world.command("main_minus", True)
    world.command("precharge", True)
    world.run(3 * S)
    assert world["link.voltage"] / world["pack.voltage"] == pytest.approx(25.0 / 75.0, rel=1e-3)


def test_a_power_stops_where_the_link_reaches_its_floor_and_starts_above_it(make_world: Any) -> None:
    world = make_world(loads={"dcdc": LoadConfig(power_W=200.0, min_V=30.0, on=True)})
    world.command("main_minus", True)
    world.command("precharge", True)
    world.run(5 * S)
    # 200 W through 50 Ohm cannot be: it drops out at 30 V and comes again at 31.5 V
    seen = []
    for _ in range(300):
        world.run(MS)
        seen.append(world["link.voltage"])
    assert min(seen) > 29.99
    assert max(seen) < 33.0
    assert max(seen) > 31.4


def test_a_current_never_drives_the_link_below_its_floor(make_world: Any) -> None:
    world = make_world(loads={"pump": LoadConfig(current_A=50.0, min_V=10.0, on=True)})
    world["load.pump.on"] = 0.0
    world.connect()
    world["load.pump.on"] = 1.0
    world.run(S)
    world.command("main_plus", False)
    world.run(16 * MS)
    world.run(S)
    assert 0.0 <= world["link.voltage"] <= 10.0
    assert world["load.pump.current"] == 0.0


def test_the_safe_state_has_them_off(make_world: Any) -> None:
    world = make_world(loads={"heater": LoadConfig(resistance_Ohm=25.0, on=True)})
    world.connect()
    world.plant.safe()
    world.run(S)
    assert world["load.heater.current"] == 0.0


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({}, "power_W: give one of resistance, power and current, not 0"),
        ({"power_W": 1.0, "current_A": 1.0, "min_V": 1.0}, "current_A: give one of"),
        ({"power_W": 1.0}, "min_V: must be greater than 0"),
        ({"resistance_Ohm": 0.0}, "resistance_Ohm: must be greater than 0"),
        ({"resistance_Ohm": 1.0, "min_V": 5.0}, "min_V: a resistor has none"),
        ({"power_W": float("nan"), "min_V": 5.0}, "power_W: must be greater than 0"),
    ],
)
def test_a_load_that_cannot_be(config: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        LoadConfig(**config)
