"""The rig's links on real SocketCAN: frames, stamps, echoes, losses, filters, FD, interfaces that vanish."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import pytest

from hil.bus.bcm import Broadcast
from hil.bus.frame import FdFrame, Frame
from hil.bus.link import Link, open_link
from hil.bus.python_can import PythonCanLink
from hil.bus.real_medium import RealMedium
from hil.bus.slcan import SlcanLink
from hil.bus.slcan_twin import serving
from hil.bus.socketcan import SocketCanLink
from hil.clock import NS_PER_MS, NS_PER_S
from hil.errors import BusError, FrameError
from hil.realtime.clock import RealClock

Open = Callable[..., SocketCanLink]


@pytest.fixture
def open_can() -> Iterator[Open]:
    links: list[SocketCanLink] = []

    def open_one(channel: str = "vcan0", **options: object) -> SocketCanLink:
        links.append(SocketCanLink("bus", channel, **options))  # type: ignore[arg-type]
        return links[-1]

    yield open_one
    for link in links:
        link.close()


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


@pytest.fixture
def own_interface() -> Iterator[str]:
    """An interface that a test may take down and away."""
    ip("link", "add", "vcan9", "type", "vcan")
    ip("link", "set", "vcan9", "mtu", "16", "up")
    yield "vcan9"
    subprocess.run(["ip", "link", "del", "vcan9"], check=False, stderr=subprocess.DEVNULL)


def come(link: Link, count: int = 1) -> list[Frame]:
    """Wait for frames; what has come after 2 s at the latest."""
    found: list[Frame] = []
    until = time.monotonic() + 2.0
    while len(found) < count and time.monotonic() < until:
        found += link.receive()
    return found


def told(frames: Sequence[Frame]) -> list[tuple[int, bytes, bool, str]]:
    return [(frame.id, frame.data, frame.extended, frame.sender) for frame in frames]


def test_frames_and_echoes(open_can: Open) -> None:
    a, b = open_can(), open_can()
    a.send(Frame(0x123, b"\x01\x02"))
    a.send(Frame(0x18FF50E5, bytes(8), extended=True))
    assert told(come(b, 2)) == [(0x123, b"\x01\x02", False, ""), (0x18FF50E5, bytes(8), True, "")]
    assert told(come(a, 2)) == [(0x123, b"\x01\x02", False, "rig"), (0x18FF50E5, bytes(8), True, "rig")]
    assert (a.counters.sent, a.counters.own_echoes, a.counters.received) == (2, 2, 0)
    assert (b.counters.own_echoes, b.counters.received) == (0, 2)


def test_a_local_frame_of_another_program_is_no_echo(open_can: Open) -> None:
    """All frames on vcan are marked as local; only the own socket's count as own."""
    a, b = open_can(), open_can()
    b.send(Frame(0x55, b""))
    (frame,) = come(a)
    assert frame.sender == ""


def test_remote_frames(open_can: Open) -> None:
    a, b = open_can(), open_can()
    frame = Frame(0x7, bytes(4))
    frame.remote = True
    a.send(frame)
    (got,) = come(b)
    assert got.remote
    assert len(got.data) == 4


def test_stamps_lie_between_send_and_receipt(open_can: Open) -> None:
    a, b = open_can(), open_can()
    before_ns = time.monotonic_ns()
    a.send(Frame(1, b""))
    after_ns = time.monotonic_ns()
    time.sleep(0.05)  # noqa: TID251
    (got,) = come(b)
    assert before_ns - NS_PER_MS <= got.t_ns <= after_ns + NS_PER_MS


def test_hardware_stamps_fall_back_to_the_kernels(open_can: Open) -> None:
    a, b = open_can(), open_can(hardware_stamps=True)
    before_ns = time.monotonic_ns()
    a.send(Frame(1, b""))
    (got,) = come(b)
    assert before_ns - NS_PER_MS <= got.t_ns <= time.monotonic_ns()


def test_a_clock_that_is_set_is_seen_and_stamps_stay_right(open_can: Open) -> None:
    a, b = open_can(), open_can()
    for step_s in (-3600, 3600):
        before_ns = time.monotonic_ns()
        a.send(Frame(1, b"a"))
        time.clock_settime(time.CLOCK_REALTIME, time.clock_gettime(time.CLOCK_REALTIME) + step_s)
        a.send(Frame(1, b"b"))
        frames = come(b, 2)
        assert [frame.data for frame in frames] == [b"a", b"b"]
        assert all(before_ns <= frame.t_ns <= time.monotonic_ns() for frame in frames)
    assert b.counters.clock_jumps == 2
    a.send(Frame(1, b"c"))
    come(b)
    assert b.counters.clock_jumps == 2


def test_order_and_completeness_of_a_burst(open_can: Open) -> None:
    a, b = open_can(), open_can()
    for number in range(1_000):
        a.send(Frame(0x100, number.to_bytes(8, "big")))
    frames = come(b, 1_000)
    assert [int.from_bytes(frame.data, "big") for frame in frames] == list(range(1_000))
    stamps = [frame.t_ns for frame in frames]
    assert stamps == sorted(stamps)
    assert b.counters.rx_overruns == 0


def test_what_the_receive_queue_loses_is_counted(open_can: Open) -> None:
    a, b = open_can(), open_can()
    b._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    for number in range(200):
        a.send(Frame(0x100, number.to_bytes(8, "big")))
    sent, frames = 200, list(come(b))
    until = time.monotonic() + 2.0
    while not any(frame.id == 0x101 for frame in frames) and time.monotonic() < until:
        a.send(Frame(0x101, b""))  # the kernel tells losses with the next frame that it keeps
        sent += 1
        frames += come(b)
    assert 0 < len(frames) < sent
    assert b.counters.rx_overruns > 0
    assert len(frames) + b.counters.rx_overruns <= sent


def test_filters(open_can: Open) -> None:
    a, b = open_can(), open_can()
    b.set_filters([(0x100, False), (0x18FF50E5, True)])
    b.send(Frame(0x7FF, b"own"))
    for identifier, extended in ((0x100, False), (0x101, False), (0x100, True), (0x18FF50E5, True)):
        a.send(Frame(identifier, b"", extended))
    assert told(come(b, 3)) == [
        (0x7FF, b"own", False, "rig"), (0x100, b"", False, ""), (0x18FF50E5, b"", True, ""),
    ]  # fmt: skip
    b.set_filters(None)
    a.send(Frame(0x101, b""))
    assert told(come(b)) == [(0x101, b"", False, "")]


def test_fd_frames(open_can: Open) -> None:
    a, b, classic = open_can(fd=True), open_can(fd=True), open_can()
    a.send(Frame(0x10, bytes(range(64))))
    a.send(FdFrame(0x11, b"\x01", fast=False))
    a.send(Frame(0x12, b"\x02"))
    long, short, plain = come(b, 3)
    assert isinstance(long, FdFrame)
    assert (long.data, long.fast) == (bytes(range(64)), True)
    assert isinstance(short, FdFrame)
    assert (short.data, short.fast) == (b"\x01", False)
    assert not isinstance(plain, FdFrame)
    with pytest.raises(FrameError, match="classic CAN"):
        classic.send(Frame(0x10, bytes(12)))


def test_no_such_interface() -> None:
    with pytest.raises(BusError, match=r"interface can7: does not exist.*type can bitrate"):
        open_link("pack", "socketcan", "can7", 500_000)


def test_an_interface_that_is_down(own_interface: str, open_can: Open) -> None:
    ip("link", "set", own_interface, "down")
    with pytest.raises(BusError, match=r"interface vcan9: is down \(.*ip link set vcan9 up"):
        open_can(own_interface)


def test_going_down_and_up_again(own_interface: str, open_can: Open) -> None:
    link, other = open_can(own_interface), open_can(own_interface)
    ip("link", "set", own_interface, "down")
    with pytest.raises(BusError, match="is down"):
        come(link)
    with pytest.raises(BusError, match="is down"):
        link.send(Frame(1, b""))
    assert not link.reopen()
    ip("link", "set", own_interface, "up")
    assert link.reopen()
    assert other.reopen()
    link.send(Frame(1, b""))
    assert len(come(other)) == 1
    assert link.counters.restarts == 1


def test_unplugged_and_plugged_in_again(own_interface: str, open_can: Open) -> None:
    link = open_can(own_interface)
    ip("link", "del", own_interface)
    with pytest.raises(BusError, match=r"does not exist \(any more\)|is down"):
        come(link)
    with pytest.raises(BusError, match="vcan9"):
        link.send(Frame(1, b""))
    assert not link.reopen()
    ip("link", "add", own_interface, "type", "vcan")
    ip("link", "set", own_interface, "up")
    assert link.reopen()
    link.send(Frame(1, b""))
    assert len(come(link)) == 1


def test_an_interface_that_is_set_to_classic_can(own_interface: str, open_can: Open) -> None:
    """It carries no bus of CAN FD; set as the error says, it does."""
    open_can(own_interface)
    with pytest.raises(BusError, match=r"vcan9: is set to classic CAN.*`ip link set vcan9 ") as caught:
        open_can(own_interface, fd=True, data_bitrate=2_000_000)
    down, set_up = caught.value.remedy.split("`")[1].split("; ")
    for command in (down, set_up):
        subprocess.run(command.split(), check=True)
    link = open_can(own_interface, fd=True, data_bitrate=2_000_000)
    link.send(Frame(1, bytes(64)))
    assert told(come(link)) == [(1, bytes(64), False, "rig")]


def test_an_interface_that_is_set_to_classic_can_meanwhile(own_interface: str, open_can: Open) -> None:
    ip("link", "set", own_interface, "down")
    ip("link", "set", own_interface, "mtu", "72", "up")
    link = open_can(own_interface, fd=True, data_bitrate=2_000_000)
    ip("link", "set", own_interface, "down")
    ip("link", "set", own_interface, "mtu", "16", "up")
    with pytest.raises(BusError, match="is down"):
        come(link)
    with pytest.raises(BusError, match="mtu 72"):
        link.send(Frame(1, bytes(64)))
    assert not link.reopen()
    assert link.counters.last_error == "is set to classic CAN, but the bus is CAN FD"


def test_error_frames_are_decoded(open_can: Open) -> None:
    """Any program may send an error frame on vcan: a controller that went off the bus and came back."""
    link = open_can()
    with socket.socket(socket.AF_CAN, socket.SOCK_RAW, socket.CAN_RAW) as raw:
        raw.bind(("vcan0",))
        raw.send(bytes.fromhex("4000002008000000") + bytes(8))
        raw.send(bytes.fromhex("0001002008000000") + bytes(8))
    off, back = come(link, 2)
    assert (off.error, off.id) == (True, 0x40)
    assert (back.error, back.id) == (True, 0x100)
    assert (link.counters.bus_off, link.counters.restarts, link.counters.error_frames) == (1, 1, 2)
    assert link.counters.last_error == "restarted after bus-off"


class TestBroadcast:
    def test_a_sequence_runs_by_itself(self, open_can: Open) -> None:
        link, other = open_can(), open_can()
        broadcast = Broadcast(link)
        with contextlib.closing(broadcast):
            broadcast.start([Frame(0x50, bytes((n,))) for n in range(15)], 2 * NS_PER_MS)
            time.sleep(0.2)  # noqa: TID251
            broadcast.stop(0x50)
            frames = come(other, 40)
        counts = [frame.data[0] for frame in frames]
        assert len(counts) >= 40
        assert counts == [n % 15 for n in range(len(counts))]
        span_ns = frames[-1].t_ns - frames[0].t_ns
        assert span_ns / (len(frames) - 1) >= 2 * NS_PER_MS * 0.99  # it drifts, but is never early
        assert {frame.sender for frame in other.receive()} <= {""}

    def test_its_frames_count_as_own(self, open_can: Open) -> None:
        link = open_can()
        with contextlib.closing(Broadcast(link)) as broadcast:
            broadcast.start([Frame(0x50, b"")], NS_PER_S)
            assert told(come(link)) == [(0x50, b"", False, "rig")]

    def test_update_keeps_timing_and_turn(self, open_can: Open) -> None:
        link, other = open_can(), open_can()
        with contextlib.closing(Broadcast(link)) as broadcast:
            broadcast.start([Frame(0x50, bytes((n, 0))) for n in range(4)], 5 * NS_PER_MS)
            frames = come(other, 6)
            broadcast.update([Frame(0x50, bytes((n, 1))) for n in range(4)])
            frames += come(other, 8)
        turns = [frame.data[0] for frame in frames]
        assert turns == [n % 4 for n in range(len(turns))]
        assert [frame.data[1] for frame in frames][-4:] == [1, 1, 1, 1]
        gaps = [b.t_ns - a.t_ns for a, b in pairwise(frames)]
        assert min(gaps) > 2 * NS_PER_MS  # an update does not send

    def test_a_longer_sequence_starts_anew(self, open_can: Open) -> None:
        link, other = open_can(), open_can()
        with contextlib.closing(Broadcast(link)) as broadcast:
            broadcast.start([Frame(0x50, b"a")], NS_PER_S)
            with pytest.raises(BusError, match="cannot grow"):
                broadcast.update([Frame(0x50, b"a"), Frame(0x50, b"b")])
            broadcast.start([Frame(0x50, b"b"), Frame(0x50, b"c")], 5 * NS_PER_MS)
            frames = come(other, 4)
        assert [frame.data for frame in frames[:4]] == [b"a", b"b", b"c", b"b"]

    def test_fd(self, open_can: Open) -> None:
        link, other = open_can(fd=True), open_can(fd=True)
        with contextlib.closing(Broadcast(link)) as broadcast:
            broadcast.start([FdFrame(0x60, bytes(range(48)), extended=True)], NS_PER_S)
            (frame,) = come(other)
            broadcast.start([FdFrame(0x60, bytes(48), extended=True)], 2 * NS_PER_MS)
            come(other, 3)
            broadcast.stop(0x60, extended=True)
            other.receive()
            time.sleep(0.1)  # noqa: TID251 - the kernel would go on in that time
            assert list(other.receive()) == []
            broadcast.start([Frame(0x60, b"short", extended=True)], NS_PER_S)  # of another kind now
            (short,) = come(other)
        assert (frame.id, frame.data, frame.extended) == (0x60, bytes(range(48)), True)
        assert (short.id, short.data) == (0x60, b"short")

    def test_what_cannot_be(self, open_can: Open) -> None:
        with contextlib.closing(Broadcast(open_can())) as broadcast:
            with pytest.raises(BusError, match="not of one kind"):
                broadcast.start([Frame(1, b""), Frame(2, b"")], NS_PER_S)
            with pytest.raises(BusError, match="257 frames"):
                broadcast.start([Frame(1, b"")] * 257, NS_PER_S)
            with pytest.raises(BusError, match="0 frames"):
                broadcast.start([], NS_PER_S)
            with pytest.raises(BusError, match="too short"):
                broadcast.start([Frame(1, b"")], 0)
            with pytest.raises(BusError, match="not running"):
                broadcast.update([Frame(1, b"")])
            broadcast.stop(1)


def test_a_real_medium_on_a_real_clock(open_can: Open) -> None:
    clock = RealClock()
    link, bms = open_can("vcan1"), open_can("vcan1")
    medium = RealMedium(clock, link)
    heard: list[Frame] = []
    through: list[Frame] = []
    node = medium.attach("rig", heard.append)
    node.on_sent = through.append
    tapped: list[Frame] = []
    medium.taps.append(tapped.append)
    sent = node.send(0x300, bytes(8))
    assert clock.run_until_any(clock.now_ns + NS_PER_S, through)
    assert through == [sent]
    assert 0 < sent.start_ns < sent.t_ns <= clock.real_ns
    bms.send(Frame(0x301, b"\x01"))
    assert clock.run_until_any(clock.now_ns + NS_PER_S, heard)
    assert told(heard) == [(0x301, b"\x01", False, "")]
    assert tapped == [sent, *heard]
    assert medium.complaints() == []
    medium.close()


def test_python_can_as_a_link_beside_ours(open_can: Open) -> None:
    ours = open_can("vcan2")
    theirs = PythonCanLink("bus", "socketcan", "vcan2")
    with contextlib.closing(theirs):
        assert theirs.fileno() is not None
        ours.send(Frame(0x18FF50E5, b"\x01", extended=True))
        theirs.send(Frame(0x77, b"\x02"))
        frames = come(theirs, 2)  # whose they are python-can cannot tell on vcan
        assert [(frame.id, frame.data) for frame in frames] == [(0x18FF50E5, b"\x01"), (0x77, b"\x02")]
        assert told(come(ours, 2)) == [(0x18FF50E5, b"\x01", True, "rig"), (0x77, b"\x02", False, "")]


def test_slcan_in_the_guest(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("adapters")
    with serving(folder / "a", folder / "b") as (first, _):
        a, b = SlcanLink("a", str(folder / "a")), SlcanLink("b", str(folder / "b"))
        with contextlib.closing(a), contextlib.closing(b):
            a.send(Frame(0x123, b"\x01"))
            assert told(come(b)) == [(0x123, b"\x01", False, "")]
            assert told(come(a)) == [(0x123, b"\x01", False, "rig")]
            first.unplug()
            with pytest.raises(BusError, match="gone"):
                come(a)
            first.replug()
            assert a.reopen()
            b.send(Frame(0x124, b""))
            assert told(come(a)) == [(0x124, b"", False, "")]
