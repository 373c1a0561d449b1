"""python-can's interfaces as links: ``virtual`` and ``udp_multicast``, ``pcan`` on an emulated library, and
bad drivers.
"""

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
from tests.hil.bus.peak import Peak

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


def _own(identifier: int) -> can.Message:
    """A frame that the interface says it has sent itself."""
    return can.Message(arbitration_id=identifier, is_extended_id=False, is_rx=False)


@pytest.fixture
def peak(monkeypatch: pytest.MonkeyPatch) -> Peak:
    """PEAK's library, in the place of the one that is not here."""
    library = Peak()
    monkeypatch.setattr("can.interfaces.pcan.pcan.PCANBasic", library)
    return library


@pytest.fixture
def bad(monkeypatch: pytest.MonkeyPatch) -> tuple[PythonCanLink, BadBus]:
    monkeypatch.setattr(can, "Bus", BadBus)
    link = PythonCanLink("pack", "virtual", "pack", 250_000, colour="red")
    return link, link._bus  # type: ignore[return-value]


class TestContract:
    """What python-can promises of every interface, held by the link over each that runs without hardware.

    ``pcan`` is python-can's own, and so is all that it does; the library of the vendor beneath it is not.
    """

    @pytest.fixture(params=["virtual", "udp_multicast", "pcan"])
    def pair(
        self, request: pytest.FixtureRequest, open_link: Open, peak: Peak
    ) -> tuple[PythonCanLink, PythonCanLink]:
        def open_it(number: int) -> PythonCanLink:
            if request.param == "virtual":
                return open_link("virtual", "contract", fd=True)
            if request.param == "pcan":
                assert peak.told or number == 1
                return open_link("pcan", f"PCAN_USBBUS{number}", fd=True, data_bitrate=2_000_000)
            pytest.importorskip("msgpack")
            try:
                return open_link("udp_multicast", "239.74.163.2", port=43_199, fd=True)
            except BusError as error:
                pytest.skip(str(error))

        a, b = open_it(1), open_it(2)
        a.send(Frame(0x7FF, b""))
        if not come(b):
            pytest.skip("no multicast on this machine")
        come(a)
        return a, b

    def test_all_kinds_of_frames_come_as_they_were_sent(
        self, pair: tuple[PythonCanLink, PythonCanLink]
    ) -> None:
        a, b = pair
        sent = [
            Frame(0, b""),
            Frame(0x7FF, bytes(range(8))),
            Frame(0x1FFFFFFF, b"\x01", extended=True),
            FdFrame(0x11, bytes(range(64))),
            FdFrame(0x12, bytes(12), extended=True, fast=False),
        ]
        for frame in sent:
            a.send(frame)
        got = come(b, len(sent))
        for ours, theirs in zip(sent, got, strict=True):
            assert (theirs.id, theirs.data, theirs.extended) == (ours.id, ours.data, ours.extended)
            assert (theirs.remote, theirs.sender) == (False, "")
            assert isinstance(theirs, FdFrame) == isinstance(ours, FdFrame)
            assert getattr(theirs, "fast", None) == getattr(ours, "fast", None)
        echoes = come(a, len(sent))
        assert [(echo.sender, type(echo)) for echo in echoes] == [("rig", type(frame)) for frame in sent]

    def test_a_length_that_does_not_exist_is_filled_up(
        self, pair: tuple[PythonCanLink, PythonCanLink]
    ) -> None:
        a, b = pair
        a.send(Frame(0x11, b"\x01" * 9))
        for (frame,) in (come(b), come(a)):
            assert isinstance(frame, FdFrame)
            assert frame.data == b"\x01" * 9 + bytes(3)

    def test_a_remote_frame_comes_as_such_or_is_refused(
        self, pair: tuple[PythonCanLink, PythonCanLink]
    ) -> None:
        a, b = pair
        remote = Frame(0x10, bytes(3))
        remote.remote = True
        try:
            a.send(remote)
        except FrameError:  # python-can's pcan cannot, on a bus of CAN FD
            assert a.interface == "pcan"
            return
        (frame,) = come(b)
        assert (frame.remote, frame.id, len(frame.data)) == (True, 0x10, 3)

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


class TestPcan:
    """What python-can's ``pcan`` asks of PEAK's library."""

    def test_a_classic_bus(self, open_link: Open, peak: Peak) -> None:
        a, b = (open_link("pcan", f"PCAN_USBBUS{n}", bitrate=250_000) for n in (1, 2))
        assert peak.told == {0x51: 0x011C, 0x52: 0x011C}  # BTR0BTR1 of 250 kbit/s
        a.send(Frame(0x123, b"\x01"))
        assert told(come(b)) == [(0x123, b"\x01", False, "")]
        assert told(come(a)) == [(0x123, b"\x01", False, "rig")]

    @pytest.mark.parametrize(
        ("rates", "timing"),
        [
            (
                (500_000, 2_000_000),  # 80 and 20 periods of 40 MHz, sampled at 87.5 % and 75 %
                "f_clock=80000000, nom_brp=2, nom_tseg1=69, nom_tseg2=10, nom_sjw=10, "
                "data_brp=2, data_tseg1=14, data_tseg2=5, data_sjw=5",
            ),
            (
                (1_000_000, 5_000_000),
                "f_clock=80000000, nom_brp=1, nom_tseg1=59, nom_tseg2=20, nom_sjw=20, "
                "data_brp=1, data_tseg1=11, data_tseg2=4, data_sjw=4",
            ),
        ],
    )
    def test_can_fd_by_the_bit_timing(
        self, open_link: Open, peak: Peak, rates: tuple[int, int], timing: str
    ) -> None:
        bitrate, data_bitrate = rates
        open_link("pcan", "PCAN_USBBUS1", bitrate=bitrate, fd=True, data_bitrate=data_bitrate)
        assert peak.told == {0x51: timing}

    def test_a_bit_timing_of_ones_own(self, open_link: Open, peak: Peak) -> None:
        own = {"f_clock_mhz": 20, "nom_brp": 5, "nom_tseg1": 2, "nom_tseg2": 1, "nom_sjw": 1}
        own |= {"data_brp": 2, "data_tseg1": 3, "data_tseg2": 1, "data_sjw": 1}
        open_link("pcan", "PCAN_USBBUS1", fd=True, data_bitrate=2_000_000, **own)
        assert str(peak.told[0x51]).startswith("f_clock_mhz=20, nom_brp=5")

    def test_rates_that_its_clock_does_not_make(self, open_link: Open, peak: Peak) -> None:
        with pytest.raises(BusError, match="PCAN_USBBUS1: No suitable bit timings found"):
            open_link("pcan", "PCAN_USBBUS1", fd=True, data_bitrate=7_000_000)
        assert peak.told == {}

    def test_stamps_of_the_adapter(self, open_link: Open, peak: Peak) -> None:
        a, b = (open_link("pcan", f"PCAN_USBBUS{n}", adapter_stamps=True) for n in (1, 2))
        assert len(peak.told) == 2
        for _ in range(3):
            before_ns = time.monotonic_ns()
            a.send(Frame(1, b""))
            (frame,) = come(b)
            assert before_ns - NS_PER_S // 2 < frame.t_ns <= time.monotonic_ns()


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

    def test_what_a_driver_cannot_pack_is_no_trouble_of_the_bus(
        self, bad: tuple[PythonCanLink, BadBus]
    ) -> None:
        link, bus = bad
        bus.refusal = ValueError("Can only assign sequence of same size")
        with pytest.raises(FrameError, match="same size"):
            link.send(Frame(1, b""))

    def test_echoes_that_nobody_asked_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """``gs_usb`` and others send own frames back, and cannot be asked whether they do."""
        monkeypatch.setattr(can, "Bus", BadBus)
        link = PythonCanLink("pack", "gs_usb", "0")
        bus = link._bus
        assert isinstance(bus, BadBus)
        assert "receive_own_messages" not in bus.options
        for number in range(4):
            link.send(Frame(number, b""))
            if number == 1:  # until now they were taken for granted
                bus.answers += [_own(0), _own(1)]
                assert told(list(link.receive())) == [(n, b"", False, "rig") for n in (0, 1)]
        assert link.receive() == []
        bus.answers += [_own(2), _own(3)]
        assert told(list(link.receive())) == [(n, b"", False, "rig") for n in (2, 3)]
        assert (link.counters.sent, link.counters.own_echoes, link.counters.received) == (4, 4, 0)

    def test_a_driver_of_classic_can_is_no_bus_of_can_fd(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class ClassicBus(BadBus):
            protocol = can.CanProtocol.CAN_20

        monkeypatch.setattr(can, "Bus", ClassicBus)
        with pytest.raises(BusError, match=r"gs_usb, channel 0: python-can drives it as classic CAN only"):
            PythonCanLink("pack", "gs_usb", "0", fd=True, data_bitrate=2_000_000)

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
