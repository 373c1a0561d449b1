"""Error counters, error-passive nodes, bus-off and recovery."""

import pytest

from hil.bus.frame import ErrorFrame, error_class
from hil.bus.node import Node
from hil.clock import NS_PER_S
from tests.hil.bus.wire import BIT_NS, Wire


def counters(*nodes: Node) -> list[tuple[int, int]]:
    return [(node.tec, node.rec) for node in nodes]


def test_an_error_costs_the_sender_eight_and_the_others_one() -> None:
    wire = Wire("abc")
    a, b, c = wire.nodes
    wire.medium.disturb()
    a.send(0x100, bytes(8))
    wire.clock.run_until(280_000)  # after the error frame, before the end of the second try
    assert counters(a, b, c) == [(8, 0), (0, 1), (0, 1)]
    wire.run()
    assert counters(a, b, c) == [(7, 0), (0, 0), (0, 0)]


def test_thirty_two_errors_in_a_row_drive_the_sender_off() -> None:
    wire = Wire()
    a, b = wire.nodes
    wire.medium.disturb(count=None)
    a.send(0x100, bytes(8))
    a.send(0x101, bytes(8))
    states = []
    b.on_frame = lambda _: states.append(a.state)
    wire.run(0.02)
    wrecks = [frame for frame in wire.seen if isinstance(frame, ErrorFrame)]
    assert len(wrecks) == 32
    assert states == ["error-active"] * 15 + ["error-passive"] * 16 + ["bus-off"]
    assert [wreck.bus_off for wreck in wrecks] == [False] * 31 + [True]
    assert (a.pending, a.dropped) == (0, 2)


def test_recovery_takes_128_times_eleven_bits() -> None:
    wire = Wire()
    a = wire.nodes[0]
    wire.medium.force_bus_off(a)
    assert a.state == "bus-off"
    a.send(0x100, b"")
    assert a.dropped == 1
    wire.clock.run_until(128 * 11 * BIT_NS)
    assert a.state == "bus-off"
    wire.clock.run_until(128 * 11 * BIT_NS + 1)
    assert a.state == "error-active"
    a.send(0x100, b"")
    assert len(wire.run()) == 1


def test_without_automatic_recovery_a_node_stays_off() -> None:
    wire = Wire()
    a = wire.nodes[0]
    a.auto_recover = False
    wire.medium.force_bus_off(a)
    wire.run()
    assert a.state == "bus-off"
    wire.medium.recover(a)
    assert a.state == "error-active"


def test_a_node_off_the_bus_neither_hears_nor_acknowledges() -> None:
    wire = Wire()
    a, b = wire.nodes
    b.auto_recover = False
    wire.medium.force_bus_off(b)
    a.send(0x100, b"")
    wire.run(0.01)
    assert wire.heard["b"] == []
    assert {frame.cause for frame in wire.seen if isinstance(frame, ErrorFrame)} == {"ack"}


def test_a_lone_node_never_goes_off_the_bus() -> None:
    wire = Wire("a")
    a = wire.nodes[0]
    a.send(0x100, bytes(8))
    wire.run()
    assert (a.state, a.tec) == ("error-passive", 128)
    wrecks = [frame for frame in wire.seen if isinstance(frame, ErrorFrame)]
    assert {(wreck.cause, wreck.field) for wreck in wrecks} == {("ack", 0x19)}
    other = wire.medium.attach("late")
    wire.run()
    assert (a.pending, a.tec, other.rec) == (0, 127, 0)


def test_warning_comes_before_passive() -> None:
    wire = Wire()
    a = wire.nodes[0]
    a.tec = 95
    assert (a.is_warning, a.is_passive) == (False, False)
    a.tec = 96
    assert (a.is_warning, a.is_passive) == (True, False)
    a.tec = 128
    assert (a.is_warning, a.is_passive) == (True, True)


@pytest.mark.parametrize(("tec", "rec", "pause"), [(0, 0, 3), (127, 0, 3), (140, 0, 11), (0, 130, 11)])
def test_an_error_passive_sender_pauses_after_its_frame(tec: int, rec: int, pause: int) -> None:
    wire = Wire()
    a = wire.nodes[0]
    a.tec, a.rec = tec, rec
    a.send(0x10, b"")
    a.send(0x11, b"")
    first, second = wire.run()
    assert second.start_ns - first.t_ns == pause * BIT_NS


def test_others_may_use_the_pause() -> None:
    wire = Wire("abc")
    a, b, _ = wire.nodes
    a.tec = 140
    first = a.send(0x10, b"")
    a.send(0x11, b"")
    wire.clock.run_until(first.t_ns or 100_000)
    wire.clock.run_until_any(NS_PER_S, wire.seen)
    wire.clock.run_until(first.t_ns + 5 * BIT_NS)  # within the pause
    b.send(0x700, b"")
    seen = wire.run()
    assert [frame.id for frame in seen] == [0x10, 0x700, 0x11]
    assert seen[1].start_ns == first.t_ns + 5 * BIT_NS
    assert seen[2].start_ns == seen[1].t_ns + 3 * BIT_NS


def test_an_error_at_one_receiver_destroys_the_frame_for_all() -> None:
    wire = Wire("abc")
    a, b, c = wire.nodes
    wire.medium.disturb(at="b")
    a.send(0x100, bytes(8))
    wire.clock.run_until_any(NS_PER_S, wire.seen)
    wreck = wire.seen[0]
    assert isinstance(wreck, ErrorFrame)
    assert wreck.field == 0x1A  # after the acknowledge delimiter: in the end of frame
    assert counters(a, b, c) == [(8, 0), (0, 9), (0, 1)]
    wire.run()
    assert [len(wire.heard[name]) for name in "bc"] == [2, 2]  # the error frame, and the frame


def test_an_error_passive_receiver_alone_misses_the_frame() -> None:
    wire = Wire("abc")
    a, b, c = wire.nodes
    b.rec = 130
    wire.medium.disturb(at="b")
    a.send(0x100, bytes(8))
    a.send(0x101, bytes(8))
    wire.run()
    assert [frame.id for frame in wire.heard["b"]] == [0x101]
    assert [frame.id for frame in wire.heard["c"]] == [0x100, 0x101]
    assert counters(a, b, c) == [(0, 0), (0, 127), (0, 0)]


def test_an_error_passive_receiver_alone_on_the_bus_does_not_acknowledge() -> None:
    wire = Wire()
    a, b = wire.nodes
    b.rec = 130
    wire.medium.disturb(at="b")
    a.send(0x100, bytes(8))
    wire.run()
    assert [isinstance(frame, ErrorFrame) and frame.cause for frame in wire.seen] == ["ack", False]


def test_an_error_at_the_sender_is_an_error_for_all() -> None:
    wire = Wire()
    wire.medium.disturb(at="a")
    wire.nodes[0].send(0x100, bytes(8))
    wire.clock.run_until_any(NS_PER_S, wire.seen)
    assert counters(*wire.nodes) == [(8, 0), (0, 1)]


def test_a_disturbance_ends() -> None:
    wire = Wire()
    a = wire.nodes[0]
    disturbance = wire.medium.disturb(lambda frame: frame.id == 0x100, count=None)
    a.send(0x100, b"")
    a.send(0x101, b"")
    wire.run(0.001)
    wire.medium.calm(disturbance)
    wire.medium.calm(disturbance)
    wire.run()
    assert [frame.id for frame in wire.heard["b"] if not frame.error] == [0x100, 0x101]


def test_a_node_that_leaves_while_its_frame_fails() -> None:
    wire = Wire("abc")
    a = wire.nodes[0]
    wire.medium.disturb(count=None)
    a.send(0x100, bytes(8))
    wire.clock.run_until(1)
    a.detach()
    wire.run()
    assert len(wire.seen) == 1
    assert a.pending == 0


@pytest.mark.parametrize(
    ("tec", "rec", "identifier", "data"),
    [
        (8, 0, 0x288, "0000810A00000800"),
        (104, 0, 0x28C, "0008810A00006800"),
        (136, 100, 0x28C, "0024810A00008864"),
        (256, 0, 0x2CC, "0020810A0000FF00"),
    ],
)
def test_error_classes_are_those_of_socketcan(
    tec: int, rec: int, identifier: int, data: str
) -> None:
    wire = Wire()
    wreck = ErrorFrame(wire.nodes[0].send(0x100, bytes(8)), "bit", 30, 0x0A)
    wreck.tec, wreck.rec, wreck.bus_off = tec, rec, tec > 255
    assert error_class(wreck) == (identifier, bytes.fromhex(data))
