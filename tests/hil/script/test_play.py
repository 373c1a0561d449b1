"""Scripts as they are played: on the laptop's rig, by pytest and by ``hil run``."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hil.cli import main

pytest_plugins = "pytester"

ROOT = Path(__file__).parents[3]
HEAD = '[[test]]\nname = "it does"\nrequirement = ["SR-1"]\n'
OPERATE = '[[test.step]]\nreach = "operate"\n'


@pytest.fixture
def played(pytester: pytest.Pytester):
    def play(text: str, name: str = "mine.toml") -> pytest.RunResult:
        (pytester.path / name).write_text(text, encoding="utf-8")
        return pytester.runpytest_inprocess("--rig", "laptop", name, "-rs", "-p", "no:cacheprovider")

    return play


def test_each_kind_of_step(played):
    played(
        HEAD
        + OPERATE
        + """
[[test.step]]
note = "a burst that is too short"
fault = "interlock"
for = "interlock.delay - 60 ms"
never = { "fault.interlock" = true }
through = "500 ms"
[[test.step]]
at = "3 s"
fault = "cell.voltage"
with = { cell = 7, value = "cell_overvoltage.threshold + 50 mV" }
name = "high cell"
expect = { "fault.cell_overvoltage" = true }
within = "cell_overvoltage.delay"
[[test.step]]
expect = { "contactor.main_plus" = "open" }
within = "cell_overvoltage.delay + cell_overvoltage.reaction"
[[test.step]]
end = "high cell"
stays = { state = "fault" }
through = "500 ms"
[[test.step]]
reset = true
[[test.step]]
set = { "pack.soc" = "80 %" }
[[test.step]]
power = "warm"
[[test.step]]
request = { mode = "operate" }
expect = { state = "operate" }
within = "3 s"
[[test.step]]
wait = "1 s"
[[test.step]]
reach = "standby"
"""
    ).assert_outcomes(passed=1)


def test_the_example_of_the_documents(played):
    page = (ROOT / "docs" / "fault-scripts.md").read_text(encoding="utf-8")
    example = re.search(r"```toml\n(.*?)```", page, re.DOTALL)
    played(example[1]).assert_outcomes(passed=2)


def test_a_bms_that_does_not_do_it_fails(played):
    result = played(
        HEAD + OPERATE + '[[test.step]]\nfault = "interlock"\nfor = "20 ms"\n'
        'expect = { "fault.interlock" = true }\nwithin = "1 s"\n'
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*fault.interlock*"])


def test_a_fault_ends_while_something_else_is_expected(played):
    played(
        HEAD
        + OPERATE
        + """
[[test.step]]
fault = "interlock"
for = "300 ms"
expect = { state = "fault" }
within = "300 ms"
[[test.step]]
never = { state = "operate" }
through = "1 s"
[[test.step]]
reset = true
"""
    ).assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ('needs = ["limit.swelling"]\n' + OPERATE, "*gives this BMS no limit.swelling*"),
        (OPERATE + '[[test.step]]\nwait = "1 s + swelling.delay"\n', "*promises no limit 'swelling'*"),
        (OPERATE + '[[test.step]]\nfault = "fuse.blown"\n', "*the pack has no fuse*"),
        ('[[test.step]]\nrequest = { defrost = 1 }\n', "*no request 'defrost'*"),
    ],
)  # fmt: skip
def test_what_is_not_there_skips(played, steps, reason):
    result = played(HEAD + steps)
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines([reason])


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        (
            '[[test.step]]\nwait = "2 s"\n[[test.step]]\nat = "1 s"\nreset = true\n',
            "*step 2*begin at 1 s*until 2 s*",
        ),
        (
            '[[test.step]]\nfault = "frame.missing"\nwith = { message = "JB_Stat" }\n',
            "*'it does', step 1: the rig does not send a message 'JB_Stat'*",
        ),
        ('[[test.step]]\nset = { "pack.soc" = "3 V" }\n', "*pack.soc: *is a voltage (expected a ratio*"),
        (
            '[[test.step]]\nfault = "sensor.offset"\n'
            'with = { port = "cell_monitor.voltage[1]", value = "1 A" }\n',
            "*'1.0 A' is a current*",
        ),
        ('[[test.step]]\nwait = "interlok.delay"\n', "*no limit is called 'interlok'*mean 'interlock'*"),
        ('[[test.step]]\nwait = "interlock.delay - 1 h"\n', "*'interlock.delay - 1 h' is *negative*"),
        ('[[test.step]]\nwait = "cell_overvoltage.threshold"\n', "*'cell_overvoltage.threshold'*time*"),
        (
            '[[test.step]]\nexpect = { state = "sleep" }\nwithin = "1 s"\n',
            "*role state has no value 'sleep'*",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_on_this_rig_is_an_error_of_the_test(played, steps, reason):
    result = played(HEAD + steps)
    assert result.ret != 0
    result.stdout.fnmatch_lines([reason])


def test_mistakes_are_told_before_anything_is_played(played):
    result = played(HEAD + '[[test.step]]\nfault = "interlok"\n')
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*did you mean 'interlock'?*"])


def test_scripts_are_found_in_folders_by_their_names(pytester):
    script = HEAD + '[[test.step]]\nwait = "100 ms"\n'
    (pytester.path / "mine.script.toml").write_text(script, encoding="utf-8")
    (pytester.path / "other.toml").write_text("nothing of ours", encoding="utf-8")
    result = pytester.runpytest_inprocess("--rig", "laptop", "--collect-only", "-q", ".")
    result.stdout.fnmatch_lines(["mine.script.toml::test_it_does"])
    result.stdout.no_fnmatch_line("*other.toml*")
    pytester.runpytest_inprocess("--collect-only", ".").assert_outcomes()  # no rig, no script


def test_hil_run_plays_a_script(tmp_path, capsys):
    script = tmp_path / "mine.toml"
    script.write_text(HEAD + OPERATE, encoding="utf-8")
    assert main(["run", "laptop", "--script", str(script), "--out", str(tmp_path / "out")]) == 0
    told = capsys.readouterr().out
    assert "1 pass" in told
    assert "it does" in told
    assert "SR-1" in (tmp_path / "out" / "requirements.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("mine.txt", HEAD + OPERATE, "is no fault script (the name of one ends in .toml)"),
        ("no.toml", None, "cannot be read"),
        ("mine.toml", HEAD + '[[test.step]]\nfault = "interlok"\n', "did you mean 'interlock'?"),
    ],
)
def test_hil_run_tells_mistakes_of_a_script(tmp_path, capsys, name, text, told):
    if text is not None:
        (tmp_path / name).write_text(text, encoding="utf-8")
    out = tmp_path / "out"
    assert main(["run", "laptop", "--script", str(tmp_path / name), "--out", str(out)]) == 2
    assert told in capsys.readouterr().err
    assert not out.exists()
