"""What a bus fault does on the virtual wire, and how the bus is after it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from hil.bus.frame import Frame
from hil.bus.medium import Medium
from hil.bus.node import Node
from hil.errors import NotOfferedError, UsageError
from hil.faults.catalogue import CATALOGUE, make_fault
from hil.host.world import World
from tests.hil.scripted import every, scripted_world, status

MS = 1_000_000
BUS_FAULTS = [name for name in CATALOGUE if name.startswith("bus.")]
NEEDED = {"bus.noise": {"share": 0.05}, "bus.load": {"share": 0.8}}


@pytest.fixture
def world(laptop) -> Iterator[World]:
    world = scripted_world(laptop, every(20, 30_000, status()))
    world.power_on()
    world.run_until(500 * MS)
    return world


def medium(world: World) -> Medium:
    return world.stations["pack"].medium


def node(world: World, name: str) -> Node:
    return next(node for node in medium(world).nodes if node.name == name)


def frames(world: World, span_ms: float) -> list[Frame]:
    """All on the wire in the time to come, error frames too."""
    found: list[Frame] = []
    medium(world).taps.append(found.append)
    world.run_until(world.now_ns + round(span_ms * MS))
    medium(world).taps.remove(found.append)
    return found


def good(found: list[Frame], sender: str) -> int:
    return sum(not frame.error and frame.sender == sender for frame in found)


def load(world: World, span_ms: float) -> float:
    wire, since_ns = medium(world), world.now_ns
    bits = wire.busy_bits
    world.run_until(since_ns + round(span_ms * MS))
    return wire.load(bits, since_ns)


def test_a_burst_of_errors_delays_frames_and_loses_none(world):
    sound = frames(world, 1000)
    fault = make_fault("bus.errors", {"count": 15})
    world.inject(fault)
    found = frames(world, 1000)
    assert sum(frame.error for frame in found) == 15
    assert good(found, "bms") == pytest.approx(good(sound, "bms"), abs=1)
    assert good(found, "rig") == pytest.approx(good(sound, "rig"), abs=1)
    world.clear(fault)


def test_a_burst_strikes_one_message(world):
    fault = make_fault("bus.errors", {"count": 3, "message": "CM_Status"})
    world.inject(fault)
    found = frames(world, 1000)
    assert {f.id for f in found if f.error} == {world.layout("CM_Status").id}
    assert sum(frame.error for frame in found) == 3
    world.clear(fault)


def test_a_burst_that_is_mended_is_over(world):
    fault = make_fault("bus.errors", {"count": 100_000})
    world.inject(fault)
    assert good(frames(world, 50), "rig") == 0
    world.clear(fault)
    world.run_until(world.now_ns + 20 * MS)  # for those that are off the bus
    assert not any(frame.error for frame in frames(world, 500))


def test_noise_strikes_its_share(world):
    fault = make_fault("bus.noise", {"share": 0.05})
    world.inject(fault)
    found = frames(world, 3000)
    assert sum(f.error for f in found) / len(found) == pytest.approx(0.05, abs=0.02)
    world.clear(fault)
    assert not any(frame.error for frame in frames(world, 500))


def test_a_node_comes_back_by_itself(world):
    fault = make_fault("bus.off", {"node": "bms"})
    world.inject(fault)
    assert node(world, "bms").bus_off
    world.run_until(world.now_ns + 3 * MS)  # 128 x 11 bits at 500 kbit/s are 2.8 ms
    assert not node(world, "bms").bus_off
    assert good(frames(world, 500), "bms") >= 24
    world.clear(fault)


def test_the_others_go_on_while_a_node_is_off(world):
    heard = world.bms.heard
    fault = make_fault("bus.off", {"node": "bms", "recovery": "200 ms"})
    world.inject(fault)
    before = len(heard)
    found = frames(world, 199)
    assert good(found, "rig") > 80
    assert not any(frame.error for frame in found)
    assert len(heard) == before
    world.clear(fault)
    assert "acknowledging" not in {node.name for node in medium(world).nodes}


def test_a_lonely_node_is_acknowledged_by_nobody(world, monkeypatch):
    monkeypatch.setattr(world, "stands_for", lambda _: frozenset({"VCU"}))
    world.inject(make_fault("bus.off", {"node": "bms", "recovery": "200 ms"}))
    found = frames(world, 100)
    assert found
    assert all(frame.error for frame in found)


@pytest.mark.parametrize("name", ["bms", "rig"])
def test_a_slow_recovery(world, name):
    fault = make_fault("bus.off", {"node": name, "recovery": "400 ms"})
    world.inject(fault)
    assert good(frames(world, 399), name) == 0
    assert good(frames(world, 100), name) > 0
    world.clear(fault)
    assert node(world, name).auto_recover


def test_a_node_is_back_when_it_is_mended(world):
    fault = make_fault("bus.off", {"recovery": "1 h"})
    world.inject(fault)
    assert good(frames(world, 200), "bms") == 0
    world.clear(fault)
    assert good(frames(world, 200), "bms") > 0
    world.run_until(world.now_ns + 5 * MS)
    assert not node(world, "bms").bus_off


@pytest.mark.parametrize("share", [0.5, 0.8, 1.0])
def test_the_bus_is_as_busy_as_is_said(world, share):
    sound = load(world, 1000)
    assert sound < 0.45
    fault = make_fault("bus.load", {"share": share})
    world.inject(fault)
    assert load(world, 2000) == pytest.approx(share, abs=0.01)
    found = frames(world, 1000)
    assert good(found, "bms") == pytest.approx(50, abs=1)  # it gives way
    world.clear(fault)
    assert load(world, 1000) == pytest.approx(sound, abs=0.01)


def test_a_full_bus_whose_load_goes_first_keeps_the_others_off(world):
    fault = make_fault("bus.load", {"share": 1.0, "identifier": 0})
    world.inject(fault)
    world.run_until(world.now_ns + 1 * MS)
    assert {frame.sender for frame in frames(world, 3000)} == {"load"}  # longer than a queue would do
    world.clear(fault)
    assert medium(world).jams == 0
    assert good(frames(world, 500), "bms") >= 24


def test_less_load_than_there_is_adds_nothing(world):
    fault = make_fault("bus.load", {"share": 0.01})
    world.inject(fault)
    world.run_until(world.now_ns + 50 * MS)
    assert good(frames(world, 1000), "load") == 0
    world.clear(fault)


def test_the_load_goes_on_after_its_node_was_off_the_bus(world):
    fault = make_fault("bus.load", {"share": 0.8})
    world.inject(fault)
    world.run_until(world.now_ns + 100 * MS)
    off = make_fault("bus.off", {"node": "load"})
    world.inject(off)
    world.run_until(world.now_ns + 500 * MS)
    assert load(world, 1000) == pytest.approx(0.8, abs=0.02)


def test_a_babbling_node_keeps_the_others_off(world):
    fault = make_fault("bus.babbling", {})
    world.inject(fault)
    world.run_until(world.now_ns + 1 * MS)
    found = frames(world, 3000)  # longer than a queue would do
    assert {frame.sender for frame in found} == {"babbling"}
    world.clear(fault)
    after = frames(world, 30)
    counts = Counter(frame.key for frame in after if frame.sender == "rig")
    fresh = world.database("pack")
    assert (
        max(counts[m.key] for m in fresh.messages.values() if (m.cycle_ns or 0) >= 100 * MS) <= 2
    )  # nothing old
    assert load(world, 500) < 0.45
    assert medium(world).jams == 0


def test_who_has_a_lower_identifier_than_the_babbler_gets_through(world):
    fault = make_fault("bus.babbling", {"identifier": 0x7FE})
    world.inject(fault)
    found = frames(world, 1000)
    assert good(found, "bms") == pytest.approx(50, abs=1)
    assert load(world, 500) == pytest.approx(1.0, abs=0.01)
    world.clear(fault)


def test_nothing_passes_a_short_and_all_is_well_after_it(world):
    fault = make_fault("bus.short", {})
    world.inject(fault)
    world.run_until(world.now_ns + 1 * MS)
    found = frames(world, 1000)
    assert found
    assert all(frame.error for frame in found)
    assert any(frame.bus_off for frame in found)
    world.clear(fault)
    world.run_until(world.now_ns + 5 * MS)
    after = frames(world, 500)
    assert good(after, "bms") >= 24
    assert good(after, "rig") > 100
    assert not any(frame.error for frame in after)


@pytest.mark.parametrize("name", BUS_FAULTS)
def test_a_real_bus_cannot(world, name, monkeypatch):
    monkeypatch.setattr(world.stations["pack"], "medium", SimpleNamespace(name="pack"))
    with pytest.raises(NotOfferedError, match="needs a bus of interface 'sim': this one is real"):
        world.inject(make_fault(name, NEEDED.get(name, {})))


@pytest.mark.parametrize("name", BUS_FAULTS)
def test_two_of_a_kind_are_mended_one_by_one(world, name):
    first, second = (make_fault(name, NEEDED.get(name, {})) for _ in range(2))
    before = len(medium(world).nodes)
    world.inject(first)
    world.inject(second)
    world.clear(second)
    world.clear(first)
    world.run_until(world.now_ns + 20 * MS)
    assert (len(medium(world).nodes), medium(world).jams) == (before, 0)
    assert not any(frame.error for frame in frames(world, 300))
    assert load(world, 500) < 0.45


@pytest.mark.parametrize(
    ("name", "arguments", "reason"),
    [
        ("bus.errors", {"count": 0}, "count 0 is not above 0"),
        ("bus.errors", {"message": "CM_State"}, "no DBC file has a message 'CM_State'"),
        ("bus.noise", {"share": 1.0}, "share 1 is not between 0 and 1"),
        ("bus.load", {"share": 80}, "share 80 is not above 0 and up to 1"),
        ("bus.load", {"share": 0.8, "identifier": 0x800}, "identifier 0x800 is not of 11 bits"),
        ("bus.off", {"node": "BMS"}, "there is no node 'BMS' on bus pack"),
        ("bus.off", {"recovery": "5 V"}, "'5 V' is a voltage"),
        ("bus.short", {"bus": "pak"}, "the rig file has no bus 'pak'"),
        ("bus.babbling", {"identifier": -1}, "is not of 11 bits"),
    ],
)
def test_wrong_arguments(world, name, arguments, reason):
    with pytest.raises(UsageError) as caught:
        world.inject(make_fault(name, arguments))
    assert reason in str(caught.value)
