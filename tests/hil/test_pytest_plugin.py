"""The pytest plugin, as the author of a test meets it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hil.report.record import read_events

pytest_plugins = "pytester"

VERDICTS = '''
import pytest

@pytest.fixture
def broken():
    raise ValueError("before")

@pytest.fixture
def breaks():
    yield
    raise ValueError("after")

@pytest.mark.case(18, 21)
@pytest.mark.requirement("BMS-7")
def test_passes(rig):
    """It is in standby.

    And more."""
    rig.stays("state", "standby", for_="100 ms")

def test_bms_fails(rig):
    rig.expect("state", "fault", within="100 ms")

def test_plain_assert(rig):
    soc = rig.value("soc")
    assert soc > 200

def test_pytest_fail(rig):
    pytest.fail("not good")

def test_exception(rig):
    {}["key"]

def test_typo(rig):
    rig.value("sco")

def test_not_offered(rig):
    rig.require("door.closed")

def test_skip(rig):
    pytest.skip("not today")

@pytest.mark.xfail(reason="known")
def test_known(rig):
    assert False

@pytest.mark.xfail(strict=True, reason="known")
def test_known_no_more(rig):
    pass

def test_before(rig, broken):
    pass

def test_after(rig, breaks):
    pass

def test_without_a_rig():
    pass
'''


@pytest.fixture
def run(pytester: pytest.Pytester):
    """Runs pytest on a file with the laptop rig; returns the result and the record."""

    def go(text: str, *arguments: str, rig: str = "laptop"):
        pytester.makepyfile(test_mine=text)
        out = pytester.path / "out"
        result = pytester.runpytest_inprocess("--rig", rig, "--hil-out", str(out), *arguments)
        record = out / "record.jsonl"
        return result, read_events(record) if record.exists() else []

    return go


def verdicts(events) -> dict[str, tuple[str, str]]:
    rows = [event for event in events if event["event"] == "verdict"]
    return {row["test"].rpartition("::test_")[2]: (row["verdict"], row["reason"]) for row in rows}


def test_verdicts(run):
    result, events = run(VERDICTS)
    assert "_record" not in result.stdout.str()
    result.assert_outcomes(passed=3, failed=6, skipped=2, xfailed=1, errors=2)
    found = verdicts(events)
    assert found["passes"] == ("pass", "")
    assert found["bms_fails"][0] == "fail"
    assert found["bms_fails"][1].startswith("expected: state becomes fault within 100 ms\ncame: ")
    assert found["plain_assert"][0] == "fail"
    assert found["plain_assert"][1].startswith("assert ")
    assert found["pytest_fail"] == ("fail", "not good")
    assert found["exception"] == ("error", "KeyError: 'key' (test_mine.py:31)")
    assert found["typo"] == ("error", "no role is called 'sco' (did you mean 'soc'?)")
    assert found["not_offered"] == ("skipped", "the rig file gives this BMS no door.closed")
    assert found["skip"] == ("skipped", "not today")
    assert found["known"] == ("skipped", "expected to fail: known")
    assert found["known_no_more"] == ("fail", "[XPASS(strict)] known")
    assert found["before"] == ("error", "ValueError: before (test_mine.py:5)")
    assert found["after"] == ("error", "ValueError: after (test_mine.py:10)")
    assert found["without_a_rig"] == ("pass", "")
    end = events[-1]
    assert end["event"] == "end"
    assert end["exit_code"] == 3
    assert end["verdicts"] == {"error": 4, "fail": 4, "pass": 2, "skipped": 3}
    assert not [event for event in events if event["event"] == "trouble"]


def test_markers_and_title_are_in_the_record(run):
    _, events = run(VERDICTS, "-k", "passes")
    test = next(event for event in events if event["event"] == "test")
    assert test["title"] == "It is in standby."
    assert test["cases"] == [18, 21]
    assert test["requirements"] == ["BMS-7"]
    assert events[-1]["exit_code"] == 0


def test_the_rigs_trouble_ends_the_run_once(run):
    text = """
    from hil.errors import BusError

    def test_a(rig):
        raise BusError("the bus is down", place="bus pack", remedy="look at the wire")

    def test_b(rig):
        pass
    """
    result, events = run(text)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*the rig is in trouble: bus pack: the bus is down (look at the wire)*"])
    assert list(verdicts(events)) == ["a"]
    assert verdicts(events)["a"][0] == "error"
    troubles = [event for event in events if event["event"] == "trouble"]
    assert [(row["kind"], row["place"]) for row in troubles] == [("BusError", "bus pack")]
    assert events[-1]["exit_code"] == 3


def test_pytest_that_fails_itself_is_no_pass(run, pytester):
    pytester.makeconftest("def pytest_runtest_logfinish(): raise RuntimeError('a plugin of the user')")
    result, events = run("def test_a(rig): pass")
    assert result.ret == pytest.ExitCode.INTERNAL_ERROR
    assert verdicts(events) == {"a": ("pass", "")}
    assert events[-1]["exit_code"] == 3


def test_an_interrupt_is_recorded(pytester):
    pytester.makepyfile("def test_a(rig): pass\ndef test_b(rig): raise KeyboardInterrupt\ndef test_c(): pass")
    pytester.inline_run("--rig", "laptop", "--hil-out", "out", no_reraise_ctrlc=True)
    events = read_events(pytester.path / "out" / "record.jsonl")
    assert verdicts(events) == {"a": ("pass", ""), "b": ("error", "interrupted")}
    assert events[-1] | {"verdicts": {}, "t_ns": 0} == {
        "event": "end",
        "verdicts": {},
        "exit_code": 130,
        "t_ns": 0,
        "interrupted": True,
    }


def test_a_file_that_cannot_be_read_is_said(run):
    _, events = run("import no_such_module")
    trouble = next(event for event in events if event["event"] == "trouble")
    assert trouble["kind"] == "UsageError"
    assert "No module named 'no_such_module'" in trouble["reason"]
    assert events[-1]["exit_code"] == 2


def test_without_a_rig_the_message_says_how(pytester):
    pytester.makepyfile("def test_a(rig): pass")
    result = pytester.runpytest_inprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*this test needs a rig: pytest --rig laptop"])


def test_an_unknown_rig_is_wrong_usage(run):
    result, events = run("def test_a(rig): pass", rig="latpop")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: latpop: there is no such rig file (did you mean 'laptop'?)"])
    assert events == []


def test_a_seed_below_0_is_wrong_usage(run):
    result, events = run("def test_a(rig): pass", "--hil-seed=-1")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --hil-seed: -1 is no seed: 0 or more"])
    assert events == []


@pytest.mark.parametrize("way", ["ini", "environment"])
def test_other_ways_to_name_the_rig(pytester, monkeypatch, way):
    pytester.makepyfile("def test_a(rig): assert rig.config.name == 'laptop'")
    if way == "ini":
        pytester.makeini("[pytest]\nhil_rig = laptop\n")
    else:
        monkeypatch.setenv("HIL_RIG", "laptop")
    pytester.runpytest_inprocess().assert_outcomes(passed=1)


def test_listing_makes_the_tests_of_the_rig_and_runs_nothing(pytester):
    result = pytester.runpytest_inprocess(
        *("--rig", "laptop", "--hil-out", "out", "--collect-only", "-q"),
        *("--pyargs", "hil.suite", "-k", "cell-96"),
    )
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*test_overvoltage_of_a_cell_opens_the_contactors?cell-96?*"])
    assert not (pytester.path / "out").exists()


def test_the_suite_as_plain_pytest(pytester):
    result = pytester.runpytest_inprocess(
        "--rig", "laptop", "--pyargs", "hil.suite", "-k", "bursts_on_the_interlock"
    )
    result.assert_outcomes(passed=1, deselected=result.parseoutcomes()["deselected"])


TWO = '''
def test_a(rig):
    rig.operate()
    rig.run_for("300 ms")

def test_b(rig):
    rig.track("soc", "pack.soc", scale=100.0)
    with rig.fault("cell.voltage", cell=4, value=3.8):
        rig.expect("fault.cell_overvoltage", True, within="500 ms")
'''


def outputs(pytester, name: str, *arguments: str) -> tuple[list[str], list[str]]:
    pytester.makepyfile(test_two=TWO)
    options = ("--rig", "laptop", "--hil-out", name, "--hil-trace", "log")
    pytester.runpytest_inprocess(*options, *arguments)
    folder = Path(pytester.path / name)
    return tuple((folder / file).read_text().splitlines() for file in ("record.jsonl", "trace.log"))


def test_one_seed_gives_one_record_and_one_trace(pytester):
    (first, trace), (second, other) = outputs(pytester, "first"), outputs(pytester, "second")
    assert len(first) > 10
    assert first[1:] == second[1:]
    assert trace == other
    assert len(trace) > 300


def test_another_seed_gives_other_noise(pytester):
    (_, trace), (_, other) = outputs(pytester, "first"), outputs(pytester, "second", "--hil-seed", "2")
    assert trace != other


def test_what_else_runs_does_not_change_a_test(pytester):
    def frames(lines: list[str], since: int) -> list[tuple[int, str]]:
        rows = [(int(line[1:18].replace(".", "")), line[20:]) for line in lines]
        return [(t - since, frame) for t, frame in rows if t >= since]

    (record, both), (_, alone) = outputs(pytester, "both"), outputs(pytester, "alone", "-k", "test_b")
    begun = next(event for event in map(_event, record) if event.get("test", "").endswith("test_b"))
    assert begun["t_ns"] > 0
    assert frames(both, begun["t_ns"] // 1000) == frames(alone, 0)


def test_a_repetition_has_another_seed_and_another_phase(pytester):
    """The first one is what the run is without the others."""

    def stimuli(lines: list[str], test: str) -> list[int]:
        events = [_event(line) for line in lines]
        begun = next(e["t_ns"] for e in events if e["event"] == "test" and e["test"].endswith(test))
        rows = [e for e in events if e["event"] == "stimulus" and e["test"].endswith(test)]
        return [row["on_wire_ns"] - begun for row in rows if row["on_wire_ns"] is not None]

    (record, _), (plain, _) = outputs(pytester, "three", "--hil-repeat", "3"), outputs(pytester, "one")
    tests = [_event(line) for line in record if _event(line)["event"] == "test"]
    names = [(test["test"].partition("::")[2], test["repetition"], test["seed"]) for test in tests]
    assert names == [(f"test_{name}[rep{n}]", n, n) for name in "ab" for n in (1, 2, 3)]
    assert {test["repeats"].partition("::")[2] for test in tests} == {"test_a", "test_b"}
    first, *others = (stimuli(record, f"test_b[rep{n}]") for n in (1, 2, 3))
    assert first == stimuli(plain, "test_b")
    assert all(other != first for other in others)
    assert others[0] != others[1]


def _event(line: str) -> dict:
    import json

    return json.loads(line)


def test_it_imports_nothing_heavy_where_no_rig_is_named(tmp_path):
    (tmp_path / "test_modules.py").write_text(
        "import sys\n"
        "def test_a():\n"
        "    assert 'hil.pytest_plugin' in sys.modules\n"
        "    heavy = {'numpy', 'can', 'cantools', 'simpy', 'pydantic', 'jinja2', 'hil.rig', 'twins'}\n"
        "    assert heavy.isdisjoint(sys.modules)\n"
    )
    command = [sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:hypothesispytest"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
