"""Arbitration, timing and error confinement on the virtual wire."""

from hil.bus.frame import Frame
from hil.bus.medium import Medium
from hil.clock import NS_PER_S, VirtualClock


def test_the_lowest_identifier_wins_and_frames_take_their_time() -> None:
    clock = VirtualClock()
    medium = Medium(clock)
    got: list[Frame] = []
    a, b = medium.attach("a"), medium.attach("b")
    medium.attach("listener", got.append)
    b.send(0x304, bytes.fromhex("3C3C3C3C3C3C3C3E"))
    a.send(0x123, bytes(8))
    clock.run_until(NS_PER_S)
    assert [frame.id for frame in got] == [0x123, 0x304]
    assert got[0].t_ns == (125 - 3) * 2000
    assert got[1].t_ns == 125 * 2000 + (131 - 3) * 2000


def test_errors_drive_a_node_off_the_bus_and_it_comes_back() -> None:
    clock = VirtualClock()
    medium = Medium(clock, seed=1)
    sender = medium.attach("sender")
    medium.attach("listener")
    medium.disturb(count=32)
    sender.send(0x100, bytes(8))
    clock.run_until(NS_PER_S // 100)
    assert medium.error_frames == 32
    assert sender.state == "bus-off" or sender.tec == 0
    clock.run_until(NS_PER_S)
    assert sender.state == "error-active"


def test_a_lone_node_never_goes_off_the_bus() -> None:
    clock = VirtualClock()
    node = Medium(clock).attach("alone")
    node.send(0x100, bytes(8))
    clock.run_until(NS_PER_S // 10)
    assert node.state == "error-passive"
