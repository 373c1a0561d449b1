"""What people type, and where they type it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ONE = ("--", "-p", "no:hypothesispytest", "test_one.py")  # the plugin costs half a second


@pytest.fixture
def rig(build) -> Path:
    return build()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-k", "a a"], "Wrong expression passed to '-k': a a: at column 3"),
        (["-k", "nothing_like_it"], "no test matches (hil run RIG -- --collect-only lists the tests)"),
        (["--", "--no-such-option"], "unrecognized arguments: --no-such-option"),
        (["--", "no_such_file.py"], "no_such_file.py"),
        (["--", "test_bad.py"], "test_bad.py: the tests cannot be read: ModuleNotFoundError: No module"),
    ],
)
def test_wrong_usage_is_said_in_one_line(hil, rig, arguments, said):
    (rig.parent / "test_bad.py").write_text("import no_such_module")
    run = hil("run", rig, *arguments)
    assert run.code == 2
    assert said in run.said
    assert run.stderr.strip().count("\n") == 0
    assert run.stderr.startswith("hil: ")
    assert not run.stdout.strip()
    assert not run.out.exists()


def test_names_of_tests_are_listed(hil, rig):
    run = hil("run", rig, *ONE, "--collect-only")
    assert run.code == 0
    assert "test_one.py::test_it_operates" in run.stdout
    assert not run.out.exists()


def test_debug_shows_where_a_test_broke(hil, rig):
    (rig.parent / "test_one.py").write_text("def test_a(rig):\n    print(1 / 0)\n")
    plain = hil("run", rig, *ONE)
    assert plain.code == 3
    assert "ZeroDivisionError: division by zero (test_one.py:2)" in plain.said
    debug = hil("run", "--debug", rig, *ONE)
    assert debug.code == 3
    assert "print(1 / 0)" in debug.stdout


def test_the_reader_goes_early(launch, rig):
    run = launch("run", rig, *ONE)
    assert run.process.stdout.readline()
    run.process.stdout.close()
    run.process.stdout = None
    ended = run.end()
    assert ended.code == 0
    assert not ended.stderr
    ended.assert_reported()


def test_the_reader_of_a_check_goes_early():
    command = [sys.executable, "-c", "from hil.cli import main; raise SystemExit(main(['check', 'laptop']))"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_a_terminal_of_ascii(hil, rig):
    text = rig.read_text().replace("A BMS of four cells", "Prüfstand für vier Zellen")
    rig.write_text(text, encoding="utf-8")
    run = hil("run", "--out", "Prüfung", rig, *ONE, env={"PYTHONIOENCODING": "ascii", "LC_ALL": "C"})
    assert run.code == 0, run.stderr
    assert run.stdout.isascii()
    assert "1 pass" in run.said
    assert "report: Pr\\xfcfung/report.html" in run.said


def test_blanks_and_umlauts_in_paths(build, hil, tmp_path):
    folder = tmp_path / "Prüfstand mit Leerzeichen"
    folder.mkdir()
    rig = build(folder)
    (folder / "test_eigene prüfung.py").write_text((folder / "test_one.py").read_text())
    run = hil("run", rig, "--", "test_eigene prüfung.py", cwd=folder)
    assert run.code == 0, run.said
    events = (folder / "out" / "record.jsonl").read_text(encoding="utf-8")
    assert "test_eigene prüfung.py::test_it_operates" in events


def test_the_suite_cares_for_no_settings_of_the_folder(hil, rig, tmp_path):
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option --strict-markers -n 7\n")
    (tmp_path / "conftest.py").write_text("raise RuntimeError('not to be loaded')\n")
    (tmp_path / "hil.py").write_text("raise RuntimeError('not to be imported')\n")
    run = hil("run", rig, "-k", "every_single_cell", env={"PYTEST_ADDOPTS": "--no-such-option"})
    assert run.code == 0, run.said
    assert set(run.verdicts) == {"pass", "skipped"}


def test_the_shipped_rig_by_its_name(hil):
    run = hil("run", "laptop", "-k", "bursts_on_the_interlock")
    assert run.code == 0, run.said
    assert run.verdicts == ["pass"]


def test_help_needs_nothing_heavy():
    code = (
        "import sys; sys.argv = ['hil', '--help']; from hil.cli import main\n"
        "try: main()\nfinally: print(*sys.modules)"
    )
    command = [sys.executable, "-c", code]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    loaded = set(said.split())
    assert "hil.cli.run" in loaded
    assert loaded.isdisjoint({"numpy", "can", "cantools", "simpy", "pydantic", "jinja2", "pytest"})
