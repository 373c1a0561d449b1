"""Firmware that is missing, broken or hostile: who is to blame is told right, and the run comes to an end."""

from __future__ import annotations

import time
from pathlib import Path

import can
import pytest

from hil.characterise.sheet import read
from hil.checks.verdict import BmsFailure
from hil.cli import main
from hil.errors import BmsError, BusError, FirmwareError, UsageError
from hil.rig.load import load_rig
from hil.rig.rig import Rig
from hil.run.session import RunOptions, Session, TestInfo

ONE = ("--", "-p", "no:hypothesispytest", "test_one.py")  # the plugin costs half a second


def test_good_firmware_passes(build, hil):
    run = hil("run", build(), *ONE)
    assert run.code == 0, run.said
    assert run.verdicts == ["pass"]
    run.assert_reported()


@pytest.mark.parametrize(
    ("defines", "reason"),
    [
        ({"NO_RECEIVE": ""}, "the firmware library lacks bms_receive"),
        ({"ON_LOAD": "abort();"}, "the firmware crashed (SIGABRT)"),
        ({"ON_INIT": "raise(SIGSEGV);"}, "the firmware crashed (SIGSEGV) in bms_init"),
        ({"ON_INIT": "return 5;"}, "bms_init returned 5"),
    ],
)
def test_what_cannot_even_begin_is_the_rigs_trouble(build, hil, defines, reason):
    run = hil("run", build(**defines), *ONE)
    assert run.code == 3, run.said
    assert reason in run.said
    assert len(run.troubles) == 1
    trouble = run.troubles[0]
    assert reason in trouble["reason"]
    assert Path(trouble["place"]).name == "firmware.so"
    assert trouble["key"] == "bms.library"
    assert trouble["remedy"]
    run.assert_reported()


def _world(rig: Path) -> Rig:
    session = Session(load_rig(rig), RunOptions())
    session.announce(TestInfo("test"))
    world = session.open("test")
    world.power_on()
    return world


DIES = [  # and how its end is told
    ({"ON_RECEIVE": "raise(SIGSEGV);"}, "the firmware crashed (SIGSEGV) in bms_receive at bus time 0."),
    ({"ON_STEP": "if (late) abort();"}, "the firmware crashed (SIGABRT) in bms_step at bus time 0.200 s"),
    (
        {"ON_STEP": "if (late) exit(0);"},
        "the firmware ended the test process (exit status 0) in bms_step at bus time 0.200 s",
    ),
    ({"ON_STEP": "if (late) return -1;"}, "bms_step returned -1 at bus time 0.200 s"),
]


@pytest.mark.parametrize(("defines", "reason"), DIES)
def test_what_breaks_in_a_test_fails_it(build, hil, defines, reason):
    run = hil("run", build(**defines), *ONE)
    assert run.code == 1, run.said
    assert run.verdicts == ["fail"]
    assert not run.troubles
    assert f"[ 1/1] FAIL it operates ({reason}" in run.said
    verdict = next(event for event in run.events if event["event"] == "verdict")
    assert verdict["reason"].startswith(reason)
    assert verdict["reason"].endswith("(see docs/your-firmware.md)")
    assert verdict["sim_ns"] > 0
    assert "stopped" not in run.end
    run.assert_reported()
    assert reason in (run.out / "junit.xml").read_text()


def test_a_process_that_somebody_kills_is_no_crash_of_the_firmware(build, hil):
    """As a system without memory does, also in the midst of a call."""
    run = hil("run", build(ON_STEP="if (late) raise(SIGKILL);"), *ONE)
    assert run.code == 3, run.said
    assert run.verdicts == ["error"]
    (trouble,) = run.troubles
    assert (trouble["kind"], trouble["reason"]) == ("RigTroubleError", "the test process died (SIGKILL)")
    assert "memory" in trouble["remedy"]
    run.assert_reported()


SEND = "if (late) { memset(out, 0, sizeof *out); out->id = 256; out->length = 8; %s return 1; }"


@pytest.mark.parametrize(
    ("defines", "reason"),
    [
        ({"NO_ABI": ""}, "the firmware library lacks bms_abi_version"),
        ({"ABI": "7"}, "bms_abi_version is 7, this rig speaks 2"),
        ({"ON_INIT": "return 5;"}, "bms_init returned 5"),
    ],
)
def test_what_cannot_be_used(build, defines, reason):
    """As above, without the processes around it."""
    rig = build(**defines)
    with pytest.raises(FirmwareError, match=reason) as caught:
        _world(rig)
    assert caught.value.place == str(rig.parent / "firmware.so")
    assert caught.value.key == "bms.library"
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("defines", "reason"),
    [
        ({"ON_RECEIVE": "return 4;"}, "bms_receive returned 4"),
        ({"ON_STEP": "if (late) return 65;"}, "bms_step returned 65"),
        ({"ON_STEP": SEND % "out->length = 200;"}, "200 bytes"),
        ({"ON_STEP": SEND % "out->bus = 3;"}, "bus 3"),
        ({"ON_STEP": SEND % "out->id = 4096;"}, "identifier"),
    ],
)
def test_what_it_may_not_do(build, defines, reason):
    with pytest.raises(BmsError, match=f"{reason}.* at bus time") as caught:
        _world(build(**defines)).run_for("1 s")
    assert caught.value.remedy


def test_a_later_life_that_does_not_begin_is_a_failure(build):
    world = _world(build(ON_INIT="if (!cold) return 5;"))
    with pytest.raises(BmsError, match="bms_init returned 5"):
        world.power_on(cold=False)


MANY = """
import pytest

@pytest.mark.parametrize("number", range({tests}))
def test_it_operates(rig, number):
    if number in {ones}:
        rig.operate()
    rig.run_for("300 ms")
"""
CRASHES = {"ON_STEP": "if (mode == 1) raise(SIGSEGV);"}


def _many(rig, tests, ones):
    (rig.parent / "test_one.py").write_text(MANY.format(tests=tests, ones=ones))
    return rig


def _state_of(run):
    """A letter for each test: what has no verdict is not in it."""
    return "".join(verdict[0] for verdict in run.verdicts)


def test_the_other_tests_run_after_a_crash(build, hil):
    run = hil("run", _many(build(**CRASHES), 5, (1, 3)), *ONE)
    assert run.code == 1, run.said
    assert _state_of(run) == "pfpfp"
    assert [f"[ {number}/5]" in run.said for number in range(1, 6)] == [True] * 5
    assert run.said.count("A BMS of four cells: ") == 1
    assert run.end["verdicts"] == {"fail": 2, "pass": 3}
    assert run.events[0]["paths"]["trace"] == "trace.blf, part-2/trace.blf, part-3/trace.blf"
    assert (run.out / "part-3" / "trace.blf").exists()
    run.assert_reported()


def test_a_firmware_that_lived_and_does_not_begin_any_more_fails(build, hil, tmp_path):
    """In a new process each life is the first one there, but not the firmware's."""
    memory = tmp_path / "memory"
    rig = build(
        ON_INIT=f'if (!system("test -e {memory}")) raise(SIGSEGV);',
        ON_STEP=f'if (mode == 1) {{ if (!system("touch {memory}")) raise(SIGSEGV); }}',
    )
    run = hil("run", _many(rig, 5, (1,)), *ONE)
    assert run.code == 1, run.said
    assert _state_of(run) == "pfff"
    assert not run.troubles
    assert "the firmware crashed (SIGSEGV) in bms_init at bus time" in run.said
    assert run.end["stopped"].startswith("the firmware crashed or hung in 3 tests in a row")
    run.assert_reported()


def test_a_firmware_that_crashes_in_test_after_test_ends_the_run(build, hil):
    rig = _many(build(**CRASHES), 6, (0, 2, 3, 4))
    run = hil("run", rig, *ONE)
    assert run.code == 1, run.said
    assert _state_of(run) == "fpfff"
    stopped = "the firmware crashed or hung in 3 tests in a row: the last one is not run"
    assert run.end["stopped"] == stopped
    assert f"Stopped: {stopped}" in run.said
    assert f"<strong>Stopped.</strong> T{stopped[1:]}" in (run.out / "report.html").read_text()
    assert stopped in (run.out / "junit.xml").read_text()
    run.assert_reported()
    run = hil("run", rig, "--resume", "out", *ONE)
    assert run.code == 1, run.said
    assert _state_of(run) == "fpfffp"
    assert "stopped" not in run.end


def test_it_ends_after_so_many_crashes_however_they_lie(build, hil, monkeypatch):
    monkeypatch.setattr("hil.run.deaths.MOST_IN_ALL", 2)
    run = hil("run", _many(build(**CRASHES), 5, (0, 2)), *ONE)
    assert _state_of(run) == "fpf"
    assert run.end["stopped"] == "the firmware crashed or hung in 2 tests: the other 2 are not run"


def test_tests_at_a_time_go_on_each_by_itself(build, hil):
    run = hil("run", _many(build(**CRASHES), 4, (1,)), "-j", "2", *ONE)
    assert run.code == 1, run.said
    assert _state_of(run) == "pfpp"
    assert "[ 4/4]" in run.said
    assert "/part-2/trace.blf" in run.events[0]["paths"]["trace"]
    run.assert_reported()


def test_repetitions_go_on_too(build, hil):
    run = hil("run", _many(build(**CRASHES), 2, (0,)), "--repeat", "2", *ONE)
    assert run.code == 1, run.said
    assert _state_of(run) == "ffpp"


@pytest.mark.parametrize(
    ("asked", "states"), [(["-x"], "pf"), (["--maxfail=2"], "pfpf"), (["--maxfail", "2"], "pfpf")]
)
def test_a_crash_is_one_of_the_failures_that_end_a_run(build, hil, asked, states):
    run = hil("run", _many(build(**CRASHES), 5, (1, 3)), *ONE, *asked)
    assert run.code == 1, run.said
    assert _state_of(run) == states
    assert "stopped" not in run.end


def test_trouble_after_a_crash_is_trouble(build, hil):
    """The test process dies of itself after it was started anew."""
    rig = _many(build(**CRASHES), 3, (0,))
    with (rig.parent / "test_one.py").open("a") as file:
        file.write("    if number == 1:\n        import os\n        os._exit(77)\n")
    run = hil("run", rig, *ONE)
    assert run.code == 3, run.said
    assert run.verdicts == ["fail", "error"]
    assert [trouble["reason"] for trouble in run.troubles] == ["the test process died (exit status 77)"]
    run.assert_reported()


def test_it_that_is_no_library_is_said_to_be_none(build, hil):
    rig = build()
    (rig.parent / "firmware.so").write_bytes(b"no library")
    run = hil("run", rig, *ONE)
    assert run.code == 3
    assert "cannot be loaded" in run.said
    run.assert_reported()


def test_a_missing_library_is_a_mistake_in_the_rig_file(build, hil):
    rig = build()
    (rig.parent / "firmware.so").unlink()
    run = hil("run", rig, *ONE)
    assert run.code == 2
    assert "rig.toml: bms.library: there is no firmware library 'firmware.so'" in run.said
    assert not run.out.exists()


def test_it_that_never_returns_is_ended_in_time(build, hil):
    begun = time.monotonic()
    run = hil("run", build(ON_STEP="for (;;) {}"), *ONE)
    assert time.monotonic() - begun < 10 + 5  # the promise is 10 s; a busy machine may take longer to start
    assert run.code == 1
    assert "the firmware did not return from bms_step within 5 s at bus time 0.000 s" in run.said
    assert run.verdicts == ["fail"]
    run.assert_reported()


def test_more_frames_than_the_bus_takes(build):
    """The mailboxes of its controller are full: what does not fit is lost, as in a real one."""
    flood = (
        "memset(out, 0, capacity * sizeof *out);"
        "for (int k = 0; k < capacity; k++) { out[k].id = 256; out[k].length = 8; out[k].data[0] = 1; }"
        "return capacity;"
    )
    world = _world(build(ON_STEP=flood))
    world.run_for("1 s")
    assert 3000 < len(world.history("state")) < 4500  # 500 kbit/s over some 130 bits


FLOOD = (
    "memset(out, 0, 60 * sizeof *out);"
    "for (int k = 0; k < 60; k++) {{ out[k].id = {identifier}; out[k].length = 8; }}"
    "if ({when}) return 60;"
)


def _flood(identifier=0, when="late"):
    return {"ON_STEP": FLOOD.format(identifier=identifier, when=when)}


def test_a_flood_of_the_bms_is_its_failure(build, hil):
    """The rig's frames wait until there is no more room for them; the next test has a bus of its own."""
    rig = build(**_flood(when="late && mode == 1"))
    (rig.parent / "test_one.py").write_text(
        "def test_flooded(rig):\n    rig.run_for('1 s')\n    rig.request('mode', 'operate')\n"
        "    rig.run_for('20 s')\n\n"
        "def test_not(rig):\n    rig.run_for('1 s')\n"
    )
    run = hil("run", rig, *ONE)
    assert run.code == 1, run.said
    assert run.verdicts == ["fail", "pass"]
    assert "the BMS's messages take 100 % of bus 'can0' (0x000: 3," in run.said
    assert "frames/s); the rig's own frames wait" in run.said
    assert not run.troubles
    run.assert_reported()


def test_what_cannot_come_for_a_flood_is_no_mistake_of_the_test(build):
    world = _world(build(**_flood()))
    world.run_for("1 s")
    with pytest.raises(BmsError, match=r"'cell_monitor.voltage\[2\] above 3.6 V' did not come on the bus"):
        world.crosses("cell_monitor.voltage[2]", above=3.6, within="1 s")
    with pytest.raises(BmsError, match=r"take 100 % of bus 'can0' .*'mode = operate' did not come"):
        world.on_wire(world.request("mode", "operate"))


def test_an_expectation_that_a_flood_drowns_says_so(build):
    world = _world(build(**_flood()))
    flooded = r"; the BMS's messages take 100 % of bus 'can0' \(0x000: 3,\d\d\d frames/s\)"
    with pytest.raises(BmsFailure, match=f"10 frames, the last one standby, by 1500 ms{flooded}"):
        world.expect("state", "operate", within="1500 ms")
    with pytest.raises(BmsFailure, match=f"no frame with state came{flooded}"):
        world.stays("state", "standby", for_="100 ms")


def test_a_bus_that_the_rig_fills_is_not_the_bms_s_failure(build):
    """A babbling node of the rig's own keeps the BMS from the bus, and what it sends itself."""
    world = _world(build())
    with world.fault("bus.babbling", identifier=0):
        with pytest.raises(BmsFailure) as caught:
            world.expect("state", "operate", within="500 ms")
        assert "the BMS's messages take" not in str(caught.value)
        with pytest.raises(UsageError, match="no frame carried the stimulus"):
            world.on_wire(world.request("mode", "operate"))


def test_a_restbus_that_is_too_much_for_the_bus_is_the_rigs_trouble(build):
    """The messages of the DBC file do not fit into 10 kbit/s, however well the BMS behaves."""
    rig = build()
    rig.write_text(rig.read_text().replace("500 kbit/s", "10 kbit/s"))
    dbc = rig.parent / "bms.dbc"
    dbc.write_text(dbc.read_text().replace('"GenMsgCycleTime" BO_ 513 50', '"GenMsgCycleTime" BO_ 513 2'))
    session = Session(load_rig(rig), RunOptions())
    session.announce(TestInfo("test"))
    world = session.open("test")
    world.power_on(reaches="")
    with pytest.raises(BusError, match="node rig has 512 frames waiting"):
        world.run_for("60 s")


def test_a_bms_that_never_answers_is_told_once(build, hil):
    """Each test waits for its start in virtual time only."""
    run = hil("run", _many(build(ON_STEP="return 0;"), 12, ()), *ONE)
    assert run.code == 1, run.said
    assert _state_of(run) == "f" * 12
    assert run.said.count("nothing of the BMS came on any bus") == 1
    assert "The BMS was never heard on any bus: is it on and wired to these buses" in run.said
    run.assert_reported()


def test_what_was_written_before_a_crash_is_there(build, hil):
    rig = build(ON_STEP="if (late && mode == 1) abort();")
    (rig.parent / "test_one.py").write_text(
        "def test_quiet(rig):\n    rig.stays('state', 'standby', for_='30 s')\n\n"
        "def test_crash(rig):\n    rig.run_for('1 s')\n    rig.operate()\n\n"
        "def test_on(rig):\n    rig.run_for('1 s')\n"
    )
    run = hil("run", rig, *ONE)
    assert run.code == 1
    assert run.verdicts == ["pass", "fail", "pass"]
    run.assert_reported()
    frames = list(can.BLFReader(run.out / "trace.blf"))
    assert len(frames) > 1000


def test_what_it_breaks_under_is_left_by_a_search_for_its_limits(build, tmp_path, capsys):
    """It is asked for nothing more there; all else is found, and the end says that something was wrong."""
    rig = build(ON_STEP="if (highest >= 3900) return -1;")
    out = tmp_path / "sheet"
    code = main(["characterise", str(rig), "--out", str(out), "--only", "overvoltage"])
    said = capsys.readouterr().out
    assert code == 1, said
    sheet = read(out / "characteristic.json")
    assert sheet.complete
    assert any("the BMS broke: bms_step returned -1 at bus time" in left.reason for left in sheet.left), said
    assert "the BMS broke: bms_step returned -1" in said


@pytest.mark.parametrize("crash", ["raise(SIGSEGV);", "abort();", "*(volatile int *)0 = 1;", "exit(0);"])
def test_a_crash_in_a_search_for_its_limits_says_where_the_sheet_is(build, hil, tmp_path, crash):
    """It ended the command without a word."""
    rig = build(ON_STEP=f"if (highest >= 3900) {{ {crash} }}")
    out = tmp_path / "sheet"
    run = hil("characterise", rig, "--only", "overvoltage", "--out", out, env={})
    assert run.code == 3, run.said
    said = "hil: the firmware crashed or ended the process; what was found before"
    assert f"{said}: {out / 'characteristic.json'}" in run.said


def test_firmware_that_exits_at_once_is_told_in_a_search_for_its_limits(build, hil, tmp_path):
    """And what it printed itself is there."""
    rig = build(ON_STEP='printf("no such board"); exit(0);')
    run = hil("characterise", rig, "--only", "overvoltage", "--out", tmp_path / "sheet", env={})
    assert run.code == 3, run.said
    assert "hil: the firmware crashed or ended the process; nothing was found before" in run.said
    assert "no such board" in run.said
