"""``hil check``."""

from pathlib import Path

import pytest

from hil.cli import main

DATA = Path(__file__).parents[2] / "data" / "rigs"


def test_a_right_rig_file_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(DATA / "small.toml")]) == 0
    out = capsys.readouterr().out
    assert "Bus can0: sim, 500 kbit/s, 6 messages, 70 frames/s" in out
    assert "cell_monitor.voltage[1…4]  →  can0/CMU_Cells_1.V1 … CMU_Cells_2.V2  (× 0.001)" in out
    assert "contactor.main_plus.command  ←  can0/BMS_Status.MainPlus" in out
    assert "can0/VCU_Request.Reset     always 0" in out
    assert "state                =  can0/BMS_Status.State" in out
    assert "1 standby, 3 operate, 7 fault" in out
    assert "cell_overvoltage  -        -       3.65 V  3.45 V   500 ms" in out
    assert out.endswith("small.toml: no mistakes\n")


def test_a_wrong_one_says_all_its_mistakes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(DATA / "many_mistakes.toml")]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("many_mistakes.toml: ") == 6
    assert "Traceback" not in captured.err


def test_ports_are_shown_with_unit_and_range(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "dc_charging", "--ports"]) == 0
    rows = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "cell_monitor.voltage[1…96] told V 0 V 5 V yes" in rows
    assert "charger.input_power told W 0 W - -" in rows
    assert "ambient.temperature set degC -60 degC 150 degC -" in rows
    assert "nodes.station.stop set - 0 1 -" in rows


def test_a_missing_one_suggests_what_ships(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "labtop"]) == 2
    assert "did you mean 'laptop'?" in capsys.readouterr().err


def test_what_there_is_to_a_role_besides_its_signal_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "truck"]) == 0
    out = capsys.readouterr().out
    assert "vehicle/BMS_Flags.Flags & 0x2" in out
    assert "vehicle/HVESSS1.BusConnection with OperationalStatus, Charging" in out
    assert "vehicle/BMS_Diagnosis.Active when Spn = " in out


def test_when_messages_are_sent_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in DATA.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    rig = tmp_path / "small.toml"
    lines = 'VCU_Request = { send = "on-change" }\nCMU_Pack = { send = "on-change", heartbeat = "2 s" }'
    rig.write_text(f"{rig.read_text()}\n[bus.can0.messages]\n{lines}\n")
    assert main(["check", str(rig)]) == 0
    out = capsys.readouterr().out
    assert "rig (VCU)  on change       " in out
    assert "rig (CMU)  on change, 2 s  " in out


def test_what_leaves_tests_out_is_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('extends = "laptop.toml"\n[limits.cell_overvolt]\nthreshold = "3.65 V"\n', "utf-8")
    assert main(["check", str(path)]) == 0
    said = capsys.readouterr().out
    assert "To look at" in said
    assert "limits.cell_overvolt: the suite knows no such limit" in said
    assert said.endswith("mine.toml: no mistakes, 1 to look at\n")
