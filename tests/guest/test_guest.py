"""The guest itself: what comes out of it, what it may write, and that nothing is left of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.guest import guest


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the guests of a test have their files; at its end nothing runs and nothing lies there."""
    reason = guest.available()
    if reason is not None:
        pytest.skip(reason)
    folder = tmp_path / "jobs"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert _running(folder) == []
    assert list(folder.iterdir()) == []


def _running(folder: Path) -> list[str]:
    """Command lines of the guests, dead but unreaped ones apart (theirs are empty)."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_text("utf-8", "replace")
        except OSError:
            continue
        if "linux.uml" in line and str(folder) in line:
            found.append(line)
    return found


def _captured(command: list[str], writable: tuple[Path, ...] = ()) -> tuple[int, str, str]:
    out, err = bytearray(), bytearray()
    code = guest.run(command, timeout_s=60, writable=writable, out=out.extend, err=err.extend)
    return code, out.decode(), err.decode()


@pytest.mark.usefixtures("jobs")
def test_output_errors_and_exit_code_come_back() -> None:
    code, out, err = _captured(["sh", "-c", "seq 1 50000; id -un >&2; exit 7"])
    assert (code, err) == (7, "root\n")
    assert out.splitlines() == [str(n) for n in range(1, 50001)]


@pytest.mark.usefixtures("jobs")
def test_only_the_named_folder_is_writable(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    own, other = tmp_path / "own" / "file", guest.HERE / "not-here"
    script = f"echo 1 >{own}; echo 2 >/tmp/gone; echo 3 >{other}"
    code, _, err = _captured(["sh", "-c", script], (own.parent,))
    assert (code, "Read-only file system" in err) == (2, True)
    assert own.read_text("ascii") == "1\n"
    assert not other.exists()


@pytest.mark.usefixtures("jobs")
def test_two_at_once() -> None:
    commands = [["sh", "-c", f"ip link del vcan{n}; ls /sys/class/net"] for n in range(2)]
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(_captured, commands))
    assert [out.split() for _, out, _ in results] == [
        ["lo", "vcan1", "vcan2", "vcan3"],
        ["lo", "vcan0", "vcan2", "vcan3"],
    ]


@pytest.mark.usefixtures("jobs")
def test_what_takes_too_long_is_killed() -> None:
    with pytest.raises(guest.GuestTimeoutError, match="killed after 10 s, under the command"):
        guest.run(["sh", "-c", "while :; do :; done"], timeout_s=10)


@pytest.mark.usefixtures("jobs")
def test_a_guest_that_does_not_boot_shows_its_kernels_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guest, "INIT", Path("/no/such/init"))
    with pytest.raises(guest.GuestError, match=r"(?s)before the command.*Kernel panic.*init"):
        guest.run(["true"], timeout_s=20)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_guest_dies_with_who_started_it(jobs: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "tests.guest.guest", "--", "sh", "-c", "echo up; while :; do :; done"]
    environment = {**os.environ, "TMPDIR": str(jobs)}
    with subprocess.Popen(command, cwd=guest.ROOT, env=environment, stdout=subprocess.PIPE) as runner:
        assert runner.stdout is not None
        assert runner.stdout.readline() == b"up\n"
        assert _running(jobs)
        runner.send_signal(number)
        code = runner.wait(10)
    assert code == (-number if number == signal.SIGKILL else 128 + number)
    deadline_s = time.monotonic() + 5
    while _running(jobs) and time.monotonic() < deadline_s:
        pass
    if number == signal.SIGKILL:  # who is killed cannot clean up
        for file in sorted(jobs.rglob("*"), reverse=True):
            file.rmdir() if file.is_dir() else file.unlink()


def test_what_is_not_installed_is_told_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guest, "_program", lambda _name: None)
    reason = guest._missing()
    assert reason is not None
    assert "\n" not in reason
    if sys.platform == "linux":
        assert "linux.uml" in reason
