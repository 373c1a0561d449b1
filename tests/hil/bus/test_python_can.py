"""python-can's interfaces as links: its own ``virtual`` and ``udp_multicast``, and bad drivers."""

from __future__ import annotations

import errno
import importlib.util
import select
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import can
import pytest
from can.interfaces import BACKENDS

from hil.bus.frame import FdFrame, Frame
from hil.bus.link import LinkFullError
from hil.bus.link import open_link as open_any
from hil.bus.python_can import PythonCanLink
from hil.clock import NS_PER_S
from hil.errors import BusError, FrameError, HilError, RigFileError

Open = Callable[..., PythonCanLink]


@pytest.fixture
def open_link() -> Iterator[Open]:
    links: list[PythonCanLink] = []

    def open_one(interface: str = "virtual", channel: str = "pack", **options: Any) -> PythonCanLink:
        links.append(PythonCanLink("pack", interface, channel, **options))
        return links[-1]

    yield open_one
    for link in links:
        link.close()


def come(link: PythonCanLink, count: int = 1) -> list[Frame]:
    found: list[Frame] = []
    until = time.monotonic() + 3
    while len(found) < count and time.monotonic() < until:
        found += link.receive()
    return found


def told(frames: list[Frame]) -> list[tuple[int, bytes, bool, str]]:
    return [(frame.id, frame.data, frame.extended, frame.sender) for frame in frames]


class TestVirtual:
    """No descriptor: read by a thread."""

    def test_frames_and_echoes(self, open_link: Open) -> None:
        a, b = open_link(), open_link()
        a.send(Frame(0x123, b"\x01\x02"))
        a.send(Frame(0x18FF50E5, bytes(8), extended=True))
        assert told(come(b, 2)) == [(0x123, b"\x01\x02", False, ""), (0x18FF50E5, bytes(8), True, "")]
        assert told(come(a, 2)) == [(0x123, b"\x01\x02", False, "rig"), (0x18FF50E5, bytes(8), True, "rig")]
        assert (a.counters.sent, a.counters.own_echoes, b.counters.received) == (2, 2, 2)

    def test_a_frame_wakes_who_waits(self, open_link: Open) -> None:
        a, b = open_link(), open_link()
        descriptor = b.fileno()
        assert descriptor is not None
        assert select.select([descriptor], [], [], 0)[0] == []
        a.send(Frame(1, b""))
        assert select.select([descriptor], [], [], 3)[0] == [descriptor]
        while not b.receive():
            pass
        assert b.receive() == []
        assert select.select([descriptor], [], [], 0)[0] == []

    def test_stamps_are_of_receipt(self, open_link: Open) -> None:
        a, b = open_link(), open_link()
        before_ns = time.monotonic_ns()
        a.send(Frame(1, b""))
        (frame,) = come(b)
        assert before_ns <= frame.t_ns <= time.monotonic_ns()
        assert b.stamps == "receive"

    def test_stamps_of_the_adapter(self, open_link: Open) -> None:
        a, b = open_link(), open_link(adapter_stamps=True)
        assert b.stamps == "hardware"
        for _ in range(3):
            before_ns = time.monotonic_ns()
            a.send(Frame(1, b""))
            (frame,) = come(b)
            assert before_ns - NS_PER_S // 2 < frame.t_ns <= time.monotonic_ns()

    def test_what_does_not_fit(self, open_link: Open) -> None:
        link = open_link()
        for frame in (Frame(1, bytes(9)), FdFrame(1, b""), Frame(0x800, b"")):
            with pytest.raises(FrameError, match=r"classic CAN|can not be|2\^11"):
                link.send(frame)

    def test_kinds(self, open_link: Open) -> None:
        a, b = open_link(fd=True), open_link()
        remote = Frame(7, bytes(5))
        remote.remote = True
        a.send(remote)
        a.send(FdFrame(8, bytes(48), extended=True, fast=False))
        first, second = come(b, 2)
        assert (first.remote, len(first.data)) == (True, 5)
        assert isinstance(second, FdFrame)
        assert (second.data, second.extended, second.fast) == (bytes(48), True, False)

    def test_filters(self, open_link: Open) -> None:
        a, b = open_link(), open_link()
        b.set_filters([(0x100, False), (0x100, True)])
        for identifier, extended in ((0x101, False), (0x100, False), (0x100, True)):
            a.send(Frame(identifier, b"", extended))
        assert told(come(b, 2)) == [(0x100, b"", False, ""), (0x100, b"", True, "")]
        b.set_filters(None)
        a.send(Frame(0x101, b""))
        assert len(come(b)) == 1

    def test_a_full_queue(self, open_link: Open) -> None:
        """Another one on the channel does not read; python-can's own ``send`` would wait for ever."""
        link = open_link()
        with can.Bus(interface="virtual", channel="pack", rx_queue_size=1, ignore_config=True):
            link.send(Frame(1, b""))
            with pytest.raises(LinkFullError):
                link.send(Frame(2, b""))
        assert link.counters.tx_full == 1

    def test_reopen(self, open_link: Open) -> None:
        a, b = open_link(), open_link()
        assert b.reopen()
        a.send(Frame(1, b""))
        assert len(come(b)) == 1

    def test_the_thread_ends(self, open_link: Open) -> None:
        before = threading.active_count()
        link = open_link()
        assert threading.active_count() == before + 1
        link.close()
        assert threading.active_count() == before


@pytest.mark.skipif(importlib.util.find_spec("msgpack") is None, reason="msgpack is not installed")
class TestUdpMulticast:
    """A descriptor of its own; own frames come back unmarked."""

    @pytest.fixture
    def open_one(self, open_link: Open) -> Open:
        def open_it() -> PythonCanLink:
            try:
                return open_link("udp_multicast", "239.74.163.2", port=43_198)
            except BusError as error:
                pytest.skip(str(error))

        return open_it

    def test_frames_and_echoes(self, open_one: Open) -> None:
        a, b = open_one(), open_one()
        a.send(Frame(0x123, b"\x01"))
        if not (got := told(come(b))):
            pytest.skip("no multicast on this machine")
        assert got == [(0x123, b"\x01", False, "")]
        assert told(come(a)) == [(0x123, b"\x01", False, "rig")]
        assert (a.counters.own_echoes, a.counters.received) == (1, 0)

    def test_garbage(self, open_one: Open) -> None:
        a, b = open_one(), open_one()
        b._bus._multicast.send(b"garbage")
        a.send(Frame(1, b""))
        if not (frames := come(b)):
            pytest.skip("no multicast on this machine")
        assert told(frames) == [(1, b"", False, "")]
        assert b.counters.garbage == 1


class BadBus:
    """What drivers do: raise, and answer nonsense.

    Attributes:
        answers: What ``recv`` gives or raises, in turn; then nothing.
    """

    def __init__(self, **options: object) -> None:
        self.options = options
        self.answers: list[object] = []
        self.refusal: Exception | None = None

    def recv(self, timeout: float) -> can.Message | None:  # noqa: ARG002
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[return-value]

    def send(self, message: can.Message, timeout: float | None) -> None:  # noqa: ARG002
        assert timeout == 0
        if self.refusal is not None:
            raise self.refusal

    def fileno(self) -> int:
        return 0

    def shutdown(self) -> None:
        raise OSError("gone")


@pytest.fixture
def bad(monkeypatch: pytest.MonkeyPatch) -> tuple[PythonCanLink, BadBus]:
    monkeypatch.setattr(can, "Bus", BadBus)
    link = PythonCanLink("pack", "virtual", "pack", 250_000, colour="red")
    return link, link._bus  # type: ignore[return-value]


class TestContract:
    """What python-can promises of every interface, held by the link over each that runs without hardware."""

    @pytest.fixture(params=["virtual", "udp_multicast"])
    def pair(self, request: pytest.FixtureRequest, open_link: Open) -> tuple[PythonCanLink, PythonCanLink]:
        def open_it() -> PythonCanLink:
            if request.param == "virtual":
                return open_link("virtual", "contract", fd=True)
            pytest.importorskip("msgpack")
            try:
                return open_link("udp_multicast", "239.74.163.2", port=43_199, fd=True)
            except BusError as error:
                pytest.skip(str(error))

        a, b = open_it(), open_it()
        a.send(Frame(0x7FF, b""))
        if not come(b):
            pytest.skip("no multicast on this machine")
        come(a)
        return a, b

    def test_all_kinds_of_frames_come_as_they_were_sent(
        self, pair: tuple[PythonCanLink, PythonCanLink]
    ) -> None:
        a, b = pair
        remote = Frame(0x10, bytes(3))
        remote.remote = True
        sent = [
            Frame(0, b""),
            Frame(0x7FF, bytes(range(8))),
            Frame(0x1FFFFFFF, b"\x01", extended=True),
            remote,
            FdFrame(0x11, bytes(range(64))),
            FdFrame(0x12, bytes(12), extended=True, fast=False),
        ]
        for frame in sent:
            a.send(frame)
        got = come(b, len(sent))
        for ours, theirs in zip(sent, got, strict=True):
            assert (theirs.id, theirs.data, theirs.extended) == (ours.id, ours.data, ours.extended)
            assert (theirs.remote, theirs.sender) == (ours.remote, "")
            assert isinstance(theirs, FdFrame) == isinstance(ours, FdFrame)
        assert [frame.sender for frame in come(a, len(sent))] == ["rig"] * len(sent)

    def test_an_empty_queue_does_not_wait(self, pair: tuple[PythonCanLink, PythonCanLink]) -> None:
        assert pair[0].receive() == []

    def test_order_is_kept(self, pair: tuple[PythonCanLink, PythonCanLink]) -> None:
        a, b = pair
        for number in range(100):
            a.send(Frame(0x100, bytes([number])))
        assert [frame.data[0] for frame in come(b, 100)] == list(range(100))

    def test_filters_can_be_set_and_taken_away(self, pair: tuple[PythonCanLink, PythonCanLink]) -> None:
        a, b = pair
        b.set_filters([(0x100, False)])
        for identifier in (0x101, 0x100):
            a.send(Frame(identifier, b""))
        assert [frame.id for frame in come(b)] == [0x100]
        b.set_filters(None)
        a.send(Frame(0x101, b""))
        assert [frame.id for frame in come(b)] == [0x101]

    def test_closed_it_can_be_opened_again(self, pair: tuple[PythonCanLink, PythonCanLink]) -> None:
        a, b = pair
        b.close()
        assert b.reopen()
        a.send(Frame(0x33, b""))
        assert [frame.id for frame in come(b)] == [0x33]


class TestBadDrivers:
    def test_what_they_are_given(self, bad: tuple[PythonCanLink, BadBus]) -> None:
        assert bad[1].options == {
            "channel": "pack", "interface": "virtual", "bitrate": 250_000, "ignore_config": True,
            "colour": "red", "receive_own_messages": True,
        }  # fmt: skip

    def test_garbage_is_counted(self, bad: tuple[PythonCanLink, BadBus]) -> None:
        link, bus = bad
        bus.answers = [
            ValueError("invalid literal"),
            can.CanOperationError("could not unpack"),
            can.Message(arbitration_id=0xFFF, is_extended_id=False),
            can.Message(arbitration_id=1, dlc=8, data=b"", is_extended_id=False),
            can.Message(arbitration_id=1, dlc=12, data=bytes(12), is_extended_id=False),
            can.Message(arbitration_id=2, is_extended_id=False),
        ]
        assert told(list(link.receive())) == [(2, b"", False, "")]
        assert link.counters.garbage == 5

    def test_nothing_but_errors_is_the_end(self, bad: tuple[PythonCanLink, BadBus]) -> None:
        link, bus = bad
        bus.answers = [can.CanOperationError("device removed")] * 100
        with pytest.raises(BusError, match=r"virtual, channel pack: cannot be read: device removed"):
            link.receive()

    def test_error_frames(self, bad: tuple[PythonCanLink, BadBus]) -> None:
        link, bus = bad
        bus.answers = [can.Message(is_error_frame=True, arbitration_id=0x1234)]
        (frame,) = link.receive()
        assert (frame.error, frame.id) == (True, 0x80)
        assert link.counters.last_error == "bus error"

    @pytest.mark.parametrize(
        ("refusal", "full"),
        [
            (can.CanTimeoutError("late"), True),
            (can.CanOperationError("No buffer space available", error_code=errno.ENOBUFS), True),
            (can.CanOperationError("The transmit buffer in the CAN controller is full"), True),
            (can.CanOperationError("hardware was removed"), False),
            (OSError(errno.EIO, "Input/output error"), False),
        ],
    )
    def test_refusals(self, bad: tuple[PythonCanLink, BadBus], refusal: Exception, full: bool) -> None:
        link, bus = bad
        bus.refusal = refusal
        with pytest.raises(BusError, match="channel pack") as caught:
            link.send(Frame(1, b""))
        assert isinstance(caught.value, LinkFullError) is full
        assert link.counters.sent == 0

    def test_a_driver_that_cannot_even_close(self, bad: tuple[PythonCanLink, BadBus]) -> None:
        bad[0].close()


def test_no_such_interface(open_link: Open) -> None:
    with pytest.raises(RigFileError, match=r"no interface 'pigeon' \(one of .*pcan"):
        open_link("pigeon")


def test_a_vendor_whose_library_is_missing(open_link: Open) -> None:
    with pytest.raises(BusError, match="python-can interface pcan, channel PCAN_USBBUS1: "):
        open_link("pcan", "PCAN_USBBUS1")


@pytest.mark.filterwarnings("ignore")  # drivers say what they lack in many ways
@pytest.mark.parametrize("interface", sorted(set(BACKENDS) - {"socketcan", "slcan", "virtual"}))
def test_an_interface_that_cannot_be_opened_says_why(interface: str) -> None:
    """Whatever a driver raises, it comes as one of the rig's errors, with the interface's name."""
    with pytest.raises(HilError) as caught:
        open_any("pack", interface, "no such channel", 500_000)
    assert interface in str(caught.value)
    assert caught.value.remedy or "does not take these options" in caught.value.reason
