"""``hil parity``: records as they are, rigs run first, exit codes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

import hil.cli
from hil.report.record import Recorder


def _record(folder: Path, verdict: str = "pass", rig: str = "laptop") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with Recorder(folder / "record.jsonl") as recorder:
        recorder.run(rig=rig)
        recorder.test("test_a.py::test_x", 0)
        recorder.verdict("test_a.py::test_x", verdict, "", 0, 0)
        recorder.end({verdict: 1}, 0, 0)
    return folder


def test_two_folders_that_are_alike(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = _record(tmp_path / "1"), _record(tmp_path / "2", rig="vcan")
    assert hil.cli.main(["parity", str(a), str(b / "record.jsonl")]) == 0
    assert "laptop and vcan are alike" in capsys.readouterr().out


def test_two_folders_that_are_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = _record(tmp_path / "1"), _record(tmp_path / "2", "fail")
    assert hil.cli.main(["parity", str(a), str(b), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["tests"][0]["b"] == "fail"


def test_the_rigs_own_trouble_has_a_code_of_its_own(tmp_path: Path) -> None:
    a, b = _record(tmp_path / "1"), _record(tmp_path / "2")
    for folder, verdict in ((a, "pass"), (b, "invalid")):
        with Recorder(folder / "record.jsonl", append=True) as recorder:
            recorder.test("test_a.py::test_late", 0)
            recorder.verdict("test_a.py::test_late", verdict, "", 0, 0)
    assert hil.cli.main(["parity", str(a), str(b)]) == 3


def test_a_folder_without_a_record_is_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert hil.cli.main(["parity", str(tmp_path), str(tmp_path)]) == 2
    assert "record.jsonl" in capsys.readouterr().err


@pytest.mark.parametrize("as_json", [False, True])
def test_rigs_are_run_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], as_json: bool
) -> None:
    calls = []

    def run(arguments: list[str]) -> int:
        calls.append(arguments)
        sys.stdout.write("1 pass\n")
        _record(Path(arguments[3]), rig=arguments[1])
        return 0

    main = hil.cli.main
    monkeypatch.setattr("hil.cli.main", run)
    extra = ["--json"] if as_json else []
    assert main(["parity", "laptop", "vcan", "--out", str(tmp_path), "-k", "overvoltage", *extra]) == 0
    assert calls == [
        ["run", rig, "--out", str(tmp_path / side), "--seed", "1", "-k", "overvoltage"]
        for rig, side in (("laptop", "a"), ("vcan", "b"))
    ]
    out = capfd.readouterr().out
    assert json.loads(out)["ok"] if as_json else "laptop and vcan are alike" in out


@pytest.mark.parametrize("code", [2, 130])
def test_a_run_that_cannot_be_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    main = hil.cli.main
    monkeypatch.setattr("hil.cli.main", lambda _arguments: code)
    assert main(["parity", "laptop", "vcan", "--out", str(tmp_path)]) == code


def test_a_run_that_leaves_no_record_is_no_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    main = hil.cli.main
    monkeypatch.setattr("hil.cli.main", lambda _arguments: 0)
    assert main(["parity", "laptop", "vcan", "--out", str(tmp_path)]) == 2
