"""The outputs of the safe state: commands that work, fail, hang, or are not there."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from hil.host import outputs
from hil.host.outputs import switch_outputs
from hil.realtime.sleep import sleep_until

if sys.platform == "win32":
    pytest.skip("a shell of Unix", allow_module_level=True)


def _sleep(span_ns: int) -> None:
    sleep_until(time.monotonic_ns() + span_ns)


def _shell(text: str) -> tuple[str, ...]:
    return ("sh", "-c", text)


def test_nothing_to_switch_takes_no_time() -> None:
    assert switch_outputs([], lambda _span_ns: pytest.fail("waited")) == {}


def test_all_are_switched_and_what_fails_keeps_none_from_it(tmp_path: Path) -> None:
    fails = "echo one >&2; echo two >&2; exit 3"
    commands = [_shell(fails), ("no-such-relay", "off"), ("touch", str(tmp_path / "switched"))]
    told = switch_outputs(commands, _sleep)
    assert told == {
        f"sh -c '{fails}'": "exit status 3: one | two",
        "no-such-relay off": "there is no such program",
        f"touch {tmp_path}/switched": "",
    }
    assert (tmp_path / "switched").exists()


def test_they_work_side_by_side() -> None:
    begun_ns = time.monotonic_ns()
    assert set(switch_outputs([("sleep", f"0.{n}") for n in (5, 6, 7)], _sleep).values()) == {""}
    assert time.monotonic_ns() - begun_ns < 1_700_000_000


def test_one_that_hangs_is_ended_with_all_that_it_has_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outputs, "SWITCH_NS", 500_000_000)
    told = switch_outputs([_shell(f"sleep 60 & echo $! >{tmp_path}/pid; wait")], _sleep)
    assert set(told.values()) == {"did not end within 0.5 s"}
    pid = int((tmp_path / "pid").read_text())
    end_s = time.monotonic() + 30  # a signal is delivered when the process has a processor
    while _is_running(pid) and time.monotonic() < end_s:
        _sleep(10_000_000)
    assert not _is_running(pid)


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_ctrl_c_that_led_to_the_safe_state_does_not_end_it(tmp_path: Path) -> None:
    """Those of a terminal go to the whole group of processes."""
    switch_outputs([_shell(f"ps -o pgid= -p $$ >{tmp_path}/group")], _sleep)
    group = (tmp_path / "group").read_text().strip()
    assert group
    assert int(group) != os.getpgrp()
