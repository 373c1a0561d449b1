"""Sensors: period, resolution, noise, range, and what happens when their wires break."""

import re
from math import isnan
from typing import Any

import numpy as np
import pytest

from twins.config import PackConfig, SensorConfig
from twins.sensor import CellMonitor, Noise

MS = 1_000_000
S = 1_000_000_000


def is_multiple(value: float, step: float) -> bool:
    return value / step == pytest.approx(round(value / step), abs=1e-6)


def test_readings_are_multiples_of_the_resolution(world: Any) -> None:
    world.connect()
    for k in range(1, 17):
        assert is_multiple(world[f"cell_monitor.voltage[{k}]"], 1e-3)
        assert is_multiple(world[f"cell_monitor.temperature[{k}]"], 0.5)
    assert is_multiple(world["current_sensor.current"], 1e-3)
    assert is_multiple(world["current_sensor.voltage_pack"], 1e-3)


def test_readings_agree_with_the_truth(world: Any) -> None:
    world.connect()
    assert world["current_sensor.voltage_pack"] == pytest.approx(world["pack.voltage"], abs=0.1)
    assert world["current_sensor.voltage_link"] == pytest.approx(world["link.voltage"], abs=0.1)
    assert world["current_sensor.current"] == pytest.approx(world["pack.current"], abs=0.1)
    for k in range(1, 17):
        voltage = world[f"cell_monitor.voltage[{k}]"]
        assert voltage == pytest.approx(world[f"pack.cell_voltage[{k}]"], abs=3e-3)


@pytest.mark.parametrize(
    ("port", "period_ms", "sigma"),
    [
        ("current_sensor.current", 10, 20e-3),
        ("current_sensor.voltage_pack", 50, 20e-3),
        ("cell_monitor.voltage[3]", 100, 0.6e-3),  # 0.5 mV and the rounding to 1 mV
    ],
)
def test_noise_and_period(world: Any, port: str, period_ms: int, sigma: float) -> None:
    samples = []
    for _ in range(400):
        before = world[port]
        world.run(period_ms * MS - 1)
        assert world[port] == before
        world.run(1)
        samples.append(world[port])
    assert np.std(samples) == pytest.approx(sigma, rel=0.2)


def test_noise_is_by_seed_and_goes_on_after_restore() -> None:
    noise, same, other = Noise(7), Noise(7), Noise(8)
    first = noise.take(5000).copy()
    assert np.array_equal(first, same.take(5000))
    assert not np.array_equal(first, other.take(5000))
    noise.take(5000)
    state = noise.save()
    ahead = [noise.one() for _ in range(5000)]
    other.restore(state)
    assert [other.one() for _ in range(5000)] == ahead


@pytest.mark.parametrize(("tap", "lost"), [(1, [1]), (2, [1, 2]), (9, [8, 9]), (16, [15, 16]), (17, [16])])
def test_an_open_sense_wire_loses_the_cells_beside_it(world: Any, tap: int, lost: list[int]) -> None:
    def missing() -> list[int]:
        return [k for k in range(1, 17) if isnan(world[f"cell_monitor.voltage[{k}]"])]

    world.plant.cell_monitor.open_tap(tap)
    assert missing() == lost  # at once
    world.run(S)
    assert missing() == lost
    assert world["cell_monitor.open_wire"] == 1.0
    assert world["cell_monitor.open_wire_tap"] == tap
    world.plant.cell_monitor.open_tap(tap, broken=False)
    assert world["cell_monitor.open_wire"] == 0.0
    world.run(100 * MS)
    assert missing() == []


def test_each_string_has_taps_of_its_own() -> None:
    monitor = CellMonitor(SensorConfig(), strings=2, series=4, ambient_degC=25.0)
    ports = {port.name: port for port in monitor.ports}
    for tap, lost in ((5, [4]), (6, [5]), (7, [5, 6])):
        monitor.sample_voltages(np.full(8, 3.3), Noise(1))
        monitor.open_tap(tap)
        assert [k for k in range(1, 9) if isnan(ports[f"cell_monitor.voltage[{k}]"].value)] == lost
        monitor.open_tap(tap, broken=False)


def test_several_sense_wires_may_be_open(world: Any) -> None:
    monitor = world.plant.cell_monitor
    for tap in (5, 4, 12):
        monitor.open_tap(tap)
    lost = [k for k in range(1, 17) if isnan(world[f"cell_monitor.voltage[{k}]"])]
    assert lost == [3, 4, 5, 11, 12]
    assert world["cell_monitor.open_wire_tap"] == 4
    monitor.open_tap(4, broken=False)
    world.run(100 * MS)
    assert [k for k in range(1, 17) if isnan(world[f"cell_monitor.voltage[{k}]"])] == [4, 5, 11, 12]


@pytest.mark.parametrize("tap", [0, 18])
def test_a_tap_that_does_not_exist_is_refused(world: Any, tap: int) -> None:
    with pytest.raises(ValueError, match="1 to 17"):
        world.plant.cell_monitor.open_tap(tap)


def test_a_forced_cell_is_forced_alone_and_at_once(world: Any) -> None:
    port = world.plant.ports["cell_monitor.voltage[7]"]
    port.force(3.75)
    assert world["cell_monitor.voltage[7]"] == 3.75
    world.run(S)
    assert world["cell_monitor.voltage[7]"] == 3.75
    assert world["cell_monitor.voltage[8]"] == pytest.approx(3.3, abs=0.1)
    port.release()
    assert world["cell_monitor.voltage[7]"] == pytest.approx(3.3, abs=0.1)


def test_balancing_drains_the_cells_that_are_told_to(world: Any) -> None:
    world["cell_monitor.balance[3]"] = 1.0
    world.run(100 * MS)
    assert world["cell_monitor.balancing_cells"] == 1.0
    start = [world[f"pack.cell_soc[{k}]"] for k in (2, 3)]
    volts = world["pack.cell_voltage[3]"]
    world.run(100 * S)
    drained = [before - world[f"pack.cell_soc[{k}]"] for before, k in zip(start, (2, 3), strict=True)]
    assert drained[0] < 1e-6  # self-discharge
    assert drained[1] - drained[0] == pytest.approx(volts / 33.0 * 100 / (3600 * 160), rel=1e-2)
    world["cell_monitor.balance[3]"] = 0.0
    world.run(100 * MS)
    assert world["cell_monitor.balancing_cells"] == 0.0


def test_sensors_saturate_at_their_range(make_world: Any) -> None:
    sensors = SensorConfig(current_max_A=30.0, temperature_max_degC=60.0)
    world = make_world(sensors=sensors)
    world["pack.temperature"] = 90.0
    world.connect()
    assert world["cell_monitor.temperature[1]"] == 60.0
    world["drive.enable"] = 1.0
    world["drive.current_request"] = -50.0
    world.run(100 * MS)
    assert world["pack.current"] == pytest.approx(-50.0, abs=0.1)
    assert world["current_sensor.current"] == -30.0
    assert world["current_sensor.over_current"] == 1.0


@pytest.mark.parametrize(
    ("config", "low"),
    [
        (SensorConfig(voltage_max_V=400.0), -400.0),
        (SensorConfig(voltage_max_V=400.0, voltage_min_V=0.0), 0.0),
    ],
)
def test_voltage_channels_have_two_signs_unless_told(
    make_world: Any, config: SensorConfig, low: float
) -> None:
    ports = make_world(sensors=config).plant.ports
    for name in ("voltage_pack", "voltage_link"):
        port = ports[f"current_sensor.{name}"]
        assert (port.minimum, port.maximum) == (low, 400.0)


def test_a_voltage_range_turned_round_is_refused() -> None:
    with pytest.raises(ValueError, match="voltage_max_V: must be above voltage_min_V"):
        SensorConfig(voltage_max_V=100.0, voltage_min_V=200.0)


def test_each_temperature_sensor_sits_on_its_own_group(make_world: Any) -> None:
    world = make_world(sensors=SensorConfig(temperature_count=4, temperature_noise_K=0.0))
    for k, degrees in ((1, 10.0), (5, 20.0), (9, 30.0), (13, 40.0)):
        world[f"pack.cell_temperature[{k}]"] = degrees
    world.run(100 * MS)
    shown = [world[f"cell_monitor.temperature[{j}]"] for j in range(1, 5)]
    assert shown == [10.0, 20.0, 30.0, 40.0]


def test_parallel_cells_share_one_sense_wire(make_world: Any) -> None:
    world = make_world(pack=PackConfig("winston-lyp-160", series=3, parallel=2, strings=2))
    assert "cell_monitor.voltage[6]" in world.plant.ports
    assert "cell_monitor.voltage[7]" not in world.plant.ports
    world["pack.cell_soc[2]"] = 0.9
    assert world["pack.cell_soc[2]"] == pytest.approx(0.9)
    assert world["pack.soc"] == pytest.approx((5 * 0.5 + 0.9) / 6)


def test_a_leak_lowers_one_pole_and_the_loop_can_open(world: Any) -> None:
    box = world.plant.junction_box
    world.plant.leak("plus", 1e6)
    box.open_interlock(True)
    assert world["isolation.plus"] == pytest.approx(1e6)
    assert world["isolation.minus"] == pytest.approx(2e6)
    assert world["interlock.closed"] == 0.0
    world.plant.leak("plus", None)
    box.open_interlock(False)
    assert world["isolation.plus"] == pytest.approx(2e6)
    assert world["interlock.closed"] == 1.0


@pytest.mark.parametrize(
    ("pole", "left", "said"),
    [("both", 1.0, "no pole 'both': plus, minus"), ("plus", 2.1e6, "0 and 2e+06"), ("plus", -1.0, "not -1")],
)
def test_a_leak_that_cannot_be(world: Any, pole: str, left: float, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        world.plant.leak(pole, left)
