"""What ``hil run`` makes of its arguments."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.cli import main

LIST = "--collect-only"


@pytest.mark.parametrize("places", [("-k", "{}"), ("--", "-k", "{}")], ids=["of hil", "of pytest"])
def test_a_long_expression_chooses_tests_of_the_suite(
    places: tuple[str, ...], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """It is longer than any file's name, and looked for as none."""
    chosen = " or ".join(["test_a_short_circuit_is_disconnected"] * 10)
    words = [place.format(chosen) for place in places]
    rest = [LIST] if "--" in words else ["--", LIST]
    main(["run", "laptop", "--out", str(tmp_path / "out"), *words, *rest])
    assert "test_a_short_circuit_is_disconnected" in capfd.readouterr().out


def test_an_expression_that_is_a_folder_s_name_chooses_tests_of_the_suite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "short_circuit").mkdir()
    monkeypatch.chdir(tmp_path)
    main(["run", "laptop", "--out", str(tmp_path / "out"), "-k", "short_circuit", "--", LIST])
    assert "test_a_short_circuit_is_disconnected" in capfd.readouterr().out
