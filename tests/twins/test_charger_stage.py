"""The power stage in full: ramps, ripple, losses, mains, heat, and how it fails."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from twins.charger_presets import PRESETS, preset
from twins.config import ChargerConfig

MS = 1_000_000
S = 1_000_000_000
VOLTS = 56.0  # 3.50 V for each of 16 cells


@pytest.fixture
def charge(make_world: Callable[..., Any]) -> Callable[..., Any]:
    """A world that charges at so many amperes with a charger of this kind."""

    def make(amperes: float, **config: Any) -> Any:
        world = make_world(charger=ChargerConfig(**config))
        world.connect()
        world["charger.plugged"] = 1.0
        command(world, amperes)
        return world

    return make


def command(world: Any, amperes: float, voltage: float = VOLTS, stop: float = 0.0) -> None:
    world["charger.voltage_max"] = voltage
    world["charger.current_max"] = amperes
    world["charger.control"] = stop


def test_the_current_rises_and_falls_at_its_rates(charge: Any) -> None:
    world = charge(40.0, rise_s=4.0, fall_s=2.0)  # 25 and 50 A/s of 100 A
    world.run(10 * MS)
    start = world["charger.current"]
    world.run(S)
    assert world["charger.current"] - start == pytest.approx(25.0, abs=1e-6)
    world.run(S)
    assert world["charger.current"] == pytest.approx(40.0)
    command(world, 40.0, stop=1.0)
    world.run(500 * MS)
    assert world["charger.current"] == pytest.approx(40.0 - 0.49 * 50.0, abs=0.51)
    world.run(S)
    assert world["charger.current"] == 0.0


def test_a_fall_begins_at_the_current_that_flows_at_constant_voltage(charge: Any) -> None:
    world = charge(100.0, fall_s=10.0)  # 10 A/s
    world["pack.soc"] = 0.985
    for _ in range(400):
        command(world, 100.0)
        world.run(S)
        if world["charger.current"] < 50.0:
            break
    flowed = world["charger.current"]
    assert flowed < 50.0
    command(world, 0.0)
    world.run(S)
    assert world["charger.current"] == pytest.approx(flowed - 10.0, abs=0.3)


def test_unplugging_needs_no_ramp(charge: Any) -> None:
    world = charge(40.0, fall_s=10.0)
    world.run(S)
    world["charger.plugged"] = 0.0
    world.run(20 * MS)
    assert world["charger.current"] == 0.0


def test_power_limits_the_current(charge: Any) -> None:
    world = charge(100.0, max_W=2000.0)
    world.run(2 * S)
    assert world["charger.current"] * world["charger.voltage"] == pytest.approx(2000.0, rel=1e-3)


def test_the_mains_limit_the_power_after_losses(charge: Any) -> None:
    world = charge(
        100.0, phases=1, mains_limit_A=10.0, power_factor=1.0, efficiency=0.9, idle_W=100.0, mains_min_V=180.0
    )
    world.run(2 * S)
    output = world["charger.current"] * world["charger.voltage"]
    assert output == pytest.approx((2300.0 - 100.0) * 0.9, rel=1e-3)
    assert world["charger.input_power"] == pytest.approx(2300.0, rel=1e-3)
    world["charger.mains_voltage"] = 200.0
    world.run(S)
    assert world["charger.input_power"] == pytest.approx(2000.0, rel=1e-3)


def test_wrong_mains_switch_it_off_and_are_told(charge: Any) -> None:
    world = charge(40.0, mains_min_V=187.0, mains_max_V=253.0)
    for volts, wrong in ((186.0, 1.0), (230.0, 0.0), (254.0, 1.0), (253.0, 0.0)):
        world["charger.mains_voltage"] = volts
        command(world, 40.0)
        world.run(20 * MS)
        assert world["charger.input_voltage_wrong"] == wrong
        assert (world["charger.current"] == 0.0) == bool(wrong)


def test_below_its_lowest_voltage_it_gives_nothing(charge: Any) -> None:
    world = charge(40.0, min_V=50.0)
    command(world, 40.0, voltage=49.9)
    world.run(50 * MS)
    assert world["charger.current"] == 0.0
    command(world, 40.0, voltage=VOLTS)
    world.run(50 * MS)
    assert world["charger.current"] == pytest.approx(40.0)


def test_it_warms_with_its_losses_by_its_time_constant(charge: Any) -> None:
    world = charge(40.0, max_V=100.0, efficiency=0.9, heating_K=30.0, warming_s=100.0, timeout_ns=10_000 * S)
    rated = 100.0 * 100.0 * (1 / 0.9 - 1)
    expected = 25.0
    keep = math.exp(-0.01 / 100.0)
    for _ in range(100):
        loss = world.plant.charger.current_A * world["link.voltage"] * (1 / 0.9 - 1)
        settled = 25.0 + 30.0 * loss / rated
        expected = settled + (expected - settled) * keep**100
        world.run(S)
    # the loss hardly moves within a second: forward steps of a second are good to its change
    assert world["charger.temperature"] == pytest.approx(expected, abs=0.05)
    assert world["charger.temperature"] > 27.0


def test_warm_it_gives_way_and_hot_it_trips_until_it_is_cool_again(charge: Any) -> None:
    world = charge(100.0, derate_degC=60.0, trip_degC=80.0, timeout_ns=100 * S)
    world.run(50 * MS)
    for ambient, amperes, tripped in (
        (60.0, 100.0, 0.0),
        (65.0, 75.0, 0.0),
        (79.0, 5.0, 0.0),
        (80.0, 0.0, 1.0),
        (70.0, 0.0, 1.0),
        (60.0, 100.0, 0.0),
    ):
        world["charger.ambient"] = ambient
        world.run(20 * MS)
        assert world["charger.current"] == pytest.approx(amperes), ambient
        assert world["charger.over_temperature"] == tripped, ambient


def test_a_ripple_moves_no_charge_over_whole_periods(charge: Any) -> None:
    still, rippling = charge(40.0), charge(40.0, ripple_A=5.0, ripple_period_ns=100 * MS)
    for world in (still, rippling):
        world.run(50 * MS)
    before = [world.plant.charge_As for world in (still, rippling)]
    seen = []
    for _ in range(10):
        rippling.run(10 * MS)
        seen.append(rippling["charger.current"])
    still.run(100 * MS)
    moved = [world.plant.charge_As - b for world, b in zip((still, rippling), before, strict=True)]
    assert moved[0] == pytest.approx(moved[1], rel=1e-9)
    peak = 5.0 * math.sin(math.pi * 0.1) / (math.pi * 0.1)  # the mean of the tenth around the crest
    assert max(seen) == pytest.approx(40.0 + peak, abs=1e-9)
    assert min(seen) == pytest.approx(40.0 - peak, abs=1e-9)


def test_a_ripple_of_whole_steps_is_not_seen(charge: Any) -> None:
    world = charge(40.0, ripple_A=5.0, ripple_period_ns=10 * MS)
    world.run(S)
    assert world["charger.current"] == pytest.approx(40.0, abs=1e-9)


@pytest.mark.parametrize("told", [(10.0, 0.0), (90.0, 0.0), (0.0, 1.0)])
def test_a_stuck_current_stays_whatever_is_told(charge: Any, told: tuple[float, float]) -> None:
    world = charge(40.0)
    world.run(S)
    world.plant.charger.fail("stuck_current")
    command(world, told[0], stop=told[1])
    world.run(20 * S)  # also beyond the timeout
    assert world["charger.current"] == pytest.approx(40.0)
    world["charger.plugged"] = 0.0
    world.run(20 * MS)
    assert world["charger.current"] == 0.0


def test_stuck_it_goes_beyond_the_voltage_that_it_was_told(charge: Any) -> None:
    world = charge(40.0, max_V=70.0)
    world["pack.soc"] = 0.99
    world.run(S)
    world.plant.charger.fail("stuck_current")
    for _ in range(300):
        world.run(S)
    assert world["link.voltage"] > VOLTS + 0.5


def test_silent_it_hears_nothing_says_so_and_stops_after_its_timeout(charge: Any) -> None:
    world = charge(40.0)
    world.run(S)
    assert world["charger.talking"] == 1.0
    world.plant.charger.fail("silent")
    command(world, 10.0)
    world.run(S)
    assert world["charger.talking"] == 0.0
    assert world["charger.current"] == pytest.approx(40.0)
    for _ in range(5):
        command(world, 10.0)
        world.run(S)
    assert world["charger.current"] == 0.0
    world.plant.charger.fail(None)
    command(world, 10.0)
    world.run(20 * MS)
    assert world["charger.current"] == pytest.approx(10.0)
    assert world["charger.talking"] == 1.0


def test_a_fork_goes_on_alike(charge: Any) -> None:
    world = charge(
        40.0, rise_s=10.0, ripple_A=2.0, ripple_period_ns=70 * MS, heating_K=30.0, max_V=100.0, idle_W=5.0
    )
    world.run(S)
    saved = world.plant.save()
    world.run(S)
    once = [world["charger.current"], world["charger.temperature"], world.plant.charger.input_J]
    world.plant.restore(saved)
    world.run(S)
    assert [world["charger.current"], world["charger.temperature"], world.plant.charger.input_J] == once


def test_energy_from_the_mains_is_output_losses_and_idling(charge: Any) -> None:
    world = charge(40.0, efficiency=0.9, idle_W=50.0)
    world.run(100 * MS)
    begun, given = world.plant.charger.input_J, 0.0
    for _ in range(100):
        world.run(10 * MS)
        given += world["charger.current"] * world["charger.voltage"] * 0.01
    assert world.plant.charger.input_J - begun == pytest.approx(given / 0.9 + 50.0, rel=1e-9)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("min_V", 400.0),
        ("phases", 2),
        ("mains_V", 300.0),
        ("trip_degC", 50.0),
        ("max_W", 0.0),
        ("max_W", math.nan),
        ("mains_limit_A", -1.0),
        ("ripple_period_ns", 0),
        ("rise_s", -1.0),
        ("ambient_degC", math.nan),
        ("derate_degC", math.nan),
        ("power_factor", 1.1),
    ],
)
def test_a_wrong_field_is_named(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"^{field}: "):
        replace(ChargerConfig(mains_max_V=253.0), **{field: value})


def test_presets_keep_what_their_names_say() -> None:
    for name, kilowatts in (("elcon-6.6kw", 6.6), ("onboard-18kw", 18.0), ("depot-84kw", 84.0)):
        assert preset(name).full_W == pytest.approx(kilowatts * 1e3), name
    assert preset("onboard-23kw").full_W == pytest.approx(23.3e3)
    assert PRESETS["fast-3c"].max_A == 3 * 700.0
    assert PRESETS["fast-3c"].full_W / 3.0 > 227e3  # more than 227 kWh in 20 minutes
    with pytest.raises(ValueError, match="no charger preset 'onboard': elcon"):
        preset("onboard")
