"""The shipped rigs whose BMS speaks other messages: complete, and it speaks as their DBC files say."""

from __future__ import annotations

from collections import Counter

import pytest

from hil.bms.heartbeat import Heartbeat
from hil.bms.library import Firmware, LibraryBms
from hil.bus.frame import CLASSIC, FAST, FD, Frame
from hil.bus.medium import Medium
from hil.clock import NS_PER_MS, NS_PER_S, VirtualClock
from hil.frames.database import Message
from hil.frames.j1939 import CONTROL_PGN, DATA_PGN, parse
from hil.host.inline import InlineHost
from hil.rig.load import load_rig
from hil.rig.rig import Rig
from hil.rig.schema import RigConfig
from tests.hil.scripted import Notes

DIALECTS = ["fd", "modular", "storage", "truck"]
# of the laptop rig's BMS, what the messages of the other dialects have no room for
UNSAID = {"temperature_spread", "temperature_rise", "thermal_runaway", "cooling", "crash"}
UNSAID_LIMITS = UNSAID | {"accuracy_isolation", "accuracy_estimated_voltage"}
UNSAID_ROLES = UNSAID | {"isolation_plus", "isolation_minus", "pack_voltage"}
SILENT = {"modular", "storage", "truck"}
WITHOUT = {"storage": {"isolation", "e2e", "supply_loss"}}  # limits that a rig has no use for


@pytest.fixture(scope="module", params=DIALECTS)
def rig(request: pytest.FixtureRequest) -> RigConfig:
    return load_rig(request.param)


def test_every_cell_and_sensor_is_wired_both_ways(rig: RigConfig) -> None:
    ports = {wire.port for wire in rig.wires}
    pack = rig.plant.pack
    for cell in range(1, pack.strings * pack.series + 1):
        assert {f"cell_monitor.voltage[{cell}]", f"cell_monitor.balance[{cell}]"} <= ports
        assert {f"cell.voltage[{cell}]", f"balancing[{cell}]"} <= set(rig.roles)
    for sensor in range(1, rig.plant.sensors.temperature_count + 1):
        assert f"cell_monitor.temperature[{sensor}]" in ports
        assert f"cell.temperature[{sensor}]" in rig.roles


def test_it_promises_what_the_laptop_rig_promises(rig: RigConfig) -> None:
    laptop, missing = load_rig("laptop"), WITHOUT.get(rig.name, set[str]())
    unsaid = rig.name in SILENT
    assert set(laptop.limits) - set(rig.limits) == missing | (UNSAID_LIMITS if unsaid else set())
    silent = missing | (UNSAID_ROLES if unsaid else set())
    single = {name for name in laptop.roles if "[" not in name and name.rpartition(".")[2] not in silent}
    assert single <= set(rig.roles)


def test_the_firmware_speaks_as_the_dbc_files_say(rig: RigConfig) -> None:
    """Alone on its bus for four seconds: right checksums and counters, all messages at their cycle.

    Packets of long messages are not looked at: nobody is there who lets the BMS send them.
    """
    assert rig.bms.library is not None
    clock, heard = VirtualClock(NS_PER_S), list[Frame]()
    bus = next(iter(rig.buses))  # that of the BMS
    medium = Medium(clock, bus, data_bitrate=rig.buses[bus].data_bitrate)
    medium.attach("test", heard.append)
    bms = LibraryBms(clock, Firmware(rig.bms.library), rig.bms.step_ns, Heartbeat())
    bms.attach(medium)
    bms.power_on(cold=True)
    clock.run_until(clock.now_ns + 4000 * NS_PER_MS)
    messages = rig.buses[bus].database.by_key
    checkers = {key: m.e2e.checker() for key, m in messages.items() if m.e2e is not None}
    counts: Counter[str] = Counter()
    for frame in heard:
        if frame.extended and parse(frame.id)[1] in (CONTROL_PGN, DATA_PGN):
            continue
        message = messages[frame.key]
        message.decode(frame.data)
        counts[message.name] += 1
        if frame.key in checkers:
            assert checkers[frame.key].check(frame.data) == "ok", frame
    cyclic = {m.name: m.cycle_ns for m in messages.values() if _sends_whole(rig, m)}
    for name, cycle_ns in cyclic.items():
        assert counts[name] >= 4 * NS_PER_S // cycle_ns - 1, name


def _sends_whole(rig: RigConfig, message: Message) -> bool:
    return rig.bms.node in message.senders and bool(message.cycle_ns) and not message.in_parts


def test_modular_cells_come_three_to_a_page_of_their_string() -> None:
    rig = load_rig("modular")
    places = {wire.port: wire for wire in rig.wires}
    for cell, message, page, start in (
        (1, "SMC1_Cells", 0, 23),
        (32, "SMC1_Cells", 10, 39),
        (64, "SMC2_Cells", 10, 39),
    ):
        wire = places[f"cell_monitor.voltage[{cell}]"]
        signal = rig.buses["pack"].database.messages[wire.message].signals[wire.signal]
        assert (wire.message, signal.groups, signal.start) == (message, (page,), start)
        assert not signal.little_endian


def test_storage_speaks_to_its_inverter_as_a_pylontech_battery() -> None:
    rig = load_rig("storage")
    messages = rig.buses["battery"].database.messages
    to_inverter = [m.name for m in sorted(messages.values(), key=lambda m: m.id) if 0x351 <= m.id <= 0x35E]
    assert to_inverter == ["Limits", "State", "Measurements", "Faults", "Requests", "Maker"]
    assert {m.cycle_ns for m in messages.values() if rig.bms.node in m.senders} == {NS_PER_S}
    assert messages["InverterAlive"].id == 0x305  # the rig sends it
    assert not any(m.e2e for m in messages.values())


def test_fd_cells_come_24_to_a_fast_frame_of_64_bytes() -> None:
    rig = load_rig("fd")
    bus = rig.buses["pack"]
    assert (bus.bitrate, bus.data_bitrate) == (500_000, 2_000_000)
    places = {wire.port: wire for wire in rig.wires}
    for cell, name, start in ((1, "CMU1_Cells", 24), (24, "CMU1_Cells", 392), (96, "CMU4_Cells", 392)):
        wire = places[f"cell_monitor.voltage[{cell}]"]
        message = bus.database.messages[wire.message]
        assert (message.name, message.signals[wire.signal].start, message.length) == (name, start, 64)
        assert message.format == FD | FAST
        assert message.e2e is not None
        assert message.e2e.profile == "P5"
    assert bus.database.messages["ELCON_Command"].format == CLASSIC


def test_the_trouble_codes_of_the_truck_are_its_faults_and_warnings() -> None:
    """Warnings are read from DM1, faults from a message of their own: DM1 has the codes of both."""
    config = load_rig("truck")
    assert config.bms.library is not None
    host = InlineHost(config, Firmware(config.bms.library), Heartbeat(), None, 1, 0)
    host.power_on()
    rig = Rig(config, host, Notes(), "test")
    rig.operate()
    assert _codes(rig) == 0
    with rig.fault("cell.voltage", cell=7, value=3.62):
        rig.expect("warning.cell_overvoltage", True, within="3 s")
        rig.run_for("1500 ms")
        assert _codes(rig) == _told(rig) == 1
    with rig.fault("cell.voltage", cell=7, value=3.7):
        rig.expect("fault.cell_overvoltage", True, within="3 s")
        rig.run_for("1500 ms")
        assert _codes(rig) == _told(rig) >= 2


def _codes(rig: Rig) -> float:
    layout = rig.config.buses["vehicle"].database.messages["DM1"]
    return rig.messages.samples("DM1")[-1][1][layout.signals["CodeCount"].index] or 0.0


def _told(rig: Rig) -> float:
    """How many flags are set, of faults and of warnings."""
    causes = [name.partition(".")[2] for name in rig.config.roles if name.startswith("fault.")]
    assert len(causes) == 24
    return sum(rig.value(f"{kind}.{cause}") for cause in causes for kind in ("fault", "warning"))
