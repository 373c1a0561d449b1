"""``hil explore``: what it refuses, and what it writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hil.cli import main


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
