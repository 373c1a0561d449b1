"""``hil characterise``: what it refuses, and what it leaves when it is interrupted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil.characterise.campaign import Campaign
from hil.characterise.sheet import Left, read
from hil.cli import main
from hil.run.command import HIL


def test_a_rig_in_real_time_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["characterise", "vcan"]) == 2
    said = capsys.readouterr().err
    assert "rig.time" in said
    assert "needs virtual time" in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--only", "overvoltag,nonsense"], "'nonsense'"),
        (["--patience", "6"], "--patience"),
        (["--against", "no/such.json"], "no/such.json"),
    ],
)
def test_wrong_usage_is_told_and_leaves_nothing(
    arguments: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["characterise", "laptop", "--out", str(out), *arguments]) == 2
    assert words in capsys.readouterr().err
    assert not out.exists()


def test_the_help_says_that_a_bms_that_breaks_is_a_1(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["characterise", "--help"])
    assert "1 something has, or the BMS broke" in " ".join(capsys.readouterr().out.split())


def test_an_interrupt_leaves_what_was_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(campaign: Campaign) -> Iterator[None]:
        campaign.sheet.left.append(Left("fault.interlock", "found so far"))
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(Campaign, "run", interrupted)
    assert main(["characterise", "laptop", "--out", str(tmp_path)]) == 130
    sheet = read(tmp_path / "characteristic.json")
    assert not sheet.complete
    assert [one.role for one in sheet.left] == ["fault.interlock"]
    assert "not finished" in (tmp_path / "characteristic.html").read_text("utf-8")
    assert "interrupted" in capsys.readouterr().err


def test_with_against_a_change_is_told_and_ends_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def nothing(campaign: Campaign) -> Iterator[None]:
        campaign.sheet.complete = True
        return iter(())

    monkeypatch.setattr(Campaign, "run", nothing)
    first, second = tmp_path / "first", tmp_path / "second"
    assert main(["characterise", "laptop", "--out", str(first)]) == 0
    old = first / "characteristic.json"
    assert main(["characterise", "laptop", "--out", str(second), "--against", str(old)]) == 0
    assert "nothing" in capsys.readouterr().out
    data = json.loads(old.read_text("utf-8"))
    data["left"].append({"role": "state charge", "reason": "it stays in standby"})
    old.write_text(json.dumps(data), "utf-8")
    assert main(["characterise", "laptop", "--out", str(second), "--against", str(old)]) == 1
    assert "state charge: it stays in standby" in capsys.readouterr().out


@pytest.mark.skipif(os.name == "nt", reason="no signals to send there")
def test_sigterm_is_an_interrupt(tmp_path: Path) -> None:
    command = [*HIL, "characterise", "laptop", "--only", "overvoltage", "--out", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as campaign:
        assert campaign.stdout is not None
        assert "looking for its limits" in campaign.stdout.readline()
        campaign.send_signal(signal.SIGTERM)
        assert campaign.wait(60) == 130
    assert "trials" in json.loads((tmp_path / "characteristic.json").read_text())["facts"]
