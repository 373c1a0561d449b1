"""``hil new``: a folder with a rig file that `hil check` takes, once its firmware is named."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest

from hil.cli import main
from hil.errors import RigFileErrors
from hil.frames.database import load_database
from hil.frames.unguarded import unguarded
from hil.rig.load import load_rig
from hil.rig.shipped import shipped_dbc

FOREIGN = Path(__file__).parents[1] / "new" / "foreign.dbc"
TERSE = FOREIGN.with_name("terse.dbc")
_LAPTOP = ("cell_monitor", "junction_box", "current_sensor", "bms", "charger_elcon", "drive")


def _name_firmware(rig: Path) -> None:
    rig.write_text(rig.read_text("utf-8").replace('"my_firmware"', '"reference_bms"'), "utf-8")


def test_a_foreign_bms_needs_only_its_firmware(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "mine"
    assert main(["new", str(folder), "--dbc", str(FOREIGN)]) == 0
    assert "the BMS is BCU" in capsys.readouterr().out
    assert main(["check", str(folder / "rig.toml")]) == 2
    assert capsys.readouterr().err.count("rig.toml: ") == 1
    _name_firmware(folder / "rig.toml")
    config = load_rig(folder / "rig.toml")
    assert (config.plant.pack.series, config.plant.sensors.temperature_count) == (12, 4)


def test_a_message_that_cannot_be_used_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = tmp_path / "odd.dbc"
    text = FOREIGN.read_text("utf-8")
    head, message, tail = text.partition("BO_ ")
    volts = ' SG_ Volts : 0|8@1+ (0,0) [0|0] "V" Vector__XXX'
    odd.write_text(f"{head}BO_ 1999 Odd: 8 BCU\n{volts}\n\n{message}{tail}", "utf-8")
    assert main(["new", str(tmp_path / "mine"), "--dbc", str(odd)]) == 0
    assert "Odd is left out: Volts: the factor is 0" in capsys.readouterr().out


def test_the_shipped_files_give_the_shipped_wires(tmp_path: Path) -> None:
    folder = tmp_path / "again"
    files = [str(shipped_dbc()[f"{name}.dbc"]) for name in _LAPTOP]
    assert main(["new", str(folder), "--dbc", *files]) == 0
    _name_firmware(folder / "rig.toml")
    rig = load_rig(folder / "rig.toml")
    assert set(rig.wires) == set(load_rig("laptop").wires)
    assert rig.requests.keys() == load_rig("laptop").requests.keys()


def test_long_messages_make_it_a_bus_of_j1939(tmp_path: Path) -> None:
    folder = tmp_path / "truck"
    files = [str(shipped_dbc()[f"truck_{name}.dbc"]) for name in ("bms", "nodes")]
    assert main(["new", str(folder), "--dbc", *files]) == 0
    text = (folder / "rig.toml").read_text("utf-8")
    assert "\n[bus.pack.j1939]" in text
    assert 'CellBalancing = { function = "max", of = "cell_monitor.balancing_cells" }' in text  # holds 0 to 3
    assert '"cell.voltage" = { signal = "pack/BMS_Cells.Cell{index:03}", count = 96 }' in text
    with pytest.raises(RigFileErrors) as caught:  # what else it has guessed
        load_rig(folder / "rig.toml")
    assert "BMS_Cells" not in str(caught.value)
    assert "CellBalancing" not in str(caught.value)


def test_the_sign_of_the_current_is_asked_for(tmp_path: Path) -> None:
    assert main(["new", str(tmp_path / "mine"), "--dbc", str(FOREIGN)]) == 0
    text = (tmp_path / "mine" / "rig.toml").read_text("utf-8")
    assert 'IBatt = "current_sensor.current"  # TODO: > 0 must discharge the pack; if not: { port =' in text
    assert "# TODO: > 0 must discharge the pack; if not: { signal =" in text


def test_a_limit_of_the_template_is_filled_in_where_it_stands(tmp_path: Path) -> None:
    files = [str(shipped_dbc()[f"{name}.dbc"]) for name in _LAPTOP]
    assert main(["new", str(tmp_path / "mine"), "--dbc", *files]) == 0
    path = tmp_path / "mine" / "rig.toml"
    _name_firmware(path)
    text = path.read_text("utf-8")
    line = next(line for line in text.splitlines() if line.startswith("# cell_overvoltage = "))
    filled = 'cell_overvoltage = { threshold = "3.65 V", delay = "500 ms" }'
    path.write_text(text.replace(line, filled), "utf-8")
    assert load_rig(path).limits["cell_overvoltage"].threshold == 3.65


def test_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rig.toml").write_text("mine")
    assert main(["new", str(tmp_path), "--dbc", str(FOREIGN)]) == 2
    assert "rig.toml: is there already" in capsys.readouterr().err
    assert (tmp_path / "rig.toml").read_text() == "mine"


def test_a_file_is_no_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine").write_text("mine")
    assert main(["new", str(tmp_path / "mine"), "--dbc", str(FOREIGN)]) == 2
    assert "mine: is a file (name a folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--dbc", "none.dbc"], "none.dbc"),
        (["--dbc", str(FOREIGN), "--node", "XYZ"], "no node 'XYZ' sends a message"),
        (["--dbc", str(FOREIGN), str(FOREIGN)], "two DBC files are called foreign.dbc"),
    ],
)
def test_a_mistake_is_told_and_nothing_is_written(
    given: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new", str(tmp_path / "mine"), *given]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "mine").exists()


def test_three_thousand_messages_are_read(tmp_path: Path) -> None:
    messages = (
        f'BO_ {n} Msg{n}: 8 ECU{n % 7}\n SG_ Value{n} : 0|16@1+ (0.1,0) [0|6553.5] "V" X\n'
        for n in range(1, 2000)
    )
    extended = (
        f'BO_ {0x80000000 + n} Ext{n}: 8 ECU{n % 7}\n SG_ Thing{n} : 0|8@1+ (1,0) [0|255] "" X\n'
        for n in range(1, 1002)
    )
    path = tmp_path / "big.dbc"
    nodes = " ".join(f"ECU{n}" for n in range(7))
    path.write_text(f'VERSION ""\nNS_ :\nBS_:\nBU_: {nodes} X\n' + "".join((*messages, *extended)))
    assert main(["new", str(tmp_path / "mine"), "--dbc", str(path)]) == 0
    assert "more" in (tmp_path / "mine" / "rig.toml").read_text("utf-8")


def test_messages_without_a_cycle_get_one_to_confirm(tmp_path: Path) -> None:
    text = FOREIGN.read_text("utf-8")
    line = next(line for line in text.splitlines() if '"GenMsgCycleTime" BO_ 800 ' in line)
    (tmp_path / "bare.dbc").write_text(text.replace(line, ""), "utf-8")
    assert main(["new", str(tmp_path / "mine"), "--dbc", str(tmp_path / "bare.dbc")]) == 0
    rig = tmp_path / "mine" / "rig.toml"
    assert '[bus.pack.messages]  # TODO' in rig.read_text("utf-8")
    _name_firmware(rig)
    assert load_rig(rig).buses["pack"].database.messages["SHUNT_Messung"].cycle_ns == 100_000_000


def test_messages_that_are_sent_on_a_change_stay_so(tmp_path: Path) -> None:
    text = FOREIGN.read_text("utf-8")
    defined = 'BA_DEF_ BO_ "GenMsgSendType" ENUM "cyclicX","spontanX";\nBA_ "GenMsgSendType" BO_ 800 1;\n'
    (tmp_path / "event.dbc").write_text(f"{text}\n{defined}", "utf-8")
    assert main(["new", str(tmp_path / "mine"), "--dbc", str(tmp_path / "event.dbc")]) == 0
    rig = tmp_path / "mine" / "rig.toml"
    assert "messages]" not in rig.read_text("utf-8")
    _name_firmware(rig)
    message = load_rig(rig).buses["pack"].database.messages["SHUNT_Messung"]
    assert (message.cycle_ns, message.on_change is not None) == (None, True)


NEWCOMER = FOREIGN.with_name("newcomer.dbc")


def test_a_bms_on_can_fd_whose_cells_count_from_0(tmp_path: Path) -> None:
    """With bit rates by its attributes, and units guessed where there are none."""
    assert main(["new", str(tmp_path / "mine"), "--dbc", str(NEWCOMER)]) == 0
    path = tmp_path / "mine" / "rig.toml"
    text = path.read_text("utf-8")
    assert 'CellU_{index0:02}" = { port = "cell_monitor.voltage[1..12]", scale = 0.001 }' in text
    assert text.count("no unit in the DBC file, mV is a guess") == 5
    assert "data_bitrate = 2_000_000  # as the DBC file says" in text
    _name_firmware(path)
    rig = load_rig(path)
    assert (rig.buses["pack"].bitrate, rig.buses["pack"].data_bitrate) == (500_000, 2_000_000)
    wires = {wire.signal: (wire.port, wire.scale) for wire in rig.wires}
    assert wires["CellU_00"] == ("cell_monitor.voltage[1]", 0.001)
    assert wires["CellU_23"] == ("cell_monitor.voltage[24]", 0.001)
    assert rig.roles["cell.voltage[1]"].signal == "U_Cell00"
    assert rig.roles["cell.voltage[24]"].reading.scale == 0.001


def test_can_fd_without_a_bit_rate_is_asked_for(tmp_path: Path) -> None:
    dbc = tmp_path / "a.dbc"
    dbc.write_text(NEWCOMER.read_text().replace("Baudrate", "Rate"))
    assert main(["new", str(tmp_path / "mine"), "--dbc", str(dbc)]) == 0
    text = (tmp_path / "mine" / "rig.toml").read_text("utf-8")
    assert "data_bitrate = 2_000_000  # TODO" in text
    assert "bitrate = 500_000  # TODO" in text


def test_several_buses(tmp_path: Path) -> None:
    """Each with its files; the charger's identifier may be one that the other bus has, too."""
    shipped = shipped_dbc()
    folder = tmp_path / "mine"
    pack = [f"pack={shipped['bms.dbc']}", *(str(shipped[f"{name}.dbc"]) for name in _LAPTOP[:3])]
    other = [f"vehicle={shipped['drive.dbc']}", str(shipped["charger_elcon.dbc"])]
    assert main(["new", str(folder), "--bus", *pack, "--bus", *other]) == 0
    _name_firmware(folder / "rig.toml")
    rig = load_rig(folder / "rig.toml")
    assert {wire.bus for wire in rig.wires if wire.port.startswith("drive.")} == {"vehicle"}
    assert {wire.bus for wire in rig.wires if wire.port.startswith("cell_monitor.")} == {"pack"}
    assert rig.requests["mode"].bus == "pack"
    assert rig.roles["state"].bus == "pack"
    assert set(rig.roles) == set(load_rig("laptop").roles)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "no DBC file is named (--dbc FILE…, or --bus NAME=FILE… for each bus)"),
        (["--bus", "a.dbc"], "'a.dbc' names no bus (--bus pack=bms.dbc cells.dbc)"),
        (["--bus", "a=1.dbc", "--bus", "a=2.dbc"], "bus 'a' is there twice"),
    ],
)
def test_wrong_buses_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main(["new", str(tmp_path / "mine"), *arguments]) == 2
    assert said in capsys.readouterr().err


def test_a_message_on_two_buses_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "again.dbc").write_bytes(FOREIGN.read_bytes())
    buses = ["--bus", f"a={FOREIGN}", "--bus", f"b={tmp_path / 'again.dbc'}"]
    assert main(["new", str(tmp_path / "mine"), *buses]) == 2
    said = capsys.readouterr().err
    assert "is on bus 'a' and on bus 'b' (give it another name in one of the DBC files)" in said


def test_an_identifier_of_two_messages_on_one_bus_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = tmp_path / "again.dbc"
    again.write_text(FOREIGN.read_text("latin-1").replace("BCU_", "XCU_"), "latin-1")
    assert main(["new", str(tmp_path / "mine"), "--dbc", str(FOREIGN), str(again)]) == 2
    err = capsys.readouterr().err
    assert "again.dbc" in err
    assert "identifier" in err


def test_what_a_terse_dbc_file_only_hints_at_is_told(tmp_path: Path) -> None:
    """Counters and checksums without a profile, faults in a word, a state in two signals."""
    assert main(["new", str(tmp_path / "mine"), "--dbc", str(TERSE)]) == 0
    text = (tmp_path / "mine" / "rig.toml").read_text("utf-8")
    assert "# TODO: BCU_SubSt may tell more" in text
    assert "# TODO: contactor.main_plus.command is wired to no signal" in text
    assert "BCU_FltWord, sent by BCU: Bit0 cell OV, Bit1 cell UV" in text
    assert '"fault.cell_overvoltage" = { signal = "pack/BCU_Main.BCU_FltWord", mask = 0x1 }' in text
    assert "BCU_PreChgSt = " not in text  # how far the precharge is commands no contactor
    assert '"limit.discharge_current" = "pack/BCU_Lim.BCU_IdchMax"' in text


def test_the_lines_for_counters_and_checksums_guard_the_messages(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    assert main(["new", str(folder), "--dbc", str(TERSE)]) == 0
    lines = (folder / "rig.toml").read_text("utf-8").splitlines()
    wanted = [line.removeprefix("# ") for line in lines if line.startswith("# BA_")]
    path = folder / "terse.dbc"
    path.write_text("\n".join([path.read_text("latin-1"), *wanted, ""]), "latin-1")
    messages = load_database([path]).messages
    guarded = [name for name, message in messages.items() if message.e2e and message.e2e.profile == "XOR"]
    assert guarded == ["CSM_Meas", "VCU_BattCmd", "BCU_Main"]
    assert not any(map(unguarded, messages.values()))


_HEAD = 'VERSION ""\nNS_ :\nBS_:\nBU_: BMS CMU\n'


def _cells(path: Path, frames: range, first: int) -> str:
    """A DBC file with four cells in each message; and its name."""
    text = _HEAD
    for frame in frames:
        text += f"BO_ {512 + frame} Cells_{frame}: 8 CMU\n"
        for place in range(4):
            number = first + 4 * (frame - frames.start) + place
            text += f' SG_ Cell{number}_U : {16 * place}|16@1+ (0.001,0) [0|5] "V" BMS\n'
    path.write_text(text, "utf-8")
    return str(path)


def _mistakes(rig: Path) -> str:
    _name_firmware(rig)
    try:
        load_rig(rig)
    except RigFileErrors as error:
        return str(error)
    return ""


def test_a_pattern_is_on_the_bus_of_its_messages(tmp_path: Path) -> None:
    """It was taken for that of the first bus with a message of a similar name."""
    other = tmp_path / "other.dbc"
    foo = ' SG_ Foo : 0|16@1+ (1,0) [0|0] "" BMS\n'
    other.write_text(f"{_HEAD}BO_ 256 Cells_Summary: 8 CMU\n{foo}", "utf-8")
    cells = _cells(tmp_path / "cells.dbc", range(1, 3), 1)
    assert main(["new", str(tmp_path / "m"), "--bus", f"a={other}", "--bus", f"b={cells}"]) == 0
    assert '[wires.b."Cells_{frame}"]' in (tmp_path / "m" / "rig.toml").read_text("utf-8")
    assert "wires" not in _mistakes(tmp_path / "m" / "rig.toml")


def test_cells_on_two_buses_are_wired_message_by_message(tmp_path: Path) -> None:
    one, two = _cells(tmp_path / "1.dbc", range(1, 3), 1), _cells(tmp_path / "2.dbc", range(3, 5), 9)
    assert main(["new", str(tmp_path / "m"), "--bus", f"a={one}", "--bus", f"b={two}"]) == 0
    text = (tmp_path / "m" / "rig.toml").read_text("utf-8")
    assert '[wires.b.Cells_3]\n"Cell{index}_U" = "cell_monitor.voltage[9..12]"' in text
    assert "wires" not in _mistakes(tmp_path / "m" / "rig.toml")


def test_numbers_that_outgrow_their_zeros_are_one_pattern(tmp_path: Path) -> None:
    signals = "".join(
        f' SG_ Cell{n:02}_U m{n} : 8|16@1+ (0.001,0) [0|5] "V" BMS\n' for n in range(1, 105)
    )
    path = tmp_path / "cells.dbc"
    mux = ' SG_ Mux M : 0|8@1+ (1,0) [0|255] "" BMS\n'
    path.write_text(f"{_HEAD}BO_ 512 Cells: 8 CMU\n{mux}{signals}", "utf-8")
    assert main(["new", str(tmp_path / "m"), "--dbc", str(path)]) == 0
    text = (tmp_path / "m" / "rig.toml").read_text("utf-8")
    assert '"Cell{index:02}_U" = "cell_monitor.voltage[*]"' in text
    assert "wires" not in _mistakes(tmp_path / "m" / "rig.toml")


def _modules(path: Path, names: Sequence[str], first: int) -> str:
    """A DBC file with messages of three cells each, counted anew, and a temperature; and its name."""
    text = _HEAD
    for place, name in enumerate(names):
        text += f"BO_ {512 + place} {name}: 8 CMU\n"
        for cell in range(3):
            text += f' SG_ Cell{first + cell} : {16 * cell}|16@1+ (0.001,0) [0|5] "V" BMS\n'
        text += ' SG_ Temp : 48|16@1- (0.1,0) [-50|200] "degC" BMS\n'
    path.write_text(text, "utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("names", "first", "cells", "temperatures"),
    [
        (
            [f"CMU_{n}" for n in range(1, 5)], 1,
            '[wires.pack."CMU_{frame}"]\n"Cell{slot}" = "cell_monitor.voltage[*]"',
            '[wires.pack."CMU_{index}"]\nTemp = "cell_monitor.temperature[*]"',
        ),
        (
            [f"CMU{n:02}" for n in range(12)], 0,
            '[wires.pack."CMU{frame:02}"]\n"Cell{slot}" = "cell_monitor.voltage[*]"',
            '[wires.pack."CMU{index0:02}"]\nTemp = "cell_monitor.temperature[*]"',
        ),
        (
            [f"CMU{m}_V{v}" for m in (1, 2) for v in (1, 2)], 1,
            '"Cell{slot}" = "cell_monitor.voltage[7..9]"',
            'Temp = "cell_monitor.temperature[3]"',
        ),
    ],
)  # fmt: skip
def test_modules_that_count_their_cells_anew(
    tmp_path: Path, names: Sequence[str], first: int, cells: str, temperatures: str
) -> None:
    """All but the first were told as not understood."""
    modules = _modules(tmp_path / "cmu.dbc", names, first)
    assert main(["new", str(tmp_path / "m"), "--dbc", modules]) == 0
    text = (tmp_path / "m" / "rig.toml").read_text("utf-8")
    assert f"\nseries = {3 * len(names)}\n" in text
    assert f"\ntemperature_count = {len(names)}\n" in text
    assert cells in text
    assert temperatures in text
    assert "wires" not in _mistakes(tmp_path / "m" / "rig.toml")


def test_odd_names_and_remarks_make_no_odd_rig_file(tmp_path: Path) -> None:
    """A folder's or file's quote, and control characters in comments and units, are no TOML."""
    path = tmp_path / 'my "own" \\.dbc'
    odd = ' SG_ Foo : 0|16@1+ (1,0) [0|0] "a\nb" BMS\nCM_ SG_ 256 Foo "bell \x07, delete \x7f";\n'
    path.write_text(f"{_HEAD}BO_ 256 Odd: 8 CMU\n{odd}", "utf-8")
    folder = tmp_path / 'a "rig" \\'
    assert main(["new", str(folder), "--dbc", str(path)]) == 0
    rig = folder / "rig.toml"
    parsed = tomllib.loads(rig.read_text("utf-8"))
    assert (parsed["rig"]["name"], parsed["bus"]["pack"]["dbc"]) == (folder.name, [path.name])
    assert "Odd.Foo [a b], sent by CMU: bell , delete" in rig.read_text("utf-8")


def test_the_name_of_a_bus_can_stand_in_an_address(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new", str(tmp_path / "mine"), "--bus", f"a.b={FOREIGN}"]) == 2
    assert "'a.b' is no name of a bus (letters, digits, _ and -)" in capsys.readouterr().err


def test_a_bit_rate_goes_before_a_default_of_another_file(tmp_path: Path) -> None:
    define = 'BA_DEF_ "Baudrate" INT 0 1000000;\nBA_DEF_DEF_ "Baudrate" {};\n'
    cells = Path(_cells(tmp_path / "cells.dbc", range(1, 3), 1))
    cells.write_text(cells.read_text("utf-8") + define.format(0) + 'BA_ "Baudrate" 250;\n', "utf-8")
    other = tmp_path / "other.dbc"
    other.write_text(_HEAD + define.format(500000), "utf-8")
    assert main(["new", str(tmp_path / "m"), "--dbc", str(cells), str(other)]) == 0
    assert "bitrate = 250_000  # as the DBC file says" in (tmp_path / "m" / "rig.toml").read_text("utf-8")
