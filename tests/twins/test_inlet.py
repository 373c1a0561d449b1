"""A charger behind contactors of its own, before the main contactors."""

from typing import Any

import pytest

from twins.config import ChargerConfig, ContactorConfig, FuseConfig, LoadConfig

MS = 1_000_000
S = 1_000_000_000


def charging(make_world: Any, charge: str = "both", voltage: float = 60.0, **more: Any) -> Any:
    config = ChargerConfig(max_V=60.0, max_A=100.0, timeout_ns=100_000 * S)
    world = make_world(contactor=ContactorConfig(charge=charge), charger=config, **more)
    for port, value in (("plugged", 1), ("voltage_max", voltage), ("current_max", 50), ("control", 0)):
        world[f"charger.{port}"] = float(value)
    return world


def test_it_reaches_the_pack_with_the_mains_open(make_world: Any) -> None:
    world = charging(make_world)
    world.run(S)
    assert world["charger.current"] == 0.0
    assert world["charger.no_battery"] == 1.0
    world.command("charge_plus", True)
    world.run(S)
    assert world["charger.no_battery"] == 1.0  # its minus is still open
    world.command("charge_minus", True)
    world.run(10 * S)
    assert world["charger.current"] == pytest.approx(50.0)
    assert world["pack.current"] == pytest.approx(-50.0)
    assert world["link.voltage"] == 0.0
    gained = (world["pack.soc"] - 0.5) * 160 * 3600
    assert gained == pytest.approx(-world.plant.charge_As, rel=0.02)  # but for the charge efficiency
    assert world["inlet.voltage"] == pytest.approx(world["pack.voltage"] + 50.0 * 0.4e-3, abs=1e-3)


def test_with_one_contactor_its_minus_is_the_main_minus(make_world: Any) -> None:
    world = charging(make_world, "plus")
    assert "contactor.charge_minus.command" not in world.plant.ports
    world.command("charge_plus", True)
    world.run(S)
    assert world["pack.current"] == 0.0
    world.command("main_minus", True)
    world.run(S)
    assert world["pack.current"] == pytest.approx(-50.0)


def test_it_holds_its_voltage_at_the_inlet(make_world: Any) -> None:
    world = charging(make_world, voltage=54.2)
    world.command("charge_plus", True)
    world.command("charge_minus", True)
    world.run(600 * S)
    assert 0.0 < world["charger.current"] < 50.0
    assert world["inlet.voltage"] == pytest.approx(54.2, abs=1e-3)


def test_it_holds_it_too_while_the_link_takes_its_share(make_world: Any) -> None:
    loads = {"heater": LoadConfig(resistance_Ohm=5.0, on=True), "pump": LoadConfig(current_A=4.0, min_V=20.0)}
    world = charging(make_world, voltage=54.2, loads=loads)
    world.connect()
    world["load.pump.on"] = 1.0
    world.command("charge_plus", True)
    world.command("charge_minus", True)
    world.run(600 * S)
    link = world["link.voltage"] / 5.0 + 4.0 + world["link.voltage"] / 20e3
    assert world["inlet.voltage"] == pytest.approx(54.2, abs=1e-3)
    assert world["charger.current"] + world["pack.current"] == pytest.approx(link, rel=1e-4)


def test_opening_under_load_is_counted_and_a_blown_fuse_ends_the_charge(make_world: Any) -> None:
    world = charging(make_world, fuse=FuseConfig(rated_A=200.0, melting_A2s=5e3))
    world.command("charge_plus", True)
    world.command("charge_minus", True)
    world.run(S)
    world.plant.circuit.set_fuse_blown(True)
    world.run(S)
    assert world["charger.current"] == world["pack.current"] == 0.0
    assert world["charger.no_battery"] == 1.0
    world.plant.circuit.set_fuse_blown(False)
    world.run(S)
    assert world["pack.current"] == pytest.approx(-50.0)
    world.command("charge_plus", False)
    world.run(S)
    assert world["contactor.charge_plus.openings_under_load"] == 1.0
    assert world["pack.current"] == 0.0


def test_a_welded_inlet_is_live_when_nobody_asks_for_it(make_world: Any) -> None:
    world = charging(make_world)
    for name in ("charge_plus", "charge_minus"):
        world.plant.contactors[name].weld(True)
    assert world["inlet.voltage"] == pytest.approx(world["pack.voltage"])


def test_a_charge_goes_on_after_a_restore(make_world: Any) -> None:
    world = charging(make_world)
    world.command("charge_plus", True)
    world.command("charge_minus", True)
    world.run(S + 3 * MS)
    saved = world.plant.save()

    def watch() -> list[float]:
        world.run(S)
        return [world["pack.soc"], world["charger.current"], world["pack.current"], world["inlet.voltage"]]

    expected = watch()
    world.plant.reset(7)
    world.plant.restore(saved)
    assert watch() == expected
