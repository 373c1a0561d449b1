"""The C core computes what the readable oracle computes, to rounding; so does the NumPy twin."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twins.cell import _cell, parameters, reference
from twins.cell.vector import VectorPack
from twins.pack import Pack, PackConfig

KINDS = {name: Pack(PackConfig(name, 1)).cell for name in ("winston-lyp-40", "winston-lyp-700")}


def plain(pack: Pack) -> Pack:
    """The pack with all of its type's options off."""
    pack.use_type(parameters.with_options(pack.cell, None))
    return pack


def oracle_of(pack: Pack) -> reference.Pack:
    """The same pack, at the same state, in the oracle's words."""
    kind = reference.CellType.from_block(pack._type)
    rows = {n: pack._row(getattr(_cell, n)) for n in ("SOC", "H", "V1", "V2", "T", "R_FACTOR")}
    bleed, per_charge = pack._group_row(_cell.BLEED_S), pack._row(_cell.INV_Q)

    def cell(k: int) -> reference.Cell:
        state = [float(rows[n][k]) for n in ("R_FACTOR", "SOC", "H", "V1", "V2", "T")]
        return reference.Cell(kind, 1.0 / float(per_charge[k]), *state)

    def group(g: int) -> reference.Group:
        branches = range(pack.config.parallel)
        return reference.Group([cell(p * pack.groups + g) for p in branches], float(bleed[g]))

    series, strings = pack.config.series, range(pack.config.strings)
    groups = [[group(s * series + j) for j in range(series)] for s in strings]
    return reference.Pack(groups, pack.ambient_degC)


def agree(pack: Pack, oracle: reference.Pack) -> None:
    order = [
        p * pack.groups + g for g in range(pack.groups) for p in range(pack.config.parallel)
    ]  # the oracle goes group by group
    for name, row in (("soc", pack.soc), ("h", pack._row(_cell.H)), ("v1", pack._row(_cell.V1))):
        assert row[order] == pytest.approx([getattr(c, name) for c in oracle.cells], abs=2e-9)
    warmth = [c.temperature_degC for c in oracle.cells]
    assert pack.temperatures_degC[order] == pytest.approx(warmth, abs=1e-8)
    assert (pack.emf_V, pack.resistance_Ohm) == pytest.approx(oracle.thevenin, rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(
    cell=st.sampled_from(sorted(KINDS)),
    layout=st.tuples(*[st.integers(1, 3)] * 3),
    soc=st.floats(0.0, 1.0),
    temperature=st.floats(-30.0, 70.0),
    currents=st.lists(st.floats(-3.0, 3.0), min_size=1, max_size=6),  # C-rate
    dt=st.sampled_from([0.001, 0.01, 0.1]),
    seed=st.integers(0, 9),
)
def test_c_agrees_with_the_oracle(  # noqa: PLR0917
    cell: str,
    layout: tuple[int, int, int],
    soc: float,
    temperature: float,
    currents: list[float],
    dt: float,
    seed: int,
) -> None:
    strings, series, parallel = layout
    spreads = {"capacity_spread": 0.05, "resistance_spread": 0.1, "soc_spread": 0.02}
    pack = Pack(PackConfig(cell, series, strings, parallel, soc, temperature, spread_seed=seed, **spreads))
    plain(pack).set_balance(np.random.default_rng(seed).integers(0, 2, pack.groups))
    oracle = oracle_of(pack)
    for rate in currents:
        current = rate * pack.capacity_Ah
        volts = pack.advance(current, dt, 4)
        assert volts == pytest.approx(oracle.advance(current, dt, 4), rel=1e-9)
    agree(pack, oracle)


@pytest.mark.parametrize("series", [1, 7, 130, 500])
def test_tiles_of_any_length_agree_with_the_numpy_twin(series: int) -> None:
    config = PackConfig("winston-lyp-100", series, soc=0.6, soc_spread=0.2, resistance_spread=0.1)
    pack = plain(Pack(config))
    kind = reference.CellType.from_block(pack._type)
    factor = pack._row(_cell.R_FACTOR).copy()
    twin = VectorPack(kind, 1.0 / pack._row(_cell.INV_Q), factor, pack.soc, 0.01)
    mask = np.arange(series) % 3 == 0
    pack.set_balance(mask)
    twin.bleed_S[mask] = 1.0 / config.balance_Ohm
    for current in (150.0, -80.0, 0.0):
        for _ in range(12):
            volts = pack.advance(current, 0.01)
            assert volts == pytest.approx(twin.advance(current), rel=1e-12)
    assert pack.soc == pytest.approx(twin.soc, abs=1e-13)
    assert pack.temperatures_degC == pytest.approx(twin.temperature, abs=1e-11)
    assert pack.cell_voltages() == pytest.approx(twin.voltages(0.0), abs=1e-12)


@pytest.mark.parametrize("dt", [0.01, 0.1, 1.0])
def test_a_chain_of_full_cells_agrees_with_the_oracle(dt: float) -> None:
    pack = Pack(PackConfig("winston-lyp-100", 4, soc=0.6, soc_spread=0.1, capacity_spread=0.03))
    options = {"tau1_arrhenius": 2500.0, "tau2_arrhenius": 1500.0}
    options |= {"core_to_surface": 4.0, "to_neighbour": 3.0, "to_coolant": 1.0}
    options |= {"self_discharge": 1e-6, "self_discharge_arrhenius": 6000.0}
    options |= {"ageing": 0.0, "side_rate": 0.0}
    pack.use_type(parameters.with_options(pack.cell, options))
    pack.temperatures_degC[:] = np.linspace(10.0, 40.0, 4)
    pack.refresh()
    kind = reference.CellType.from_block(pack._type)
    capacities = 3600.0 * pack.capacities_Ah
    cells = [
        reference.Cell(kind, float(q), soc=float(s), temperature_degC=float(t))
        for q, s, t in zip(capacities, pack.soc, pack.temperatures_degC, strict=True)
    ]
    chain = reference.Chain(cells, pack.surface_degC.copy())
    for current in (150.0, -80.0, 0.0, 250.0):
        volts = pack.advance(current, dt, 50)
        assert volts == pytest.approx(chain.advance(current, dt, 50), rel=1e-9)
    assert pack.soc == pytest.approx([cell.soc for cell in cells], rel=1e-11)
    warmth = [cell.temperature_degC for cell in cells]
    assert pack.temperatures_degC == pytest.approx(warmth, rel=1e-8)
    assert pack.surface_degC == pytest.approx(chain.surface_degC, rel=1e-9)
