"""``hil doctor``: what it prints, and how it ends."""

import argparse
import json
from pathlib import Path

import pytest

from hil.cli import doctor
from hil.doctor.finding import Finding
from hil.errors import RigFileError, UsageError
from hil.realtime.rights import Right, Rights

SMALL = str(Path(__file__).parents[2] / "data" / "rigs" / "small.toml")


@pytest.fixture(autouse=True)
def _no_rights(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = Rights((Right("real-time priority", False, "refused"),), [])
    monkeypatch.setattr("hil.realtime.rights.take_rights", lambda _wanted: refused)


def call(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    doctor.add_parser(parser.add_subparsers())
    parsed = parser.parse_args(["doctor", *arguments])
    return int(parsed.run(parsed))


def test_it_measures_and_says_what_to_change(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("--seconds", "0.02") == 0
    out, err = capsys.readouterr()
    assert err == "measuring for 0.02 s how late this machine wakes …\n"
    assert "system" in out
    assert "late, as a normal program" in out
    assert "late, with the rights it gets" in out


def test_for_a_program_to_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(SMALL, "--json", "--seconds", "0.01") == 0
    data = json.loads(capsys.readouterr().out)
    assert data["can_run"] is True
    assert data["findings"][0]["topic"] == "rig small"
    assert [one["rights"] for one in data["wakeups"]] == ["as a normal program", "with the rights it gets"]
    assert set(data["changes"]) <= {finding["topic"] for finding in data["findings"]}


def test_a_rig_that_cannot_run_ends_with_3(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    wall = Finding("bus pack", "bad", "there is no interface can0", "plug it in", blocks=True)
    monkeypatch.setattr("hil.doctor.rig.look_at_rig", lambda *_given: [wall])
    assert call(SMALL, "--seconds", "0") == 3
    out, err = capsys.readouterr()
    assert out.splitlines()[0].split() == ["bad", "bus", "pack", "there", "is", "no", "interface", "can0"]
    assert "  1. bus pack: plug it in" in out
    assert out.endswith("\nThe rig small cannot run here: bus pack.\n")
    assert err == ""


def test_a_rig_on_other_buses_is_not_told_of_the_kernels(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(SMALL, "--seconds", "0") == 0
    out, _ = capsys.readouterr()
    assert "CAN modules" not in out
    assert "SocketCAN" not in out
    assert out.endswith("\nThe rig small can run here.\n")


def test_a_wrong_rig_file_is_told() -> None:
    with pytest.raises(RigFileError, match="there is no such rig file"):
        call("no-such-rig")


@pytest.mark.parametrize("seconds", ["-1", "4000", "nan"])
def test_a_time_that_is_none_is_refused(seconds: str) -> None:
    with pytest.raises(UsageError, match="--seconds"):
        call("--seconds", seconds)
