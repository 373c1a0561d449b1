"""Traces come back as they were written, from python-can, tshark and can-utils alike."""

import errno
import os
import shutil
import subprocess
from pathlib import Path

import can
import pytest

from hil.bus.frame import ErrorFrame, FdFrame, Frame
from hil.bus.medium import Medium
from hil.clock import NS_PER_S, VirtualClock
from hil.errors import OutputError, UsageError
from hil.responses.trace import TraceWriter, open_trace


def frames(count: int = 50) -> list[Frame]:
    """Standard and extended, short and empty, remote, an error frame; the first not at 0."""
    made = []
    for place in range(count):
        frame = Frame(0x100 + place, bytes(range(place % 9)), sender="rig" if place % 2 else "bms")
        if place % 5 == 0:
            frame.id, frame.extended = 0x18FF0000 + place, True
        if place % 7 == 0:
            frame.remote = True
        made.append(frame)
    wreck = ErrorFrame(made[2], "bit", 23, 0x0A)
    wreck.tec, wreck.rec = 136, 1
    made.append(wreck)
    for place, frame in enumerate(made):
        frame.t_ns = 123_456_000 + place * 1_000_234_000
    return made


def written(folder: Path, kind: str, what: list[Frame]) -> Path:
    trace = open_trace(folder, kind, ["pack", "aux"])
    for place, frame in enumerate(what):
        trace.write(frame, place % 2)
    trace.close()
    trace.close()
    return folder / f"trace.{kind}"


@pytest.mark.parametrize("kind", ["blf", "asc", "log"])
def test_python_can_reads_back_what_was_written(tmp_path: Path, kind: str) -> None:
    made = frames()
    path = written(tmp_path, kind, made)
    with can.LogReader(path) as reader:
        got = list(reader)
    assert len(got) == len(made)
    for message, frame in zip(got, made, strict=True):
        assert message.timestamp == pytest.approx(frame.t_ns / NS_PER_S, abs=1e-9)
        assert message.is_error_frame == frame.error
        if frame.error:
            continue
        assert message.arbitration_id == frame.id
        assert message.is_extended_id == frame.extended
        assert message.is_remote_frame == frame.remote
        assert bytes(message.data) == (b"" if frame.remote else frame.data)
    if kind != "log":
        assert [m.is_rx for m in got if not m.is_error_frame] == [
            f.sender != "rig" for f in made if not f.error
        ]
        assert {m.channel for m in got if not m.is_error_frame} == {0, 1}


@pytest.mark.parametrize("kind", ["blf", "asc", "log"])
def test_can_fd_frames_are_kept_whole(tmp_path: Path, kind: str) -> None:
    """Also where a classic frame has the same identifier."""
    made = [
        Frame(0x123, b"classic"),
        FdFrame(0x123, bytes(range(64)), sender="rig"),
        FdFrame(0x18FF50E5, bytes(12), extended=True, fast=False),
        FdFrame(0x123, b""),
        Frame(0x123, b"classic"),
    ]
    for place, frame in enumerate(made):
        frame.t_ns = (place + 1) * NS_PER_S
    with can.LogReader(written(tmp_path, kind, made)) as reader:
        got = list(reader)
    for message, frame in zip(got, made, strict=True):
        assert (message.arbitration_id, message.is_extended_id) == (frame.id, frame.extended)
        assert (message.is_fd, bytes(message.data)) == (isinstance(frame, FdFrame), frame.data)
        assert message.bitrate_switch == (isinstance(frame, FdFrame) and frame.fast)


def test_blf_keeps_what_an_error_frame_destroyed(tmp_path: Path) -> None:
    made = frames()
    with can.LogReader(written(tmp_path, "blf", made)) as reader:
        message = list(reader)[-1]
    assert message.arbitration_id == made[-1].id
    assert bytes(message.data) == made[-1].data


def test_an_error_frame_of_a_real_bus_keeps_its_class(tmp_path: Path) -> None:
    """It comes in SocketCAN's words: here a missing acknowledge, with both error counters."""
    frame = Frame(0x2A8, bytes.fromhex("0000801900008801"))
    frame.error, frame.t_ns = True, NS_PER_S
    with can.LogReader(written(tmp_path, "blf", [frame])) as reader:
        (message,) = list(reader)
    assert (message.is_error_frame, message.arbitration_id) == (True, 0x2A8)
    assert bytes(message.data) == frame.data
    line = written(tmp_path, "log", [frame]).read_text()
    assert line == "(0000000001.000000) pack 200002A8#0000801900008801\n"


def test_candump_lines(tmp_path: Path) -> None:
    lines = written(tmp_path, "log", frames()).read_text(encoding="utf-8").splitlines()
    assert lines[0] == "(0000000000.123456) pack 18FF0000#R"
    assert lines[1] == "(0000000001.123690) aux 101#00"
    assert lines[7] == "(0000000007.125094) aux 107#R7"
    # controller, protocol, bus error, counters: passive; a bit error in transmission, in the data
    assert lines[50] == "(0000000050.135156) pack 2000028C#0020810A00008801"


@pytest.mark.parametrize("kind", ["blf", "asc", "log"])
def test_equal_runs_give_equal_bytes(tmp_path: Path, kind: str) -> None:
    made = frames(2000)
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    assert written(one, kind, made).read_bytes() == written(two, kind, made).read_bytes()


@pytest.mark.parametrize("kind", ["blf", "asc", "log"])
def test_a_trace_without_frames_is_a_readable_file(tmp_path: Path, kind: str) -> None:
    with can.LogReader(written(tmp_path, kind, [])) as reader:
        assert list(reader) == []


def test_a_path_without_suffix_gets_one(tmp_path: Path) -> None:
    open_trace(tmp_path / "night.1", "log", ["pack"]).close()
    assert (tmp_path / "night.1.log").exists()


def test_wrong_kind() -> None:
    with pytest.raises(UsageError, match="blf, asc, log"):
        open_trace(Path(), "mf5", ["pack"])


@pytest.mark.parametrize("kind", ["blf", "asc", "log"])
def test_a_folder_that_is_not_there(tmp_path: Path, kind: str) -> None:
    with pytest.raises(OutputError, match=r"cannot be written: .*") as caught:
        open_trace(tmp_path / "no" / "trace", kind, ["pack"])
    assert "trace" in caught.value.place
    assert caught.value.remedy


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("kind", ["blf", "asc", "log"])
def test_a_full_disk_is_told_once(tmp_path: Path, kind: str) -> None:
    (tmp_path / f"trace.{kind}").symlink_to("/dev/full")
    with pytest.raises(OutputError, match=os.strerror(errno.ENOSPC)):
        written(tmp_path, kind, frames(20_000))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("kind", ["asc", "log"])
def test_a_trace_that_failed_closes_quietly(tmp_path: Path, kind: str) -> None:
    (tmp_path / f"trace.{kind}").symlink_to("/dev/full")
    trace = open_trace(tmp_path, kind, ["pack"])
    frame = Frame(0x123, bytes(8))
    with pytest.raises(OutputError):
        fill(trace, frame)
    trace.close()


def fill(trace: TraceWriter, frame: Frame) -> None:
    for _ in range(20_000):
        trace.write(frame, 0)


def bus_frames() -> list[Frame]:
    """A second of a bus with a few errors."""
    clock = VirtualClock()
    medium = Medium(clock, seed=3)
    seen: list[Frame] = []
    medium.taps.append(seen.append)
    node, _ = medium.attach("rig"), medium.attach("bms")
    medium.disturb(lambda frame: frame.id == 0x111, count=3)
    for place in range(100):
        node.send(0x100 + place, bytes([place] * (place % 9)))
    clock.run_until(NS_PER_S)
    return seen


@pytest.mark.parametrize("kind", ["blf", "asc", "log"])
def test_a_tap_writes_the_same_file(tmp_path: Path, kind: str) -> None:
    buses = [bus_frames(), bus_frames()]
    written_path, tapped_path = tmp_path / "written", tmp_path / "tapped"
    writer, tapped = (open_trace(path, kind, ["pack", "aux"]) for path in (written_path, tapped_path))
    taps = [tapped.tap(channel) for channel in (0, 1)]
    for place, frames_of_both in enumerate(zip(*buses, strict=True)):
        for channel, frame in enumerate(frames_of_both):
            writer.write(frame, channel)
            taps[channel](frame)
        if place % 30 == 0:
            tapped.settle()
    writer.close()
    tapped.close()
    suffix = f".{kind}"
    assert tapped_path.with_suffix(suffix).read_bytes() == written_path.with_suffix(suffix).read_bytes()


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
@pytest.mark.parametrize("kind", ["blf", "log"])
def test_tshark_reads_every_frame(tmp_path: Path, kind: str) -> None:
    seen = bus_frames()
    trace = open_trace(tmp_path, kind, ["pack"])
    for frame in seen:
        trace.write(frame, 0)
    trace.close()
    command = ["tshark", "-r", str(tmp_path / f"trace.{kind}"), "-T", "fields", "-e", "can.id"]
    result = subprocess.run([*command, "-e", "can.len"], capture_output=True, text=True, check=True)
    rows = result.stdout.splitlines()
    good = [f"{frame.id}\t{len(frame.data)}" for frame in seen if not frame.error]
    if len(rows) == len(seen):
        rows = [row for row, frame in zip(rows, seen, strict=True) if not frame.error]
    else:
        assert kind == "blf"  # tshark 4.0 passes over the error frames of BLF files
    assert rows == good


@pytest.mark.skipif(shutil.which("log2asc") is None, reason="can-utils is not installed")
def test_can_utils_read_every_line(tmp_path: Path) -> None:
    seen = bus_frames()
    trace = open_trace(tmp_path, "log", ["pack"])
    for frame in seen:
        trace.write(frame, 0)
    trace.close()
    command = ["log2asc", "-I", str(tmp_path / "trace.log"), "pack"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert sum(" Rx " in row for row in result.stdout.splitlines()) == sum(
        not frame.error for frame in seen
    )


def test_an_error_late_in_a_long_frame(tmp_path: Path) -> None:
    """The position in an error record is one byte: what lies beyond is told as the last one."""
    wreck = ErrorFrame(FdFrame(0x123, bytes(64)), "bit", 400, 0x0A)
    path = written(tmp_path, "blf", [wreck])
    with can.BLFReader(path) as reader:
        (back,) = reader
    assert back.is_error_frame
