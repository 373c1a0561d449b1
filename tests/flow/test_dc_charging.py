"""A BMS at a charging station: GB/T 27930 on a bus of its own, from the rig file to the report."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from hil.errors import UsageError
from hil.rig.load import load_rig
from hil.rig.rig import Rig
from hil.rig.schema import RigConfig
from hil.run.session import RunOptions, Session
from tests.hil.paced import Bench

CURRENT_A = 60.0  # that the vehicle asks for in rigs/dc_charging.toml


@pytest.fixture(scope="module")
def config() -> RigConfig:
    return load_rig("dc_charging")


@pytest.fixture
def rig(config: RigConfig) -> Iterator[Rig]:
    """The BMS drives: its contactors are closed; the connector is in."""
    session = Session(config, RunOptions())
    rig = session.open("test")
    rig.power_on()
    rig.operate()
    rig.set("charger.plugged", 1.0)
    yield rig
    session.close_world()
    session.close()


def reach(rig: Rig, state: int, within_s: float = 10.0) -> None:
    for _ in range(round(within_s / 0.05)):
        if rig.truth("nodes.station.state") == state:
            return
        rig.run_for("50 ms")
    pytest.fail(f"the station is in state {rig.truth('nodes.station.state')}, not in {state}")


IDLE, HANDSHAKE, CONFIGURATION, CHARGING, STOPPING, STATISTICS, ERROR, FINISHED = 0, 1, 3, 5, 6, 7, 8, 9


def test_a_pack_is_charged_and_the_session_ends_properly(rig: Rig) -> None:
    rig.set("pack.soc", 0.60)
    reach(rig, CHARGING)
    rig.run_for("10 s")  # 20 A/s
    assert rig.truth("charger.current") == pytest.approx(CURRENT_A, abs=3.1)  # and its ripple
    assert rig.truth("pack.current") == pytest.approx(-CURRENT_A, abs=5.0)
    assert rig.value("measured.current") == pytest.approx(-CURRENT_A, abs=5.0), "the BMS measures it"
    before = rig.truth("pack.soc")
    rig.run_for("60 s")
    gained = rig.truth("pack.soc") - before
    assert gained == pytest.approx(CURRENT_A / 60.0 / rig.truth("pack.capacity"), rel=0.05)
    rig.set("nodes.vehicle.stop", 1.0)
    reach(rig, STATISTICS)
    assert rig.truth("charger.current") < 5.0
    reach(rig, FINISHED)
    assert rig.truth("charger.current") == 0.0
    assert rig.truth("nodes.vehicle.state") == FINISHED
    assert rig.truth("nodes.station.attempts") == 1.0
    assert rig.truth("nodes.station.errors") == rig.truth("nodes.vehicle.errors") == 0.0
    energy_wh = rig.truth("nodes.station.energy")
    assert energy_wh == pytest.approx(CURRENT_A * 325.0 * 70.0 / 3600.0, rel=0.1)
    rig.stays("state", "operate", for_="1 s")
    rig.set("charger.plugged", 0.0)
    reach(rig, IDLE)


def test_a_silent_station_is_noticed_and_charging_begins_again(rig: Rig) -> None:
    reach(rig, CHARGING)
    rig.run_for("3 s")
    with rig.fault("node.silent", node="station") as silent:
        rig.run_for("1.2 s")
        assert silent.on_wire_ns is not None
        assert rig.truth("nodes.vehicle.errors") == 1.0, "1 s without CCS"
        rig.run_for("1 s")  # falling at 100 A/s
        assert rig.truth("charger.current") == 0.0, "the station hears of it by BEM"
    reach(rig, CHARGING, within_s=20.0)
    assert rig.truth("nodes.station.attempts") == 2.0


def test_a_silent_vehicle_is_switched_off_within_a_second(rig: Rig) -> None:
    reach(rig, CHARGING)
    rig.run_for("3 s")
    with rig.fault("node.silent", node="vehicle"):
        rig.run_for("0.9 s")
        assert rig.truth("charger.current") > 50.0
        reach(rig, ERROR, within_s=0.2)
        rig.run_for("1 s")  # falling at 100 A/s
        assert rig.truth("charger.current") == 0.0
        assert rig.truth("nodes.station.errors") == 1.0


def test_a_station_in_a_wrong_state(rig: Rig) -> None:
    reach(rig, CHARGING)
    with rig.fault("node.state", node="station", state="statistics") as wrong:
        rig.run_for("0.5 s")
        assert wrong.on_wire_ns is not None, "CSD carries it"
        assert rig.truth("nodes.station.state") == STATISTICS
        assert rig.truth("charger.current") == 0.0
        rig.run_for("1 s")
        assert rig.truth("nodes.vehicle.errors") == 1.0, "it misses CCS"
    rig.run_for("0.1 s")
    assert rig.truth("nodes.station.state") == HANDSHAKE


@pytest.mark.parametrize(
    ("fault", "remedy"),
    [
        ({"name": "node.silent", "node": "charger"}, "nodes: station, vehicle"),
        ({"name": "node.state", "node": "station", "state": "lost"}, "states: idle, handshake, "),
    ],
)
def test_a_node_or_a_state_that_is_not_there(rig: Rig, fault: dict[str, Any], remedy: str) -> None:
    name = fault.pop("name")
    with pytest.raises(UsageError, match=remedy), rig.fault(name, **fault):
        pass


def test_two_runs_are_alike(config: RigConfig) -> None:
    def run() -> tuple[float, ...]:
        session = Session(config, RunOptions())
        rig = session.open("test")
        rig.power_on()
        rig.operate()
        rig.set("charger.plugged", 1.0)
        rig.run_for("8 s")
        seen = tuple(rig.truth(name) for name in ("pack.soc", "link.voltage", "nodes.station.energy"))
        session.close_world()
        session.close()
        return seen

    assert run() == run()


def test_in_real_time(config: RigConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same rig on real buses' world, in a test's own time: charges, is renewed, charges again."""
    bench = Bench(config, monkeypatch)
    for _ in range(2):
        world = bench.start()
        world.send("mode", 1.0)
        bench.pass_time(3_000_000_000)
        assert bench.state == "operate"
        world.set("charger.plugged", 1.0)
        bench.pass_time(12_000_000_000)
        assert world.read("nodes.station.state") == CHARGING
        assert world.read("charger.current") > 50.0
        world.go_safe()
        assert world.read("charger.current") == 0.0
        assert world.read("nodes.station.state") == IDLE
    assert not bench.told


TEST = '''
def test_at_a_station(rig):
    rig.operate()
    rig.set("charger.plugged", 1.0)
    rig.run_for("8 s")
    rig.bounded("charger current", rig.truth("charger.current"), low=20.0, unit="A")
    with rig.fault("node.silent", node="station"):
        rig.run_for("2 s")
        rig.bounded("charger current", rig.truth("charger.current"), high=0.0, unit="A")
'''


def test_from_the_command_line(hil: Any, tmp_path: Any) -> None:
    (tmp_path / "test_mine.py").write_text(TEST)
    run = hil("run", "dc_charging", "--", "test_mine.py")
    assert run.code == 0, run.said
