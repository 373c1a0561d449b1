"""Ageing by the published laws: their known numbers, and that the step does not matter."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from twins.cell import _cell, parameters
from twins.pack import Pack, PackConfig

Maker = Callable[..., str]
YEAR_S = 365 * 86400.0


def aged(cell: str, seconds: float = 0.0, cycles: float = 0.0, **stress: float) -> tuple[float, float]:
    """Loss and growth of a new cell under one stress."""
    at = {"degC": 25.0, "soc": 0.5, "ocv": 3.3, "depth": 1.0, "rate": 1.0, "middle": 3.3} | stress
    return _cell.ageing(parameters.load(cell).block, *at.values(), seconds, cycles)


@pytest.mark.parametrize(
    ("law", "stress", "percent"),
    [  # the laws' authors, worked out once: one year
        ("naumann-lfp", {"soc": 1.0}, 6.7731),
        ("naumann-lfp", {"soc": 1.0, "degC": 40.0}, 9.4299),
        ("blast-lfp", {"soc": 0.5}, 1.102),
        ("blast-lfp", {"soc": 1.0}, 1.712),
        ("blast-lfp", {"soc": 0.5, "degC": 35.0}, 2.037),
        ("schmalstieg-nmc", {"ocv": 3.9, "degC": 35.0}, 6.973),
        ("wang-lfp", {}, 0.0),
    ],
)
def test_a_year_of_storage(make_cell: Maker, law: str, stress: dict[str, float], percent: float) -> None:
    loss, _ = aged(make_cell(ageing=law), YEAR_S, **stress)
    assert 100 * loss == pytest.approx(percent, rel=5e-4)


@pytest.mark.parametrize(
    ("law", "stress", "percent"),
    [("naumann-lfp", {"rate": 1.0}, 6.8344), ("blast-lfp", {"rate": 0.5}, 6.765)],
)
def test_a_thousand_full_cycles(make_cell: Maker, law: str, stress: dict[str, float], percent: float) -> None:
    loss, _ = aged(make_cell(ageing=law), 0.0, 1000.0, **stress)
    assert 100 * loss == pytest.approx(percent, rel=5e-4)


def test_wang_by_hand(make_cell: Maker) -> None:
    # B exp(-(31700 - 370.3 C) / (8.314 T)) Ah^0.55 in percent, B = 31630 at C/2; 2.2 Ah per full cycle
    loss, _ = aged(make_cell(ageing="wang-lfp"), 0.0, 500.0, rate=0.5, degC=45.0)
    right = 31630 * np.exp(-(31700 - 370.3 * 0.5) / (8.314 * 318.15)) * (500 * 2.2) ** 0.55
    assert 100 * loss == pytest.approx(right, rel=1e-9)


def test_a_data_sheet_is_met(make_cell: Maker) -> None:
    cell = make_cell(
        ageing="rated", rated_cycles=5000.0, rated_depth=0.8, depth_exponent=2.52, rated_years=15.0
    )
    assert aged(cell, 0.0, 5000 * 0.8, depth=0.8)[0] == pytest.approx(0.2)
    # the sheet's other point
    assert aged(cell, 0.0, 7000 * 0.7, depth=0.7)[0] == pytest.approx(0.2, rel=0.01)
    assert aged(cell, 15 * 365.25 * 86400)[0] == pytest.approx(0.2)


@pytest.mark.parametrize("law", ["naumann-lfp", "blast-lfp", "schmalstieg-nmc", "rated"])
def test_many_steps_of_storage_are_one(make_cell: Maker, law: str) -> None:
    cell = make_cell(ocv=(3.9 - 1e-9, 3.9), ageing=law, rated_years=15.0)
    once, often = Pack(PackConfig(cell, 1)), Pack(PackConfig(cell, 1))
    once.advance(0.0, YEAR_S)
    often.advance(0.0, YEAR_S / 5000, 5000)
    assert once.loss[0] == pytest.approx(often.loss[0], rel=1e-9)
    assert once.growth[0] == pytest.approx(often.growth[0], rel=1e-9)
    assert once.loss[0] == pytest.approx(aged(cell, YEAR_S, ocv=3.9)[0], rel=1e-6)


def test_loss_goes_on_from_where_another_stress_has_left_it(make_cell: Maker) -> None:
    # q = k t^0.5: after k1 for t, k2 for t: sqrt(k1^2 t + k2^2 t)
    cell = make_cell(ageing="naumann-lfp", loss=0.0)
    pack = Pack(PackConfig(cell, 1))
    pack.advance(0.0, 600.0, 1000)
    pack.set_temperature(40.0)
    pack.advance(0.0, 600.0, 1000)
    parts = [aged(cell, 600e3, degC=t)[0] for t in (25.0, 40.0)]
    assert pack.loss[0] == pytest.approx(np.hypot(*parts), rel=1e-9)


def cycled(cell: str, depth: float, current: float, cycles: int) -> Pack:
    """Between 95 % and 95 % - depth."""
    pack = Pack(PackConfig(cell, 1, soc=0.95))
    seconds = depth * 360_000.0 / current
    for _ in range(cycles):
        for sign in (1.0, -1.0):
            pack.advance(sign * current, seconds / 1000, 1000)
    return pack


@pytest.mark.parametrize(("depth", "current"), [(0.8, 100.0), (0.4, 50.0)])
def test_cycles_count_by_depth_and_rate(make_cell: Maker, depth: float, current: float) -> None:
    cell = make_cell(ageing="naumann-lfp", calendar_scale=0.0)
    pack = cycled(cell, depth, current, 20)
    # the last half cycle is not over yet, and each is found 2 % after its end
    right, _ = aged(cell, 0.0, 19.5 * depth, depth=depth, rate=current / 100.0)
    calendar, _ = aged(cell, 40 * depth * 360_000.0 / current, soc=0.95 - depth / 2)
    assert pack.loss[0] - calendar == pytest.approx(right, rel=0.1)


def test_small_swings_belong_to_the_large_cycle(make_cell: Maker) -> None:
    cell = make_cell(ageing="rated", rated_cycles=1000.0)
    smooth, rough = Pack(PackConfig(cell, 1, soc=0.9)), Pack(PackConfig(cell, 1, soc=0.9))
    for pack in (smooth, rough):
        for _ in range(60):
            pack.advance(100.0, 1.0, 36)
            if pack is rough:
                pack.advance(-100.0, 1.0, 18)
                pack.advance(100.0, 1.0, 18)
        pack.advance(-100.0, 1.0, 360)
    half = 0.5 * 0.6 * 0.2 / 1000  # of a depth of 60 %
    assert smooth.loss[0] == pytest.approx(half, rel=0.05)
    assert rough.loss[0] == pytest.approx(2 * half, rel=0.05)


def test_loss_and_growth_feed_back(make_cell: Maker) -> None:
    cell = make_cell(ageing="naumann-lfp", capacity=100.0)
    pack = Pack(PackConfig(cell, 2, temperature_degC=45.0, ambient_degC=45.0, soc=0.6))
    fresh = pack.resistance_Ohm
    pack.advance(0.0, 3600.0, 24 * 3 * 365)
    loss, growth = float(pack.loss[0]), float(pack.growth[0])
    assert 0.05 < loss < 0.4
    assert 0.01 < growth < 1.0
    assert pack.capacities_Ah == pytest.approx([100.0 * (1 - loss)] * 2)
    assert pack.resistance_Ohm == pytest.approx(fresh * (1 + growth), rel=1e-9)
    before = pack.soc.copy()
    pack.advance(50.0, 10.0, 36)
    assert before - pack.soc == pytest.approx([5.0 / (100.0 * (1 - loss))] * 2, rel=1e-4)
    pack.reset()
    assert pack.loss.max() == 0.0


def test_self_discharge_is_exact_and_its_charge_is_in_the_books(make_cell: Maker) -> None:
    rate = 0.03 / (30 * 86400)
    pack = Pack(PackConfig(make_cell(self_discharge=rate), 2, soc=0.8))
    pack.advance(0.0, 3600.0, 24 * 365)
    assert pack.soc == pytest.approx([0.8 * np.exp(-rate * YEAR_S)] * 2, rel=1e-9)
    books = pack.books()
    assert books.charge_As + books.lost_As == pytest.approx(2 * 0.8 * 360_000.0, rel=1e-12)


def test_self_discharge_doubles_with_ten_degrees_and_spreads_by_seed(make_cell: Maker) -> None:
    b = np.log(2.0) / (1 / 298.15 - 1 / 308.15)

    def gone(**changes: Any) -> np.ndarray:
        cell = make_cell(self_discharge=1e-8, self_discharge_arrhenius=float(b))
        pack = Pack(PackConfig(cell, 200, soc=0.5, **changes))
        pack.advance(0.0, 1000.0, 100)
        return 0.5 - pack.soc.copy()

    cold, warm = gone(), gone(temperature_degC=35.0, ambient_degC=35.0)
    assert warm / cold == pytest.approx(np.full(200, 2.0), rel=1e-3)
    spread, again, other = (gone(self_discharge_spread=0.2, spread_seed=seed) for seed in (3, 3, 4))
    assert (spread == again).all()
    assert (spread != other).any()
    assert np.std(spread / cold) == pytest.approx(0.2, rel=0.15)


def test_peukert(make_cell: Maker) -> None:
    # t = H (C / (I H))^k; C20 = 100 Ah, k = 1.2, 100 A: 0.54928 h
    pack = Pack(PackConfig(make_cell(peukert=1.2, peukert_hours=20.0), 1, soc=1.0))
    pack.advance(100.0, 1.0, 1800)
    hours = 0.5 / (1.0 - pack.soc[0])
    assert hours == pytest.approx(0.54928, rel=1e-5)
    charged = Pack(PackConfig(make_cell(peukert=1.2), 1, soc=0.5))
    charged.advance(-100.0, 1.0, 360)
    assert charged.soc[0] == pytest.approx(0.6, rel=1e-9)
