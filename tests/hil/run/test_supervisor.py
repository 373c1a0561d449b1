"""What is added to the record of a test process that died, and what is said of one that never ran."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.bms.process import KILL
from hil.errors import OutputError, RigTroubleError, UsageError
from hil.report.record import Recorder, read_events
from hil.rig.shipped import find_rig
from hil.run.complaints import Complaints
from hil.run.session import RunOptions
from hil.run.supervisor import Ending, Manner, complete_record, run_tests

FIRMWARE = Path("folder/firmware.so")


@pytest.fixture
def record(tmp_path):
    """Writes the record of a run that stops within its second test, or before its first."""

    def write(tests: int = 2, tail: str = "") -> Path:
        with Recorder(tmp_path / "record.jsonl") as recorder:
            recorder.run(rig="small", seed=1)
            for number in range(tests):
                recorder.test(f"t{number}", number * 1000)
                if number < tests - 1:
                    recorder.verdict(f"t{number}", "pass", "", 500, 500)
        with (tmp_path / "record.jsonl").open("a") as file:
            file.write(tail)
        return tmp_path

    return write


@pytest.mark.parametrize(
    ("ending", "kind", "reason"),
    [
        (Ending(-11, in_firmware=True), "FirmwareError", "the firmware crashed (SIGSEGV)"),
        (Ending(-6, in_firmware=True), "FirmwareError", "the firmware crashed (SIGABRT)"),
        (
            Ending(-9, in_firmware=True, hung=True),
            "FirmwareError",
            "the firmware did not return from its initialisers within 5 s",
        ),
        (Ending(0, in_firmware=True), "FirmwareError", "the firmware ended the test process (exit status 0)"),
        (Ending(-9), "RigTroubleError", "the test process died (SIGKILL)"),
        (Ending(77), "RigTroubleError", "the test process died (exit status 77)"),
        (Ending(3), "OutputError", "the record could not be written to its end"),
    ],
)
def test_a_death_is_recorded(record, ending, kind, reason):
    out = record(tail='{"event":"step","test":"t1","t_')  # a line torn by the crash
    events = complete_record(out, ending, FIRMWARE)
    assert events == read_events(out / "record.jsonl")
    kinds = [event["event"] for event in events]
    assert kinds == ["run", "test", "verdict", "test", "verdict", "trouble", "end"]
    verdict, trouble, end = events[-3:]
    told = "invalid" if kind == "OutputError" else "error"
    assert (verdict["test"], verdict["verdict"]) == ("t1", told)
    assert reason in verdict["reason"]
    assert (trouble["kind"], trouble["reason"]) == (kind, reason)
    assert trouble["place"] == (str(FIRMWARE) if kind == "FirmwareError" else "")
    assert (end["exit_code"], end["interrupted"]) == (3, False)
    assert end["verdicts"] == {told: 1, "pass": 1}


def test_an_interrupt_is_no_trouble(record):
    events = complete_record(record(), Ending(-9, in_firmware=True, interrupted=True), FIRMWARE)
    assert [event["event"] for event in events[-2:]] == ["verdict", "end"]
    assert events[-2]["reason"] == "interrupted"
    assert (events[-1]["exit_code"], events[-1]["interrupted"]) == (130, True)


def test_a_whole_record_is_left_as_it_is(record):
    out = record()
    with Recorder(out / "record.jsonl", append=True) as recorder:
        recorder.end({"pass": 1}, 0, 1000)
    before = (out / "record.jsonl").read_bytes()
    assert complete_record(out, Ending(0), FIRMWARE)[-1]["exit_code"] == 0
    assert (out / "record.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("ending", "reason"),
    [
        (Ending(4, complaint="unrecognized: --foo"), "arguments of pytest: unrecognized: --foo"),
        (Ending(5), "no test matches"),
    ],
)
def test_nothing_ran_by_the_users_doing(record, ending, reason):
    with pytest.raises(UsageError) as caught:
        complete_record(record(tests=0), ending, FIRMWARE)
    assert str(caught.value).startswith(reason)
    assert "--collect-only" in caught.value.remedy


def test_no_record_at_all(tmp_path):
    assert complete_record(tmp_path, Ending(0), FIRMWARE) == []
    with pytest.raises(KeyboardInterrupt):
        complete_record(tmp_path, Ending(-9, interrupted=True), FIRMWARE)
    with pytest.raises(RigTroubleError, match=r"the test process died \(exit status 9\)"):
        complete_record(tmp_path, Ending(9), FIRMWARE)


def test_a_record_that_takes_nothing_more(record, monkeypatch):
    out = record()

    def full(*_arguments, **_named):
        raise OutputError("No space left on device")

    monkeypatch.setattr(Recorder, "verdict", full)
    with pytest.raises(OutputError):
        complete_record(out, Ending(-11, in_firmware=True), FIRMWARE)


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ("ERROR: usage: x [options]\nx: error: unrecognized: --a\n  rootdir: /\n", "unrecognized: --a"),
        ("ERROR: file or directory not found: a.py\n\n", "file or directory not found: a.py"),
        ("", "wrong arguments"),
    ],
)
def test_complaints_of_pytest(tmp_path, said, complaint):
    complaints = Complaints(tmp_path / "stderr")
    complaints.file.write(said.encode())
    complaints.close()
    assert complaints.of_pytest() == complaint


def test_complaints_are_shown_once(tmp_path, capsys):
    complaints = Complaints(tmp_path / "stderr")
    for text in ("first\n", "", "second\n"):
        complaints.file.write(text.encode())
        complaints.file.flush()
        complaints.relay()
    complaints.close()
    assert capsys.readouterr().err == "first\nsecond\n"


def test_silent_complaints_are_kept_and_not_shown(tmp_path, capsys):
    complaints = Complaints(tmp_path / "stderr", silent=True)
    complaints.file.write(b"ERROR: no such option\n")
    complaints.file.flush()
    complaints.relay()
    complaints.close()
    assert capsys.readouterr().err == ""
    assert complaints.of_pytest() == "no such option"


def test_a_run_that_is_called_off_is_ended_without_a_word(tmp_path, capfd):
    forever = tmp_path / "test_forever.py"
    forever.write_text("import time\n\n\ndef test_forever():\n    print('here')\n    time.sleep(1e6)\n")
    asked = iter([False, True])
    manner = Manner(silent=True, is_over=lambda: next(asked))
    ending = run_tests(find_rig("laptop"), RunOptions(tmp_path), [str(forever)], manner)
    assert ending.interrupted
    assert ending.code == -KILL
    assert capfd.readouterr() == ("", "")
