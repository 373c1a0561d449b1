"""Charging: constant current, constant voltage, what holds it back, and how it ends."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hil.errors import UsageError
from hil.sim.charging import FULL_C, Charging, Supply, Warmth
from twins.pack import PackConfig

PACK = PackConfig("winston-lyp-100", 10, soc=0.2)
SUPPLY = Supply("a charger", 36.5, 50.0, 5e3, 0.9)


def ran(config: PackConfig = PACK, supply: Supply = SUPPLY, target: float = 1.0) -> Charging:
    scenario = Charging(config, supply, Warmth(), target)
    for _ in scenario.steps():
        pass
    return scenario


def figure(scenario: Charging, label: str) -> float:
    return float(next(one.value for one in scenario.summary() if one.label == label))


def test_constant_current_then_constant_voltage() -> None:
    scenario = ran()
    current, voltage = scenario.table["charging"][1:], scenario.table["voltage"][1:]
    full = np.flatnonzero(current < 50.0 - 1e-9)[0]
    assert current[:full] == pytest.approx(50.0)
    assert scenario.table["cell_max"].max() < 3.66
    assert voltage[full:].mean() == pytest.approx(36.5, abs=0.05)
    assert current[-1] <= FULL_C * 100.0 * 1.1
    assert not scenario.stopped


def test_a_part_takes_its_time() -> None:
    scenario = ran(target=0.6)
    assert scenario.battery.time_s == pytest.approx(0.4 * 2 * 3600.0, abs=1.0)
    assert figure(scenario, "40 % after") == pytest.approx(0.2 * 2 * 3600.0, abs=1.0)


def test_the_mains_pay_for_the_losses() -> None:
    scenario = ran(target=0.6)
    assert figure(scenario, "from the mains") == pytest.approx(figure(scenario, "energy in") / 0.9, rel=1e-3)


def test_its_power_limits_it() -> None:
    scenario = ran(supply=replace(SUPPLY, power_W=1e3), target=0.5)
    assert np.abs(scenario.table["power"][1:] + 1e3).max() < 3.0
    assert figure(scenario, "held by charger") == scenario.battery.time_s


def test_the_cells_current_limits_it() -> None:
    scenario = ran(supply=replace(SUPPLY, current_A=1e3, power_W=1e6, voltage_V=60.0), target=0.3)
    assert scenario.table["charging"].max() <= 300.0
    assert figure(scenario, "held by cell voltage") > 0.0


def test_it_rises_slowly() -> None:
    scenario = ran(supply=replace(SUPPLY, rise_s=10.0), target=0.3)
    assert scenario.table["charging"][1:11] == pytest.approx(np.arange(5.0, 51.0, 5.0))


def test_a_cold_pack_is_charged_slowly_or_not_at_all() -> None:
    cool = ran(replace(PACK, temperature_degC=-5.0, ambient_degC=-5.0), target=0.21)
    assert cool.table["charging"].max() == pytest.approx(10.0)
    cold = ran(replace(PACK, temperature_degC=-20.0, ambient_degC=-20.0))
    assert cold.stopped == "the pack is too cold to be charged: -20 °C"
    assert cold.battery.tally.in_As == 0.0


def test_a_charger_of_too_little_voltage() -> None:
    scenario = ran(supply=replace(SUPPLY, voltage_V=24.0))
    assert scenario.stopped == "the charger's 24.00 V do not reach the pack's"


@pytest.mark.parametrize(
    ("warmth", "most"),
    [(-10.1, 0.0), (-9.9, 0.1), (-0.1, 0.1), (0.0, 3.0), (45.0, 3.0), (50.0, 1.5), (55.0, 0.0)],
)
def test_the_current_fades_by_temperature(warmth: float, most: float) -> None:
    assert Warmth().most_C(warmth, warmth, 3.0) == pytest.approx(most)


def test_nothing_to_charge() -> None:
    with pytest.raises(UsageError, match=r"--soc: is 90 % already, the aim 80 %"):
        Charging(replace(PACK, soc=0.9), SUPPLY, Warmth(), 0.8)
