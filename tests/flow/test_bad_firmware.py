"""Firmware that is missing, broken or hostile: one message, exit 3, and the report of what ran."""

from __future__ import annotations

import time
from pathlib import Path

import can
import pytest

from hil.errors import FirmwareError
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
        ({"ON_RECEIVE": "raise(SIGSEGV);"}, "the firmware crashed (SIGSEGV)"),
        ({"ON_STEP": "if (late) exit(0);"}, "the firmware ended the test process (exit status 0)"),
        ({"ON_STEP": "if (late) return -1;"}, "bms_step returned -1"),
    ],
)
def test_it_ends_the_run(build, hil, defines, reason):
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


SEND = "if (late) { memset(out, 0, sizeof *out); out->id = 256; out->length = 8; %s return 1; }"


@pytest.mark.parametrize(
    ("defines", "reason"),
    [
        ({"NO_ABI": ""}, "the firmware library lacks bms_abi_version"),
        ({"ABI": "7"}, "bms_abi_version is 7, this rig speaks 2"),
        ({"ON_INIT": "return 5;"}, "bms_init returned 5"),
        ({"ON_RECEIVE": "return 4;"}, "bms_receive returned 4"),
        ({"ON_STEP": "if (late) return 65;"}, "bms_step returned 65"),
        ({"ON_STEP": SEND % "out->length = 200;"}, "200 bytes"),
        ({"ON_STEP": SEND % "out->bus = 3;"}, "bus 3"),
        ({"ON_STEP": SEND % "out->id = 4096;"}, "identifier"),
    ],
)
def test_what_it_may_not_do(build, defines, reason):
    """As above, without the processes around it."""
    rig = build(**defines)
    with pytest.raises(FirmwareError, match=reason) as caught:
        _world(rig).run_for("1 s")
    assert caught.value.place == str(rig.parent / "firmware.so")
    assert caught.value.key == "bms.library"
    assert caught.value.remedy


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
    assert run.code == 3
    assert "did not return within 5 s" in run.said
    assert run.verdicts == ["error"]
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


def test_what_was_written_before_a_crash_is_there(build, hil):
    rig = build(ON_STEP="if (late && mode == 1) abort();")
    (rig.parent / "test_one.py").write_text(
        "def test_quiet(rig):\n    rig.stays('state', 'standby', for_='30 s')\n\n"
        "def test_crash(rig):\n    rig.run_for('1 s')\n    rig.operate()\n\n"
        "def test_never(rig):\n    rig.operate()\n"
    )
    run = hil("run", rig, *ONE)
    assert run.code == 3
    assert run.verdicts == ["pass", "error"]
    assert [event["test"] for event in run.events if event["event"] == "test"][-1].endswith("test_crash")
    run.assert_reported()
    frames = list(can.BLFReader(run.out / "trace.blf"))
    assert len(frames) > 1000
