"""Ctrl-C, SIGTERM and worse, in the middle of a run."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")

LONG = """
def test_first(rig):
    rig.operate()

def test_long(rig):
    for _ in range(100_000):
        rig.run_for("1 s")

def test_never(rig):
    rig.operate()
"""


@pytest.fixture
def start(build, launch, tmp_path):
    """Starts a run that would take minutes, and waits until it is in its second test."""

    def begin(**defines):
        rig = build(**defines)
        (tmp_path / "test_one.py").write_text(LONG)
        run = launch("run", rig, "--", "-p", "no:hypothesispytest", "test_one.py")
        run.wait_for("test_long")
        return run

    return begin


def _children(pid: int) -> list[int]:
    command = ["ps", "-o", "pid=", "--ppid", str(pid)]
    return list(map(int, subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()))


def _lives(pid: int) -> bool:
    command = ["ps", "-o", "stat=", "-p", str(pid)]
    state = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return state.strip()[:1] not in ("", "Z")


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_what_ran_is_reported(start, name):
    if signal.getsignal(getattr(signal, name)) is signal.SIG_IGN:
        pytest.skip(f"{name} is ignored here, as under nohup: a run rightly goes on")
    running = start()
    if name == "SIGINT":
        os.killpg(running.process.pid, signal.SIGINT)
    else:
        running.process.send_signal(getattr(signal, name))
    run = running.end()
    assert run.code == 130, run.said
    assert run.verdicts == ["pass", "error"]
    assert run.end["interrupted"] is True
    assert not run.troubles
    run.assert_reported()
    assert "interrupted" in run.said
    assert "KeyboardInterrupt" not in run.said


def test_a_second_one_ends_it_at_once(start):
    running = start(ON_STEP="if (now_ns > 5000000000u) for (;;) {}")
    running.pause(0.3)
    os.killpg(running.process.pid, signal.SIGINT)  # is not heard in the firmware
    running.pause(0.3)
    begun = time.monotonic()
    os.killpg(running.process.pid, signal.SIGINT)
    run = running.end()
    assert time.monotonic() - begun < 5
    assert run.code == 130, run.said
    assert run.verdicts == ["pass", "error"]
    run.assert_reported()


@pytest.mark.skipif(not shutil.which("ps"), reason="no ps")
def test_the_test_process_does_not_outlive_a_killed_supervisor(start):
    running = start()
    children = _children(running.process.pid)
    assert children
    running.process.kill()
    for _ in range(100):
        if not any(map(_lives, children)):
            return
        threading.Event().wait(0.1)
    pytest.fail("it lives on")
