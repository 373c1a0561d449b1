"""Wires: directions, scales, arrays."""

from collections.abc import Callable
from math import inf, nan
from pathlib import Path
from struct import unpack

import pytest

from hil.errors import RigFileErrors
from hil.rig.load import load_rig
from hil.rig.schema import RigConfig
from hil.rig.wire import Wire
from tests.hil.scripted import scripted_rig

DATA = Path(__file__).parents[2] / "data" / "rigs"
Loader = Callable[..., RigConfig]


def wires_of(rig: RigConfig, message: str) -> list[Wire]:
    return [wire for wire in rig.wires if wire.message == message]


def test_an_array_goes_out_in_slots_with_its_units_scaled() -> None:
    wires = load_rig(DATA / "small.toml").wires
    assert wires[:3] == (
        Wire("cell_monitor.voltage[1]", "can0", "CMU_Cells_1", "V1", "out", 1e-3, unit="V"),
        Wire("cell_monitor.voltage[2]", "can0", "CMU_Cells_1", "V2", "out", 1e-3, unit="V"),
        Wire("cell_monitor.voltage[3]", "can0", "CMU_Cells_2", "V1", "out", 1e-3, unit="V"),
    )
    assert wires[0].address == "can0/CMU_Cells_1.V1"


def test_what_the_bms_sends_goes_in() -> None:
    wire = load_rig(DATA / "small.toml").wires[-1]
    assert wire == Wire("contactor.main_plus.command", "can0", "BMS_Status", "MainPlus", "in")


def test_both_forms_mean_the_same(load: Loader) -> None:
    table = load('[wires.can0.CMU_Pack]\nVoltage = "link.voltage"')
    array = load('[[wire]]\nfrom = "link.voltage"\nto = "can:can0/CMU_Pack.Voltage"')
    assert set(table.wires) == set(array.wires)
    table = load("", ('"contactor.main_plus.command"', '{ port = "charger.control" }'))
    array = load(
        '[[wire]]\nfrom = "can:can0/BMS_Status.MainPlus"\nto = "charger.control"',
        ('MainPlus = "contactor.main_plus.command"', ""),
    )
    assert set(table.wires) == set(array.wires)


def test_a_scale_of_ones_own_goes_before_units(load: Loader) -> None:
    more = (
        '[wires.can0.CMU_Pack]\nVoltage = { port = "current_sensor.temperature", scale = 0.5, offset = -50 }'
    )
    wire = wires_of(load(more), "CMU_Pack")[0]
    assert (wire.scale, wire.offset) == (0.5, -50.0)


@pytest.mark.parametrize(
    "text",
    [
        '[wires.can0.CMU_Pack]\nTemperature = "cell_monitor.temperature[*]"',
        '[[wire]]\nfrom = "cell_monitor.temperature[1..2]"\nto = "can0/CMU_Pack.Temperature"',
    ],
)
def test_an_array_is_not_one_signal(load: Loader, text: str) -> None:
    """All its members went into it, and the last of them counted."""
    said = r"members 1 and 2 are both can0/CMU_Pack.Temperature \(number their signals"
    with pytest.raises(RigFileErrors, match=said):
        load(text)


def test_one_command_is_for_all_members(load: Loader) -> None:
    more = '[[wire]]\nfrom = "can0/BMS_Status.MainMinus"\nto = "cell_monitor.balance[*]"'
    wires = [wire for wire in load(more).wires if wire.signal == "MainMinus"]
    assert [wire.port for wire in wires] == [f"cell_monitor.balance[{n}]" for n in (1, 2, 3, 4)]


def test_part_of_an_array(load: Loader) -> None:
    rig = load("", ("voltage[*]", "voltage[2..3]"))
    assert [(w.port, w.message, w.signal) for w in rig.wires[:2]] == [
        ("cell_monitor.voltage[2]", "CMU_Cells_1", "V1"),
        ("cell_monitor.voltage[3]", "CMU_Cells_1", "V2"),
    ]


@pytest.mark.parametrize("scale", ["0.0", "nan", "inf"])
def test_a_scale_that_carries_nothing(load: Loader, scale: str) -> None:
    more = f'[wires.can0.CMU_Pack]\nVoltage = {{ port = "link.voltage", scale = {scale} }}'
    with pytest.raises(RigFileErrors, match="carries nothing"):
        load(more)


@pytest.mark.parametrize("offset", ["nan", "inf", "-inf"])
def test_an_offset_is_finite(load: Loader, offset: str) -> None:
    """It was taken, and the run ended at the first frame."""
    with pytest.raises(RigFileErrors, match=f"CMU_Pack.Voltage: offset {offset} carries nothing"):
        load(f'[wires.can0.CMU_Pack]\nVoltage = {{ port = "link.voltage", offset = {offset} }}')


def test_a_set_point_can_also_be_shown_to_the_bms(load: Loader) -> None:
    rig = load('[wires.can0.CMU_Pack]\nClosed = "drive.enable"')
    assert wires_of(rig, "CMU_Pack")[0].direction == "out"


def test_a_signal_out_of_reach_of_a_set_point(load: Loader) -> None:
    more = '[[wire]]\nfrom = "can:can0/BMS_Status.VoltageWanted"\nto = "charger.voltage_max"\noffset = 1e6'
    with pytest.raises(RigFileErrors, match=r"charger\.voltage_max needs"):
        load(more)


def test_constants_by_number_and_by_name(load: Loader) -> None:
    rig = load('[constants]\n"can0/CMU_Pack.Voltage" = 12.5\n"can0/VCU_Request.Reset" = 1')
    assert [(c.message, c.signal, c.value) for c in rig.constants] == [
        ("CMU_Pack", "Voltage", 12.5),
        ("VCU_Request", "Reset", 1.0),
    ]
    named = load(
        '[constants]\n"can0/VCU_Request.Mode" = "operate"',
        ("[requests]\n", ""),
        ('mode = { signal = "can0/VCU_Request.Mode", values = { standby = 0, operate = 1 } }', ""),
    )
    assert named.constants[0].value == 1.0


def test_a_constant_by_name_is_the_physical_value(load: Loader) -> None:
    """A value table counts raw numbers; the constant was that number, whatever the factor."""
    rig = load(
        '[constants]\n"can0/VCU_Request.Mode" = "charge"',
        ("[requests]\n", ""),
        ('mode = { signal = "can0/VCU_Request.Mode", values = { standby = 0, operate = 1 } }', ""),
        dbc=("SG_ Mode : 0|2@1+ (1,0) [0|2]", "SG_ Mode : 0|2@1+ (5,-1) [-1|14]"),
    )
    assert rig.constants[0].value == 9.0


REAL = """VERSION ""
NS_ :
BS_:
BU_: BMS CMU
BO_ 600 CMU_Real: 8 CMU
 SG_ Voltage : 7|32@0- (0.001,0) [0|0] "kV" BMS
BA_DEF_ BO_ "GenMsgCycleTime" INT 0 65535;
BA_DEF_DEF_ "GenMsgCycleTime" 100;
SIG_VALTYPE_ 600 Voltage : 1;
"""


def test_a_sensor_may_be_sent_as_a_floating_point_number(load: Loader, tmp_path: Path) -> None:
    """Without a declared range it holds all that a sensor can show."""
    (tmp_path / "real.dbc").write_text(REAL, "utf-8")
    text = '[wires.can0.CMU_Real]\nVoltage = "pack.voltage"'
    rig = load(text, ('["small.dbc"]', '["small.dbc", "real.dbc"]'))
    bench, world, _ = scripted_rig(rig)
    bench.run_for("1 s")
    frame = world.frames("can0", 600, 0, world.now_ns)[-1]
    assert unpack(">f", frame.data[:4])[0] == pytest.approx(world.read("pack.voltage"), rel=1e-6)
    fault = {"message": "CMU_Real", "signal": "Voltage"}
    for name, said, shown in (
        ("frame.value", {"value": 1.7}, pytest.approx(1700)),
        ("frame.not_available", {}, pytest.approx(nan, nan_ok=True)),
        ("frame.out_of_range", {}, inf),
    ):
        with bench.fault(name, **fault, **said) as stimulus:
            seen_ns = bench.on_wire(stimulus)
            data = world.frames("can0", 600, seen_ns, seen_ns)[-1].data
            assert unpack(">f", data[:4])[0] == shown
