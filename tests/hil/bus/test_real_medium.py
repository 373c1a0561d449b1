"""A real bus behind the face of the virtual one, on a link and a clock in the test's hand."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest

from hil.bus.frame import FdFrame, Frame
from hil.bus.link import OWN, LinkCounters, LinkFullError
from hil.bus.real_medium import RealMedium, RealNode
from hil.bus.wire_time import wire_s
from hil.clock import NS_PER_MS, NS_PER_S, NS_PER_US, VirtualClock
from hil.errors import BusError

ZERO_NS = 5 * NS_PER_S


class StillClock(VirtualClock):
    """Virtual time that keeps what it should watch."""

    def __init__(self) -> None:
        super().__init__()
        self.zero_ns = ZERO_NS
        self.watched: dict[int, Callable[[], None]] = {}

    def watch(self, descriptor: int, callback: Callable[[], None]) -> None:
        self.watched[descriptor] = callback

    def forget(self, descriptor: int) -> None:
        del self.watched[descriptor]


class TestLink:
    """A link whose frames the test puts in.

    Attributes:
        waiting: Frames to be received.
        sent: Frames that were sent.
        trouble: Raised by the next call.
    """

    __test__ = False
    name, bitrate, data_bitrate = "pack", 500_000, 2_000_000
    stamps, precision_ns = "kernel", 1_000

    def __init__(self) -> None:
        self.counters = LinkCounters()
        self.waiting: list[Frame] = []
        self.sent: list[Frame] = []
        self.trouble: Exception | None = None
        self.descriptor: int | None = 7
        self.closed = False

    def fileno(self) -> int | None:
        return self.descriptor

    def send(self, frame: Frame) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.sent.append(frame)

    def receive(self) -> Sequence[Frame]:
        if self.trouble is not None:
            raise self.trouble
        frames, self.waiting = self.waiting, []
        return frames

    def set_filters(self, identifiers: Iterable[tuple[int, bool]] | None) -> None: ...

    def reopen(self) -> bool:
        self.descriptor = 8
        return True

    def close(self) -> None:
        self.closed = True

    def put(self, frame: Frame, at_ns: int = NS_PER_MS) -> None:
        """Let a frame have come at an instant of the rig's time line."""
        frame.t_ns = ZERO_NS + at_ns
        self.waiting.append(frame)

    def echo(self, at_ns: int = NS_PER_MS, place: int = -1) -> None:
        frame = self.sent[place]
        self.put(type(frame)(frame.id, frame.data, frame.extended, OWN), at_ns)


class Bench:
    def __init__(self) -> None:
        self.clock, self.link = StillClock(), TestLink()
        self.link.put(Frame(0x666, b"stale"))
        self.medium = RealMedium(self.clock, self.link)  # type: ignore[arg-type]
        self.heard: list[Frame] = []
        self.through: list[Frame] = []
        self.tapped: list[Frame] = []
        self.node = self.attach("rig", self.heard, self.through)
        self.medium.taps.append(self.tapped.append)

    def attach(self, name: str, heard: list[Frame], through: list[Frame]) -> RealNode:
        node = self.medium.attach(name, heard.append)
        node.on_sent = through.append
        return node


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_frame_of_another(bench: Bench) -> None:
    frame = Frame(0x123, bytes(8))
    bench.link.put(frame, 3 * NS_PER_MS)
    bench.clock.watched[7]()
    assert bench.heard == bench.tapped == [frame]
    assert frame.t_ns == 3 * NS_PER_MS
    assert frame.start_ns == 3 * NS_PER_MS - 122 * 2 * NS_PER_US  # 125 bits, intermission left out
    assert (bench.medium.frames, bench.medium.busy_bits) == (1, 125)
    assert bench.medium.intruders == {}


def test_an_own_frame_is_one_object_from_send_to_echo(bench: Bench) -> None:
    frame = bench.node.send(0x123, bytes(8))
    assert (frame.t_ns, frame.sender, bench.node.pending) == (0, "rig", 1)
    bench.link.echo(2 * NS_PER_MS)
    bench.medium.poll()
    assert bench.through == bench.tapped == [frame]
    assert bench.heard == []
    assert (frame.t_ns, bench.node.pending) == (2 * NS_PER_MS, 0)
    assert 0 < frame.start_ns < frame.t_ns


def test_echoes_in_order_with_equal_identifiers(bench: Bench) -> None:
    frames = [bench.node.send(1, bytes((n,))) for n in (1, 2, 2, 3)]
    for place in range(4):
        bench.link.echo(NS_PER_MS * (place + 1), place)
    bench.medium.poll()
    assert bench.through == frames
    assert [frame.t_ns for frame in frames] == [NS_PER_MS * n for n in (1, 2, 3, 4)]


def test_a_lost_echo_is_counted_and_the_next_one_found(bench: Bench) -> None:
    lost, found = bench.node.send(1, b"a"), bench.node.send(1, b"b")
    bench.link.echo()
    bench.medium.poll()
    assert bench.through == [found]
    assert lost.t_ns == 0
    assert (bench.node.pending, bench.node.dropped) == (0, 1)
    assert bench.link.counters.unconfirmed == 1


def test_echoes_that_never_come_do_not_pile_up(bench: Bench) -> None:
    for number in range(200):
        bench.node.send(1, number.to_bytes(2, "big"))
    assert bench.node.pending == 64
    assert bench.node.dropped == 136


def test_an_echo_that_nobody_knows_is_the_first_nodes(bench: Bench) -> None:
    """The kernel's broadcast manager sent it."""
    echo = Frame(0x50, b"", sender=OWN)
    bench.link.put(echo)
    bench.medium.poll()
    assert bench.through == bench.tapped == [echo]


def test_nodes_of_one_program_hear_each_other(bench: Bench) -> None:
    heard: list[Frame] = []
    bench.attach("bms", heard, [])
    frame = bench.node.send(1, b"")
    bench.link.echo()
    bench.medium.poll()
    assert heard == [frame]
    assert bench.heard == []
    bench.medium.nodes[1].detach()
    bench.link.put(Frame(2, b""))
    bench.medium.poll()
    assert heard == [frame]


def test_no_room_drops_and_counts(bench: Bench) -> None:
    bench.link.trouble = LinkFullError("full")
    frame = bench.node.send(1, b"")
    assert (frame.t_ns, bench.node.dropped, bench.node.pending) == (0, 1, 0)


def test_a_bus_that_is_gone_raises(bench: Bench) -> None:
    bench.link.trouble = BusError("gone")
    with pytest.raises(BusError):
        bench.node.send(1, b"")
    assert not bench.medium.is_up
    assert bench.clock.watched == {}  # a closed descriptor must not be waited for
    with pytest.raises(BusError):
        bench.medium.poll()
    bench.clock.run_until(NS_PER_S)  # told once
    bench.link.trouble = None
    assert bench.medium.reopen()
    assert bench.medium.is_up


def test_reopening_watches_the_new_descriptor(bench: Bench) -> None:
    bench.node.send(1, b"")
    assert bench.medium.reopen()
    assert list(bench.clock.watched) == [8]
    assert bench.node.pending == 0


def test_a_second_rig_is_noticed(bench: Bench) -> None:
    bench.node.send(0x18FF50E5, b"", extended=True)
    for identifier in (0x18FF50E5, 0x18FF50E5, 0x18FF50E6):
        bench.link.put(Frame(identifier, b"", extended=True))
    bench.medium.poll()
    assert bench.medium.intruders == {0x98FF50E5: 2}
    assert "somebody else sends identifier 18FF50E5 too (2 frames)" in bench.medium.complaints()


def test_error_frames_and_bus_off(bench: Bench) -> None:
    bench.node.send(1, b"")
    error = Frame(0x240, bytes.fromhex("000000000000ff07"))
    error.error = True
    bench.link.counters.count_error(error)
    bench.link.put(error)
    bench.medium.poll()
    assert bench.heard == bench.tapped == [error]
    assert (bench.medium.frames, bench.medium.error_frames) == (0, 1)
    node = bench.node
    assert (node.state, node.bus_off, node.tec, node.rec, node.pending) == ("bus-off", True, 255, 7, 0)
    assert node.is_passive
    assert node.is_warning
    assert bench.medium.complaints()[0] == "the controller is off the bus"


def test_fd_frames(bench: Bench) -> None:
    frame = bench.node.send(1, bytes(10))
    assert isinstance(frame, FdFrame)
    bench.link.put(FdFrame(1, bytes(12), sender=OWN))  # filled up on its way
    bench.medium.poll()
    assert bench.through == [frame]
    assert bench.medium.busy_bits == round(wire_s(FdFrame(1, bytes(12)), 500_000, 2_000_000) * 500_000)


def test_load(bench: Bench) -> None:
    bench.clock.run_until(NS_PER_S)
    for _ in range(2_000):
        bench.link.put(Frame(0x123, bytes(8)))
    bench.medium.poll()
    assert bench.medium.load(0, 0) == pytest.approx(2_000 * 125 / 500_000)


def test_a_link_is_asked_now_and_then_anyway(bench: Bench) -> None:
    bench.link.put(Frame(1, b""))
    bench.clock.run_until(150 * NS_PER_MS)
    assert len(bench.heard) == 1
    bench.medium.close()
    bench.link.put(Frame(1, b""))
    bench.clock.run_until(NS_PER_S)
    assert len(bench.heard) == 1
    assert bench.link.closed
    assert bench.clock.watched == {}


def test_a_link_without_a_descriptor_often() -> None:
    clock, link = StillClock(), TestLink()
    link.descriptor = None
    medium = RealMedium(clock, link)  # type: ignore[arg-type]
    heard: list[Frame] = []
    medium.attach("rig", heard.append)
    link.put(Frame(1, b""))
    clock.run_until(2 * NS_PER_MS)
    assert len(heard) == 1


def test_what_came_before_the_rig_is_thrown_away(bench: Bench) -> None:
    bench.medium.poll()
    assert bench.heard == []


def test_a_frame_that_the_link_has_given_up_waits_for_no_echo(bench: Bench) -> None:
    """Echoes were taken for those of the frame before, and one was counted again when the data changed."""
    for at_ms in (1, 2, 3):
        bench.node.send(0x123, b"same")
        if at_ms == 1:
            bench.link.counters.given_up.append(bench.link.sent[0])
        else:
            bench.link.echo(at_ms * NS_PER_MS)
        bench.medium.poll()
    assert [frame.t_ns for frame in bench.link.sent] == [0, 2 * NS_PER_MS, 3 * NS_PER_MS]
    bench.node.send(0x123, b"other")
    bench.link.echo(4 * NS_PER_MS)
    bench.medium.poll()
    assert (bench.node.pending, bench.node.dropped, bench.medium.counters.unconfirmed) == (0, 1, 0)
    assert not bench.link.counters.given_up


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_an_adapter_unplugged_and_plugged_in_again_in_real_time(tmp_path: Path) -> None:
    from hil.bus.slcan import SlcanLink
    from hil.bus.slcan_twin import serving
    from hil.realtime.clock import RealClock

    with serving(tmp_path / "a", tmp_path / "b") as (a, b):
        clock, bms = RealClock(), SlcanLink("bms", str(b.path))
        medium = RealMedium(clock, SlcanLink("pack", str(a.path)))
        heard: list[Frame] = []
        through: list[Frame] = []
        node = medium.attach("rig", heard.append)
        node.on_sent = through.append
        sent = node.send(0x123, b"\x01")
        assert clock.run_until_any(clock.now_ns + NS_PER_S, through)
        assert through == [sent]
        bms.send(Frame(0x124, b"\x02"))
        assert clock.run_until_any(clock.now_ns + NS_PER_S, heard)
        assert 0 < heard[0].t_ns <= clock.real_ns
        a.unplug()
        with pytest.raises(BusError, match="gone"):
            clock.run_until(clock.now_ns + NS_PER_S)
        clock.run_until(clock.now_ns + 10 * NS_PER_MS)
        assert not medium.reopen()
        a.replug()
        assert medium.reopen()
        through.clear()
        node.send(0x123, b"\x02")
        assert clock.run_until_any(clock.now_ns + NS_PER_S, through)
        medium.close()
        bms.close()
