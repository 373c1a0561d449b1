"""Overcharge, a molten separator, decomposition and its way to the neighbours: what conservation asks for."""

from collections.abc import Callable

import numpy as np
import pytest

from twins.cell import _cell
from twins.pack import Pack, PackConfig

Maker = Callable[..., str]
BARE = {"r1": 1e-12, "r2": 1e-12, "loss": 0.0}


def test_a_stage_gives_its_heat_and_no_more(make_cell: Maker) -> None:
    cell = make_cell(sei_rate=1e12, sei_activation=12000.0, sei_heat=50e3, **BARE)
    pack = Pack(PackConfig(cell, 1, temperature_degC=140.0))
    pack.advance(0.0, 0.1, 30_000)
    assert pack.decomposed[0, 0] == pytest.approx(1.0, abs=1e-9)
    assert pack.temperatures_degC[0] == pytest.approx(140.0 + 50e3 * 3.5 / 3500.0, abs=1e-6)


def test_a_stage_at_constant_temperature_is_of_first_order(make_cell: Maker) -> None:
    cell = make_cell(sei_rate=1e10, sei_activation=13000.0, sei_heat=0.0, r1=1e-12, r2=1e-12, loss=0.0)
    pack = Pack(PackConfig(cell, 1, temperature_degC=120.0))
    pack.advance(0.0, 0.1, 600)
    rate = 1e10 * np.exp(-13000.0 / 393.15)
    assert pack.decomposed[0, 0] == pytest.approx(1.0 - np.exp(-rate * 60.0), rel=1e-9)


@pytest.mark.parametrize("soc", [1.0, 0.5, 0.0])
def test_the_electrodes_give_heat_by_their_charge(make_cell: Maker, soc: float) -> None:
    cell = make_cell(cathode_rate=1e12, cathode_activation=12000.0, cathode_heat=100e3, **BARE)
    pack = Pack(PackConfig(cell, 1, soc=soc, temperature_degC=150.0))
    pack.advance(0.0, 0.1, 30_000)
    assert pack.temperatures_degC[0] == pytest.approx(150.0 + soc * 100.0, abs=0.1)


def test_overcharge_ends_on_a_plateau_that_makes_heat(make_cell: Maker) -> None:
    # all of the current goes into the side reaction where it carries the whole: E = V + slope ln(I / rate)
    cell = make_cell((3.0, 6.0), capacity=100.0, side_rate=0.5, side_voltage=4.8, side_slope=0.1, **BARE)
    pack = Pack(PackConfig(cell, 1, soc=0.55))
    pack.advance(-100.0, 0.1, 40_000)
    assert pack.emf_V == pytest.approx(4.8 + 0.1 * np.log(2.0), abs=1e-3)
    before, warm = pack.books(), float(pack.temperatures_degC[0])
    pack.advance(-100.0, 0.1, 1000)
    books = pack.books()
    assert books.charge_As == pytest.approx(before.charge_As, abs=0.1)
    assert books.lost_As - before.lost_As == pytest.approx(100.0 * 100.0, rel=1e-4)
    power = 100.0 * pack.emf_V + 100.0**2 * 1e-3
    assert pack.temperatures_degC[0] - warm == pytest.approx(power * 100.0 / 3500.0, rel=1e-3)


@pytest.mark.parametrize("dt", [0.1, 10.0, 600.0])
def test_the_side_reaction_is_stable_at_any_step(make_cell: Maker, dt: float) -> None:
    cell = make_cell((3.0, 6.0), side_rate=0.5, side_voltage=3.5, side_slope=0.05, **BARE)
    pack = Pack(PackConfig(cell, 1, soc=0.9))
    pack.advance(0.0, dt, round(36_000 / dt))
    # e^(-E/slope) grows by K/slope x rate x t: exact along a straight OCV
    right = 3.5 - 0.05 * np.log(np.exp(-(5.7 - 3.5) / 0.05) + 3.0 / 0.05 * 0.5 * 10.0)
    assert pack.emf_V == pytest.approx(right, abs=1e-6)


def test_a_molten_separator_shorts_the_cell(make_cell: Maker) -> None:
    cell = make_cell((3.0, 3.6), separator_melts=130.0, separator_short=0.05, **BARE)
    pack = Pack(PackConfig(cell, 2, temperature_degC=25.0))
    pack.advance(0.0, 0.1, 10)
    assert pack._row(_cell.SHORT_S).max() == 0.0
    pack.set_temperature(131.0, group=1)
    pack.advance(0.0, 0.1, 10)
    assert pack._row(_cell.SHORT_S).tolist() == [0.0, 20.0]
    volts = pack.cell_voltages()
    assert volts[1] == pytest.approx((3.0 + 0.6 * pack.soc[1]) * 0.05 / 0.051, rel=1e-3)
    pack.advance(0.0, 0.1, 600)
    assert pack.soc[1] < pack.soc[0] == 0.5
    assert pack.temperatures_degC[1] > 133.0
    books = pack.books()
    assert books.charge_As + books.lost_As == pytest.approx(360_000.0, rel=1e-12)




def _violent(cell: str) -> int:
    """The temperature, in steps of 10 K, from which a full cell gains 200 K within a second."""
    for start in range(150, 350, 10):
        pack = Pack(PackConfig(cell, 1, soc=1.0))
        pack.set_temperature(float(start))
        pack.advance(0.0, 0.1, 10)
        if pack.temperatures_degC[0] > start + 200.0:
            return start
    return 350


def test_lfp_runs_away_far_later_than_nmc_and_far_less_hot() -> None:
    assert _violent("winston-lyp-100") >= _violent("nmc-94") + 40

    def peak(cell: str) -> float:
        pack = Pack(PackConfig(cell, 1, soc=1.0))
        pack.set_temperature(200.0)
        pack.advance(0.0, 0.1, 6000)
        return float(pack.temperatures_degC[0])

    assert peak("nmc-94") > 2.0 * peak("winston-lyp-100")


def test_runaway_goes_from_cell_to_cell_where_they_touch(make_cell: Maker) -> None:
    stages = {"anode_rate": 1e13, "anode_activation": 15500.0, "anode_heat": 500e3}
    ends = []
    for contact in (0.05, 8.0):
        cell = make_cell(to_neighbour=contact, r1=1e-12, r2=1e-12, loss=0.3, **stages)
        pack = Pack(PackConfig(cell, 5, soc=1.0))
        pack.set_temperature(260.0, group=0)
        pack.advance(0.0, 0.1, 36_000)
        ends.append(pack.decomposed[1])
    apart, touching = ends
    assert apart[0] > 0.99
    assert apart[1:].max() < 0.1
    assert touching.min() > 0.99
