"""Whole runs with hooks beside the rig file: they do what they are for, and none hangs or blames the BMS."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from hil.cli import main
from hil.run import supervisor

TESTS = '''
def test_a(rig):
    rig.operate()

def test_b(rig):
    rig.operate()
    rig.expect("state", "fault", within="100 ms")

def test_c(rig):
    rig.operate()
'''
PLAIN = ("--", "-p", "no:hypothesispytest", "test_one.py")


@pytest.fixture
def hooked(build, hil, tmp_path):
    """Runs three tests, the second of which fails, with hooks."""

    def run(source: str, within: str = "10 s"):
        rig = build()
        (tmp_path / "odd.py").write_text(source)
        rig.write_text(f'{rig.read_text()}\n[hooks]\nfile = "odd.py"\nwithin = "{within}"\n')
        (tmp_path / "test_one.py").write_text(TESTS)
        ended = hil("run", rig, *PLAIN)
        ended.assert_reported()
        return ended

    return run


def steps(run) -> list[str]:
    return [event["text"] for event in run.events if event["event"] == "step"]


def reasons(run) -> list[str]:
    return [event["reason"] for event in run.events if event["event"] == "verdict"]


def test_they_are_called_around_each_test(hooked):
    run = hooked(
        "def before_test(rig):\n    rig.stays('state', 'standby', for_='100 ms')\n"
        "def after_test(rig, verdict):\n    state = rig.value('state')\n"
        "    rig.step(f'it was a {verdict} in state {state:g}')\n"
    )
    assert run.verdicts == ["pass", "fail", "pass"]
    assert run.code == 1
    said = [text for text in steps(run) if text.startswith("it was")]
    assert said == ["it was a pass in state 3", "it was a fail in state 3", "it was a pass in state 3"]
    assert list(run.events[0]["hooks"]) == ["odd.py"]
    assert "Hooks and functions, SHA-256" in (run.out / "report.html").read_text("utf-8")


def test_one_that_raises_makes_tests_invalid_and_takes_no_failure_back(hooked):
    run = hooked("\ndef after_test(rig, verdict):\n    rig.expect('state', 'standby', within='40 ms')\n")
    assert run.verdicts == ["invalid", "fail", "invalid"]
    assert run.code == 3
    assert "odd.py: after_test: raised BmsFailure: expected: state becomes standby" in reasons(run)[0]
    assert reasons(run)[0].endswith("(line 3)")
    assert sum(text.startswith("hook after_test raised") for text in steps(run)) == 3
    assert not run.troubles


def test_a_test_whose_hook_raises_before_it_is_not_run(hooked):
    hooks = "def before_test(rig):\n    rig.require('door')\ndef after_test(rig, verdict):\n    1 / 0\n"
    run = hooked(hooks)
    assert run.verdicts == ["invalid"] * 3
    said = "before_test: raised NotOfferedError: the rig file gives this BMS no door (line 2)"
    assert all(said in reason for reason in reasons(run))
    assert not [text for text in steps(run) if "operate reached" in text]


@pytest.mark.skipif(sys.platform == "win32", reason="no timer of the system")
def test_one_that_hangs_is_ended_and_the_run_goes_on(hooked):
    source = (
        "from pathlib import Path\n"
        "def request(rig, name, value):\n"
        "    rig.request(name, value)\n"
        "    mark = Path(__file__).with_name('hung')\n"
        "    while not mark.exists():\n"
        "        try:\n"
        "            rig.run_for('1 h')\n"
        "        finally:\n"
        "            mark.touch()\n"
    )
    run = hooked(source, "500 ms")
    assert run.verdicts == ["invalid", "fail", "pass"]
    assert "odd.py: request: did not return within 500 ms (line 7)" in reasons(run)[0]


@pytest.mark.skipif(sys.platform == "win32", reason="no timer of the system")
def test_one_that_cannot_be_ended_ends_the_run(hooked, monkeypatch):
    monkeypatch.setattr(supervisor, "_HOOK_NS", 1_000_000_000)
    source = (
        "import signal\n"
        "def before_test(rig):\n    signal.signal(signal.SIGALRM, signal.SIG_IGN)\n    while True: pass\n"
    )
    begun = time.monotonic()
    run = hooked(source, "500 ms")
    assert time.monotonic() - begun < 30
    assert run.code == 3
    assert run.verdicts == ["invalid"]
    assert "a hook of the rig file did not return, and could not be ended from inside" in run.said
    assert steps(run)[-1] == "hook before_test"


def test_a_file_with_a_mistake_runs_nothing(build, hil, tmp_path):
    rig = build()
    (tmp_path / "odd.py").write_text("def before_tests(rig):\n    pass\n")
    rig.write_text(f'{rig.read_text()}\n[hooks]\nfile = "odd.py"\n')
    run = hil("run", rig, *PLAIN)
    assert run.code == 2
    assert "odd.py: before_tests: there is no such hook (did you mean 'before_test'?" in run.said
    assert not Path(run.out).exists()


@pytest.mark.parametrize(
    "command", [("characterise", "--only", "cell_overvoltage"), ("explore", "--minutes", "0.05")]
)
def test_commands_without_tests_call_them_too_and_say_what_is_wrong(build, tmp_path, capsys, command):
    rig = build()
    (tmp_path / "odd.py").write_text("def wake(rig):\n    1 / 0\n")
    rig.write_text(f'{rig.read_text()}\n[hooks]\nfile = "odd.py"\n')
    name, *options = command
    assert main([name, str(rig), "--out", str(tmp_path / "out"), *options]) == 3
    said = capsys.readouterr().err.strip()
    assert said.endswith("odd.py: wake: raised ZeroDivisionError: division by zero (line 2)")
    assert "Traceback" not in said


def test_one_that_ends_the_process_is_told(hooked):
    run = hooked("import os\ndef before_test(rig):\n    os._exit(4)\n")
    assert run.code == 3
    assert run.verdicts == ["invalid"]
    assert "hooks.file: a hook of the rig file ended the test process (exit status 4)" in run.said
