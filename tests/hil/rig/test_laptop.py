"""rigs/laptop.toml: complete, and what its BMS promises."""

import pytest

from hil.rig.load import load_rig
from hil.rig.schema import RigConfig

NS_PER_MS = 1_000_000


@pytest.fixture(scope="module")
def rig() -> RigConfig:
    return load_rig("laptop")


def test_every_cell_and_sensor_is_wired_both_ways(rig: RigConfig) -> None:
    ports = {wire.port for wire in rig.wires}
    for cell in range(1, 97):
        assert {f"cell_monitor.voltage[{cell}]", f"cell_monitor.balance[{cell}]"} <= ports
        assert {f"cell.voltage[{cell}]", f"balancing[{cell}]"} <= set(rig.roles)
    for sensor in range(1, 17):
        assert f"cell_monitor.temperature[{sensor}]" in ports
        assert f"cell.temperature[{sensor}]" in rig.roles


def test_cell_7_is_in_the_second_frame(rig: RigConfig) -> None:
    wire = next(wire for wire in rig.wires if wire.port == "cell_monitor.voltage[7]")
    assert (wire.address, wire.scale) == ("pack/CM_Voltages_02.Cell007", 1.0)


def test_the_twins_hear_the_bms(rig: RigConfig) -> None:
    heard = {wire.port for wire in rig.wires if wire.direction == "in" and "[" not in wire.port}
    assert heard == {
        "contactor.main_plus.command",
        "contactor.main_minus.command",
        "contactor.precharge.command",
        "charger.voltage_max",
        "charger.current_max",
        "charger.control",
    }


def test_enough_frames_for_a_realistic_bus(rig: RigConfig) -> None:
    messages = rig.buses["pack"].database.messages.values()
    assert sum(1e9 / message.cycle_ns for message in messages if message.cycle_ns) >= 300


@pytest.mark.parametrize(
    ("name", "levels", "unit", "delay_ms", "reaction_ms"),
    [  # warning, derate, threshold, release
        ("cell_overvoltage", (3.55, 3.60, 3.65, 3.45), "V", 500, 100),
        ("cell_undervoltage", (2.90, 2.80, 2.50, 3.00), "V", 500, 100),
        ("pack_overvoltage", (345, None, 352, 340), "V", 500, 100),
        ("pack_undervoltage", (275, None, 240, 285), "V", 500, 100),
        ("deep_discharge", (None, None, 2.0, None), "V", 500, 100),
        ("overtemperature_discharge", (50, 52, 55, 45), "degC", 5000, 500),
        ("overtemperature_charge", (42, 45, 50, 40), "degC", 5000, 500),
        ("undertemperature_charge", (5, 3, 0, 5), "degC", 5000, 500),
        ("undertemperature_discharge", (-15, -20, -30, -10), "degC", 5000, 500),
        ("overcurrent_discharge", (400, None, 480, 380), "A", 150, 100),
        ("overcurrent_charge", (180, None, 200, 170), "A", 150, 100),
        ("isolation", (175e3, None, 35e3, 200e3), "Ohm", 2000, 500),
    ],
)
def test_protections(
    rig: RigConfig,
    name: str,
    levels: tuple[float | None, ...],
    unit: str,
    delay_ms: int,
    reaction_ms: int,
) -> None:
    limit = rig.limits[name]
    names = ("warning", "derate", "threshold", "release")
    assert tuple(limit.numbers.get(level) for level in names) == levels
    assert limit.unit == unit
    assert limit.above == name.startswith("over") or name in ("cell_overvoltage", "pack_overvoltage")
    assert (limit.delay, limit.reaction) == (delay_ms * NS_PER_MS, reaction_ms * NS_PER_MS)
    assert f"fault.{name}" in rig.roles
    assert f"warning.{name}" in rig.roles


def test_every_message_to_the_bms_has_its_timeout(rig: RigConfig) -> None:
    timeouts = rig.limits["frame_timeout"].messages
    for message in rig.buses["pack"].database.messages.values():
        if message.name.startswith(("CM_", "JB_", "VCU_Request")):
            assert message.cycle_ns is not None
            assert timeouts[message.name] >= 4 * message.cycle_ns
