"""Each fault of the catalogue shows on the bus or in the plant, and is gone when it is mended."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator

import numpy as np
import pytest

from hil.errors import NotOfferedError, UsageError
from hil.faults.arguments import KINDS
from hil.faults.catalogue import CATALOGUE, make_fault
from hil.host.world import World
from tests.hil.scripted import scripted_rig, scripted_world, small_rig

LOST = object()  # the signal's raw number that means "not available"
SENSOR_FAULTS = [
    ("cell.voltage", {"cell": 7, "value": 3.75}, {"cell_monitor.voltage[7]": 3.75}),
    ("cell.invalid", {"cell": 96}, {"cell_monitor.voltage[96]": LOST}),
    (
        "cell.open_wire",
        {"tap": 7},
        {
            "cell_monitor.open_wire": 1,
            "cell_monitor.open_wire_tap": 7,
            "cell_monitor.voltage[6]": LOST,
            "cell_monitor.voltage[7]": LOST,
        },
    ),
    ("temperature", {"sensor": 3, "value": 61}, {"cell_monitor.temperature[3]": 61}),
    ("temperature.invalid", {"sensor": 16}, {"cell_monitor.temperature[16]": LOST}),
    ("current", {"value": -123.5}, {"current_sensor.current": -123.5}),
    ("current_sensor.error", {}, {"current_sensor.channel_error": 1}),
    ("pack.voltage", {"value": 351.0}, {"current_sensor.voltage_pack": 351.0}),
    ("link.voltage", {"value": 12.0}, {"current_sensor.voltage_link": 12.0}),
    ("isolation", {"pole": "minus", "value": 20e3}, {"isolation.minus": 20e3}),
    ("interlock", {}, {"interlock.closed": 0}),
    ("port", {"port": "drive.motor_temperature", "value": 150.0}, {"drive.motor_temperature": 150.0}),
]
FRAME_FAULTS = [
    "frame.missing",
    "frame.lost",
    "frame.length",
    "frame.value",
    "frame.not_available",
    "frame.crc",
    "frame.counter",
]
WAY_FAULTS = [  # test_frame_faults.py
    "frame.delay", "frame.duplicate", "frame.burst",
    "frame.out_of_range", "frame.reserved", "frame.masquerade", "frame.packet",
]  # fmt: skip
SENSOR_KINDS = [  # test_sensor_faults.py
    "sensor.stuck", "sensor.frozen", "sensor.offset", "sensor.gain", "sensor.drift", "sensor.noise",
    "sensor.open", "sensor.short", "sensor.swapped", "sensor.range",
]  # fmt: skip
# test_bus_faults.py
BUS_FAULTS = ["bus.errors", "bus.noise", "bus.off", "bus.load", "bus.babbling", "bus.short"]
PLANT_FAULTS = ["contactor.weld", "contactor.stuck_open", "precharge.open", "link.short", "charger"]
NODE_FAULTS = ["node.silent", "node.state"]  # tests/flow/test_dc_charging.py
EQUIPPED = [  # looked at with a plant that has fuse and supply: test_circuit_faults.py
    "contactor.slow", "contactor.bounce", "precharge.hot", "pack.short", "fuse.blown", "isolation.inside",
    "supply.voltage", "supply.dip", "supply.cranking", "supply.power_cycle", "supply.brown_out",
    "cell.open", "cell.short", "cell.joint", "balancer.stuck", "string.open",
]  # fmt: skip


def test_all_are_here():
    sensors = {name for name, _, _ in SENSOR_FAULTS}
    others = {*SENSOR_KINDS, *FRAME_FAULTS, *WAY_FAULTS, *BUS_FAULTS, *PLANT_FAULTS, *EQUIPPED, *NODE_FAULTS}
    assert sensors | others == set(CATALOGUE)


@pytest.mark.parametrize(("name", "arguments", "shown"), SENSOR_FAULTS, ids=[row[0] for row in SENSOR_FAULTS])
def test_a_sensor_fault_is_on_the_bus(laptop, name, arguments, shown):
    rig, _, _ = scripted_rig(laptop)
    rig.run_for("600 ms")
    sound = {port: rig.value(port) for port in shown}
    with rig.fault(name, **arguments) as stimulus:
        rig.run_for("600 ms")
        for port, value in shown.items():
            wire = rig._observer.wire(port)
            signal = laptop.buses[wire.bus].database.messages[wire.message].signals[wire.signal]
            wanted = signal.not_available if value is LOST else (value - wire.offset) / wire.scale
            assert rig.value(port) == pytest.approx(wanted, abs=0.51 * signal.scale)
        first = next(iter(shown.values()))
        assert stimulus.name == name
        assert stimulus.applied_ns < stimulus.on_wire_ns <= rig.now_ns
        assert first is LOST or name == "cell.open_wire" or stimulus.value == first or not arguments
    rig.run_for("600 ms")
    for port, value in sound.items():
        assert rig.value(port) == pytest.approx(value, rel=0.01, abs=0.3)


class Checked:
    """What a receiver's check says of each frame of a message, from now on."""

    def __init__(self, world: World, message: str) -> None:
        station = world.stations["pack"]
        layout = station.database.messages[message]
        self.found: list[str] = []
        checker = layout.e2e.checker()
        station.medium.taps.append(
            lambda frame: self.found.append(checker.check(frame.data)) if frame.key == layout.key else None
        )

    def take(self, world: World, frames: int) -> list[str]:
        self.found.clear()
        while len(self.found) < frames:
            world.run_until(world.now_ns + 10_000_000)
        return self.found[:frames]


@pytest.fixture
def world(laptop) -> Iterator[World]:
    world = scripted_world(laptop)
    world.power_on()
    return world


@pytest.mark.parametrize(
    ("name", "arguments", "found", "after"),
    [
        ("frame.crc", {}, ["crc"] * 4, "skipped"),
        ("frame.counter", {}, ["repeated"] * 4, "ok"),
        ("frame.counter", {"mode": "frozen"}, ["repeated"] * 4, "ok"),
        ("frame.counter", {"mode": "repeat"}, ["repeated", "ok", "repeated", "ok"], "ok"),
        ("frame.counter", {"mode": "skip"}, ["skipped"] * 4, "ok"),
    ],
)
def test_a_frame_fault_is_on_the_bus(world, name, arguments, found, after):
    checked = Checked(world, "CM_Status")
    assert checked.take(world, 4) == ["ok"] * 4
    fault = make_fault(name, {"message": "CM_Status", **arguments})
    assert fault.name == name
    stimulus = world.inject(fault)
    assert checked.take(world, 4) == found
    assert stimulus.on_wire_ns == stimulus.arrived[0].t_ns > stimulus.applied_ns
    world.clear(fault)
    assert checked.take(world, 4) == [after, "ok", "ok", "ok"]


def test_a_missing_frame(world):
    def count() -> int:
        since_ns = world.now_ns
        world.run_until(since_ns + 1_000_000_000)
        return sum(f.id == layout.id for f in world.stations["pack"].listener.frames if f.t_ns > since_ns)

    layout = world.database("pack").messages["JB_Status"]
    sound = count()
    fault = make_fault("frame.missing", {"message": "JB_Status"})
    last = world.last_frame("JB_Status")
    assert world.inject(fault).on_wire_ns == last.t_ns  # it is missed from its last frame on
    assert count() == 0
    world.clear(fault)
    assert count() == pytest.approx(sound, abs=1) != 0


def test_protection_that_is_not_there_cannot_be_broken(world):
    with pytest.raises(NotOfferedError, match="neither counter nor checksum"):
        world.inject(make_fault("frame.crc", {"message": "ELCON_Status"}))
    with pytest.raises(NotOfferedError, match="a counter but no checksum"):
        world.inject(make_fault("frame.crc", {"message": "IVT_Current"}))


def command(world: World, **closed: int) -> None:
    for name, value in closed.items():
        world.plant.ports[f"contactor.{name}.command"].write(float(value))
    world.run_until(world.now_ns + 100_000_000)


@pytest.mark.parametrize(
    ("name", "arguments", "port", "broken"),
    [
        ("isolation", {"pole": "plus", "value": 5e4}, "isolation.plus", 5e4),
        ("interlock", {}, "interlock.closed", 0.0),
    ],
)
def test_the_junction_box_is_what_breaks(world, name, arguments, port, broken):
    """The sensor measures what is there: a held port shows something else, and released, the fault."""
    sound = world.read(port)
    fault, held = make_fault(name, arguments), make_fault("port", {"port": port, "value": 1.0})
    world.inject(held)
    world.inject(fault)
    assert world.read(port) == 1.0
    world.clear(held)
    assert world.read(port) == pytest.approx(broken)
    world.clear(fault)
    assert world.read(port) == pytest.approx(sound)


@pytest.mark.parametrize("name", ["main_plus", "main_minus", "precharge"])
def test_a_welded_contactor_stays_closed(world, name):
    command(world, **{name: 1})
    fault = make_fault("contactor.weld", {"contactor": name})
    world.inject(fault)
    command(world, **{name: 0})
    assert world.read(f"contactor.{name}.feedback") == 1
    world.clear(fault)
    command(world)
    assert world.read(f"contactor.{name}.feedback") == 0


@pytest.mark.parametrize("name", ["main_plus", "main_minus", "precharge"])
def test_a_stuck_contactor_stays_open(world, name):
    fault = make_fault("contactor.stuck_open", {"contactor": name})
    world.inject(fault)
    command(world, **{name: 1})
    assert world.read(f"contactor.{name}.feedback") == 0
    world.clear(fault)
    command(world)
    assert world.read(f"contactor.{name}.feedback") == 1


@pytest.mark.parametrize("name", ["precharge.open", "link.short"])
def test_a_broken_precharge_does_not_charge_the_link(world, name):
    fault = make_fault(name, {})
    world.inject(fault)
    for _ in range(20):
        command(world, main_minus=1, precharge=1)
    pack = world.read("pack.voltage")
    assert world.read("link.voltage") < 0.1 * pack
    world.clear(fault)
    for _ in range(20):
        command(world)
    assert world.read("link.voltage") > 0.95 * pack


@pytest.mark.parametrize(
    ("mode", "control", "low", "high"),
    [("no_output", 0, -0.01, 0.01), ("ignore_commands", 1, 19.0, 21.0), ("overshoot", 0, 25.0, 27.0)],
)
def test_a_charger_that_fails(world, mode, control, low, high):
    def current(control: int) -> float:
        for _ in range(20):  # its commands have to be fresh
            ports["charger.control"].write(control)
            ports["charger.voltage_max"].write(350.0)
            ports["charger.current_max"].write(20.0)
            command(world)
        return world.read("charger.current")

    ports = world.plant.ports
    ports["charger.plugged"].write(1.0)
    command(world, main_minus=1, main_plus=1)
    assert current(0) == pytest.approx(20.0, abs=0.5)
    fault = make_fault("charger", {"mode": mode})
    world.inject(fault)
    assert low <= current(control) <= high
    world.clear(fault)
    assert current(control) == pytest.approx(0.0 if control else 20.0, abs=0.5)


@pytest.mark.parametrize(
    ("name", "first", "second", "port"),
    [
        ("cell.voltage", {"cell": 1, "value": 3.7}, {"cell": 1, "value": 3.8}, "cell_monitor.voltage[1]"),
        ("cell.open_wire", {"tap": 3}, {"tap": 9}, "cell_monitor.open_wire_tap"),
        ("isolation", {"pole": "plus", "value": 1e5}, {"pole": "plus", "value": 2e4}, "isolation.plus"),
        ("interlock", {}, {}, "interlock.closed"),
        ("contactor.weld", {"contactor": "precharge"}, {"contactor": "precharge"}, None),
        ("frame.counter", {"message": "CM_Status"}, {"message": "CM_Status", "mode": "skip"}, None),
        ("frame.missing", {"message": "CM_Status"}, {"message": "CM_Status"}, None),
    ],
)
def test_two_in_one_place(world, name, first, second, port):
    """The later one counts; the first one is there again when the later one is mended."""
    outer, inner = make_fault(name, first), make_fault(name, second)
    world.inject(outer)
    before = _broken(world, port)
    world.inject(inner)
    world.clear(inner)
    assert _broken(world, port) == before
    world.clear(outer)
    command(world)
    assert _broken(world, port) != before


def test_frame_faults_of_two_kinds_on_one_message(world):
    """A missing message with a frozen counter: mending one leaves the other."""
    missing = make_fault("frame.missing", {"message": "CM_Status"})
    frozen = make_fault("frame.counter", {"message": "CM_Status"})
    world.inject(missing)
    world.inject(frozen)
    world.clear(missing)
    entry = world.entry("CM_Status")
    assert (entry.hold, entry.protector.fault) == ("normal", "frozen")


def _broken(world: World, port: str | None) -> object:
    entry = world.entry("CM_Status")
    welded = world.plant.contactors["precharge"].closed
    return world.read(port) if port else (entry.hold, entry.protector.fault, welded)


@pytest.mark.parametrize(
    ("name", "arguments", "reason"),
    [
        ("cell.voltage", {"cell": 1}, "missing a required argument: 'value'"),
        ("cell.voltage", {"cell": 1, "value": 3.0, "unit": "V"}, "unexpected keyword argument 'unit'"),
        ("cell.voltage", {"cell": 1, "value": "3.7 A"}, "value '3.7 A' is a current (expected a voltage"),
        ("cell.voltage", {"cell": 1, "value": "3.7"}, "value '3.7' has no unit"),
        ("cell.voltage", {"cell": 1, "value": [3.7]}, "value [3.7] is not a number of V, or a voltage such"),
        ("frame.lost", {"message": "CM_Status", "share": "1 V"}, "share '1 V' is a voltage"),
        ("frame.value", {"message": "CM_Status", "signal": "State", "value": "1 V"}, "'1 V' is a voltage"),
        ("port", {"port": "drive.motor_temperature", "value": "3 V"}, "'3 V' is a voltage (expected a temp"),
        ("cell.voltage", {"cell": 1.5, "value": 3.7}, "cell 1.5 is not a whole number"),
        ("cell.voltage", {"cell": True, "value": 3.7}, "cell True is not a whole number"),
        ("contactor.weld", {"contactor": 1}, "contactor 1 is not a text"),
        ("frame.counter", {"message": "CM_Status", "mode": "stuck"}, "there is no mode 'stuck'"),
        ("cell.voltage", {"cell": 97, "value": 3.7}, "the twins have no port 'cell_monitor.voltage[97]'"),
        ("cell.open_wire", {"tap": 98}, "there is no tap 98: they are numbered 1 to 97"),
        ("contactor.weld", {"contactor": "main"}, "there is no contactor 'main': main_plus, main_minus"),
        ("charger", {"mode": "smoke"}, "a charger cannot fail by 'smoke'"),
        ("link.short", {"resistance": 0.0}, "a short needs a positive resistance"),
        ("pack.short", {"resistance": math.nan}, "a short needs a positive resistance"),
        ("contactor.slow", {"contactor": "main_plus", "closing": 0.3}, "closing 0.3 is not a time such as"),
        ("contactor.slow", {"contactor": "main_plus", "closing": "3 V"}, "'3 V' is a voltage"),
        ("contactor.bounce", {"contactor": "main_plus", "times": -1}, "do not bounce -1 times"),
        ("precharge.hot", {"temperature": -20.0}, "not colder than its surroundings"),
        ("precharge.hot", {"temperature": math.inf}, "cannot be at inf degC"),
        ("isolation", {"pole": "plus", "value": 1.0, "side": "load"}, "there is no side 'load': pack, link"),
        ("cell.open", {"cell": 97}, "there is no cell 97: they are numbered 1 to 96"),
        ("cell.short", {"cell": 1, "branch": 2}, "there is no branch 2: they are numbered 1 to 1"),
        ("cell.short", {"cell": 1, "resistance": 0.0}, "resistance_Ohm: must be positive"),
        ("cell.joint", {"cell": 1, "resistance": math.nan}, "resistance_Ohm: must be 0 to"),
        ("balancer.stuck", {"cell": 1, "mode": "half"}, "there is no mode 'half'"),
        ("string.open", {"string": 2}, "there is no string 2: they are numbered 1 to 1"),
        ("isolation.inside", {"tap": 98, "value": 1e3}, "there is no tap 98: they are numbered 1 to 97"),
        ("port", {"port": "pack.voltage", "value": 3.0}, "the truth cannot be held"),
        ("isolation", {"pole": "both", "value": 1.0}, "there is no pole 'both': plus, minus"),
        ("isolation", {"pole": "plus", "value": 3e6}, "a leak leaves between 0 and 2e+06 Ohm"),
        ("frame.missing", {"message": "CM_State"}, "the rig does not send a message 'CM_State'"),
        ("frame.missing", {"message": "BMS_Status"}, "the rig does not send a message 'BMS_Status'"),
    ],
)
def test_wrong_arguments(world, name, arguments, reason):
    with pytest.raises(UsageError) as caught:
        world.inject(make_fault(name, arguments))
    assert reason in str(caught.value)


def test_numbers_of_numpy_are_numbers(world):
    world.inject(make_fault("cell.voltage", {"cell": np.int64(3), "value": np.float64(3.7)}))
    assert world.read("cell_monitor.voltage[3]") == 3.7


@pytest.mark.parametrize("name", CATALOGUE)
def test_all_have_a_docstring_and_typed_arguments(name):
    maker = CATALOGUE[name]
    assert inspect.getdoc(maker)
    types = {p.annotation for p in inspect.signature(maker).parameters.values()}
    assert types <= set(KINDS)


@pytest.mark.parametrize(
    ("name", "arguments", "port", "value"),
    [
        ("cell.voltage", {"cell": 3, "value": "3700 mV"}, "cell_monitor.voltage[3]", 3.7),
        ("temperature", {"sensor": 3, "value": "61 degC"}, "cell_monitor.temperature[3]", 61.0),
        ("current", {"value": "-0.2 kA"}, "current_sensor.current", -200.0),
        ("isolation", {"pole": "plus", "value": "20 kOhm"}, "isolation.plus", 20e3),
        ("sensor.stuck", {"port": "current_sensor.voltage_pack", "value": "0.3 kV"},
         "current_sensor.voltage_pack", 300.0),
    ],
)  # fmt: skip
def test_a_value_may_have_a_unit(world, name, arguments, port, value):
    world.inject(make_fault(name, arguments))
    world.run_until(world.now_ns + 1_100_000_000)
    assert world.read(port) == pytest.approx(value)


def test_a_value_under_a_right_checksum_may_have_a_unit(world):
    name, signal = _a_voltage(world)
    for fault in ("frame.value", "frame.masquerade"):
        made = make_fault(fault, {"message": name, "signal": signal, "value": "3300 mV"})
        stimulus = world.inject(made)
        world.run_until(world.now_ns + 1_000_000_000)
        assert stimulus.value == pytest.approx(3.3)
        assert stimulus.on_wire_ns is not None
        world.clear(made)


def _a_voltage(world) -> tuple[str, str]:
    return next((w.message, w.signal) for w in world.rig.wires if w.port == "cell_monitor.voltage[1]")


@pytest.mark.parametrize("fault", [("cell.invalid", {"cell": 1}), ("cell.open_wire", {"tap": 1})])
def test_where_no_frame_can_say_that_a_value_is_lost(tmp_path, fault):
    """The BMS's DBC has no raw number for it: the test is skipped, and nothing is broken."""
    small_rig(tmp_path)
    dbc = tmp_path / "bms.dbc"
    lines = dbc.read_text().splitlines()
    dbc.write_text("\n".join(line for line in lines if "SigNotAvailable" not in line) + "\n")
    from hil.rig.load import load_rig

    world = scripted_world(load_rig(tmp_path / "rig.toml"))
    with pytest.raises(NotOfferedError, match="no raw number that means 'not available'"):
        world.inject(make_fault(*fault))
    assert not math.isnan(world.read("cell_monitor.voltage[1]"))


def _frames(world, message, ms):
    """The frames of a message within a time to come."""
    layout, since_ns = world.rig.buses["pack"].database.messages[message], world.now_ns
    world.run_until(since_ns + ms * 1_000_000)
    return [f for f in world.stations["pack"].listener.frames if f.id == layout.id and f.t_ns > since_ns]


@pytest.mark.parametrize("length", [0, 3, 7])
def test_a_frame_of_another_length(world, length):
    fault = make_fault("frame.length", {"message": "JB_Status", "length": length})
    stimulus = world.inject(fault)
    frames = _frames(world, "JB_Status", 500)
    assert frames
    assert {len(frame.data) for frame in frames} == {length}
    assert stimulus.on_wire_ns == frames[0].t_ns
    world.clear(fault)
    assert {len(frame.data) for frame in _frames(world, "JB_Status", 500)} == {8}


@pytest.mark.parametrize("length", [0, 3, 12, 48])
def test_a_can_fd_frame_of_another_length(length):
    from hil.rig.load import load_rig

    world = scripted_world(load_rig("fd"))
    world.power_on()
    cells = next(m.name for m in world.database("pack").messages.values() if m.length == 64 and m.is_cyclic
                 and "BMS" not in m.senders)  # fmt: skip
    stimulus = world.inject(make_fault("frame.length", {"message": cells, "length": length}))
    frames = _frames(world, cells, 500)
    assert {len(frame.data) for frame in frames} == {length}
    assert stimulus.on_wire_ns == frames[0].t_ns  # one frame is the message, however long


def test_a_value_under_a_right_checksum(world):
    checked = Checked(world, "JB_Isolation")
    layout = world.rig.buses["pack"].database.messages["JB_Isolation"]
    fault = make_fault(
        "frame.value", {"message": "JB_Isolation", "signal": "IsolationPlus", "value": 12_300.0}
    )
    world.inject(fault)
    assert checked.take(world, 2) == ["ok", "ok"]
    shown = [
        layout.decode_dict(frame.data)["IsolationPlus"] for frame in _frames(world, "JB_Isolation", 1200)
    ]
    assert shown
    assert set(shown) == {12_300.0}
    world.clear(fault)
    last = _frames(world, "JB_Isolation", 1200)[-1]
    assert layout.decode_dict(last.data)["IsolationPlus"] > 1e6


def test_a_share_of_the_frames_is_lost_and_a_seed_repeats_it(world):
    def count(seed):
        fault = make_fault("frame.lost", {"message": "CM_Voltages_01", "share": 0.5, "seed": seed})
        world.inject(fault)
        found = len(_frames(world, "CM_Voltages_01", 5000))
        world.clear(fault)
        return found

    whole = len(_frames(world, "CM_Voltages_01", 5000))
    first, second, again = count(3), count(4), count(3)
    assert 0.25 * whole < first < 0.75 * whole
    assert abs(first - again) <= 1  # at the window's edge
    assert 0.25 * whole < second < 0.75 * whole


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("frame.length", {"message": "JB_Status", "length": 9}, "no length of a CAN frame"),
        ("frame.length", {"message": "JB_Status", "length": 8}, "has 8 bytes anyway"),
        ("frame.length", {"message": "JB_Status", "length": 12}, "is no CAN FD frame"),
        ("frame.lost", {"message": "JB_Status", "share": 1.5}, "not between 0 and 1"),
        ("frame.value", {"message": "JB_Status", "signal": "Crc", "value": 1}, "no signal 'Crc' to set"),
        (
            "frame.value",
            {"message": "JB_Isolation", "signal": "IsolationPlus", "value": -5},
            "cannot hold -5",
        ),
    ],
)
def test_a_frame_fault_that_makes_no_sense(world, name, arguments, message):
    with pytest.raises(UsageError, match=message):
        world.inject(make_fault(name, arguments))


def test_a_fault_ends_by_itself(laptop):
    rig, world, _ = scripted_rig(laptop)
    rig.run_for("100 ms")
    port = "cell_monitor.voltage[7]"
    sound = world.read(port)
    with rig.fault("cell.voltage", cell=7, value=3.75, for_="30 ms"):
        rig.run_for("29 ms")
        assert world.read(port) == 3.75
        rig.run_for("2 ms")
        assert world.read(port) == pytest.approx(sound, abs=0.01)
    assert world.read(port) == pytest.approx(sound, abs=0.01)


def test_a_block_ends_a_fault_that_would_last_longer(laptop):
    rig, world, _ = scripted_rig(laptop)
    port = "cell_monitor.voltage[7]"
    with rig.fault("cell.voltage", cell=7, value=3.75, for_="1 s"):
        rig.run_for("100 ms")
    assert world.read(port) < 3.7
    with rig.fault("cell.voltage", cell=7, value=3.76):  # the end of the first one is not its end
        rig.run_for("2 s")
        assert world.read(port) == 3.76
