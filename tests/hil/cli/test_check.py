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


def test_a_missing_one_suggests_what_ships(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "labtop"]) == 2
    assert "did you mean 'laptop'?" in capsys.readouterr().err
