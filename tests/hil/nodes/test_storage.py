"""An inverter of a stationary storage: what it takes from the battery's frames, and what it says."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hil.nodes.power import PowerStage
from hil.nodes.speaker import Manners, Speaker
from hil.nodes.storage import PYLONTECH, SMA_VICTRON, DcSide, Dialect, State, StorageInverter
from twins.storage import InverterConfig

FILES = {"pylontech": "storage_pylontech.dbc", "sma": "storage_sma_victron.dbc"}
DIALECTS = {"pylontech": PYLONTECH, "sma": SMA_VICTRON}


class Site:
    """A battery of 96 cells that speaks, an inverter of 30 kW that hears it."""

    def __init__(self, make: Callable[..., object], name: str) -> None:
        self.world = world = make(FILES[name], 500_000)
        self.dialect: Dialect = DIALECTS[name]
        world.connect()
        manners = Manners("INV")
        speaker = Speaker(world.clock, world.medium, world.database, "inverter", manners)
        side = DcSide(world.ports, PowerStage(world.ports))
        config = InverterConfig(30e3)
        self.node = StorageInverter("inverter", world.clock, speaker, side, self.dialect, config)
        self.bms = world.speaker("bms", sender="BMS")
        self.limits = {"ChargeVoltage": 340.0, "ChargeCurrent": 40.0, "DischargeCurrent": 80.0}
        self.flags = {"ChargeEnable": 1.0, "DischargeEnable": 1.0}
        self.node.start()

    def speak(self) -> None:
        self.bms.repeat("Limits", lambda: self.limits)
        if self.dialect.enables:
            self.bms.repeat("Requests", lambda: self.flags)

    def put(self, name: str, value: float) -> None:
        next(p for p in self.node.ports if p.name == f"nodes.inverter.{name}").write(value)

    def shown(self, name: str) -> float:
        return next(p for p in self.node.ports if p.name == f"nodes.inverter.{name}").value

    @property
    def pack_current(self) -> float:
        return float(self.world.plant.pack.current_A)


@pytest.fixture(params=["pylontech", "sma"])
def site(request: pytest.FixtureRequest, node_world: Callable[..., object]) -> Site:
    return Site(node_world, request.param)


def test_it_says_that_it_is_there_before_it_hears_anything(site: Site) -> None:
    site.world.run(3.5)
    assert site.node.state is State.WAITING
    assert len(site.world.sent(site.dialect.alive)) == 4
    assert site.world.periods_ms(site.dialect.alive) == pytest.approx([1000.0] * 3, abs=0.5)


def test_pylontechs_frame_is_all_zero(node_world: Callable[..., object]) -> None:
    site = Site(node_world, "pylontech")
    site.world.run(0.5)
    (frame,) = site.world.sent("InverterAlive")
    assert (frame.id, bytes(frame.data)) == (0x305, bytes(8))


def test_with_a_grid_it_charges_within_the_batterys_limits(site: Site) -> None:
    site.speak()
    site.world.run(3.0)
    assert site.node.state is State.CHARGING
    assert site.world["charger.current"] == pytest.approx(40.0, abs=0.1)
    site.limits["ChargeCurrent"] = 10.0
    site.world.run(2.0)
    assert site.world["charger.current"] == pytest.approx(10.0, abs=0.1)
    site.limits["ChargeCurrent"] = 0.0
    site.world.run(2.0)
    assert site.node.state is State.STANDBY
    assert site.world["charger.current"] == 0.0


def test_it_holds_the_charge_voltage(site: Site) -> None:
    site.limits |= {"ChargeVoltage": 322.0}
    site.speak()
    site.world.run(120.0)
    assert site.world["charger.voltage"] <= 322.1
    assert site.world["charger.current"] < 40.0


def test_without_a_grid_it_carries_the_load(site: Site) -> None:
    site.speak()
    site.put("load", 15e3)
    site.world.run(2.0)
    site.put("grid_lost", 1.0)
    site.world.run(2.0)
    assert site.node.state is State.BACKUP
    assert site.shown("supplied") == 1.0
    assert site.world["charger.current"] == 0.0
    volts, amps = site.world["drive.dc_voltage"], site.world["drive.dc_current"]
    assert volts * amps == pytest.approx(InverterConfig(30e3).dc_W(15e3), rel=0.02)
    site.put("grid_lost", 0.0)
    site.world.run(2.0)
    assert site.node.state is State.CHARGING
    assert site.world["drive.dc_current"] == 0.0


@pytest.mark.parametrize("load", [29e3, 31e3])  # more than the battery's 80 A, more than the inverter's 30 kW
def test_a_load_that_is_too_large_is_dropped(site: Site, load: float) -> None:
    site.speak()
    site.put("grid_lost", 1.0)
    site.put("load", load)
    site.world.run(2.0)
    assert site.node.state is State.OVERLOAD
    assert site.shown("supplied") == 0.0
    assert site.world["drive.dc_current"] == 0.0
    site.put("load", 5e3)
    site.world.run(1.0)
    assert site.node.state is State.BACKUP


def test_the_lowest_voltage_ends_the_backup(site: Site) -> None:
    site.limits["DischargeVoltage"] = 400.0
    site.speak()
    site.put("grid_lost", 1.0)
    site.put("load", 5e3)
    site.world.run(2.0)
    assert site.node.state is State.STANDBY
    assert site.shown("supplied") == 0.0


def test_pylontechs_flags_forbid_each_way(node_world: Callable[..., object]) -> None:
    site = Site(node_world, "pylontech")
    site.flags = {"ChargeEnable": 0.0, "DischargeEnable": 1.0}
    site.speak()
    site.world.run(2.0)
    assert site.node.state is State.STANDBY
    site.flags = {"ChargeEnable": 1.0, "DischargeEnable": 0.0}
    site.put("grid_lost", 1.0)
    site.put("load", 5e3)
    site.world.run(2.0)
    assert site.node.state is State.STANDBY


def test_a_battery_that_falls_silent_is_left_alone(site: Site) -> None:
    site.speak()
    site.world.run(2.0)
    site.bms.cease()
    last = site.world.sent("Limits")[-1].t_ns
    site.world.run_to(lambda: site.node.state is State.SILENT, 6.0)
    assert (site.world.clock.now_ns - last) / 1e9 == pytest.approx(5.0, abs=0.03)
    site.world.run(0.1)
    assert site.world["charger.current"] == 0.0
    site.speak()
    site.world.run(1.0)
    assert site.node.state is State.CHARGING


def test_stopped_it_gives_nothing_and_says_nothing(site: Site) -> None:
    site.speak()
    site.world.run(2.0)
    site.node.stop()
    at = site.world.clock.now_ns
    site.world.run(3.0)
    assert site.world["charger.current"] == 0.0
    assert not site.world.sent(site.dialect.alive, at + 1)


def test_sma_hears_what_the_inverter_measures(node_world: Callable[..., object]) -> None:
    site = Site(node_world, "sma")
    site.bms.repeat("State", lambda: {"Soc": 50.0})
    site.bms.repeat("Measurements", lambda: {"Temperature": 24.0})
    site.speak()
    site.world.run(5.0)
    said = site.world.said("InverterMeasurements")
    assert said["Current"] == pytest.approx(40.0, abs=0.2)
    assert said["Voltage"] == pytest.approx(site.world["charger.voltage"], abs=0.5)
    assert (said["Soc"], said["Temperature"]) == (50.0, 24.0)
