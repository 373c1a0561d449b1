"""Stationary storage: the inverter's losses, outages, overloads, peaks, and what a BMS allows."""

from __future__ import annotations

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twins.pack import Pack, PackConfig
from twins.storage import (
    BACKUP,
    CHARGE,
    EMPTY,
    OVERLOAD,
    SHAVE,
    STANDBY,
    TRANSFER,
    BatteryLimits,
    InverterConfig,
    Rules,
    Storage,
)

INVERTER = InverterConfig(10e3)


def storage(soc: float = 0.8, **rules: float) -> Storage:
    """16 cells of 200 Ah, 10 kWh, behind 10 kW."""
    rules = {"discharge_C": 2.0} | rules
    return Storage(Pack(PackConfig("winston-lyp-200", 16, soc=soc)), INVERTER, Rules(**rules))


def run(one: Storage, load: float, seconds: float, *, grid: bool) -> list[int]:
    """Its states in this time, each once, with steps of 1 s or to its own events."""
    states: list[int] = []
    while seconds > 1e-9:
        step = min(1.0, seconds, one.next_event(grid=grid))
        one.advance(load, step, grid=grid)
        seconds -= step
        if one.state not in states[-1:]:
            states.append(one.state)
    return states


@given(st.floats(-50e3, 60e3))
def test_losses_can_be_turned_round(power: float) -> None:
    inverter = InverterConfig(50e3)
    assert inverter.ac_W(inverter.dc_W(power)) == pytest.approx(power, abs=1e-6)
    assert inverter.dc_W(power) > power


def test_efficiency_is_the_rated_one_and_better_below() -> None:
    assert INVERTER.dc_W(10e3) == pytest.approx(10e3 / 0.94)
    assert 5e3 / INVERTER.dc_W(5e3) > 0.955


def test_an_outage_costs_the_transfer_and_nothing_else() -> None:
    one = storage()
    assert run(one, 4e3, 10.0, grid=True)[-1] == CHARGE
    assert one.next_event(grid=False) == pytest.approx(0.02)
    one.advance(4e3, 0.02, grid=False)
    assert (one.state, one.unserved_W, one.inverter_W) == (TRANSFER, 4e3, 0.0)
    assert run(one, 4e3, 100.0, grid=False) == [BACKUP]
    assert (one.unserved_W, one.inverter_W, one.grid_W) == (0.0, 4e3, 0.0)


def test_the_transfer_takes_its_time_in_small_steps_too() -> None:
    one = storage()
    states = []
    for _ in range(25):
        one.advance(4e3, 0.001, grid=False)
        states.append(one.state)
    assert states == [TRANSFER] * 20 + [BACKUP] * 5


def test_a_grid_that_is_back_must_rest_before_it_is_trusted() -> None:
    one = storage()
    run(one, 4e3, 60.0, grid=False)
    assert one.next_event(grid=True) == pytest.approx(5.0)
    assert run(one, 4e3, 4.0, grid=True) == [BACKUP]
    assert run(one, 4e3, 1.0, grid=False) == [BACKUP]  # it went again: no second transfer
    assert run(one, 4e3, 5.0, grid=True) == [BACKUP]
    assert run(one, 4e3, 5.0, grid=True) == [CHARGE]


@pytest.mark.parametrize("grid", [True, False])
@pytest.mark.parametrize("load", [6e3, 1e3, 0.0, -3e3])
def test_powers_balance(load: float, grid: bool) -> None:
    one = storage(0.6, peak_W=5e3)
    for _ in range(50):
        emf, resistance = one.pack.emf_V, one.pack.resistance_Ohm
        current = one.advance(load, 0.5, grid=grid)
        dc = current * (emf - resistance * current)
        assert dc == pytest.approx(one.inverter_W + one.loss_W, abs=1e-6)
        if grid:
            assert one.grid_W + one.inverter_W == pytest.approx(load + 20.0 * (one.state == STANDBY))
        elif one.state == BACKUP:
            assert one.inverter_W == pytest.approx(load)


def test_an_overload_is_carried_for_its_time() -> None:
    one = storage()
    run(one, 4e3, 1.0, grid=False)
    assert run(one, 12e3, 60.0, grid=False) == [BACKUP]
    assert run(one, 12e3, 31.0, grid=False) == [OVERLOAD]
    assert one.unserved_W == 12e3
    assert run(one, 5e3, 2.0, grid=False) == [BACKUP]


def test_too_much_switches_off_at_once() -> None:
    one = storage()
    run(one, 4e3, 1.0, grid=False)
    assert run(one, 13.1e3, 2.0, grid=False) == [OVERLOAD]


def test_more_than_the_battery_may_give_is_an_overload() -> None:
    one = storage(discharge_C=0.2)
    run(one, 1e3, 1.0, grid=False)
    assert run(one, 4e3, 2.0, grid=False) == [OVERLOAD]


def test_an_empty_battery_waits_for_the_grid() -> None:
    one = storage(0.07)
    assert run(one, 8e3, 1200.0, grid=False) == [TRANSFER, BACKUP, EMPTY]
    assert one.pack.mean_soc == pytest.approx(0.05, abs=2e-3)
    assert run(one, 0.0, 10.0, grid=False) == [EMPTY]
    assert run(one, 8e3, 10.0, grid=True) == [EMPTY, CHARGE]


def test_a_cell_at_the_end_of_its_window_ends_the_backup() -> None:
    one = storage(0.02, empty=0.0)
    assert run(one, 8e3, 1200.0, grid=False)[-1] == EMPTY
    assert one.pack.cell_voltages().min() > 2.5


def test_peaks_are_taken_off_the_grid_down_to_the_reserve() -> None:
    one = storage(0.31, peak_W=5e3, reserve=0.3)
    one.advance(9e3, 1.0, grid=True)
    assert (one.state, one.grid_W) == (SHAVE, pytest.approx(5e3))
    assert run(one, 9e3, 600.0, grid=True) == [SHAVE, STANDBY]
    assert one.grid_W == pytest.approx(9e3 + 20.0)
    assert one.pack.mean_soc == pytest.approx(0.3, abs=1e-3)


def test_charging_makes_no_new_peak() -> None:
    one = storage(0.5, peak_W=5e3)
    for load in (0.0, 1e3, 4.9e3, 4.99e3, 5e3):
        one.advance(load, 1.0, grid=True)
        assert one.grid_W <= 5e3 + 20.0


def test_it_charges_until_full_and_then_rests() -> None:
    one = storage(0.9)
    assert run(one, 0.0, 4 * 3600.0, grid=True) == [CHARGE, STANDBY]
    assert one.pack.mean_soc > 0.99
    assert one.pack.cell_voltages().max() < 3.66
    assert run(one, 0.0, 3600.0, grid=True) == [STANDBY]


@pytest.mark.parametrize(
    ("limits", "grid", "lowest", "highest"),
    [
        (BatteryLimits(charge_A=10.0), True, -10.0, 0.0),
        (BatteryLimits(charge_A=0.0), True, 0.0, 0.0),
        (BatteryLimits(charge_V=16 * 3.4), True, -100.0, 0.0),
        (BatteryLimits(charge_V=16 * 3.2), True, 0.0, 0.0),
        (BatteryLimits(discharge_A=0.0), False, 0.0, 0.0),
    ],
)
def test_what_the_bms_allows(limits: BatteryLimits, grid: bool, lowest: float, highest: float) -> None:
    one = storage(0.5)
    one.limits = limits
    for _ in range(20):
        emf, resistance = one.pack.emf_V, one.pack.resistance_Ohm
        current = one.advance(2e3, 1.0, grid=grid)
        assert lowest - 1e-6 <= current <= highest + 1e-6
        assert emf - current * resistance <= max(limits.charge_V, emf) + 1e-6


def test_a_generator_charges_it_in_an_outage() -> None:
    one = storage(0.5)
    run(one, -3e3, 10.0, grid=False)
    assert one.inverter_W == pytest.approx(-3e3)
    assert one.pack.current_A < 0.0


@pytest.mark.parametrize(("load", "step"), [(nan, 1.0), (inf, 1.0), (1e3, 0.0), (1e3, -1.0), (1e3, nan)])
def test_a_step_that_is_none(load: float, step: float) -> None:
    with pytest.raises(ValueError, match="cannot be stepped"):
        storage().advance(load, step, grid=True)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: InverterConfig(0.0), "rated_W: must be positive"),
        (lambda: InverterConfig(efficiency=1.0), "efficiency: must be 0.5 to 1"),
        (lambda: InverterConfig(overload=0.9), "overload: must be 1 to 3"),
        (lambda: InverterConfig(no_load_part=0.1), "no_load_part: must be below the losses"),
        (lambda: Rules(peak_W=0.0), "peak_W: must be positive"),
        (lambda: Rules(reserve=0.01), "reserve: must be 0 to 1, and not below empty"),
        (lambda: Rules(charge_C=nan), "charge_C: must be positive"),
    ],
)
def test_a_configuration_out_of_range(make: object, said: str) -> None:
    assert callable(make)
    with pytest.raises(ValueError, match=said):
        make()
