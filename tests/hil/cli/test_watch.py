"""``hil watch``: a table in a terminal, lines of what has changed elsewhere, JSON; at a plant or at buses."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hil.bus.frame import Frame
from hil.cli import main
from hil.cli.watch import Screen, address_of
from hil.rig.live import Row
from tests.hil.paced import EchoLink
from tests.hil.scripted import OPERATE, STANDBY, small_rig, status
from tests.hil.served import Plant

ROWS = [Row("state", "standby", 900_000_000), Row("soc", "", None)]


def test_lines_tell_only_what_has_changed(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(is_table=False, as_json=False, title="a rig")
    screen.show(1_000_000_000, {}, ROWS)
    screen.show(2_000_000_000, {}, ROWS)
    screen.show(3_000_000_000, {}, [Row("state", "operate", 1), ROWS[1]])
    assert [line.strip() for line in capsys.readouterr().out.splitlines()] == [
        "a rig", "1.0 s", "state = standby", "soc = silent", "2.0 s", "3.0 s", "state = operate",
    ]  # fmt: skip


def test_a_table_is_written_over_and_fits_its_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((52, 6)))
    screen = Screen(is_table=True, as_json=False, title="a rig")
    screen.show(1_000_000_000, {}, [*ROWS, *(Row(f"fault.{n}", "clear", 0) for n in range(9))])
    said = capsys.readouterr().out
    assert said.startswith("\x1b[2J\x1b[Ha rig\x1b[K\n")
    assert said.endswith("\x1b[J")
    lines = said.split("\x1b[K\n")
    assert lines[3].split() == ["state", "standby", "0.1", "s", "ago"]
    assert all(len(line) < 52 for line in lines[1:])
    assert lines[4] == "… and 10 more: choose by --roles and --signals"
    assert len(lines) == 6


def test_a_narrow_terminal_shows_all_of_the_state_and_what_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((40, 24)))
    rows = [Row("fault.undertemperature_discharge_of_a_string", "set", 0)]
    Screen(is_table=True, as_json=False, title="a rig").show(1_000_000_000, _STATUS, rows)
    lines = capsys.readouterr().out.split("\x1b[K\n")
    assert all(len(line) < 40 for line in lines[1:])
    assert "faults: cell_overvoltage, interlock" in lines
    assert lines[-2].rstrip() == "…_discharge_of_a_string  set"
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((1, 1)))
    Screen(is_table=True, as_json=False, title="a rig").show(1_000_000_000, _STATUS, rows)
    assert capsys.readouterr().out.endswith("\x1b[J")


_STATUS = {
    "state": "fault", "contactors": {}, "warnings": [], "broken": [],
    "values": {"pack.voltage": (318.38, "V")},
    "faults": ["fault.cell_overvoltage", "fault.interlock"], "holder": "hil run (process 4711)",
    "health": {"frames": {"p99_ns": 0, "missed": 0}, "buses": {"pack": {"load": 0.13}}, "troubles": []},
}  # fmt: skip


def test_json_has_what_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    Screen(is_table=False, as_json=True, title="a rig").show(5, {"safe": True}, ROWS)
    assert json.loads(capsys.readouterr().out) == {
        "now_ns": 5, "safe": True, "said": {"state": "standby", "soc": None},
    }  # fmt: skip


@pytest.fixture
def real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The small rig on a real bus, which is one in memory, on which a BMS has spoken."""
    small_rig(tmp_path)
    path = tmp_path / "rig.toml"
    text = path.read_text().replace("[bus.can0]", '[bus.can0]\ninterface = "socketcan"\nchannel = "can0"')
    text = text.replace('library = "firmware.so"', 'kind = "external"')
    path.write_text(text.replace('name = "small"', 'name = "small"\ntime = "real"'))
    link = EchoLink(lambda: 0)
    link.close = lambda: setattr(link, "closed", True)  # type: ignore[method-assign]
    for state in (STANDBY, OPERATE):
        link.say(Frame(256, status(state), False, ""))
    monkeypatch.setattr("hil.bus.link.open_link", lambda *_arguments, **_options: link)
    return path


def test_buses_are_heard_without_a_plant(real: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["watch", str(real), "--listen", "--roles", "state", "--count", "1", "--every", "20 ms"]
    assert main([*command, "--signals", "BMS_Status.Highest"]) == 0
    said = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert said[0] == "A BMS of four cells, no plant: can0"
    assert said[2:] == ["state = operate", "can0/BMS_Status.Highest = 3.3 V"]


def test_a_terminal_gets_all_roles(
    real: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert main(["watch", str(real), "--listen", "--count", "1", "--every", "20 ms"]) == 0
    said = capsys.readouterr().out
    assert all(role in said for role in ("state", "contactor.main_plus", "cell.voltage_max"))


def test_a_rig_without_roles_has_none_to_show(real: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Only a pattern that was given has to fit."""
    sections = real.read_text().split("\n[")
    real.write_text("\n[".join(section for section in sections if not section.startswith("roles]")))
    command = ["watch", str(real), "--listen", "--count", "1", "--every", "20 ms"]
    assert main([*command, "--signals", "BMS_Status.Highest"]) == 0
    assert "can0/BMS_Status.Highest = 3.3 V" in capsys.readouterr().out
    assert main(command) == 0
    assert main([*command, "--roles", "*"]) == 2
    assert "--roles: '*' fits none (there are no roles)" in capsys.readouterr().err


def test_a_time_that_is_none_names_its_option(real: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", str(real), "--every", "often"]) == 2
    assert "hil: --every: 'often'" in capsys.readouterr().err


def test_the_buses_of_virtual_time_cannot_be_heard(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", "laptop", "--listen"]) == 2
    assert "its buses are within a run (only real buses can be heard)" in capsys.readouterr().err


def test_a_plant_that_is_not_there_is_told(real: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", str(real), "--count", "1"]) == 3
    assert "small.sock: no plant listens there" in capsys.readouterr().err  # by name, not by file


def test_a_misspelt_rig_and_one_in_virtual_time_are_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert main(["watch", "laptp"]) == 2
    reason = "laptp: no plant has this name, and there is no such rig file (did you mean 'laptop'?)"
    assert reason in capsys.readouterr().err
    assert main(["watch", "laptop"]) == 2
    said = capsys.readouterr().err
    assert 'rig.time: has time = "virtual": its plant is within a run (only real time can be' in said
    (tmp_path / "hil" / "bench.sock").touch()
    assert main(["watch", "bank"]) == 2
    assert "(there are plants of bench)" in capsys.readouterr().err
    assert address_of("bench") == str(tmp_path / "hil" / "bench.sock")


def test_a_plant_tells_its_roles_and_signals(
    start: Callable[..., Plant], capsys: pytest.CaptureFixture[str]
) -> None:
    """Frames of the rig itself, too; the rig file is the plant's own."""
    plant = start()
    host = plant.host()
    host.power_on()
    choice = ["--roles", "state", "cell.voltage", "--signals", "VCU_Request.Mode"]
    assert main(["watch", plant.path, *choice, "--count", "2", "--every", "400 ms"]) == 0
    said = capsys.readouterr().out
    assert "  state = standby\n" in said
    assert "  cell.voltage[1…96] = 3.31" in said
    assert "  pack/VCU_Request.Mode = Standby\n" in said
    assert main(["watch", plant.path, "--count", "1"]) == 0
    assert " = " not in capsys.readouterr().out
    host.stop()
