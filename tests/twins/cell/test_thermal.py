"""Heat in cells of two nodes, along chains and into coolant: known answers, and the matrix exponential."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.linalg import expm  # type: ignore[import-untyped, unused-ignore]

from twins.cell import _cell
from twins.pack import Pack, PackConfig

Maker = Callable[..., str]
C = 3500.0  # J/K of a cell
COLD = {"r1": 1e-12, "r2": 1e-12}  # all heat is I^2 R0


def test_core_and_surface_settle_apart_by_the_heat_between_them(make_cell: Maker) -> None:
    cell = make_cell(core_to_surface=4.0, surface_share=0.25, loss=0.5, **COLD)
    pack = Pack(PackConfig(cell, 1))
    for _ in range(500):  # there and back, so that the charge stays
        pack.advance(100.0, 5.0, 50)
        pack.advance(-100.0, 5.0, 50)
    power = 100.0**2 * (1e-3 + 2e-12)
    assert pack.surface_degC[0] == pytest.approx(25.0 + power / 0.5, rel=1e-9)
    assert pack.temperatures_degC[0] - pack.surface_degC[0] == pytest.approx(power / 4.0, rel=1e-9)


def test_two_nodes_follow_their_two_exponentials(make_cell: Maker) -> None:
    share, between, loss = 0.25, 4.0, 0.5
    pack = Pack(PackConfig(make_cell(core_to_surface=between, surface_share=share, loss=loss, **COLD), 1))
    pack.advance(100.0, 0.1, 3000)
    core, surface = C * (1 - share), C * share
    a = np.array([[-between / core, between / core], [between / surface, -(between + loss) / surface]])
    settled = np.linalg.solve(a, -np.array([10.0 / core, 0.0]))
    right = 25.0 + settled - expm(300.0 * a) @ settled
    assert [pack.temperatures_degC[0], pack.surface_degC[0]] == pytest.approx(right, rel=1e-9)


@pytest.mark.parametrize(("series", "parallel"), [(7, 1), (1, 5), (4, 3)])
@pytest.mark.parametrize("nodes", [1, 2])
def test_a_block_of_cells_follows_the_matrix_exponential(
    make_cell: Maker, series: int, parallel: int, nodes: int
) -> None:
    between, beside, coolant, loss, share = (4.0 if nodes == 2 else 0.0), 3.0, 1.5, 0.2, 0.3
    cell = make_cell(
        core_to_surface=between, surface_share=share, to_neighbour=beside, to_coolant=coolant,
        loss=loss,
        **COLD,
    )
    pack = Pack(PackConfig(cell, series, parallel=parallel, ambient_degC=30.0, coolant_degC=10.0))
    start = np.linspace(20.0, 60.0, pack.cells)
    pack.temperatures_degC[:] = pack._row(_cell.SURFACE)[:] = start
    pack.refresh()
    pack.advance(0.0, 0.1, 1234)
    right = block(series, parallel, (between, beside, coolant, loss, share), nodes, start, 123.4)
    assert pack.temperatures_degC == pytest.approx(right[: pack.cells], rel=1e-10)
    assert pack.surface_degC == pytest.approx(right[-pack.cells :], rel=1e-10)


def block(
    series: int, parallel: int, g: tuple[float, ...], nodes: int, start: np.ndarray, time_s: float
) -> np.ndarray:
    """The same by a dense matrix; cell p * series + g touches g +- 1 and p +- 1."""
    between, beside, coolant, loss, share = g
    count = series * parallel
    capacity = np.full(count, C * (share if nodes == 2 else 1.0))
    outer = np.diag(np.full(count, -(coolant + loss)))
    for k in range(count):
        near = [k + 1] if (k + 1) % series else []
        for other in [*near, *([k + series] if k + series < count else [])]:
            outer[[k, other], [other, k]] += beside
            outer[[k, other], [k, other]] -= beside
    inflow = np.full(count, coolant * 10.0 + loss * 30.0)
    if nodes == 2:
        eye = between * np.eye(count)
        outer = np.block([[-eye, eye], [eye, outer - eye]])
        capacity = np.concatenate([np.full(count, C * (1 - share)), capacity])
        inflow, start = np.concatenate([np.zeros(count), inflow]), np.tile(start, 2)
    a = outer / capacity[:, None]
    settled = -np.linalg.solve(a, inflow / capacity)
    result: np.ndarray = settled + expm(a * time_s) @ (start - settled)
    return result


def test_a_chain_keeps_its_heat(make_cell: Maker) -> None:
    cell = make_cell(core_to_surface=4.0, surface_share=0.3, to_neighbour=5.0, loss=0.0, **COLD)
    pack = Pack(PackConfig(cell, 50, strings=2))
    pack.temperatures_degC[:] = np.random.default_rng(1).uniform(0.0, 80.0, 100)
    pack._row(_cell.SURFACE)[:] = pack.temperatures_degC[::-1]
    pack.refresh()

    def content(string: slice) -> float:
        return float((0.7 * pack.temperatures_degC + 0.3 * pack.surface_degC)[string].sum())

    halves = slice(0, 50), slice(50, 100)
    before = [content(half) for half in halves]
    pack.advance(0.0, 1.0, 3600)
    assert [content(half) for half in halves] == pytest.approx(before, rel=1e-12)
    assert np.ptp(pack.surface_degC[:50]) < 20.0


def test_in_a_long_chain_a_wave_decays_by_its_mode(make_cell: Maker) -> None:
    # insulated ends: cos(pi k (n + 1/2) / N) decays with 4 G/C sin^2(pi k / 2N)
    count, mode, g = 60, 3, 5.0
    pack = Pack(PackConfig(make_cell(to_neighbour=g, loss=0.0, **COLD), count))
    wave = np.cos(math.pi * mode * (np.arange(count) + 0.5) / count)
    pack.set_temperature(25.0 + 10.0 * wave)
    pack.advance(0.0, 10.0, 600)
    rate = 4.0 * g / C * math.sin(math.pi * mode / (2 * count)) ** 2
    assert pack.temperatures_degC == pytest.approx(25.0 + 10.0 * wave * math.exp(-rate * 6000.0), rel=1e-11)


@pytest.mark.parametrize(("dt", "steps"), [(0.001, 100), (0.01, 10)])
def test_the_step_does_not_matter(make_cell: Maker, dt: float, steps: int) -> None:
    cell = make_cell(
        ocv=(2.9, 3.5),
        hysteresis=0.025, core_to_surface=4.0, to_neighbour=3.0,
        self_discharge=1e-6, ageing="blast-lfp",
    )

    def run(dt: float, steps: int) -> list[float]:
        pack = Pack(PackConfig(cell, 3, soc_spread=0.05))
        dice = np.random.default_rng(7)
        for current in dice.uniform(-200.0, 200.0, 1300):  # past two rounds of ageing
            volts = pack.advance(float(current), dt, steps)
        warmth = [*pack.temperatures_degC, *pack.surface_degC]
        return [volts, *pack.soc, *warmth, *pack.loss, *pack.capacities_Ah]

    assert run(dt, steps) == pytest.approx(run(0.1, 1), rel=1e-9)


def test_coolant_takes_the_heat(make_cell: Maker) -> None:
    pack = Pack(PackConfig(make_cell(to_coolant=2.0, loss=0.0, **COLD), 3, coolant_degC=15.0))
    pack.advance(0.0, 100.0, 1000)
    assert pack.temperatures_degC == pytest.approx([15.0] * 3)
    pack.coolant_degC = 35.0
    pack.advance(0.0, 100.0, 1000)
    assert pack.temperatures_degC == pytest.approx([35.0] * 3)
    with pytest.raises(ValueError, match="coolant_degC"):
        pack.coolant_degC = float("nan")


@pytest.mark.parametrize("temperature", [-10.0, 25.0, 50.0])
def test_time_constants_follow_temperature(make_cell: Maker, temperature: float) -> None:
    cell = make_cell(tau1_arrhenius=2500.0, tau2_arrhenius=-0.0, r0=1e-12, r2=1e-12, loss=1e6)
    pack = Pack(PackConfig(cell, 1, temperature_degC=temperature, ambient_degC=temperature))
    volts = pack.advance(50.0, 0.1, 70)
    tau = 11.0 * math.exp(2500.0 * (1 / (temperature + 273.15) - 1 / 298.15))
    assert 3.3 - volts == pytest.approx(50.0 * 4e-4 * (1 - math.exp(-7.0 / tau)), rel=1e-6)
