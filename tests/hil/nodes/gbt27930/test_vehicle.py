"""Station and vehicle together: a whole charge, and each timeout of the vehicle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from hil.nodes.gbt27930.times import ChargerTimes
from hil.nodes.gbt27930.vehicle import Vehicle
from tests.hil.nodes.gbt27930.conftest import WISHES, Bench


def together(bench: Callable[..., Bench], **wishes: float) -> tuple[Bench, Vehicle]:
    b = bench()
    vehicle = b.vehicle(replace(WISHES, **wishes))
    b.plug()
    return b, vehicle


def test_a_pack_is_charged_until_it_is_full(bench: Callable[..., Bench]) -> None:
    b, vehicle = together(bench, end_A=50.0)
    world = b.world
    world["pack.soc"] = 0.96
    world.run(6.0)
    assert b.state == "charging"
    assert world["charger.current"] == pytest.approx(80.0)
    for _ in range(60):
        world.run(10.0)
        if b.state != "charging":
            break
    world.run(7.0)
    assert (b.state, vehicle.state.name) == ("finished", "FINISHED")
    modes = [frame.data[4] for frame in world.sent("BCL")]
    assert modes == sorted(modes, reverse=True)
    assert set(modes) == {2, 1}, "constant current, then constant voltage"
    assert world.said("BST")["TotalVoltageReached"] == 1
    assert world.said("CST")["BmsStopped"] == 1
    assert world["link.voltage"] <= 336.0 + 1e-6
    assert world.said("BSD")["MaxCellVoltage"] > 3.45
    assert world["charger.current"] == 0.0
    given = b.shows("energy") / 1e3
    assert world.said("CSD")["Energy"] == pytest.approx(given, abs=0.06)
    taken = world.plant.charge_As / 3.6e6 * -330.0  # As and about 330 V, < 0 charges
    assert given == pytest.approx(taken, rel=0.05)


@pytest.mark.parametrize(
    ("wishes", "reason"),
    [
        ({"end_soc": 0.5}, "SocReached"),
        ({"max_cell_V": 3.2}, "CellVoltageReached"),
        ({"max_degC": 20.0}, "PackHot"),
    ],
)
def test_why_a_vehicle_ends_it(bench: Callable[..., Bench], wishes: dict[str, float], reason: str) -> None:
    b, vehicle = together(bench, **wishes)
    b.world.run(13.0)
    assert {name for name, value in b.world.said("BST").items() if value} == {reason}
    assert (b.state, vehicle.state.name) == ("finished", "FINISHED")


def test_the_station_ends_it(bench: Callable[..., Bench]) -> None:
    b, vehicle = together(bench)
    b.world.run(6.0)
    b.set("stop", 1.0)
    b.world.run(8.0)
    assert b.world.said("BST")["ChargerStopped"] == 1
    assert (b.state, vehicle.state.name) == ("finished", "FINISHED")


def test_a_silent_station_is_told_so_and_charging_begins_again(bench: Callable[..., Bench]) -> None:
    b, vehicle = together(bench)
    b.world.run(6.0)
    b.station.silence(True)
    b.world.run_to(lambda: bool(b.world.sent("BEM")), within=1.2)
    assert b.world.sent("BEM")[0].data.hex(" ").upper() == "F0 F0 F1 FC"  # as a real car said it
    b.station.silence(False)
    b.world.run(12.0)
    assert b.state == "charging"
    assert vehicle.state.name == "CHARGING"


# The state in which the station stays, what the vehicle misses then, and after how long.
MISSED = [
    ("identification", "CrmAA", 5.0),
    ("idle", "Crm00", 5.0),
    ("configuration", "Cro", 5.0),
    ("ready", "Cro", 60.0),
    ("handshake", None, 0.0),
]


@pytest.mark.parametrize(("state", "missed", "seconds"), MISSED)
def test_a_station_that_stays_in_a_state(
    bench: Callable[..., Bench], state: str, missed: str | None, seconds: float
) -> None:
    b, _ = together(bench)
    world = b.world
    reached = {"idle": "handshake"}.get(state, state)
    world.run_to(lambda: b.state == reached, within=6.0, step=0.02)
    world.run(0.01)
    b.station.hold(state)
    if missed is None:
        world.run(8.0)
        assert not world.sent("BEM"), "an insulation test may take its time"
        return
    world.run_to(lambda: bool(world.sent("BEM")), within=seconds + 2.0, step=0.05)
    assert world.said("BEM")[missed] == 1
    assert {name for name, value in world.said("BEM").items() if value} == {missed}


def test_no_limits_from_the_station(bench: Callable[..., Bench]) -> None:
    b, _ = together(bench)
    world = b.world
    world.run_to(lambda: b.state == "identification", within=6.0, step=0.02)
    world.run(0.01)
    b.station.hold("identification")
    b.station.speaker.repeat("CRM", lambda: b.station._crm(170.0))
    world.run_to(lambda: bool(world.sent("BEM")), within=7.0, step=0.05)
    assert world.said("BEM")["CtsCml"] == 1


@pytest.mark.parametrize(
    ("answers", "missed", "seconds"), [("charging", "Cst", 5.0), ("stopping", "Csd", 10.0)]
)
def test_an_end_that_the_station_does_not_answer(
    bench: Callable[..., Bench], answers: str, missed: str, seconds: float
) -> None:
    b, vehicle = together(bench)
    world = b.world
    world.run(6.0)
    b.station.hold(answers)
    if answers == "charging":
        next(p for p in vehicle.ports if p.name.endswith(".stop")).write(1.0)
    begun_ns = world.clock.now_ns
    world.run_to(lambda: bool(world.sent("BEM")), within=seconds + 1.0, step=0.05)
    assert (world.sent("BEM")[0].t_ns - begun_ns) / 1e9 == pytest.approx(seconds, abs=0.3)
    assert world.said("BEM")[missed] == 1


def test_charging_may_be_forbidden_and_allowed_again(bench: Callable[..., Bench]) -> None:
    b, vehicle = together(bench)
    b.world.run(6.0)
    forbid = next(p for p in vehicle.ports if p.name.endswith(".forbid"))
    forbid.write(1.0)
    b.world.run(1.0)
    assert b.world["charger.current"] == 0.0
    assert b.world.said("CCS")["Permit"] == 0
    forbid.write(0.0)
    b.world.run(1.0)
    assert b.world["charger.current"] == pytest.approx(80.0)


def test_a_bms_may_withhold_current(bench: Callable[..., Bench]) -> None:
    b, vehicle = together(bench)
    b.world.run(6.0)
    withheld = next(p for p in vehicle.ports if p.name.endswith(".withheld"))
    for less, left in ((30.0, 50.0), (400.0, 0.0), (0.0, 80.0)):
        withheld.write(less)
        b.world.run(1.0)
        assert b.world["charger.current"] == pytest.approx(left)


def test_more_than_400_a_cannot_be_said(bench: Callable[..., Bench]) -> None:
    b = bench(ChargerTimes(insulation_ns=300_000_000), max_A=2100.0)
    b.vehicle(replace(WISHES, max_A=2100.0))
    b.plug()
    b.world.run(5.0)
    assert b.world.said("CML")["MaxCurrent"] == -400.0
    assert b.world.said("BCL")["CurrentDemand"] == -400.0
    assert b.world["charger.current"] <= 400.0
