"""Faults of messages that a node of the rig sends: a charging station's handshake, every 250 ms."""

from __future__ import annotations

from itertools import pairwise

import pytest

from hil.bus.frame import Frame
from hil.errors import NotOfferedError, UsageError
from hil.faults.catalogue import make_fault
from hil.host.world import World
from hil.rig.load import load_rig
from tests.hil.scripted import scripted_world

MS = 1_000_000
HANDSHAKE, CYCLE_MS = "CHM", 250.0


@pytest.fixture(scope="module")
def station():
    return load_rig("dc_charging")


@pytest.fixture
def world(station) -> World:
    world = scripted_world(station)
    world.power_on()
    world.set("charger.plugged", 1.0)
    world.run_until(300 * MS)
    return world


def frames(world: World, span_ms: int, message: str = HANDSHAKE) -> list[Frame]:
    since_ns = world.now_ns
    world.run_until(since_ns + span_ms * MS)
    key = world.database("charge").messages[message].key
    return world.frames("charge", key, since_ns + 1, world.now_ns)


def inject(world: World, name: str, **arguments):
    fault = make_fault(name, {"message": HANDSHAKE, **arguments})
    return fault, world.inject(fault)


def gaps_ms(found: list[Frame]) -> list[float]:
    return [(b.t_ns - a.t_ns) / MS for a, b in pairwise(found)]


def test_missing(world):
    assert frames(world, 600)
    fault, _ = inject(world, "frame.missing")
    assert frames(world, 600) == []
    world.clear(fault)
    assert frames(world, 600)


def test_late(world):
    before = world.last_frame(HANDSHAKE)
    _, stimulus = inject(world, "frame.delay", delay="100 ms")
    late = frames(world, 700)
    assert (late[0].t_ns - before.t_ns) / MS == pytest.approx(CYCLE_MS + 100, abs=2)
    assert stimulus.on_wire_ns == late[0].t_ns


def test_doubled(world):
    _, stimulus = inject(world, "frame.duplicate")
    found = frames(world, 700)
    assert len(found) == 4
    assert gaps_ms(found) == pytest.approx([0, CYCLE_MS, 0], abs=1)
    assert stimulus.on_wire_ns == found[1].t_ns


def test_another_length(world):
    length = world.database("charge").messages[HANDSHAKE].length
    fault, _ = inject(world, "frame.length", length=length - 1)
    assert {len(frame.data) for frame in frames(world, 600)} == {length - 1}
    world.clear(fault)
    assert {len(frame.data) for frame in frames(world, 600)} == {length}


def test_another_value_and_back(world):
    layout = world.database("charge").messages[HANDSHAKE]
    signal = next(name for name, s in layout.signals.items() if s.length > 4)
    good = layout.decode_dict(frames(world, 300)[-1].data)[signal]
    fault, stimulus = inject(world, "frame.value", signal=signal, value=good + 1)
    found = frames(world, 600)
    assert {layout.decode_dict(frame.data)[signal] for frame in found} == {good + 1}
    assert stimulus.on_wire_ns == found[0].t_ns
    world.clear(fault)
    assert {layout.decode_dict(frame.data)[signal] for frame in frames(world, 600)} == {good}


def test_a_message_of_several_frames_counts_from_its_last_packet(world):
    fault = make_fault("frame.value", {"message": "BRM", "signal": "RatedCapacity", "value": 100.0})
    stimulus = world.inject(fault)
    assert stimulus.on_wire_ns is None
    world.run_until(20_000 * MS)
    packets = [f.t_ns for f in world.stations["charge"].listener.frames if f.id == 0x1CEB56F4]
    assert stimulus.on_wire_ns in packets
    assert world.node("station").speaker.value("BRM", "RatedCapacity") == 100.0


@pytest.mark.parametrize(
    ("name", "arguments", "error", "reason"),
    [
        ("frame.crc", {}, NotOfferedError, "has neither counter nor checksum"),
        ("frame.masquerade", {"signal": "x", "value": 1}, NotOfferedError, "does not come in a cycle"),
        ("frame.missing", {"message": "CHN"}, UsageError, "does not send a message 'CHN'"),
    ],
)
def test_what_cannot_be(world, name, arguments, error, reason):
    with pytest.raises(error, match=reason):
        inject(world, name, **arguments)


def test_a_packet_of_a_long_message_of_a_node_is_asked_for_again(world):
    """The vehicle's identification, 49 bytes in 7 packets to the station."""
    world.inject(make_fault("frame.packet", {"message": "BRM", "number": 3}))
    world.run_until(world.now_ns + 8000 * MS)
    data = [f for f in world.stations["charge"].listener.frames if f.id == 0x1CEB56F4]
    assert [frame.data[0] for frame in data[:11]] == [1, 2, 4, 5, 6, 7, 3, 4, 5, 6, 7]
