"""The local bus: frames, echoes and stamps of two processes' worth of sockets."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import pytest

if sys.platform != "linux":
    pytest.skip("the local bus is Linux's", allow_module_level=True)

from hil.bench.realtime.local import FRAME_BYTES, LocalBus, LocalLink, Sink, collect, local_bus
from hil.bus.frame import Frame
from hil.bus.link import OWN
from hil.bus.socketcan import pack_classic

pytestmark = pytest.mark.real_time

TWO_CLOCKS_NS = 1_000_000  # between reading one and reading the other


@pytest.fixture
def bus() -> Iterator[LocalBus]:
    with local_bus() as bus:
        yield bus


def test_what_is_sent_comes_to_the_other_end_and_back_as_an_echo(bus: LocalBus) -> None:
    link = LocalLink("pack", bus, 500_000)
    link.send(Frame(0x123, b"\x01\x02\x03"))
    assert bus.far.recv(FRAME_BYTES) == pack_classic(0x123, 3, b"\x01\x02\x03")
    (echo,) = link.receive()
    assert (echo.id, echo.data, echo.sender) == (0x123, b"\x01\x02\x03", OWN)
    assert (link.counters.sent, link.counters.own_echoes, link.counters.received) == (1, 1, 0)


def test_what_others_send_is_no_echo_and_bears_the_kernels_stamp(bus: LocalBus) -> None:
    link = LocalLink("pack", bus, 500_000)
    before_ns = time.monotonic_ns()
    bus.far.send(pack_classic(0x80000000 | 0x18FF50E5, 8, bytes(range(8))))
    after_ns = time.monotonic_ns()
    (frame,) = link.receive()
    assert (frame.id, frame.extended, frame.data, frame.sender) == (0x18FF50E5, True, bytes(range(8)), "")
    assert before_ns - TWO_CLOCKS_NS <= frame.t_ns <= after_ns + TWO_CLOCKS_NS
    assert link.counters.rx_overruns == 0


def test_frames_that_find_no_room_are_counted(bus: LocalBus) -> None:
    link = LocalLink("pack", bus, 500_000)
    packed = pack_classic(0x1, 8, bytes(8))
    sent = 40_000  # more than its buffer holds
    for _ in range(sent):
        bus.far.send(packed)
    received = 0
    while frames := link.receive():
        received += len(frames)
    bus.far.send(packed)  # the next one tells of it
    received += len(link.receive())
    assert 0 < received < sent
    assert received + link.counters.rx_overruns == sent + 1


def test_a_sink_takes_identifiers_and_stamps_in_turn(bus: LocalBus) -> None:
    sink = Sink(bus)
    bus.near.send(pack_classic(0x7, 0, b""))
    collect([sink], 0)  # forgotten
    for number in range(3):
        bus.near.send(pack_classic(0x100 + number, 0, b""))
    frames = sink.take()
    assert frames[:, 0].tolist() == [0x100, 0x101, 0x102]
    assert sorted(frames[:, 1]) == frames[:, 1].tolist()
    assert sink.take().shape == (0, 2)
