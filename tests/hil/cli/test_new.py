"""``hil new``: a folder with a rig file that `hil check` takes, once its firmware is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.cli import main
from hil.rig.load import load_rig
from hil.rig.shipped import shipped_dbc

FOREIGN = Path(__file__).parents[1] / "new" / "foreign.dbc"
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


def test_the_shipped_files_give_the_shipped_wires(tmp_path: Path) -> None:
    folder = tmp_path / "again"
    files = [str(shipped_dbc()[f"{name}.dbc"]) for name in _LAPTOP]
    assert main(["new", str(folder), "--dbc", *files]) == 0
    _name_firmware(folder / "rig.toml")
    rig = load_rig(folder / "rig.toml")
    assert set(rig.wires) == set(load_rig("laptop").wires)
    assert rig.requests.keys() == load_rig("laptop").requests.keys()


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
