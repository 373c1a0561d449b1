"""The rig in real time on SocketCAN: plant, guard and the reference BMS as processes, with the suite."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from hil.report.record import read_events

COMMAND = (sys.executable, "-P", "-c", "import sys; from hil.cli import main; sys.exit(main())")
# budgets are wide: a guest has one processor, and shares that
RIG = """
extends = "laptop"
[rig]
name = "vcan-test"
title = "On vcan1"
time = "real"
[bus.pack]
interface = "socketcan"
channel = "vcan1"
[bms]
{bms}
[health]
frame_late = "9 s"
frame_late_p99 = "9 s"
step_late = "9 s"
missed_frames = 1
missed_steps = 1
"""
PROCESS = """kind = "process"
command = "hil bms --interface socketcan --channel vcan1 --memory {memory}"
ready = "ready on"
cold = "--cold"
"""
LASTS = 'def test_it_operates(rig):\n    rig.operate()\n    rig.step("here")\n    rig.run_for("60 s")\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    (tmp_path / "run").mkdir(mode=0o700)
    return tmp_path


def _rig(folder: Path, bms: str) -> Path:
    path = folder / "rig.toml"
    path.write_text(RIG.format(bms=bms))
    return path


def _hil(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [*COMMAND, *arguments]
    return subprocess.Popen(command, cwd=folder, stdout=-1, stderr=subprocess.STDOUT, text=True)


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_a_test_of_the_suite_passes_on_vcan(folder: Path) -> None:
    run = _hil(folder, "run", str(_rig(folder, PROCESS)), "--out", "out", "-k", "open_interlock and operate")
    said, _ = run.communicate(timeout=100)
    assert run.returncode == 0, said
    events = read_events(folder / "out" / "record.jsonl")
    assert [event["verdict"] for event in events if event["event"] == "verdict"] == ["pass"]
    assert events[0]["buses"]["pack"]["stamps"] == "kernel"
    assert any("is no wire" in text for text in events[0]["simulated"])
    (health,) = [event for event in events if event["event"] == "health"]
    assert health["lost"] == 0
    assert health["buses"]["pack"]["overruns"] == 0


def test_a_bms_of_somebody_else_is_asked_for_the_safe_state_when_the_plant_dies(folder: Path) -> None:
    (folder / "test_one.py").write_text(LASTS)
    record, log = folder / "out" / "record.jsonl", folder / "out" / "safe_state.jsonl"
    rig = _rig(folder, 'kind = "external"')
    with _hil(folder, "bms", "--interface", "socketcan", "--channel", "vcan1", "--cold") as bms:
        with _hil(folder, "run", str(rig), "--out", "out", "--", "test_one.py") as run:
            for _ in range(1200):
                if record.exists() and '"here"' in record.read_text():
                    break
                time.sleep(0.05)  # noqa: TID251
            os.kill(_lines(record)[0]["host"]["pid"], signal.SIGKILL)
            said, _ = run.communicate(timeout=60)
        assert run.returncode == 3, said
        for _ in range(400):
            if len(_lines(log)) == 2:
                break
            time.sleep(0.05)  # noqa: TID251
        bms.send_signal(signal.SIGTERM)
    entered, reached = _lines(log)
    assert (entered["who"], entered["reason"]) == ("guard", "the plant process died")
    assert (reached["event"], reached["contactors"]["contactor.main_plus"]) == ("reached", "open")
