"""``hil run -j``: the same verdicts from several processes as from one."""

from __future__ import annotations

import os
import signal
import sys

import pytest

THREE = """
import pytest

@pytest.mark.parametrize("number", range(5))
def test_some(rig, number):
    rig.operate()
    assert number != 3

def test_last(rig):
    rig.operate()
"""
OURS = ("--", "-p", "no:hypothesispytest", "test_one.py")


@pytest.fixture
def rig(build, tmp_path):
    path = build()
    (tmp_path / "test_one.py").write_text(THREE)
    return path


def _verdicts(run):
    return [(e["test"], e["verdict"]) for e in run.events if e["event"] == "verdict"]


def test_verdicts_and_their_order_are_those_of_one_process(rig, hil):
    alone = _verdicts(hil("run", rig, *OURS))
    run = hil("run", rig, "-j", "3", *OURS)
    assert run.code == 1, run.said
    assert _verdicts(run) == alone
    assert len(alone) == 6
    run.assert_reported()
    assert "6 tests [ 1/6]" in run.said
    assert all((run.out / f"part-{number}" / "trace.blf").exists() for number in (1, 2, 3))


def test_repetitions_are_shared_out_and_told_as_one_test(rig, hil):
    run = hil("run", rig, "-j", "2", "--repeat", "3", *OURS)
    assert run.code == 1, run.said
    tests = [test.partition("::")[2] for test, _ in _verdicts(run)]
    numbers = (1, 2, 3)
    assert tests == [
        *(f"test_some[{number}-rep{n}]" for number in range(5) for n in numbers),
        *(f"test_last[rep{n}]" for n in numbers),
    ]
    assert run.events[0]["repeat"] == 3
    assert "5 pass · 1 fail · 3 repetitions of each" in run.said
    assert "3 repetitions: 3 fail; this is repetition 1, with seed 1" in run.said
    run.assert_reported()


def test_parts_that_have_nothing_to_run_do_not_matter(rig, hil):
    run = hil("run", rig, "-j", "3", "-k", "last", *OURS)
    assert run.code == 0, run.said
    assert run.verdicts == ["pass"]
    assert "no test matches" not in run.said


def test_where_nothing_matches_that_is_told_once(rig, hil):
    run = hil("run", rig, "-j", "2", "-k", "nonsense", *OURS)
    assert run.code == 2
    assert run.said.count("no test matches") == 1
    assert not run.out.exists()


def test_shares_are_all_of_it_and_none_twice(rig, hil):
    found = []
    for number in (1, 2):
        run = hil("run", rig, "--share", f"{number}/2", *OURS)
        found += [test for test, _ in _verdicts(run)]
    assert len(set(found)) == len(found) == 6


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--share", "1/2"), "a share of the tests is one part already"),
        (("--resume", "."), "a run that is gone on with runs one test at a time"),
    ],
)
def test_what_cannot_be_shared_is_refused(rig, hil, options, reason):
    run = hil("run", rig, "-j", "2", *options, *OURS)
    assert run.code == 2
    assert reason in run.said


def test_a_rig_in_real_time_is_no_two_rigs(hil):
    run = hil("run", "vcan", "-j", "2")
    assert run.code == 2
    assert "a bus has one rig on it" in run.said


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_an_interrupt_ends_all_parts_and_what_ran_is_reported(build, launch, tmp_path, name):
    if signal.getsignal(getattr(signal, name)) is signal.SIG_IGN:
        pytest.skip(f"{name} is ignored here")
    rig = build()
    long = "    for _ in range(100_000):\n        rig.run_for('1 s')\n"
    (tmp_path / "test_one.py").write_text(
        f"def test_a(rig):\n    rig.operate()\n\ndef test_b(rig):\n{long}\ndef test_c(rig):\n{long}"
    )
    running = launch("run", rig, "-j", "2", *OURS)
    for part, text in (("part-1", "test_c"), ("part-2", "test_b")):
        record = tmp_path / "out" / part / "record.jsonl"
        while not (record.exists() and text in record.read_text()):
            running.pause(0.05)
            assert running.process.poll() is None
    os.kill(running.process.pid, getattr(signal, name))
    run = running.end()
    assert run.code == 130, run.said
    assert sorted(run.verdicts) == ["error", "error", "pass"]
    assert run.end["interrupted"] is True
    run.assert_reported()


def test_an_earlier_run_says_what_takes_long(rig, hil, tmp_path):
    (tmp_path / "test_one.py").write_text(
        "def test_a(rig):\n    rig.run_for('1 s')\n\n"
        "def test_b(rig):\n    rig.run_for('1 s')\n\n"
        "def test_long(rig):\n    rig.run_for('60 s')\n"
    )
    hil("run", rig, "--out", tmp_path / "before", *OURS)
    share = hil("run", rig, "--share", "1/2", "--durations", tmp_path / "before", *OURS)
    assert [test.partition("::")[2] for test, _ in _verdicts(share)] == ["test_long"]


def test_durations_of_nothing_are_refused(rig, hil, tmp_path):
    run = hil("run", rig, "-j", "2", "--durations", tmp_path / "none", *OURS)
    assert run.code == 2
    assert "cannot be read" in run.said
    assert not run.out.exists()
