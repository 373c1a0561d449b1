"""``hil explore``: what it refuses, and what it writes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from hil.cli import main
from hil.run.command import HIL


def test_a_rig_in_real_time_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explore", "vcan"]) == 2
    assert "needs virtual time" in capsys.readouterr().err


@pytest.mark.parametrize("minutes", ["0", "-1", "nan", "soon"])
def test_a_wrong_time_is_refused(minutes: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["explore", "laptop", "--minutes", minutes])
    assert "is no number of minutes above 0" in capsys.readouterr().err


def test_a_bug_that_is_none_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["explore", "laptop", "--bugs", "no such bug", "--out", str(tmp_path)]) == 2
    assert "no mutant has 'no such bug'" in capsys.readouterr().err


@pytest.mark.parametrize("rig", ["storage", "truck"])
def test_bugs_of_the_reference_bms_prove_nothing_on_a_rig_of_another(
    rig: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """That BMS breaks there without any bug, so that each would count as found."""
    out = tmp_path / "out"
    assert main(["explore", rig, "--bugs", "all", "--out", str(out)]) == 2
    assert "bms.library: is no rig of the shipped reference_bms" in capsys.readouterr().err
    assert not out.exists()


def test_without_hypothesis_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("hil.cli.explore.find_spec", lambda _: None)
    assert main(["explore", "laptop"]) == 2
    assert 'pip install "bms-hil[explore]"' in capsys.readouterr().err


def test_a_short_search_of_a_good_bms_finds_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explore", "laptop", "--minutes", "0.05", "--out", str(tmp_path)]) == 0
    assert "violations: none" in capsys.readouterr().out
    summary = json.loads((tmp_path / "explore.json").read_text())
    assert summary["violations"] == []
    assert summary["lives"] >= 1


@pytest.mark.skipif(os.name == "nt", reason="no signals to send there")
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_a_search_that_is_ended_writes_what_it_found(end: int, tmp_path: Path) -> None:
    if signal.getsignal(end) is signal.SIG_IGN:
        pytest.skip("it is ignored here")
    command = [*HIL, "explore", "laptop", "--minutes", "30", "--out", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as search:
        assert search.stdout is not None
        assert "min of lives" in search.stdout.readline()
        search.send_signal(end)
        assert search.wait(60) == 130
    assert json.loads((tmp_path / "explore.json").read_text())["minutes"] == 30
