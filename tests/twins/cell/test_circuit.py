"""Bus bars, tabs, strings, what breaks in a pack: known answers; charge and energy are all accounted for."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from twins.cell import _cell
from twins.pack import OPEN_Ohm, Pack, PackConfig

Maker = Callable[..., str]
FLAT = (3.3, 3.3 + 1e-9)
BARE = {"r1": 1e-12, "r2": 1e-12}  # nothing but EMF and R0 = 1 mOhm


@pytest.mark.parametrize("parallel", [1, 2, 5, 16])
def test_a_ladder_of_bus_bars_folds_up(make_cell: Maker, parallel: int) -> None:
    # equal cells R, bars r each: x = R || (x + 2r), n times; here by a dense nodal solution
    own, tab, bar = 1e-3, 2e-4, 5e-5
    pack = Pack(PackConfig(make_cell(FLAT, **BARE), 1, parallel=parallel, tab_Ohm=tab, bar_Ohm=bar))
    folded = own + tab
    for _ in range(parallel - 1):
        folded = 1.0 / (1.0 / (own + tab) + 1.0 / (folded + 2 * bar))
    assert pack.resistance_Ohm == pytest.approx(folded, rel=1e-12)
    assert pack.emf_V == pytest.approx(3.3 + 5e-10, rel=1e-12)


def ladder(emf: np.ndarray, own: np.ndarray, bar: float, current: float) -> tuple[float, np.ndarray]:
    """Kirchhoff as one dense system: node voltages between the bars at each cell, terminals at the first."""
    count = emf.size
    a = np.diag(1.0 / own)
    b = emf / own
    b[0] -= current
    for k in range(count - 1):
        a[[k, k + 1], [k, k + 1]] += 1.0 / (2 * bar)
        a[[k, k + 1], [k + 1, k]] -= 1.0 / (2 * bar)
    volts = np.linalg.solve(a, b)
    return float(volts[0]), (emf - volts) / own


@pytest.mark.parametrize("current", [0.0, 400.0, -150.0])
def test_unlike_cells_on_a_ladder_share_as_kirchhoff_says(make_cell: Maker, current: float) -> None:
    cell = make_cell((3.0, 3.6), **BARE)
    spreads, wires = {"soc_spread": 0.05, "resistance_spread": 0.2}, {"tab_Ohm": 1e-4, "bar_Ohm": 3e-5}
    config = PackConfig(cell, 3, parallel=6, **spreads, **wires)
    pack = Pack(config)
    pack.current_A = current
    own = 1e-3 * pack._row(_cell.R_FACTOR) + 1e-4
    volts, currents = pack.cell_voltages(), pack.cell_currents().reshape(6, 3)
    for g in range(3):
        right = ladder(3.0 + 0.6 * pack.soc[g::3], own[g::3], 3e-5, current)
        assert volts[g] == pytest.approx(right[0], rel=1e-12)
        assert currents[:, g] == pytest.approx(right[1], rel=1e-9, abs=1e-9)
        assert currents[:, g].sum() == pytest.approx(current, abs=1e-9)


def test_the_cell_next_to_the_terminals_works_hardest(make_cell: Maker) -> None:
    pack = Pack(PackConfig(make_cell((3.0, 3.6)), 1, parallel=8, bar_Ohm=5e-5))
    pack.advance(400.0, 1.0, 60)
    assert (np.diff(pack.soc) > 0.0).all()
    assert (0.5 - pack.soc).sum() * 360_000.0 == pytest.approx(400.0 * 60.0, rel=1e-12)


def test_links_add_to_the_pack_but_not_to_the_cells(make_cell: Maker) -> None:
    plain, linked = (Pack(PackConfig(make_cell(FLAT), 10, link_Ohm=ohm)) for ohm in (0.0, 1e-4))
    assert linked.resistance_Ohm - plain.resistance_Ohm == pytest.approx(10 * 1e-4, rel=1e-9)
    linked.current_A = plain.current_A = 100.0
    assert linked.cell_voltages() == pytest.approx(plain.cell_voltages(), rel=1e-12)
    linked.loosen_link(3, 5e-3)
    assert linked.resistance_Ohm - plain.resistance_Ohm == pytest.approx(9 * 1e-4 + 5e-3, rel=1e-9)
    linked.advance(100.0, 0.1, 100)
    assert linked.books().wire_J == pytest.approx(100.0**2 * (9 * 1e-4 + 5e-3) * 10.0, rel=1e-9)
    linked.loosen_link(3, None)
    assert linked.resistance_Ohm - plain.resistance_Ohm == pytest.approx(1e-3, rel=1e-3)


def test_an_open_weld_leaves_the_current_to_the_others(make_cell: Maker) -> None:
    pack = Pack(PackConfig(make_cell(FLAT), 1, parallel=4))
    closed = pack.emf_V - 90.0 * pack.resistance_Ohm
    pack.open_cell(2)
    pack.current_A = 90.0
    assert pack.cell_currents() == pytest.approx([30.0, 30.0, 0.0, 30.0], abs=1e-8)
    assert closed - pack.cell_voltages()[0] == pytest.approx(90.0 * 1e-3 / (4 * 3), rel=1e-9)
    pack.advance(90.0, 1.0, 600)
    assert pack.soc[2] == pytest.approx(0.5, abs=1e-12)
    assert pack.soc[[0, 1, 3]] == pytest.approx([0.45] * 3, abs=1e-9)
    pack.open_cell(2, False)
    pack.current_A = 0.0
    assert pack.cell_currents().sum() == pytest.approx(0.0, abs=1e-9)


def test_an_open_cell_opens_its_string(make_cell: Maker) -> None:
    two = Pack(PackConfig(make_cell(FLAT), 4, strings=2))
    two.open_cell(1)
    two.advance(50.0, 0.1)
    assert two.string_currents() == pytest.approx([0.0, 50.0], abs=1e-6)
    one = Pack(PackConfig(make_cell(FLAT), 4))
    one.open_cell(1)
    assert one.resistance_Ohm > 0.9 * OPEN_Ohm
    with pytest.raises(ValueError, match="circuit is open"):
        one.advance(10.0, 0.1)
    one.advance(0.0, 0.1, 10)
    assert one.soc == pytest.approx([0.5] * 4, abs=1e-12)
    one.open_cell(1, False)
    one.advance(10.0, 0.1)


def test_a_short_inside_divides_and_heats(make_cell: Maker) -> None:
    ohm = 9e-3
    pack = Pack(PackConfig(make_cell(FLAT, loss=0.0, **BARE), 2))
    pack.short_cell(0, ohm)
    inside = 3.3 / (1e-3 + ohm)
    assert pack.cell_voltages() == pytest.approx([3.3 * ohm / (1e-3 + ohm), 3.3], rel=1e-9)
    pack.advance(0.0, 0.01, 1000)
    assert 0.5 - pack.soc[0] == pytest.approx(inside * 10.0 / 360_000.0, rel=1e-7)
    assert pack.soc[1] == pytest.approx(0.5, abs=1e-12)
    warmed = (pack.temperatures_degC - 25.0) * 3500.0
    assert warmed[0] == pytest.approx(3.3**2 / (1e-3 + ohm) * 10.0, rel=1e-7)
    assert warmed[1] == pytest.approx(0.0, abs=1e-9)
    pack.short_cell(0, None)
    assert pack.cell_voltages() == pytest.approx([3.3, 3.3], rel=1e-9)


def test_neighbours_in_parallel_feed_a_short(make_cell: Maker) -> None:
    pack = Pack(PackConfig(make_cell((3.0, 3.6)), 1, parallel=3))
    pack.short_cell(1, 0.05)
    currents = pack.cell_currents()
    assert currents[1] < 0.0 < currents[0]
    assert currents.sum() == pytest.approx(0.0, abs=1e-9)
    pack.advance(0.0, 1.0, 600)
    assert np.ptp(pack.soc) < 0.05
    assert pack.soc.max() < 0.49


def test_a_stuck_balancer_does_not_obey(make_cell: Maker) -> None:
    pack = Pack(PackConfig(make_cell(FLAT), 3))
    pack.stick_balancer(0, True)
    pack.stick_balancer(1, False)
    assert pack.balance.tolist() == [1.0, 0.0, 0.0]
    pack.set_balance([0, 1, 1])
    assert pack.balance.tolist() == [1.0, 0.0, 1.0]
    saved = pack.save()
    pack.stick_balancer(0, None)
    pack.stick_balancer(1, None)
    assert pack.balance.tolist() == [0.0, 1.0, 1.0]
    pack.restore(saved)
    pack.set_balance([0, 0, 0])
    assert pack.balance.tolist() == [1.0, 0.0, 0.0]
    pack.reset()
    assert pack.balance.tolist() == [0.0, 0.0, 0.0]


def test_a_string_that_is_off_carries_nothing(make_cell: Maker) -> None:
    pack = Pack(PackConfig(make_cell((3.0, 3.6)), 5, strings=3))
    pack.soc[5:10] = 0.7
    pack.refresh()
    pack.switch_string(1, False)
    pack.advance(80.0, 0.1, 100)
    assert pack.string_currents()[1] == 0.0
    assert pack.string_currents().sum() == pytest.approx(80.0, abs=1e-9)
    assert (pack.soc[5:10] == 0.7).all()
    assert pack.string_voltages()[1] > pack.string_voltages()[0]
    pack.switch_string(1, True)
    pack.current_A = 0.0
    shares = pack.string_currents()
    assert shares[1] > 10.0
    assert shares[0] < 0.0
    for string in range(3):
        pack.switch_string(string, False)
    assert pack.resistance_Ohm == OPEN_Ohm
    with pytest.raises(ValueError, match="circuit is open"):
        pack.advance(10.0, 0.1)
    pack.advance(0.0, 1.0)


@pytest.mark.parametrize("dt", [1.0, 10.0, 60.0, 600.0])
def test_a_coarse_step_is_stable_where_the_ocv_is_steep(make_cell: Maker, dt: float) -> None:
    # explicit sharing is unstable beyond twice the time constant of equalising, (R1 + R2) Q / 2K = 1.8 s here
    cell = make_cell((1.0, 21.0), capacity=1.0, r0=1e-2, **BARE)
    pack = Pack(PackConfig(cell, 1, parallel=2))
    pack.soc[:] = 0.55, 0.45
    pack.refresh()
    pack.advance(0.0, dt, round(1800 / dt))
    assert np.abs(pack.soc - 0.5).max() < 0.05
    assert pack.soc.sum() == pytest.approx(1.0, abs=1e-12)


def test_a_coarse_step_converges_to_the_fine_one(make_cell: Maker) -> None:
    cell = make_cell((3.0, 3.6), hysteresis=0.02)

    def run(dt: float) -> np.ndarray:
        pack = Pack(PackConfig(cell, 2, strings=2, parallel=2, soc_spread=0.05, resistance_spread=0.2))
        pack.advance(300.0, dt, round(600 / dt))
        return pack.soc.copy()

    fine = run(0.05)
    errors = [np.abs(run(dt) - fine).max() for dt in (30.0, 10.0, 3.0)]
    assert errors[0] < 2e-3
    assert errors[2] < errors[1] < errors[0]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda pack: pack.open_cell(8), "cell: there is no 8: they are numbered 0 to 7"),
        (lambda pack: pack.short_cell(0, 0.0), "resistance_Ohm: must be positive"),
        (lambda pack: pack.short_cell(0, float("nan")), "must be positive and finite"),
        (lambda pack: pack.short_cell(-1, 1.0), "cell: there is no -1"),
        (lambda pack: pack.loosen_link(4, 1.0), "group: there is no 4"),
        (lambda pack: pack.loosen_link(0, -1.0), "resistance_Ohm: must be 0 to"),
        (lambda pack: pack.switch_string(1, True), "string: there is no 1"),
        (lambda pack: pack.stick_balancer(9, True), "group: there is no 9"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(call: Callable[[Pack], None], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        call(Pack(PackConfig("winston-lyp-160", 4, parallel=2)))


FAULTS = st.one_of(
    st.tuples(st.just("open_cell"), st.integers(0, 17), st.booleans()),
    st.tuples(st.just("short_cell"), st.integers(0, 17), st.sampled_from([None, 0.05, 1.0, 20.0])),
    st.tuples(st.just("loosen_link"), st.integers(0, 5), st.sampled_from([None, 1e-3, 0.1])),
    st.tuples(st.just("stick_balancer"), st.integers(0, 5), st.sampled_from([None, True, False])),
    st.tuples(st.just("switch_string"), st.integers(0, 1), st.booleans()),
)


def _energy(pack: Pack) -> float:
    """Chemical energy of cells whose OCV is a straight line from 3.0 to 3.6 V, and what the pairs hold."""
    soc, capacity = pack.soc, 3600.0 * pack.capacities_Ah
    return float((capacity * (3.0 * soc + 0.3 * soc**2)).sum()) + pack.books().pair_J


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    events=st.lists(st.tuples(FAULTS, st.floats(-150.0, 150.0), st.integers(0, 7)), min_size=12, max_size=12),
    seed=st.integers(0, 99),
)
def test_the_books_close_over_an_hour_of_faults(
    make_cell: Maker, events: list[tuple[tuple[Any, ...], float, int]], seed: int
) -> None:
    pack = _faulty_pack(make_cell, seed)
    energy, held = _energy(pack), _held(pack)
    out_J, out_As = 0.0, 0.0
    for (name, *arguments), current, mask in events:
        getattr(pack, name)(*arguments)
        pack.set_balance([float(mask >> g % 3 & 1) for g in range(6)])
        amperes = current if pack.resistance_Ohm < 1.0 else 0.0
        before = pack.emf_V - amperes * pack.resistance_Ohm
        for _ in range(3000):  # 12 x 300 s
            after = pack.advance(amperes, 0.1)
            out_J += amperes * 0.05 * (before + after)
            before = after
        out_As += amperes * 300.0
    books = pack.books()
    strings = pack._string_row(_cell.STRING_As)
    assert strings.sum() == pytest.approx(out_As, rel=1e-12, abs=1e-6)
    given_As = np.repeat(strings, 3) + pack._group_row(_cell.BLEED_As)
    given_As += pack._row(_cell.LOST_As).reshape(3, 6).sum(axis=0)
    assert held - _held(pack) == pytest.approx(given_As, rel=1e-9, abs=1e-6)  # of 1 MAs in each group
    spent = books.heat_J + books.wire_J + books.bleed_J
    scale = abs(out_J) + spent
    assert energy - _energy(pack) == pytest.approx(out_J + spent, abs=1e-6 * scale)


def _held(pack: Pack) -> np.ndarray:
    """Charge in each group."""
    held: np.ndarray = (pack.soc * 3600.0 * pack.capacities_Ah).reshape(3, 6).sum(axis=0)
    return held


def _faulty_pack(make_cell: Maker, seed: int) -> Pack:
    options = {"hysteresis": 0.02, "self_discharge": 1e-8, "arrhenius": 3000.0, "tau1_arrhenius": 2000.0}
    spreads = {"capacity_spread": 0.03, "resistance_spread": 0.1, "soc_spread": 0.02}
    wires = {"tab_Ohm": 5e-5, "bar_Ohm": 1e-5, "link_Ohm": 5e-5}
    cell = make_cell((3.0, 3.6), **options)
    return Pack(PackConfig(cell, 3, 2, 3, 0.5, spread_seed=seed, balance_Ohm=10.0, **spreads, **wires))
