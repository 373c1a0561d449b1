"""Sensors that lie: what they say on the bus beside what is there."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from itertools import pairwise

import pytest

from hil.errors import NotOfferedError, UsageError
from hil.faults.catalogue import make_fault
from hil.host.world import World
from tests.hil.scripted import scripted_world

MS = 1_000_000
CELL, OTHER = "cell_monitor.voltage[7]", "cell_monitor.voltage[90]"


@pytest.fixture
def world(laptop) -> Iterator[World]:
    world = scripted_world(laptop)
    world.power_on()
    world.run_until(500 * MS)
    return world


def said(world: World, port: str, span_ms: float = 300) -> list[float]:
    """What the frames to come say of a port, in the port's unit."""
    wire = next(w for w in world.rig.wires if w.port == port)
    layout = world.layout(wire.message)
    since_ns = world.now_ns
    world.run_until(since_ns + round(span_ms * MS))
    frames = world.frames("pack", layout.key, since_ns + 1, world.now_ns)
    values = [layout.decode_dict(frame.data).get(wire.signal) for frame in frames]
    return [value * wire.scale + wire.offset for value in values if value is not None]


@pytest.mark.parametrize(
    ("name", "arguments", "shown"),
    [
        ("sensor.stuck", {"value": 3.456}, lambda _: 3.456),
        ("sensor.offset", {"value": -0.123}, lambda x: x - 0.123),
        ("sensor.gain", {"factor": 1.1}, lambda x: 1.1 * x),
        ("sensor.open", {}, lambda _: 0.0),
        ("sensor.short", {}, lambda _: 0.0),
        ("sensor.range", {"side": "below"}, lambda _: 0.0),
    ],
)
def test_a_cell_is_said_to_have_another_voltage(world, name, arguments, shown):
    sound, beside = said(world, CELL)[-1], said(world, OTHER)[-1]
    fault = make_fault(name, {"port": CELL, **arguments})
    assert fault.name == name
    stimulus = world.inject(fault)
    begun_ns = world.now_ns
    assert said(world, CELL)[-1] == pytest.approx(shown(sound), abs=0.002)
    assert begun_ns < stimulus.on_wire_ns <= begun_ns + 101 * MS
    assert said(world, OTHER)[-1] == pytest.approx(beside, abs=0.002)
    world.clear(fault)
    assert said(world, CELL)[-1] == pytest.approx(sound, abs=0.002)


@pytest.mark.parametrize("name", ["sensor.open", "sensor.short"])
def test_an_ntc_resistor(world, name):
    port = "cell_monitor.temperature[3]"  # multiplexed: every 400 ms
    sound = said(world, port, 1000)[-1]
    fault = make_fault(name, {"port": port})
    world.inject(fault)
    value = said(world, port, 1000)[-1]
    assert value < sound - 40 if name == "sensor.open" else value > sound + 40
    measured = world.port(port)
    assert value == (measured.minimum if name == "sensor.open" else measured.maximum)
    world.clear(fault)
    assert said(world, port, 1000)[-1] == pytest.approx(sound, abs=1.0)


def test_a_frozen_sensor_says_what_it_last_said(world):
    cells = said(world, CELL)[-1]
    fault = make_fault("sensor.frozen", {"port": CELL})
    world.inject(fault)
    world.set("pack.soc", 0.05)
    assert said(world, CELL)[-1] == pytest.approx(cells, abs=0.002)
    world.clear(fault)
    assert said(world, CELL)[-1] < cells - 0.05


def test_a_drift_grows_with_time(world):
    sound = said(world, CELL)[-1]
    world.inject(make_fault("sensor.drift", {"port": CELL, "rate": 0.1}))
    found = said(world, CELL, 2050)
    assert found[0] == pytest.approx(sound, abs=0.02)
    assert found[-1] == pytest.approx(sound + 0.2, abs=0.02)
    steps = [b - a for a, b in pairwise(found)]
    assert steps == pytest.approx([0.01] * len(steps), abs=0.003)


def test_noise_is_as_strong_as_is_said_and_repeats(laptop):
    def noisy(seed: int) -> list[float]:
        world = scripted_world(laptop)
        world.power_on()
        world.inject(make_fault("sensor.noise", {"port": CELL, "sigma": 0.05, "seed": seed}))
        return said(world, CELL, 20_000)

    first = noisy(1)
    assert statistics.stdev(first) == pytest.approx(0.05, rel=0.25)
    assert first == noisy(1) != noisy(2)


def test_swapped_sensors(world):
    world.inject(make_fault("sensor.offset", {"port": CELL, "value": 0.0}))
    world.inject(make_fault("cell.voltage", {"cell": 90, "value": 3.7}))
    sound = said(world, CELL)[-1]
    fault = make_fault("sensor.swapped", {"port": CELL, "other": OTHER})
    world.inject(fault)
    assert said(world, CELL)[-1] == pytest.approx(3.7, abs=0.002)
    assert said(world, OTHER)[-1] == pytest.approx(sound, abs=0.002)
    world.clear(fault)
    assert said(world, CELL)[-1] == pytest.approx(sound, abs=0.002)
    assert said(world, OTHER)[-1] == pytest.approx(3.7, abs=0.002)


def test_bends_of_one_sensor_add_up_and_go_one_by_one(world):
    sound = said(world, CELL)[-1]
    gain = make_fault("sensor.gain", {"port": CELL, "factor": 0.5})
    offset = make_fault("sensor.offset", {"port": CELL, "value": 1.0})
    world.inject(gain)
    world.inject(offset)
    assert said(world, CELL)[-1] == pytest.approx(0.5 * sound + 1.0, abs=0.002)
    world.clear(gain)
    assert said(world, CELL)[-1] == pytest.approx(sound + 1.0, abs=0.002)
    world.clear(offset)
    assert said(world, CELL)[-1] == pytest.approx(sound, abs=0.002)


def test_frame_value_goes_before_a_bend(world):
    world.inject(make_fault("sensor.offset", {"port": CELL, "value": 1.0}))
    wire = next(w for w in world.rig.wires if w.port == CELL)
    arguments = {"message": wire.message, "signal": wire.signal, "value": 3000}
    signal = world.layout(wire.message).signals[wire.signal]
    if not signal.in_range(3000):
        arguments["value"] = 3.0
    world.inject(make_fault("frame.value", arguments))
    assert said(world, CELL)[-1] == pytest.approx(3.0, abs=0.002)


@pytest.mark.parametrize(
    ("name", "arguments", "error", "reason"),
    [
        ("sensor.stuck", {"port": "pack.voltage", "value": 3.0}, UsageError, "the truth cannot be held"),
        ("sensor.offset", {"port": "cell_monitor.voltage[97]", "value": 1}, UsageError, "have no port"),
        ("sensor.offset", {"port": "pack.voltage", "value": 1}, NotOfferedError, "no signal that the rig"),
        ("sensor.offset", {"port": CELL, "value": float("nan")}, UsageError, "is no number"),
        ("sensor.noise", {"port": CELL, "sigma": 0.0}, UsageError, "sigma 0 is not above 0"),
        ("sensor.range", {"port": CELL, "side": "top"}, UsageError, "no side 'top'"),
        ("sensor.swapped", {"port": CELL, "other": CELL}, UsageError, "with itself"),
        ("sensor.swapped", {"port": CELL, "other": "current_sensor.current"}, UsageError, "measure V and A"),
    ],
)
def test_wrong_arguments(world, name, arguments, error, reason):
    with pytest.raises(error) as caught:
        world.inject(make_fault(name, arguments))
    assert reason in str(caught.value)
