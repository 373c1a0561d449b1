"""The record survives a crash, a full disk, and reads back what was written."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.checks.check import CheckResult, Expect, FrameEvidence
from hil.errors import FirmwareError, OutputError, UsageError
from hil.host.stimulus import Stimulus
from hil.report.record import Recorder, plain, read_events

RESULT = CheckResult(
    check=Expect("contactor.main_plus", "open", 600_000_000),
    ok=True,
    actual="open after 530.2 ms",
    t_ns=1_530_200_000,
    value=530.2,
    limit=600.0,
    margin=69.8,
    unit="ms",
    uncertainty=10.0,
    reaction_ns=530_200_000,
    frames=(FrameEvidence(1, 0x321, "BMS_Contactors", "00 00", "MainPlus = open"),),
    phases={"flag": 510_000_000, "command": 520_000_000},
)


def write_all(path: Path) -> None:
    with Recorder(path) as recorder:
        recorder.run(seed=1, rig="laptop", title="t", dbc={"bms.dbc": "00"}, wiring=[])
        recorder.test("a::b", 0, "One sentence.", [18], ["R-1"])
        recorder.step("a::b", 5, "operate()")
        recorder.stimulus("a::b", Stimulus("cell.voltage", "cell 7 reads 3.7 V", 10, value=3.7))
        recorder.check("a::b", RESULT)
        recorder.verdict("a::b", "pass", "", 20, 20)
        recorder.trouble(FirmwareError("crashed", place="x.so", remedy="mend it"))
        recorder.end({"pass": 1}, 0, 20)


def test_reads_back_what_was_written_in_a_fixed_order(tmp_path: Path) -> None:
    write_all(tmp_path / "r.jsonl")
    events = read_events(tmp_path / "r.jsonl")
    assert [event["event"] for event in events] == [
        "run", "test", "step", "stimulus", "check", "verdict", "trouble", "end",
    ]  # fmt: skip
    assert list(events[0]) == ["event", "schema", "rig", "title", "seed", "dbc", "wiring"]
    check = events[4]
    assert check["kind"] == "Expect"
    assert check["check"] == str(RESULT.check)
    assert check["phases"] == {"flag": 510_000_000, "command": 520_000_000}
    assert check["frames"][0]["name"] == "BMS_Contactors"
    assert events[3]["on_wire_ns"] == 10


def test_same_events_same_bytes(tmp_path: Path) -> None:
    write_all(tmp_path / "a")
    write_all(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_torn_last_line_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "r"
    write_all(path)
    whole = path.read_bytes()
    last = whole.rstrip(b"\n").rfind(b"\n") + 1
    for cut in (last + 1, len(whole) - 5):
        path.write_bytes(whole[:cut])
        assert len(read_events(path)) == 7
    path.write_bytes(whole[:-1])  # whole but for the line's end
    assert len(read_events(path)) == 8


def test_broken_line_in_the_middle_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "r"
    path.write_text('{"event":"run"}\n{"eve\n{"event":"end"}\n')
    with pytest.raises(UsageError, match=":2: not an event"):
        read_events(path)


def test_missing_record_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_events(tmp_path / "none")


@pytest.mark.parametrize("tail", ["", '{"event":"check","te', '{"event":"step"}', "é"])
def test_parent_goes_on_after_a_child_that_died(tmp_path: Path, tail: str) -> None:
    path = tmp_path / "r"
    path.write_bytes(b'{"event":"run"}\n' + tail.encode()[: len(tail)])
    with Recorder(path, append=True) as recorder:
        recorder.trouble(FirmwareError("died"))
    kinds = [event["event"] for event in read_events(path)]
    assert kinds == (["run", "step", "trouble"] if tail.endswith("}") else ["run", "trouble"])


def test_append_makes_a_file_that_is_not_there(tmp_path: Path) -> None:
    with Recorder(tmp_path / "r", append=True) as recorder:
        recorder.end({}, 3, None)
    assert len(read_events(tmp_path / "r")) == 1


def test_folder_that_is_not_there_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="--out"):
        Recorder(tmp_path / "none" / "r")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no full device")
def test_full_disk_is_an_output_error_with_place_and_remedy() -> None:
    with Recorder(Path("/dev/full")) as recorder:
        with pytest.raises(OutputError, match="make room") as caught:
            recorder.run(rig="laptop")
        assert caught.value.place == "/dev/full"


def test_numbers_that_json_lacks_become_null() -> None:
    made = plain({"a": float("nan"), "b": [float("inf"), -0.0], "c": np.array([1.5, np.nan])})
    assert json.dumps(made) == '{"a": null, "b": [null, 0.0], "c": [1.5, null]}'
    assert plain(np.int64(3)) == 3
    assert plain(np.bool_(True)) is True
    assert plain(0.1 + 0.2) == 0.3


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_anything_becomes_json_and_again_the_same(value: object) -> None:
    made = plain(value)
    text = json.dumps(made, allow_nan=False)
    assert plain(json.loads(text)) == made
    text.encode()


def test_a_tolerance_stands_beside_the_margin(tmp_path: Path) -> None:
    check = Expect("contactor.main_plus", "open", 600_000_000, 20_000_000, "a task of 10 ms")
    with Recorder(tmp_path / "record.jsonl") as recorder:
        recorder.check("a::b", replace(RESULT, check=check))
        recorder.check("a::b", RESULT)
    with_it, without = read_events(tmp_path / "record.jsonl")
    assert (with_it["tolerance"], with_it["tolerance_reason"]) == (20.0, "a task of 10 ms")
    assert "tolerance" not in without
