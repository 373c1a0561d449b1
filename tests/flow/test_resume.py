"""Going on with a run: what has its verdict stays, the rest is run, one record and one report hold both."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.flow.conftest import Build, Hil, Launch, Run

TWO = '''
def test_quick(rig):
    """The BMS operates."""
    rig.operate()


def test_slow(rig):
    """It goes on to."""
    rig.operate()
    rig.step("here")
    rig.run_for("{lasts}")
'''


def _write(folder: Path, lasts: str) -> None:
    (folder / "test_two.py").write_text(TWO.replace("{lasts}", lasts))


def _runs_of(run: Run, test: str) -> int:
    return sum(e["event"] == "test" and e["test"].endswith(test) for e in run.events)


def _interrupted(build: Build, launch: Launch, folder: Path) -> Run:
    rig = build()
    _write(folder, "100 h")
    running = launch("run", rig, "--out", "out", "--", "test_two.py")
    running.wait_for('"here"')
    running.process.send_signal(signal.SIGINT)
    return running.end()


def test_only_what_has_no_verdict_is_run(build: Build, launch: Launch, hil: Hil, tmp_path: Path) -> None:
    first = _interrupted(build, launch, tmp_path)
    assert (first.code, first.verdicts) == (130, ["pass", "error"])
    go_on = f"run {tmp_path / 'rig.toml'} --resume out -- test_two.py"
    assert f"go on: hil {go_on}" in first.said
    _write(tmp_path, "1 s")
    run = hil("run", tmp_path / "rig.toml", "--resume", "out", "--", "test_two.py")
    assert run.code == 0, run.said
    assert run.verdicts == ["pass", "pass"]
    assert _runs_of(run, "test_quick") == _runs_of(run, "test_slow") == 1
    assert run.end["verdicts"] == {"pass": 2}
    assert len(run.events[0]["resumed"]) == 1
    assert "2 pass" in run.said
    assert (tmp_path / "out" / "part-2" / "trace.blf").exists()
    assert (tmp_path / "out" / "trace.blf").exists()
    assert run.events[0]["paths"]["trace"] == "trace.blf, part-2/trace.blf"
    run.assert_reported()


def test_the_earlier_record_is_as_it_was_where_no_test_matches(
    build: Build, launch: Launch, hil: Hil, tmp_path: Path
) -> None:
    first = _interrupted(build, launch, tmp_path)
    run = hil("run", tmp_path / "rig.toml", "--resume", "out", "-k", "quick", "--", "test_two.py")
    assert run.code == 2
    assert "no test" in run.said
    assert Run(0, "", "", tmp_path / "out").events == first.events
    assert not (tmp_path / "out" / "part-2").exists()


def test_a_run_that_is_done_is_not_gone_on_with(build: Build, hil: Hil, tmp_path: Path) -> None:
    rig = build()
    _write(tmp_path, "1 s")
    assert hil("run", rig, "--out", "out", "--", "test_two.py").code == 0
    run = hil("run", rig, "--resume", "out", "--", "test_two.py")
    assert run.code == 2
    assert "nothing is left to do" in run.said


def test_another_firmware_is_another_run(build: Build, launch: Launch, hil: Hil, tmp_path: Path) -> None:
    _interrupted(build, launch, tmp_path)
    build(STRANGER="1")
    with (tmp_path / "firmware.so").open("ab") as file:
        file.write(b"\0")
    run = hil("run", tmp_path / "rig.toml", "--resume", "out", "--", "test_two.py")
    assert run.code == 2
    assert "another firmware" in run.said


def test_a_folder_without_a_run_is_refused(build: Build, hil: Hil) -> None:
    run = hil("run", build(), "--resume", "nowhere")
    assert run.code == 2
    assert "nowhere/record.jsonl" in run.said.replace("\\", "/")


def test_a_folder_is_named_once(build: Build, hil: Hil) -> None:
    run = hil("run", build(), "--resume", "out", "--out", "other")
    assert run.code == 2
    assert "--out" in run.said
