"""``hil mutants``: what it exits with, and what it leaves when it is interrupted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from hil.cli import main
from hil.mutants.build import compiler
from hil.run.command import HIL

needs_compiler = pytest.mark.skipif(compiler() is None, reason="no C compiler on this machine")

_KILLED = """
[[mutant]]
name = "interlock not debounced"
violates = "interlock"
file = "config.c"
old = "[FAULT_INTERLOCK]                  = FLAG(100 - 15),"
new = "[FAULT_INTERLOCK]                  = FLAG(0),"
kill = "bursts_on_the_interlock"
"""
_BROKEN = """
[[mutant]]
name = "no C at all"
violates = "interlock"
file = "config.h"
old = "#define MARGIN 30"
new = "#define MARGIN ("
kill = "bursts_on_the_interlock"
"""


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    return tmp_path / "catalogue.toml"


def _rows(out: Path) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = json.loads((out / "mutants.json").read_text("utf-8"))["mutants"]
    return rows


def test_the_list_names_bug_limit_and_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mutants", "laptop", "--list", "--only", "weld check removed"]) == 0
    assert "weld check removed  (" in capsys.readouterr().out


def test_a_word_that_fits_nothing_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mutants", "laptop", "--only", "nothing like it"]) == 2
    assert "nothing like it" in capsys.readouterr().err


def test_no_mutants_are_no_proof(shelf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shelf.write_text("", "utf-8")
    assert main(["mutants", "laptop", "--catalogue", str(shelf)]) == 2
    assert "nothing is proven" in capsys.readouterr().err


@needs_compiler
def test_one_that_does_not_build_is_not_good(shelf: Path, tmp_path: Path) -> None:
    shelf.write_text(_BROKEN, "utf-8")
    out = tmp_path / "out"
    assert main(["mutants", "laptop", "--catalogue", str(shelf), "--out", str(out)]) == 1
    (row,) = _rows(out)
    assert (row["fate"], row["good"]) == ("did not build", False)
    assert "does not compile" in str(row["reason"])
    assert "no C at all" in (out / "mutants.html").read_text("utf-8")


@needs_compiler
@pytest.mark.skipif(os.name == "nt", reason="no signals to send there")
@pytest.mark.parametrize("request_to_end", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_what_was_found(request_to_end: int, shelf: Path, tmp_path: Path) -> None:
    """The mutant that does not build comes at once, the other is under way; its run ends with the hunt."""
    shelf.write_text(_BROKEN + _KILLED, "utf-8")
    out = tmp_path / "out"
    command = [*HIL, "mutants", "laptop", "--catalogue", str(shelf), "--out", str(out)]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as hunt:
        assert hunt.stdout is not None
        while "did not build" not in hunt.stdout.readline():
            assert hunt.poll() is None
        hunt.send_signal(request_to_end)
        assert hunt.wait(30) == 130
    assert [row["name"] for row in _rows(out)] == ["no C at all"]
    assert list(tmp_path.glob("hil-mutants-*")) == []
