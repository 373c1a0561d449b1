"""Packing, unpacking and stamping of SocketCAN's frames, on a pair of sockets where no CAN is needed.

The kernel's own part is tested in ``tests/socketcan``.
"""

import errno
import os
import socket
import struct
import time
from collections.abc import Callable, Iterator

import can
import pytest
from can.interfaces.socketcan.socketcan import build_can_frame
from hypothesis import given
from hypothesis import strategies as st

from hil.bus import socketcan
from hil.bus.bcm import _pack_head
from hil.bus.frame import FdFrame, Frame
from hil.bus.interface import explain
from hil.bus.link import LinkFullError
from hil.bus.socketcan import SocketCanLink
from hil.clock import NS_PER_MS, NS_PER_S
from hil.errors import BusError, FrameError

pytestmark = pytest.mark.skipif(os.name == "nt", reason="SocketCAN is Linux's")


class LocalSocket(socket.socket):
    """One end of a pair in the place of a CAN socket: it takes CAN's options and has no address."""

    def setsockopt(self, level: int, *arguments: object) -> None:  # type: ignore[override]
        if level == socket.SOL_SOCKET:
            super().setsockopt(level, *arguments)  # type: ignore[call-overload]

    def bind(self, address: object) -> None:
        assert address == ("can0",)


Pair = tuple[SocketCanLink, socket.socket]


@pytest.fixture
def open_pair(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Pair]]:
    opened: list[Pair] = []

    def open_one(**options: bool) -> Pair:
        ours, bus = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        local = LocalSocket(fileno=ours.detach())
        with monkeypatch.context() as patch:
            patch.setattr(socketcan, "refuse_unless_fit", lambda *_: None)
            patch.setattr(socketcan.socket, "socket", lambda *_: local)
            for name in ("AF_CAN", "CAN_RAW"):
                patch.setattr(socketcan.socket, name, 0, raising=False)
            opened.append((SocketCanLink("pack", "can0", **options), bus))  # type: ignore[arg-type]
        return opened[-1]

    yield open_one
    for link, bus in opened:
        link.close()
        bus.close()


@pytest.fixture
def pair(open_pair: Callable[..., Pair]) -> Pair:
    return open_pair()


frames = st.builds(
    lambda extended, identifier, data: Frame(identifier if extended else identifier & 0x7FF, data, extended),
    st.booleans(),
    st.integers(0, 0x1FFFFFFF),
    st.binary(max_size=8),
)


class TestPacking:
    def packed(self, frame: Frame) -> bytes:
        link = SocketCanLink.__new__(SocketCanLink)
        link.channel, link.data_bitrate = "can0", 2_000_000
        return link._packed(frame)

    @given(frames, st.booleans())
    def test_like_python_can(self, frame: Frame, remote: bool) -> None:
        frame.remote = remote
        message = can.Message(
            arbitration_id=frame.id, is_extended_id=frame.extended, is_remote_frame=remote,
            data=None if remote else frame.data, dlc=len(frame.data),
        )  # fmt: skip
        ours, theirs = self.packed(frame), build_can_frame(message)
        assert ours[:5] + ours[8:] == theirs[:5] + theirs[8:]
        assert ours[5:8] == bytes(3)  # theirs say the length once more

    @given(st.integers(0, 15), st.booleans())
    def test_fd_like_python_can(self, code: int, fast: bool) -> None:
        data = os.urandom(can.util.dlc2len(code))
        message = can.Message(
            arbitration_id=0x123, is_extended_id=False, is_fd=True, bitrate_switch=fast, data=data
        )
        ours, theirs = self.packed(FdFrame(0x123, data, fast=fast)), build_can_frame(message)
        assert ours[:5] + ours[8:] == theirs[:5] + theirs[8:]
        assert ours[5] == fast
        assert ours[6:8] == bytes(2)

    @given(st.integers(0, 64))
    def test_lengths_that_do_not_exist_are_filled_up(self, length: int) -> None:
        packed = self.packed(FdFrame(0x123, b"\xff" * length))
        assert packed[4] == can.util.dlc2len(can.util.len2dlc(length))
        assert packed[8:] == (b"\xff" * length).ljust(64, b"\0")

    @given(frames)
    def test_there_and_back(self, frame: Frame) -> None:
        back = SocketCanLink._unpacked(self.packed(frame))
        assert back is not None
        assert (back.id, back.data, back.extended) == (frame.id, frame.data, frame.extended)

    @given(st.one_of(st.binary(max_size=80), *(st.binary(min_size=n, max_size=n) for n in (16, 72))))
    def test_anything_is_a_frame_or_nothing(self, data: bytes) -> None:
        frame = SocketCanLink._unpacked(data)
        if frame is not None:
            assert len(data) in (16, 72)

    def test_what_does_not_fit(self, pair: Pair) -> None:
        link, _ = pair
        for frame, message in (
            (Frame(0x800, b""), "does not fit"),
            (Frame(-1, b""), "does not fit"),
            (Frame(1 << 29, b"", extended=True), "does not fit"),
            (Frame(1, bytes(9)), "the bus is classic CAN"),
            (FdFrame(1, b""), "the bus is classic CAN"),
        ):
            with pytest.raises(FrameError, match=message):
                link.send(frame)
        with pytest.raises(FrameError, match="more than 64 bytes"):
            self.packed(Frame(1, bytes(65)))


def test_garbage_is_counted_and_the_rest_is_received(pair: Pair) -> None:
    link, bus = pair
    before_ns = time.monotonic_ns()
    bus.send(b"short")
    bus.send(struct.pack("=IB3x8s", 0x123, 9, bytes(8)))
    bus.send(struct.pack("=IBB2x64s", 0x123, 65, 0, bytes(64)))
    bus.send(struct.pack("=IB3x8s", 0x123, 2, b"\1\2"))
    (frame,) = link.receive()
    assert (frame.id, frame.data) == (0x123, b"\1\2")
    assert before_ns - 10_000 <= frame.t_ns <= time.monotonic_ns()
    assert (link.counters.garbage, link.counters.received) == (3, 1)
    assert link.receive() == ()


def test_an_error_frame(pair: Pair) -> None:
    link, bus = pair
    bus.send(struct.pack("=IB3x8s", 0x20000088, 8, bytes.fromhex("0000040800000000")))
    (frame,) = link.receive()
    assert (frame.error, frame.id, frame.extended) == (True, 0x88, False)
    assert link.counters.last_error == "stuff error in the CRC"


def test_a_batch_has_a_bound(pair: Pair) -> None:
    link, bus = pair
    bus.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    bus.setblocking(False)
    sent = 0
    try:
        while sent < 600:
            bus.send(struct.pack("=IB3x8s", 1, 0, bytes(8)))
            sent += 1
    except BlockingIOError:
        pass
    received = 0
    while batch := link.receive():
        assert len(batch) <= 512
        received += len(batch)
    assert received == sent


def test_no_room(pair: Pair) -> None:
    link, _ = pair

    def fill() -> None:
        for _ in range(100_000):
            link.send(Frame(1, bytes(8)))

    with pytest.raises(LinkFullError, match="txqueuelen"):
        fill()
    assert link.counters.tx_full == 1


@pytest.mark.parametrize("code", [errno.ENOBUFS, errno.EAGAIN])
def test_a_full_queue_of_the_driver(pair: Pair, code: int) -> None:
    link, _ = pair

    def refuse(_: bytes) -> int:
        raise OSError(code, "")

    link._send = refuse  # type: ignore[assignment]
    with pytest.raises(LinkFullError):
        link.send(Frame(1, b""))
    assert link.counters.sent == 0


def test_trouble_after_frames_comes_with_the_next_call(pair: Pair) -> None:
    link, bus = pair
    bus.send(struct.pack("=IB3x8s", 1, 0, bytes(8)))
    answers = [link._recvmsg(72, 128)]

    def one_then_down(*_: int) -> object:
        if not answers:
            raise OSError(errno.ENETDOWN, "")
        return answers.pop()

    link._recvmsg = one_then_down  # type: ignore[assignment]
    frames = link.receive()
    assert len(frames) == 1
    with pytest.raises(BusError, match="can0: is down"):
        link.send(Frame(1, b""))


class TestStamps:
    def ancillary(self, *rows: tuple[int, bytes]) -> list[tuple[int, int, bytes]]:
        return [(socket.SOL_SOCKET, kind, payload) for kind, payload in rows]

    def frames(self, link: SocketCanLink, *stamps_ns: int) -> list[int]:
        raw = [
            (
                struct.pack("=IB3x8s", 1, 0, bytes(8)),
                self.ancillary((35, struct.pack("@ll", *divmod(stamp_ns, NS_PER_S)))),
                0, None,
            )
            for stamp_ns in stamps_ns
        ]  # fmt: skip
        return [frame.t_ns for frame in link._frames(raw)]

    def test_of_the_kernel(self, pair: Pair) -> None:
        link, _ = pair
        now_ns, wall_ns = time.monotonic_ns(), time.time_ns()
        first, second = self.frames(link, wall_ns - 5 * NS_PER_MS, wall_ns - 3 * NS_PER_MS)
        assert abs(first - (now_ns - 5 * NS_PER_MS)) < NS_PER_MS
        assert abs(second - first - 2 * NS_PER_MS) < 10

    def test_are_never_in_the_future_nor_go_back(self, pair: Pair) -> None:
        link, _ = pair
        wall_ns = time.time_ns()
        stamps = self.frames(link, wall_ns - NS_PER_MS, wall_ns - 2 * NS_PER_MS, wall_ns + NS_PER_S)
        assert stamps[0] == stamps[1] < stamps[2] <= time.monotonic_ns()

    def test_of_a_clock_that_was_set_are_not_used(
        self, pair: Pair, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        link, _ = pair
        old_wall_ns = time.time_ns() - NS_PER_S
        monkeypatch.setattr(time, "time_ns", lambda: old_wall_ns - 3600 * NS_PER_S)
        before_ns = time.monotonic_ns()
        (stamp,) = self.frames(link, old_wall_ns)
        assert before_ns <= stamp <= time.monotonic_ns()
        assert link.counters.clock_jumps == 1

    def test_of_the_adapter(self, open_pair: Callable[..., Pair]) -> None:
        link, _ = open_pair(hardware_stamps=True)
        assert link.stamps == "hardware"
        offset_ns = link._wall_clock.offset_ns
        for late_ns in (400, 100, 900):
            row = struct.pack("@6l", 100, 2_000 + late_ns, 0, 0, 7, 1_000)
            stamp = link._stamp(self.ancillary((37, row)))
            assert stamp - offset_ns == 100 * NS_PER_S + 2_000 + min(late_ns, 400 if late_ns == 400 else 100)
        without = struct.pack("@6l", 101, 5, 0, 0, 0, 0)
        assert link._stamp(self.ancillary((37, without))) - offset_ns == 101 * NS_PER_S + 5

    def test_losses_are_told_with_them(self, pair: Pair) -> None:
        link, _ = pair
        for total in (3, 3, 10, 2**32 - 1, 4):
            link._stamp(self.ancillary((40, struct.pack("=I", total))))
        assert link.counters.rx_overruns == 2**32 + 4


def test_filters_are_exact() -> None:
    assert socketcan._mask(0x123) == 0xC00007FF
    assert socketcan._mask(0x80000123) == 0xDFFFFFFF


def test_the_broadcast_managers_head() -> None:
    """56 bytes and 8-byte alignment of what follows, on a machine of 64 bits."""
    if struct.calcsize("P") != 8:
        pytest.skip("the layout is another one here")
    head = _pack_head(1, 3, 0, 0, 0, 1, 500_000, 0x123, 4)
    assert len(head) == 56
    assert struct.unpack("<3I4x4q2I", head) == (1, 3, 0, 0, 0, 1, 500_000, 0x123, 4)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENODEV, "interface can0: does not exist (any more) (plug the adapter in; "
                       "`ip link set can0 up type can bitrate 500000` as root, with your bus's bit rate)"),
        (errno.ENETDOWN, "interface can0: is down (`ip link set can0 up type can bitrate 500000` as root, "
                         "with your bus's bit rate)"),
        (errno.EPERM, "interface can0: you have no right to use it (a container needs the host's network)"),
        (errno.EAFNOSUPPORT, "interface can0: this kernel has no SocketCAN (`modprobe can_raw` as root)"),
        (errno.EIO, "interface can0: [Errno 5] Input/output error"),
    ],
)  # fmt: skip
def test_trouble_in_plain_words(code: int, words: str) -> None:
    assert str(explain(OSError(code, os.strerror(code)), "can0")) == words


def test_this_machine_says_what_it_lacks() -> None:
    with pytest.raises(BusError, match=r"no SocketCAN|does not exist|SocketCAN is Linux's"):
        SocketCanLink("pack", "no-such-can")
