"""`hil fit-cell` as its user types it."""

import builtins
import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("scipy")

from hil.cli import main


@pytest.fixture
def data(tmp_path: Path) -> list[str]:
    """A slow and a dynamic test of a cell with 3.0-3.4 V and 4 mOhm, without relaxation."""
    head = "time [s],voltage [V],current [A],temperature [degC]"
    slow, soc = [head], 1.0
    for k in range(801):
        current = 1.0 if k < 400 else -1.0
        slow.append(f"{k * 360},{3.0 + 0.4 * soc - 0.004 * current:.5f},{current},25")
        soc -= current * 0.1 / 40.0
    dynamic, soc = [head], 1.0
    for k in range(3000):
        current = (0.0, 40.0, 20.0, -20.0, 40.0)[k // 20 % 5]
        dynamic.append(f"{k},{3.0 + 0.4 * soc - 0.004 * current:.5f},{current},25")
        soc -= current / 3600.0 / 40.0
    (tmp_path / "slow.csv").write_text("\n".join(slow), "utf-8")
    (tmp_path / "drive.csv").write_text("\n".join(dynamic), "utf-8")
    return [str(tmp_path / "slow.csv"), str(tmp_path / "drive.csv")]


def test_it_writes_a_cell_file_and_a_page(
    data: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [
        "--out",
        str(tmp_path / "out"),
        "--name",
        "mine",
        "--mass",
        "1.1kg",
        "--window",
        "2.9V",
        "3.5V",
    ]
    assert main(["fit-cell", *data, *options]) == 0
    said = capsys.readouterr().out
    assert "slow.csv: slow, discharge and charge, 40 Ah, 25 degC" in said
    assert "drive.csv: dynamic, 25 degC, 3000 samples of 1 s" in said
    assert "all else: as winston-lyp-100, scaled by capacity" in said
    assert (tmp_path / "out" / "page.html").read_text("utf-8").startswith("<!DOCTYPE html>")
    text = (tmp_path / "out" / "mine.toml").read_text("utf-8")
    assert "value = 1.1" in text
    assert "minimum = 2.9" in text
    (tmp_path / "p.csv").write_text("time [s],current [A]\n0,20\n60,0\n", "utf-8")
    cell = str(tmp_path / "out" / "mine.toml")
    command = ["sim", "cell", cell, "--profile", str(tmp_path / "p.csv"), "--soc", "50", "--json"]
    assert main([*command, "--out", str(tmp_path / "sim")]) == 0


def test_json_has_the_figures(data: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit-cell", *data, "--out", str(tmp_path / "out"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(one["test"], one["fitted"]) for one in found["tests"]] == [("drive.csv", True)]
    assert found["tests"][0]["rms_mV"] < 3.0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--name", "a/b"], "--name: 'a/b' is no file name"),
        (["--window", "3.6V", "2.5V"], "--window: the lowest voltage is not below the highest"),
        (["--mass", "3 V"], "'3 V' is a voltage"),
        (["--like", "winston-lyp-160"], "--like: 'winston-lyp-160' cannot be taken"),
        (["--leave-out", "5"], "'5' has no unit"),
        (["--leave-out", "5degC"], "--leave-out: no dynamic test is at 5 degC (they are at 25 degC)"),
    ],
)
def test_a_wrong_option_is_told(
    data: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    assert main(["fit-cell", *data, "--out", str(tmp_path / "out"), *options]) == 2
    assert said in capsys.readouterr().err


def test_a_kind_of_test_that_is_missing_is_told(data: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit-cell", data[0]]) == 2
    assert "there is no dynamic test among the files" in capsys.readouterr().err
    assert main(["fit-cell", data[1]]) == 2
    assert "there is no slow test among the files" in capsys.readouterr().err


def test_a_test_that_does_not_begin_full_is_told(data: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    path = Path(data[1])
    lines = path.read_text("utf-8").splitlines()
    path.write_text("\n".join([lines[0], *lines[2000:]]), "utf-8")
    assert main(["fit-cell", *data]) == 2
    assert "is not a full cell (write above the header '# start: full'" in capsys.readouterr().err
    path.write_text("# start: 2 %\n" + "\n".join([lines[0], *lines[2000:]]), "utf-8")
    assert main(["fit-cell", *data]) == 2
    assert "state of charge counts to -" in capsys.readouterr().err


def test_rows_too_far_apart_are_told(data: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    path = Path(data[1])
    lines = path.read_text("utf-8").splitlines()
    path.write_text("\n".join([lines[0], *lines[1::10]]), "utf-8")
    assert main(["fit-cell", *data]) == 2
    assert "time: rows are 10 s apart (a dynamic test needs 5 s or less" in capsys.readouterr().err


def test_without_scipy_it_says_what_to_install(
    data: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = builtins.__import__

    def refuse(name: str, *rest: Any) -> Any:
        if name.startswith("scipy"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    assert main(["fit-cell", *data]) == 2
    assert "needs SciPy (pip install 'bms-hil[fit]')" in capsys.readouterr().err
