"""can-utils beside python-can, and the kernel's ``slcan`` on an adapter that is a pseudo-terminal."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
import tty
from collections.abc import Iterator
from pathlib import Path

import can
import pytest

pytestmark = pytest.mark.skipif(shutil.which("candump") is None, reason="can-utils is not installed")


@contextlib.contextmanager
def _socketcan(channel: str) -> Iterator[can.BusABC]:
    with can.Bus(interface="socketcan", channel=channel) as bus:
        yield bus


def test_candump_shows_what_python_can_sends() -> None:
    command = ["candump", "-L", "-n", "1", "vcan1"]
    with _socketcan("vcan1") as bus, subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as candump:
        for _ in range(100):  # until it listens
            bus.send(can.Message(arbitration_id=0x123, data=b"\xca\xfe", is_extended_id=False))
            with contextlib.suppress(subprocess.TimeoutExpired):
                candump.wait(0.05)
                break
        line, _ = candump.communicate(timeout=5)
    assert line.split()[1:] == ["vcan1", "123#CAFE"]


def test_canplayer_replays_a_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("(1.000000) vcan0 111#01\n(1.050000) vcan0 111#02\n", "ascii")
    with _socketcan("vcan2") as bus:
        subprocess.run(["canplayer", "-I", str(log), "vcan2=vcan0"], check=True, timeout=10)
        first, second = bus.recv(timeout=1), bus.recv(timeout=1)
    assert first is not None
    assert second is not None
    assert (bytes(first.data), bytes(second.data)) == (b"\x01", b"\x02")
    assert second.timestamp - first.timestamp == pytest.approx(0.05, abs=0.02)


@pytest.fixture
def adapter() -> Iterator[int]:
    """The adapter's side of a serial line that ``slcand`` has made the interface ``slcan0``."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    arguments = ["-F", "-o", "-c", "-s6", os.ttyname(theirs), "slcan0"]
    with subprocess.Popen(["slcand", *arguments], stderr=subprocess.DEVNULL) as slcand:
        _up("slcan0")
        yield ours
        slcand.terminate()
    os.close(theirs)
    os.close(ours)


def _up(interface: str) -> None:
    deadline_s = time.monotonic() + 5
    command = ["ip", "link", "set", interface, "up"]
    while subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode:
        assert time.monotonic() < deadline_s


def _read_until(fd: int, end: bytes) -> bytes:
    text = b""
    while not text.endswith(end):
        text += os.read(fd, 100)
    return text


def test_slcand_makes_an_interface_of_a_serial_line(adapter: int) -> None:
    assert _read_until(adapter, b"O\r").endswith(b"S6\rO\r")
    with _socketcan("slcan0") as bus:
        bus.send(can.Message(arbitration_id=0x123, data=b"\x11\x22", is_extended_id=False))
        assert _read_until(adapter, b"22\r") == b"t12321122\r"
        os.write(adapter, b"t4562CAFE\r")
        got = bus.recv(timeout=2)
    assert got is not None
    assert (got.arbitration_id, bytes(got.data)) == (0x456, b"\xca\xfe")
