"""`hil sim` from the command line: what it prints and writes, how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hil.cli import main

PROFILE = "time [s],current [A]\n0,50\n600,0\n900,-20\n1000,0\n"


@pytest.fixture
def profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("p.csv").write_text(PROFILE, "utf-8")
    return "p.csv"


def hil(*arguments: str) -> int:
    return main(["sim", *arguments])


def test_a_cell_leaves_table_page_and_summary(profile: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert hil("cell", "winston-lyp-100", "--profile", profile, "--out", "out") == 0
    said = capsys.readouterr().out
    assert "Winston WB-LYP100AHA" in said
    assert "8.333 Ah" in said
    assert "page: out/page.html" in said
    assert sorted(path.name for path in Path("out").iterdir()) == ["page.html", "summary.json", "trace.csv"]
    assert len(Path("out/trace.csv").read_text("utf-8").splitlines()) == 1 + 1 + 1000
    page = Path("out/page.html").read_text("utf-8")
    assert "<svg" in page
    assert "http" not in page.replace("http://www.w3.org", "")


def test_the_summary_as_json(profile: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert hil("cell", "winston-lyp-100", "--profile", profile, "--out", "out", "--json") == 0
    captured = capsys.readouterr()
    said = json.loads(captured.out)
    assert said["figures"]["peak_discharge_current_A"]["value"] == 50.0
    assert said["figures"]["time_s"]["value"] == 1000.0
    assert said["ended_early"] == ""
    assert captured.err == ""


def test_a_pack(profile: str, capsys: pytest.CaptureFixture[str]) -> None:
    layout = ["--series", "4", "--strings", "2", "--parallel", "2", "--soc", "50%", "--spread", "capacity=2%"]
    assert hil("pack", "winston-lyp-40", "--profile", profile, *layout, "--out", "out") == 0
    assert "2 strings of 4 in series, 2 in parallel each of Winston" in capsys.readouterr().out
    header = Path("out/trace.csv").read_text("utf-8").splitlines()[0]
    assert header.endswith("string_1_A,string_2_A")


def test_without_out_each_run_has_its_folder(profile: str) -> None:
    for _ in range(2):
        assert hil("cell", "winston-lyp-100", "--profile", profile, "--json") == 0
    assert len(list(Path("hil-out").iterdir())) == 2


def test_list_names_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert hil("--list") == 0
    assert "winston-lyp-100 " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "WHAT: nothing to simulate (hil sim --list"),
        (["cel"], "WHAT: there is no 'cel' (did you mean 'cell'?)"),
        (["cell"], "CELL: which cell?"),
        (["cell", "winston", "--profile", "p.csv"], "CELL: there is no 'winston'; did you mean 'winston"),
        (["cell", "winston-lyp-100"], "--profile: what shall it do?"),
        (["cell", "winston-lyp-100", "--series", "3"], "--series: is not for 'cell' (leave it out)"),
        (["pack", "winston-lyp-100", "--profile", "p.csv", "--series", "0"], "--series: must be 1 to 100000"),
        (
            ["cell", "winston-lyp-100", "--profile", "p.csv", "--soc", "120%"],
            "--soc: 120% is no state of charge",
        ),
        (
            ["cell", "winston-lyp-100", "--profile", "p.csv", "--step", "0s"],
            "--step: 0s is no length of time",
        ),
        (
            ["cell", "winston-lyp-100", "--profile", "p.csv", "--step", "0.001us"],
            "--step: 0.001us would take for ever (1us or more)",
        ),
        (
            ["pack", "winston-lyp-100", "--profile", "p.csv", "--series", "99999", "--strings", "9999"],
            "--series: 999,890,001 cells are too many: 10,000,000 at most, series x strings x parallel",
        ),
        (
            ["pack", "winston-lyp-100", "--profile", "p.csv", "--spread", "size=2%"],
            "--spread: 'size=2%' is no spread (capacity=2%, resistance=5%, soc=1% or self-discharge=20%)",
        ),
        (["cell", "winston-lyp-100", "--profile", "p.csv", "--step", "5"], "--step: '5' has no unit"),
        (
            ["cell", "winston-lyp-100", "--profile", "p.csv", "--ambient", "900degC"],
            "--ambient: must be -60",
        ),
        (
            ["cell", "winston-lyp-100", "--profile", "p.csv", "--ambient", "95degC"],
            "--ambient: 95 degC is out of",
        ),
        (["cell", "winston-lyp-100", "--profile", "p.csv", "--fuse", "0A"], "--fuse: 0A is no fuse"),
        (["cell", "winston-lyp-100", "--profile", "q.csv"], "q.csv: cannot be read"),
        (
            ["cell", "winston-lyp-100", "--profile", "p.csv", "--fuse", "49A"],
            "p.csv: row 2: current: 50.00 A: beyond",
        ),
    ],
)
@pytest.mark.usefixtures("profile")
def test_wrong_usage_is_told_in_one_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert hil(*arguments) == 2
    captured = capsys.readouterr().err
    assert said in captured
    assert captured.count("\n") == 1
    assert not Path("hil-out").exists()


def test_a_run_that_ends_early_says_why(profile: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert hil("cell", "winston-lyp-100", "--profile", profile, "--out", "out", "--soc", "3%") == 0
    assert "hil sim: ended early: the cell is at 2.5 V" in capsys.readouterr().err
    assert "Ended early" in Path("out/page.html").read_text("utf-8")


def test_an_unwritable_folder(profile: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("file").touch()
    assert hil("cell", "winston-lyp-100", "--profile", profile, "--out", "file/x") == 3
    assert "--out: the output folder cannot be written" in capsys.readouterr().err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk(profile: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("out").mkdir()
    Path("out/.trace.csv.part").symlink_to("/dev/full")
    assert hil("cell", "winston-lyp-100", "--profile", profile, "--out", "out") == 3
    captured = capsys.readouterr()
    assert "out/trace.csv: cannot be written: No space left on device (make room for it" in captured.err
    assert "energy out" in captured.out
    assert not Path("out/trace.csv").exists()
    assert Path("out/page.html").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_ctrl_c_writes_what_ran(tmp_path: Path) -> None:
    (tmp_path / "long.csv").write_text("time [h],current [A]\n0,0\n100000,0\n", "utf-8")
    code = "import sys; from hil.cli import main; sys.exit(main(sys.argv[1:]))"
    arguments = ["cell", "winston-lyp-100", "--profile", "long.csv", "--out", "out", "--every", "1s"]
    command = [sys.executable, "-P", "-c", code, "sim", *arguments]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        while not (tmp_path / "out").is_dir() and running.poll() is None:
            os.sched_yield()
        _let_it_run(running)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    assert running.returncode == 130, err
    assert "Interrupted" in err
    assert "took" in out
    lines = (tmp_path / "out" / "trace.csv").read_text("utf-8").splitlines()
    assert len(lines) > 2
    assert json.loads((tmp_path / "out" / "summary.json").read_text("utf-8"))["ended_early"] == "Interrupted"


def _let_it_run(running: subprocess.Popen[str]) -> None:
    """Until its handler for the signal is there, and some more."""
    status = Path(f"/proc/{running.pid}/status")
    bit = 1 << (signal.SIGTERM - 1)
    until = time.monotonic() + 30.0
    while time.monotonic() < until and running.poll() is None:
        caught = next(line for line in status.read_text().splitlines() if line.startswith("SigCgt"))
        if int(caught.split()[1], 16) & bit:
            return
        os.sched_yield()


def test_a_storage_in_an_outage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ["--outage", "5min", "--outage-at", "1min", "--load", "10kW", "--hours", "0.2"]
    assert hil("storage", *arguments, "--out", "out", "--json") == 0
    figures = json.loads(capsys.readouterr().out)["figures"]
    assert figures["backup_s"]["value"] == pytest.approx(305.0, abs=0.1)
    assert figures["without_supply_s"]["value"] == pytest.approx(0.02)
    assert "inverter&#39;s state" in Path("out/page.html").read_text("utf-8")


def test_a_storage_takes_peaks_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("load.csv").write_text("time [min],power [kW]\n0,10\n5,30\n10,10\n15,0\n", "utf-8")
    assert hil("storage", "--load", "load.csv", "--peak", "20kW", "--out", "out") == 0
    out = capsys.readouterr().out
    assert "30.00 kW  at 5:00 min" in out
    assert "20.00 kW  held" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--outage", "2h", "--hours", "1"], "--outage: ends 2:10:00 h after the start"),
        (["--outage-at", "2h"], "--outage: how long does it last?"),
        (["--load", "20"], "--load: '20' has no unit"),
        (["--load", "none.csv"], "none.csv: cannot be read"),
        (["--peak", "0kW"], "--peak: must be positive"),
        (["--reserve", "2%"], "--reserve: must be 0 to 1, and not below empty"),
        (["--inverter=-5kW"], "--inverter: must be positive"),
        (["--hours", "nan"], "--hours: nan is no length"),
        (["--profile", "p.csv"], "--profile: is not for 'storage'"),
    ],
)
def test_a_storage_used_wrongly(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert hil("storage", *arguments) == 2
    assert said in capsys.readouterr().err


def test_a_pack_on_a_charger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    pack = ["winston-lyp-400", "--series", "100"]
    assert hil("pack", *pack, "--charge", "depot-84kw", "--to", "60%", "--out", "out", "--json") == 0
    figures = json.loads(capsys.readouterr().out)["figures"]
    assert 50 * 60 < figures["60_%_after_s"]["value"] < 65 * 60  # 84 kW on 128 kWh


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--charge", "fast"], "--charge: there is no charger 'fast' (one of elcon-6.6kw"),
        (["--charge", "fast-3c", "--fuse", "9A"], "--fuse: does not go with --charge"),
        (["--to", "80%"], "--to: is for a charger"),
        (["--charge", "fast-3c", "--to", "180%"], "--to: 180% is no state of charge"),
    ],
)
def test_a_charger_used_wrongly(capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    assert hil("pack", "winston-lyp-400", *arguments) == 2
    assert said in capsys.readouterr().err


def test_a_vehicle_drives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my.csv").write_text("time [s],speed [km/h]\n0,0\n20,20\n60,20\n80,0\n", "utf-8")
    assert hil("xe20", "--cycle", "my.csv", "--hours", "0.1", "--out", "out") == 0
    out = capsys.readouterr().out
    assert "Tow tractor Nautilus XE20" in out
    assert "Wh/km" in out
    header = Path("out/trace.csv").read_text("utf-8").splitlines()[0]
    assert header.endswith("speed_km/h,distance_km")


def test_a_vehicle_charges(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert hil("rv", "--charge", "fast", "--to", "30%", "--out", "out") == 0
    assert "charged by its charger 'fast'" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["xe2", "--cycle", "yard"], "WHAT: there is no 'xe2' (did you mean 'xe20'?)"),
        (["xe20"], "--cycle: what shall it do? (such as --cycle yard, or --charge onboard or --charge fast)"),
        (["xe20", "--cycle", "yrd"], "yrd: there is no such cycle (did you mean 'yard'?"),
        (["xe20", "--cycle", "none.csv"], "none.csv"),
        (["xe20", "--cycle", "yard", "--hours", "0"], "--hours: 0 is no length"),
        (["xe20", "--cycle", "yard", "--hours", "nan"], "--hours: nan is no length"),
        (["xe20", "--cycle", "yard", "--payload", "-1"], "--payload: -1 kg is no payload"),
        (["xe20", "--cycle", "yard", "--step", "2s"], "--step: 2 s is no step of a vehicle"),
        (["xe20", "--cycle", "yard", "--series", "9"], "--series: is not for 'xe20'"),
        (["xe20", "--cycle", "yard", "--seed", "-1"], "--cycle: seed: must not be negative"),
        (["rv", "--charge", "slow"], "--charge: there is no charger 'slow' (one of onboard, fast, "),
        (["rv", "--charge", "fast", "--cycle", "yard"], "--cycle: does not go with --charge"),
        (["none.toml", "--cycle", "yard"], "none.toml: cannot be read"),
    ],
)
def test_a_vehicle_used_wrongly(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert hil(*arguments) == 2
    assert said in capsys.readouterr().err
