"""The Elcon/TC charger as a node: commands as in its maker's document, and five seconds of patience."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hil.nodes.elcon import Elcon, State
from hil.nodes.power import PowerStage

COMMAND, STATUS = 0x1806E5F4, 0x18FF50E5


class Charging:
    """The charger, and a BMS that says what the test says."""

    def __init__(self, world: Any) -> None:
        self.world = world
        world.connect()
        world["charger.plugged"] = 1.0
        self.node = Elcon("obc", world.clock, world.speaker("obc", sender="CHG"), PowerStage(world.ports))
        self.bms = world.medium.attach("bms")
        self.node.start()

    def say(self, text: str) -> None:
        self.bms.send(COMMAND, bytes.fromhex(text), extended=True)

    def status(self) -> bytes:
        return bytes(self.world.sent("ELCON_Status")[-1].data)


@pytest.fixture
def elcon(node_world: Callable[..., Any]) -> Charging:
    return Charging(node_world("charger_elcon.dbc"))


def test_the_example_of_the_documents(elcon: Charging) -> None:
    """98.0 V, 16.0 A; here the pack has more, so the charger gives nothing, but it takes the command."""
    elcon.say("03 D4 00 A0 00 00 00 00")
    elcon.world.run(0.1)
    assert elcon.world["charger.voltage_max"] == pytest.approx(98.0)
    assert elcon.world["charger.current_max"] == pytest.approx(16.0)
    assert elcon.node.state is State.CHARGING


def test_it_charges_and_says_so_once_a_second(elcon: Charging) -> None:
    for _ in range(4):
        elcon.say("0D 20 00 A0 00 00 00 00")  # 336.0 V, 16.0 A
        elcon.world.run(1.0)
    assert elcon.world["charger.current"] == pytest.approx(16.0)
    volts = round(elcon.world["charger.voltage"] * 10)
    assert elcon.status() == volts.to_bytes(2, "big") + bytes.fromhex("00 A0 00 00 00 00")
    assert elcon.world.periods_ms("ELCON_Status") == pytest.approx([1000.0] * 3, abs=1.0)


def test_told_to_stop_it_stops(elcon: Charging) -> None:
    elcon.say("0D 20 00 A0 00 00 00 00")
    elcon.world.run(0.5)
    elcon.say("0D 20 00 A0 01 00 00 00")
    elcon.world.run(0.1)
    assert elcon.world["charger.current"] == 0.0
    assert elcon.node.state is State.STANDBY


def test_after_five_seconds_of_silence_it_stops_and_goes_on_by_itself(elcon: Charging) -> None:
    elcon.say("0D 20 00 A0 00 00 00 00")
    elcon.world.run(4.9)
    assert elcon.world["charger.current"] == pytest.approx(16.0)
    elcon.world.run(0.2)
    assert elcon.world["charger.current"] == 0.0
    elcon.world.run(1.0)
    assert elcon.status()[4] == 0b10000
    elcon.say("0D 20 00 A0 00 00 00 00")
    elcon.world.run(1.1)
    assert elcon.world["charger.current"] == pytest.approx(16.0)
    assert elcon.status()[4] == 0


@pytest.mark.parametrize(
    ("port", "bit"),
    [("hardware_failure", 0), ("over_temperature", 1), ("input_voltage_wrong", 2), ("no_battery", 3)],
)
def test_trouble_is_a_bit_of_its_status(elcon: Charging, port: str, bit: int) -> None:
    elcon.world.ports[f"charger.{port}"].force(1.0)
    elcon.say("0D 20 00 A0 00 00 00 00")
    elcon.world.run(1.1)
    assert elcon.status()[4] == 1 << bit


def test_faults_of_the_node(elcon: Charging) -> None:
    elcon.world.run(0.5)
    elcon.node.silence(True)
    count = len(elcon.world.sent("ELCON_Status"))
    elcon.world.run(3.0)
    assert len(elcon.world.sent("ELCON_Status")) == count
    elcon.node.silence(False)
    elcon.node.hold("timeout")
    elcon.say("0D 20 00 A0 00 00 00 00")
    elcon.world.run(1.5)
    assert elcon.status()[4] == 0b10000
    assert elcon.world["charger.current"] == 0.0
