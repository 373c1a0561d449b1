"""The slcan link: over a line that is a variable, so that time and bytes are in the test's hand."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hil.bus import slcan
from hil.bus.frame import FdFrame, Frame
from hil.bus.link import LinkFullError
from hil.bus.slcan import SlcanLink
from hil.bus.slcan_adapter import Adapter, Manners, Wire
from hil.bus.slcan_lines import format_frame
from hil.bus.slcan_options import SlcanOptions
from hil.clock import NS_PER_MS, NS_PER_S
from hil.errors import BusError, FrameError, RigFileError


class Line:
    """A serial port in the place of the real one.

    Attributes:
        room: Bytes that it takes; ``None``: all.
    """

    def __init__(self, adapter: Adapter) -> None:
        self.adapter = adapter
        self.room: int | None = None
        self.gone = False
        self.written = bytearray()

    def fileno(self) -> None:
        return None

    def read(self) -> bytes:
        self._check()
        data = bytes(self.adapter.out)
        self.adapter.out.clear()
        return data

    def write(self, data: bytes) -> int:
        self._check()
        taken = data if self.room is None else data[: self.room]
        if self.room is not None:
            self.room -= len(taken)
        self.written += taken
        self.adapter.feed(taken)
        return len(taken)

    def wait(self, timeout_s: float) -> None:
        """The adapter has answered already."""

    def close(self) -> None:
        pass

    def _check(self) -> None:
        if self.gone:
            raise BusError("the adapter is gone: unplugged", place="serial port")


class Bench:
    """Adapters on one wire, each on a line of its own, opened by name."""

    def __init__(self) -> None:
        self.wire = Wire()
        self.lines: dict[str, Line] = {}
        self.now_ns = 10 * NS_PER_S

    def add(self, name: str, **manners: Any) -> Adapter:
        adapter = Adapter(self.wire, Manners(**manners), lambda: self.now_ns)
        self.wire.adapters.append(adapter)
        self.lines[name] = Line(adapter)
        return adapter

    def port(self, channel: str, _baudrate: int) -> Line:
        if channel not in self.lines or self.lines[channel].gone:
            raise BusError("there is no such serial port", place=f"serial port {channel}")
        return self.lines[channel]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    made = Bench()
    monkeypatch.setattr(slcan, "SerialPort", made.port)
    monkeypatch.setattr(slcan, "_ANSWER_NS", NS_PER_MS)
    return made


Pair = tuple[SlcanLink, SlcanLink]


@pytest.fixture
def pair(bench: Bench) -> Iterator[Pair]:
    bench.add("a")
    bench.add("b")
    links = SlcanLink("a", "a"), SlcanLink("b", "b")
    yield links
    for link in links:
        link.close()


@pytest.fixture
def set_time(monkeypatch: pytest.MonkeyPatch, bench: Bench) -> Callable[[int], None]:
    """From now on time stands still where it is set, in ns."""

    def set_to(now_ns: int) -> None:
        bench.now_ns = now_ns
        monkeypatch.setattr(time, "monotonic_ns", lambda: now_ns)

    return set_to


@pytest.fixture
def acknowledging(pair: Pair, set_time: Callable[[int], None]) -> SlcanLink:
    """The first of the pair, after 20 s, which knows that its adapter acknowledges frames."""
    a, _ = pair
    set_time(20 * NS_PER_S)
    a.send(Frame(1, b""))
    assert len(told(a)) == 1
    return a


def told(link: SlcanLink) -> list[tuple[int, bytes, bool, str]]:
    return [(frame.id, frame.data, frame.extended, frame.sender) for frame in link.receive()]


def test_frames_and_echoes(pair: Pair) -> None:
    a, b = pair
    a.send(Frame(0x123, b"\x01\x02"))
    a.send(Frame(0x18FF50E5, bytes(8), extended=True))
    assert told(b) == [(0x123, b"\x01\x02", False, ""), (0x18FF50E5, bytes(8), True, "")]
    assert told(a) == [(0x123, b"\x01\x02", False, "rig"), (0x18FF50E5, bytes(8), True, "rig")]
    assert (a.counters.sent, a.counters.own_echoes, b.counters.received) == (2, 2, 2)
    assert a.version == "1013"
    assert a.counters.garbage == b.counters.garbage == 0


def test_remote_frames(pair: Pair) -> None:
    a, b = pair
    frame = Frame(7, bytes(3))
    frame.remote = True
    a.send(frame)
    (got,) = b.receive()
    assert (got.remote, len(got.data)) == (True, 3)


class TestOpening:
    def test_commands(self, bench: Bench) -> None:
        bench.add("a")
        SlcanLink("a", "a", 250_000).close()
        commands = bench.lines["a"].written.replace(b"\r", b" ").split()
        assert commands == [b"C", b"V", b"S5", b"X1", b"Z1", b"O", b"C"]

    def test_options(self, bench: Bench) -> None:
        bench.add("a")
        options = SlcanOptions(btr="0414", listen_only=True, timestamps=False)
        link = SlcanLink("a", "a", 83_333, options)
        commands = bench.lines["a"].written.replace(b"\r", b" ").split()
        assert commands == [b"C", b"V", b"s0414", b"X1", b"Z0", b"L"]
        assert link.stamps == "receive"

    def test_an_adapter_left_open_by_another_program(self, bench: Bench) -> None:
        adapter = bench.add("a")
        adapter.feed(b"S6\rO\rt123")
        link = SlcanLink("a", "a")
        assert adapter.bitrate == 500_000
        assert link.counters.garbage == 0

    def test_no_such_bit_rate(self) -> None:
        with pytest.raises(RigFileError, match=r"pack.bitrate.*83333.*btr"):
            SlcanLink("pack", "a", 83_333)
        with pytest.raises(RigFileError, match=r"data_bitrate.*2000000 or 5000000"):
            SlcanLink("pack", "a", 500_000, SlcanOptions(fd=True, data_bitrate=1))

    def test_a_refusal(self, bench: Bench) -> None:
        bench.add("a")
        with pytest.raises(BusError, match="adapter a: the adapter refuses 500000 bit/s"):
            SlcanLink("a", "a", 500_000, SlcanOptions(btr="xxxx"))

    def test_an_adapter_without_stamps(self, bench: Bench) -> None:
        bench.add("a", stamps=False)
        assert SlcanLink("a", "a").stamps == "receive"

    def test_an_adapter_that_answers_nothing(self, bench: Bench) -> None:
        bench.add("a").feed = lambda _: None  # type: ignore[method-assign]
        link = SlcanLink("a", "a")
        assert link.counters.last_error == "the adapter does not answer commands"


class TestGarbage:
    def test_is_counted_and_passed(self, bench: Bench, pair: Pair) -> None:
        a, _ = pair
        bench.lines["a"].adapter.out += (
            b"\xff\x00\xc3\r"  # not ASCII
            b"t1G0\r"  # corrupt digits
            b"t1008\r"  # truncated
            b"t10091122334455667788990000\r"  # too long
            b"tFFF00000\r"  # identifier
            b"hello\r"
            b"t1001AA0001\r"
        )
        assert told(a) == [(0x100, b"\xaa", False, "")]
        assert a.counters.garbage == 6

    def test_a_line_torn_by_the_next(self, bench: Bench, pair: Pair) -> None:
        a, _ = pair
        bench.lines["a"].adapter.out += b"t12381122t1001BB0001\r"
        assert told(a) == [(0x100, b"\xbb", False, "")]
        assert a.counters.garbage == 1

    def test_pieces(self, bench: Bench, pair: Pair) -> None:
        a, _ = pair
        frames = []
        for byte in b"t1001AA0001\rT000000010EA5F\r":
            bench.lines["a"].adapter.out.append(byte)
            frames += told(a)
        assert frames == [(0x100, b"\xaa", False, ""), (1, b"", True, "")]

    def test_a_flood_without_end(self, bench: Bench, pair: Pair) -> None:
        a, _ = pair
        for _ in range(100):
            bench.lines["a"].adapter.out += b"x" * 10_000
            assert told(a) == []
        bench.lines["a"].adapter.out += b"\rt10000000\r"
        assert told(a) == [(0x100, b"", False, "")]
        assert a.counters.garbage == 1

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
    @given(st.lists(st.one_of(st.binary(max_size=40), st.sampled_from(
        [b"\r", b"\a", b"z\r", b"Z\r", b"F80\r", b"F00\r", b"sb256256\r", b"e1a\r", b"t1001AA0001\r", b"V\r"]
    )), max_size=12))  # fmt: skip
    def test_nothing_raises_and_the_next_good_line_is_found(self, bench: Bench, parts: list[bytes]) -> None:
        bench.wire.adapters.clear()
        bench.add("a")
        link = SlcanLink("a", "a")
        link.send(Frame(1, b""))
        for part in parts:
            bench.lines["a"].adapter.out += part
            link.receive()
        bench.lines["a"].adapter.out += b"\r" + b"t7772CAFE0001\r"
        assert told(link)[-1] == (0x777, b"\xca\xfe", False, "")


class TestAcknowledgement:
    def test_a_refused_frame_does_not_come_back(self, bench: Bench, pair: Pair) -> None:
        a, _ = pair
        bench.wire.held = True
        for number in range(20):
            a.send(Frame(number, b""))
        assert [frame.id for frame in a.receive()] == list(range(16))  # its buffer
        assert a.counters.tx_full == 4
        assert a.counters.last_error == "the adapter refused a frame"

    def test_a_window_of_frames(self, bench: Bench) -> None:
        bench.add("a", buffer=1_000)
        link = SlcanLink("a", "a", 500_000, SlcanOptions(window=2))
        link.send(Frame(1, b""))
        link.send(Frame(2, b""))
        with pytest.raises(LinkFullError, match="no room"):
            link.send(Frame(3, b""))
        link.receive()
        link.send(Frame(3, b""))
        assert (link.counters.tx_full, link.counters.sent) == (1, 3)

    def test_an_adapter_that_never_acknowledges(
        self, bench: Bench, set_time: Callable[[int], None]
    ) -> None:
        bench.add("a", answers=False)
        bench.add("b")
        a, b = SlcanLink("a", "a"), SlcanLink("b", "b")
        set_time(20 * NS_PER_S)
        a.send(Frame(1, b""))
        assert told(a) == []
        set_time(21 * NS_PER_S)
        a.send(Frame(2, b""))
        assert [(frame.id, frame.t_ns) for frame in a.receive()] == [
            (1, 20 * NS_PER_S), (2, 21 * NS_PER_S),
        ]  # fmt: skip
        a.send(Frame(3, b""))
        assert told(a) == [(3, b"", False, "rig")]
        assert [frame.id for frame in b.receive()] == [1, 2, 3]
        assert (a.counters.own_echoes, a.counters.unconfirmed) == (3, 0)

    def test_a_lost_acknowledgement(
        self, bench: Bench, acknowledging: SlcanLink, set_time: Callable[[int], None]
    ) -> None:
        a = acknowledging
        a.send(Frame(2, b""))
        bench.lines["a"].adapter.out.clear()
        set_time(21 * NS_PER_S)
        assert told(a) == []
        assert a.counters.unconfirmed == 1
        a.send(Frame(3, b""))
        assert [frame.id for frame in a.receive()] == [3]

    def test_an_acknowledgement_swallowed_by_garbage_is_told_at_once(
        self, bench: Bench, acknowledging: SlcanLink, set_time: Callable[[int], None]
    ) -> None:
        """And from then on each frame has its own again, though they follow each other without a rest."""
        a, line = acknowledging, bench.lines["a"]
        line.adapter.out += b"t1008"  # and the acknowledgement behind it: one line that is none
        a.send(Frame(2, b""))
        through = []
        for number in range(3, 9):
            set_time(bench.now_ns + NS_PER_MS)
            a.receive()
            a.send(Frame(number, b""))
            through.append([frame.id for frame in a.receive()])
        assert through[2:] == [[5], [6], [7], [8]]
        assert (a.counters.unconfirmed, a.counters.garbage) == (1, 1)
        assert bytes(line.written).count(b"F\r") == 1  # long before it is due

    def test_who_sent_a_frame_is_told_that_it_is_given_up(
        self, bench: Bench, acknowledging: SlcanLink, set_time: Callable[[int], None]
    ) -> None:
        a = acknowledging
        lost, refused = Frame(2, b""), Frame(3, b"")
        a.send(lost)
        bench.lines["a"].adapter.out.clear()
        set_time(21 * NS_PER_S)
        a.receive()
        a.send(refused)
        bench.lines["a"].adapter.out[:] = b"\a"
        a.receive()
        assert [id(frame) for frame in a.counters.given_up] == [id(lost), id(refused)]

    def test_what_came_while_the_program_stood_still_counts(
        self, acknowledging: SlcanLink, set_time: Callable[[int], None]
    ) -> None:
        a = acknowledging
        a.send(Frame(2, b""))
        set_time(22 * NS_PER_S)
        a.send(Frame(3, b""))
        assert [frame.id for frame in a.receive()] == [2, 3]
        assert a.counters.unconfirmed == 0

    def test_a_bare_return_counts_too(self, bench: Bench, pair: Pair) -> None:
        """Some adapters acknowledge a frame so."""
        a, _ = pair
        a.send(Frame(1, b""))
        bench.lines["a"].adapter.out[:] = b"\r"
        assert len(told(a)) == 1


class TestStatus:
    def test_is_asked_for_once_a_second(
        self, bench: Bench, pair: Pair, set_time: Callable[[int], None]
    ) -> None:
        a, _ = pair
        start_ns = time.monotonic_ns()
        for tenth in range(41):
            set_time(start_ns + tenth * NS_PER_S // 10)
            a.receive()
        assert bench.lines["a"].written.count(b"F\r") == 3

    def test_an_adapter_that_does_not_know_the_question(
        self, bench: Bench, pair: Pair, set_time: Callable[[int], None]
    ) -> None:
        a, _ = pair
        set_time(time.monotonic_ns() + 2 * NS_PER_S)
        a.receive()
        bench.lines["a"].adapter.out[:] = b"\a"
        a.receive()
        set_time(time.monotonic_ns() + 2 * NS_PER_S)
        a.receive()
        assert bench.lines["a"].written.count(b"F\r") == 1
        assert a.counters.tx_full == 0

    def test_a_question_that_a_bad_cable_tore_is_asked_again(
        self, bench: Bench, pair: Pair, set_time: Callable[[int], None]
    ) -> None:
        """An adapter that has answered it once knows it."""
        a, _ = pair
        for answered in (True, False, True):
            set_time(time.monotonic_ns() + 2 * NS_PER_S)
            a.receive()
            if not answered:
                bench.lines["a"].adapter.out[:] = b"\a"
            a.receive()
        assert bench.lines["a"].written.count(b"F\r") == 3

    def test_wrong_bit_rate(self, bench: Bench, set_time: Callable[[int], None]) -> None:
        bench.add("a")
        bench.add("b")
        a, b = SlcanLink("a", "a", 500_000), SlcanLink("b", "b", 250_000)
        start_ns = time.monotonic_ns()
        for second in range(1, 40):
            set_time(start_ns + second * 1_001 * NS_PER_MS)
            b.send(Frame(1, b""))
            bench.wire.carry()
            a.receive()
            b.receive()
        assert a.counters.received == 0
        assert a.counters.error_frames > 10
        assert "only error frames come" in a.counters.complaints()[0]
        assert "is the bit rate right" in a.counters.complaints()[0]
        assert b.counters.tx_full > 0  # bus-off: the adapter takes no more

    def test_an_adapter_that_reports_by_itself(self, bench: Bench) -> None:
        bench.add("a", reports=True)
        a = SlcanLink("a", "a", 500_000)
        a.send(Frame(1, b""))
        frames = a.receive()
        assert [frame.error for frame in frames] == [True, False]
        for _ in range(20):
            bench.wire.carry()
        a.receive()
        assert a.counters.state == "error-passive"
        assert a.counters.tec == 128
        assert a.counters.bus_off == 0  # nobody acknowledges: passive, never off

    def test_bus_off(self, bench: Bench, pair: Pair) -> None:
        a, _ = pair
        bench.lines["a"].adapter.out += b"sb256256\r"
        (frame,) = a.receive()
        assert frame.error
        assert (a.counters.state, a.counters.bus_off) == ("bus-off", 1)


class TestStamps:
    def test_of_the_adapter(self, pair: Pair, set_time: Callable[[int], None]) -> None:
        """The first frame was fetched at once, the others 10 ms after they had come."""
        a, b = pair
        assert b.stamps == "hardware"
        start_ns = 3_600 * NS_PER_S
        set_time(start_ns)
        a.send(Frame(1, b""))
        stamps = [frame.t_ns for frame in b.receive()]
        for number in range(1, 4):
            set_time(start_ns + number * 20 * NS_PER_MS)
            a.send(Frame(1, b""))
            set_time(start_ns + number * 20 * NS_PER_MS + 10 * NS_PER_MS)
            stamps += [frame.t_ns for frame in b.receive()]
        assert [round((stamp - start_ns) / NS_PER_MS, 1) for stamp in stamps] == [0, 20, 40, 60]

    def test_of_receipt(self, bench: Bench) -> None:
        bench.add("a", stamps=False)
        bench.add("b", stamps=False)
        a, b = SlcanLink("a", "a"), SlcanLink("b", "b")
        a.send(Frame(1, b""))
        before_ns = time.monotonic_ns()
        (frame,) = b.receive()
        assert before_ns <= frame.t_ns <= time.monotonic_ns()


class TestTheLine:
    def test_a_full_line(self, bench: Bench, pair: Pair) -> None:
        a, b = pair
        line = bench.lines["a"]
        line.room = 10
        a.send(Frame(0x123, bytes(8)))  # goes out in two pieces
        with pytest.raises(LinkFullError):
            a.send(Frame(0x124, bytes(8)))
        assert b.receive() == []
        line.room = None
        a.send(Frame(0x124, bytes(8)))
        assert [frame.id for frame in b.receive()] == [0x123, 0x124]

    def test_no_room_at_all(self, bench: Bench, pair: Pair) -> None:
        a, _ = pair
        bench.lines["a"].room = 0
        with pytest.raises(LinkFullError):
            a.send(Frame(1, b""))
        assert a.counters.sent == 0

    def test_unplugged_and_plugged_in_again(self, bench: Bench, pair: Pair) -> None:
        a, b = pair
        a.send(Frame(1, b""))
        bench.lines["a"].gone = True
        with pytest.raises(BusError, match="gone"):
            a.receive()
        with pytest.raises(BusError, match="gone"):
            a.send(Frame(1, b""))
        assert not a.reopen()
        assert a.counters.last_error == "there is no such serial port"
        bench.lines["a"].gone = False
        bench.lines["a"].adapter.power_up()
        assert a.reopen()
        a.send(Frame(2, b""))
        assert [frame.id for frame in a.receive()] == [2]
        assert [frame.id for frame in b.receive()] == [1, 2]
        assert a.counters.restarts == 1


def test_filters(pair: Pair) -> None:
    a, b = pair
    b.set_filters([(0x100, False), (0x100, True)])
    for identifier, extended in ((0x100, False), (0x101, False), (0x100, True), (0x101, True)):
        a.send(Frame(identifier, b"", extended))
    assert [(frame.id, frame.extended) for frame in b.receive()] == [(0x100, False), (0x100, True)]
    b.set_filters(None)
    a.send(Frame(0x101, b""))
    assert len(b.receive()) == 1


class TestCanFd:
    """Adapters that can, and what becomes of one that cannot, or runs at another data bit rate."""

    def test_there_and_back(self, bench: Bench) -> None:
        options = SlcanOptions(fd=True, data_bitrate=5_000_000)
        for name in ("a", "b"):
            bench.add(name, fd=True)
        a, b = (SlcanLink(name, name, 500_000, options) for name in ("a", "b"))
        assert bench.lines["a"].adapter.data_bitrate == 5_000_000
        sent = [FdFrame(0x11, bytes(range(64))), FdFrame(0x1FFFFFFF, b"\x01", extended=True, fast=False)]
        for frame in (*sent, Frame(0x12, b"\x02")):
            a.send(frame)
        got = b.receive()
        assert [(type(one), one.id, one.data, one.extended) for one in got] == [
            (FdFrame, 0x11, bytes(range(64)), False),
            (FdFrame, 0x1FFFFFFF, b"\x01", True),
            (Frame, 0x12, b"\x02", False),
        ]
        assert [getattr(one, "fast", None) for one in got] == [True, False, None]
        echoes = a.receive()
        assert [(type(one), one.data, one.sender) for one in echoes] == [
            (FdFrame, bytes(range(64)), "rig"),
            (FdFrame, b"\x01", "rig"),
            (Frame, b"\x02", "rig"),
        ]

    def test_an_adapter_that_cannot(self, bench: Bench) -> None:
        bench.add("a")
        with pytest.raises(BusError, match="refuses CAN FD data at 2000000 bit/s"):
            SlcanLink("a", "a", 500_000, SlcanOptions(fd=True))

    @pytest.mark.parametrize("theirs", [{}, {"fd": True, "data_bitrate": 5_000_000}])
    def test_others_make_errors_of_its_frames(self, bench: Bench, theirs: dict[str, Any]) -> None:
        for name in ("a", "b"):
            bench.add(name, fd=True, reports=True)
        a = SlcanLink("a", "a", 500_000, SlcanOptions(fd=True))
        b = SlcanLink("b", "b", 500_000, SlcanOptions(**theirs))
        a.send(Frame(0x12, b"\x02"))
        assert [frame.id for frame in b.receive()] == [0x12]
        a.send(FdFrame(0x11, bytes(12)))
        assert all(frame.error for frame in b.receive())
        assert b.counters.error_frames > 0


def test_fd(bench: Bench, pair: Pair) -> None:
    link, _ = pair
    for frame in (FdFrame(1, b""), Frame(1, bytes(9))):
        with pytest.raises(FrameError, match=r"classic CAN|classic frame"):
            link.send(frame)
    link.data_bitrate = 2_000_000
    link.send(Frame(1, bytes(10)))
    assert bench.lines["a"].written.endswith(b"b0019" + b"00" * 12 + b"\r")
    bench.lines["a"].adapter.out[:] = format_frame(FdFrame(2, bytes(64)))[:-1] + b"0001\r"
    (frame,) = link.receive()
    assert isinstance(frame, FdFrame)
    assert len(frame.data) == 64
