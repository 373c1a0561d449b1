"""The CHAdeMO station with a scripted vehicle: sequence, pilot lines, and what ends it."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from hil.frames.database import load_database
from hil.nodes.chademo import Charger, Rating, Times
from hil.nodes.power import PowerStage
from twins.config import ChargerConfig

TIMES = Times(insulation_ns=300_000_000)


class Car:
    """A vehicle that says its three frames every 100 ms, as the test has set them."""

    def __init__(self, world: Any) -> None:
        self.world = world
        world.connect()
        self.limits = {"MaxVoltage": 345.0, "RateConstant": 100.0}
        self.time = {"MaxTimeTens": 2550.0, "MaxTime": 60.0, "Capacity": 51.0}
        self.status = {"Protocol": 2.0, "TargetVoltage": 340.0, "ContactorOpen": 1.0, "ChargedRate": 50.0}
        self.mute: set[str] = set()
        speaker = world.speaker("station", sender="CHG")
        rating = Rating(max_V=500.0, min_V=150.0, max_A=125.0, times=TIMES)
        self.station = Charger("qc", world.clock, speaker, PowerStage(world.ports), rating)
        self.speaker = world.speaker("car", sender="BMS")
        for name, values in (("EV_Limits", self.limits), ("EV_Time", self.time), ("EV_Status", self.status)):
            self.speaker.repeat(name, lambda values=values: values)
        self.station.start()

    def line(self, name: str) -> float:
        return next(p for p in self.station.ports if p.name == f"nodes.qc.{name}").value

    def set(self, name: str, value: float) -> None:
        next(p for p in self.station.ports if p.name == f"nodes.qc.{name}").write(value)

    def permit(self, on: bool = True) -> None:
        """Line k and 'enabled' together."""
        self.set("k", float(on))
        self.status["Enabled"] = float(on)

    def charge(self, amperes: float = 60.0) -> None:
        """From the plug until it charges."""
        self.world["charger.plugged"] = 1.0
        self.permit()
        self.world.run_to(lambda: self.state == "contactors", within=2.0, step=0.02)
        self.status |= {"ContactorOpen": 0.0, "CurrentRequest": amperes}
        self.world.run_to(lambda: self.state == "charging", within=1.0, step=0.02)

    @property
    def state(self) -> str:
        return self.station.state.name.lower()

    def last(self, message: str) -> str:
        return str(self.world.sent(message)[-1].data.hex(" ").upper())


@pytest.fixture
def car(node_world: Callable[..., Any]) -> Car:
    charger = ChargerConfig(max_V=500.0, max_A=125.0, min_V=150.0)
    return Car(node_world("chademo.dbc", bitrate=500_000, charger=charger))


# Captured (osexpert/chademo_research, a Nissan Leaf) and what it says.
CAPTURED = [
    (
        "EV_Status",
        "02 9A 01 00 00 C8 01 00",
        {"Protocol": 2, "TargetVoltage": 410, "CurrentRequest": 0, "ContactorOpen": 1, "Enabled": 0,
         "DischargeCompatible": 1, "ChargedRate": 1},
    ),
    (
        "CHG_Capability",
        "01 F4 01 0F B3 01 00 00",
        {"WeldDetection": 1, "AvailableVoltage": 500, "AvailableCurrent": 15, "ThresholdVoltage": 435},
    ),
    (
        "CHG_Status",
        "02 00 00 00 01 20 FF FF",
        {"Protocol": 2, "Voltage": 0, "DischargeCompatible": 1, "Stopped": 1, "Charging": 0,
         "RemainingTens": 2550, "Remaining": 255},
    ),
    ("EV_Limits", "00 00 00 00 B3 01 64 00", {"MaxVoltage": 435, "RateConstant": 100}),
    ("EV_Time", "00 FF 00 00 00 F0 00 00", {"MaxTimeTens": 2550, "Capacity": 24.0}),
]  # fmt: skip


@pytest.mark.parametrize(("message", "text", "expected"), CAPTURED)
def test_captured_frames(message: str, text: str, expected: dict[str, float]) -> None:
    database = load_database([Path(str(files("hil") / "dbc" / "chademo.dbc"))])
    said = database.messages[message].decode_dict(bytes.fromhex(text))
    assert {name: said[name] for name in expected} == pytest.approx(expected)


def test_a_whole_session(car: Car) -> None:  # noqa: PLR0915 - it is one story
    world = car.world
    world.run(0.5)
    assert not world.sent("CHG_Status"), "nothing before the plug"
    world["charger.plugged"] = 1.0
    world.run(0.3)
    assert (car.line("d1"), car.line("d2"), car.line("locked"), car.state) == (1.0, 0.0, 0.0, "exchange")
    assert car.last("CHG_Capability") == "01 F4 01 7D 59 01 00 00"  # 500 V, 125 A, threshold 345 V
    assert car.last("CHG_Status").endswith("00 20 FF FF")
    car.permit()
    world.run(0.2)
    assert (car.line("locked"), car.line("d2"), car.state) == (1.0, 0.0, "insulation")
    world.run(0.3)
    assert (car.line("d2"), car.state) == (1.0, "contactors")
    car.status |= {"ContactorOpen": 0.0, "CurrentRequest": 60.0}
    world.run(0.2)
    assert car.state == "charging"
    world.run(1.0)
    assert world["charger.current"] == pytest.approx(21.0, abs=3.0), "20 A/s"
    world.run(3.0)
    assert world["charger.current"] == pytest.approx(60.0)
    said = world.said("CHG_Status")
    assert (said["Current"], said["Charging"], said["Stopped"], said["Locked"]) == (60.0, 1.0, 0.0, 1.0)
    assert said["Voltage"] == pytest.approx(world["link.voltage"], abs=0.6)
    assert said["Remaining"] == 59.0
    for message in ("CHG_Capability", "CHG_Status"):
        periods = world.periods_ms(message)
        assert periods == pytest.approx([100.0] * len(periods), abs=1.0)
    car.permit(False)
    world.run(0.3)
    assert (world["charger.current"], car.state) == (0.0, "stopping")
    assert car.line("d2") == 1.0, "until the vehicle's contactor is open"
    car.status["ContactorOpen"] = 1.0
    world.run(0.3)
    assert (car.line("d1"), car.line("d2"), car.line("locked"), car.state) == (0.0, 0.0, 0.0, "finished")
    assert car.line("energy") == pytest.approx(60.0 * 318.0 * 2.8 / 3600.0, rel=0.2)
    world["charger.plugged"] = 0.0
    world.run(0.1)
    assert car.state == "idle"


def test_a_request_is_followed_down_and_beyond_what_there_is(car: Car) -> None:
    car.charge(200.0)
    car.world.run(8.0)
    assert car.world["charger.current"] == pytest.approx(125.0)
    car.status["CurrentRequest"] = 100.0
    car.world.run(1.0)
    assert car.world["charger.current"] == pytest.approx(105.0, abs=3.0)
    car.world.run(1.0)
    assert car.world["charger.current"] == pytest.approx(100.0)


@pytest.mark.parametrize(
    ("what", "within", "flags"),
    [
        (lambda c: c.speaker.cease("EV_Status"), 1.1, {"SystemMalfunction"}),
        (lambda c: c.speaker.cease("EV_Limits"), 1.1, {"SystemMalfunction"}),
        (lambda c: c.set("k", 0.0), 0.7, {"SystemMalfunction"}),
        (lambda c: c.status.update(Enabled=0.0), 0.2, set()),
        (lambda c: c.status.update(StopRequest=1.0), 0.2, set()),
        (lambda c: c.set("stop", 1.0), 0.1, set()),
        (lambda c: c.set("emergency", 1.0), 0.1, {"Malfunction"}),
        (lambda c: c.status.update(HighTemperature=1.0), 0.2, {"SystemMalfunction"}),
        (lambda c: c.status.update(NotInPark=1.0), 0.2, {"SystemMalfunction"}),
        (lambda c: c.status.update(ContactorOpen=1.0), 0.2, {"SystemMalfunction"}),
        (lambda c: c.world.ports["charger.over_temperature"].force(1.0), 0.1, {"Malfunction"}),
        (lambda c: c.world.ports["charger.voltage"].force(360.0), 0.1, {"SystemMalfunction"}),
    ],
    ids=["status lost", "limits lost", "k alone", "enabled alone", "stop request", "stop button", "emergency",
         "vehicle fault", "gear", "contactor", "hot", "voltage"],
)  # fmt: skip
def test_what_ends_a_charge(
    car: Car, what: Callable[[Car], None], within: float, flags: set[str]
) -> None:
    car.charge()
    car.world.run(1.0)
    assert car.world["charger.current"] > 15.0
    what(car)
    car.world.run_to(lambda: car.state != "charging", within=within, step=0.01)
    car.world.run(0.15)
    assert car.world["charger.current"] == 0.0
    assert car.state == ("failed" if flags else "stopping")
    said = car.world.said("CHG_Status")
    assert {f for f in ("Malfunction", "SystemMalfunction", "Incompatible") if said[f]} == flags
    assert said["Stopped"] == 1


def test_without_line_k_there_is_no_output_even_for_a_moment(car: Car) -> None:
    car.charge()
    car.world.run(1.0)
    car.set("k", 0.0)
    car.world.run(0.1)
    assert car.world["charger.current"] == 0.0
    car.set("k", 1.0)
    car.world.run(0.5)
    assert car.state == "charging"


def test_the_vehicles_longest_time_is_kept(car: Car) -> None:
    car.time["MaxTimeTens"] = 20.0
    car.charge()
    taken = car.world.run_to(lambda: car.state != "charging", within=21.0, step=0.1)
    assert taken == pytest.approx(20.0, abs=0.3)


@pytest.mark.parametrize(
    ("change", "seconds", "flag"),
    [
        (lambda c: c.speaker.cease(), 20.0, "SystemMalfunction"),  # no vehicle
        (lambda c: c.set("k", 0.0), 20.0, "SystemMalfunction"),  # no permission
        (lambda c: c.status.update(Enabled=0.0), 20.0, "SystemMalfunction"),
        (lambda _: None, 20.6, "SystemMalfunction"),  # contactor stays open: 10 s after d2
        (lambda c: c.limits.update(MaxVoltage=140.0), 0.2, "Incompatible"),
        (lambda c: c.status.update(TargetVoltage=510.0), 0.2, "Incompatible"),
        (lambda c: c.world.plant.leak("plus", 30e3), 1.0, "SystemMalfunction"),
    ],
    ids=["vehicle", "k", "enabled", "contactor", "voltage low", "voltage high", "insulation"],
)
def test_what_keeps_it_from_beginning(
    car: Car, change: Callable[[Car], None], seconds: float, flag: str
) -> None:
    car.permit()
    change(car)
    car.world["charger.plugged"] = 1.0
    car.world.run_to(lambda: car.state == "failed", within=seconds + 0.5, step=0.05)
    car.world.run(0.15)
    assert car.world.said("CHG_Status")[flag] == 1
    car.world.run(1.0)
    assert (car.line("d1"), car.line("d2"), car.line("locked")) == (0.0, 0.0, 0.0)


def test_a_contactor_that_does_not_open_at_the_end(car: Car) -> None:
    car.charge()
    car.permit(False)
    car.world.run(9.5)
    assert car.state == "stopping"
    car.world.run(1.0)
    assert car.state == "failed"


def test_unplugging_releases_everything(car: Car) -> None:
    car.charge()
    car.world["charger.plugged"] = 0.0
    car.world.run(0.1)
    assert car.state == "idle"
    assert (car.line("d1"), car.line("d2"), car.line("locked")) == (0.0, 0.0, 0.0)
    assert "CHG_Status" not in car.station.speaker.saying
