"""The pack: configuration, order of cells, saving, and what it refuses."""

import threading
from typing import Any

import numpy as np
import pytest

from twins.cell import _cell
from twins.pack import Pack, PackConfig


def test_a_pack_adds_its_cells_up() -> None:
    pack = Pack(PackConfig("winston-lyp-160", series=96, strings=2, parallel=3))
    one = Pack(PackConfig("winston-lyp-160", series=1))
    assert pack.emf_V == pytest.approx(96 * one.emf_V)
    assert pack.resistance_Ohm == pytest.approx(96 * one.resistance_Ohm / 6)
    assert pack.capacity_Ah == 960.0
    assert pack.cells == 576
    assert pack.window_V == (2.5, 3.65)
    assert Pack(PackConfig("winston-lyp-160", 1, profile="sheet")).window_V == (2.8, 4.0)


def test_steps_together_are_steps_one_by_one() -> None:
    for strings in (1, 2):
        config = PackConfig("winston-lyp-100", 5, strings, 2, soc_spread=0.05)
        together, single = Pack(config), Pack(config)
        volts = together.advance(120.0, 0.01, 75)
        for _ in range(75):
            last = single.advance(120.0, 0.01)
        assert volts == last
        assert together.save() == single.save()


def test_a_pack_goes_on_from_where_it_was_saved() -> None:
    pack = Pack(PackConfig("winston-lyp-160", 12, parallel=2, capacity_spread=0.02))
    pack.set_balance(np.arange(12) % 2)
    pack.advance(90.0, 0.01, 33)
    saved = pack.save()
    first = pack.advance(-40.0, 0.01, 500)
    after = pack.save()
    pack.restore(saved)
    assert pack.current_A == 90.0
    assert pack.advance(-40.0, 0.01, 500) == first
    assert pack.save() == after
    with pytest.raises(ValueError, match="another pack"):
        Pack(PackConfig("winston-lyp-160", 11, parallel=2)).restore(saved)


def test_a_full_pack_goes_on_bit_for_bit_from_where_it_was_saved() -> None:
    wires = {"tab_Ohm": 1e-4, "bar_Ohm": 1e-5, "link_Ohm": 1e-4}
    config = PackConfig("winston-lyp-100", 4, 2, 3, soc_spread=0.05, **wires)
    pack, other = Pack(config), Pack(config)
    pack.open_cell(5)
    pack.short_cell(7, 0.5)
    pack.stick_balancer(2, True)
    pack.switch_string(1, False)
    pack.advance(60.0, 0.01, 7_777)  # in the middle of a slow period, past a round of ageing
    saved = pack.save()
    pack.advance(-40.0, 0.01, 9_999)
    other.restore(saved)
    other.advance(-40.0, 0.01, 9_999)
    assert other.save() == pack.save()
    assert other.balance.tolist() == pack.balance.tolist()
    assert other.string_currents().tolist() == pack.string_currents().tolist()


def test_spread_is_by_seed() -> None:
    def pack(seed: int) -> Pack:
        spreads = {"capacity_spread": 0.02, "resistance_spread": 0.05, "soc_spread": 0.01}
        return Pack(PackConfig("winston-lyp-160", 400, spread_seed=seed, **spreads))

    one, same, other = pack(1), pack(1), pack(2)
    assert one.save() == same.save()
    assert one.save() != other.save()
    assert np.std(one.soc) == pytest.approx(0.01, rel=0.15)
    assert np.std(one._row(_cell.R_FACTOR)) == pytest.approx(0.05, rel=0.15)
    assert np.std(1 / one._row(_cell.INV_Q)) / 576e3 == pytest.approx(0.02, rel=0.15)


def test_one_group_is_set_alone() -> None:
    pack = Pack(PackConfig("winston-lyp-160", 4, parallel=2, soc=0.5))
    pack.set_soc(0.9, group=2)
    pack.set_temperature(40.0, group=1)
    assert pack.soc.reshape(2, 4).tolist() == [[0.5, 0.5, 0.9, 0.5]] * 2
    assert pack.temperatures_degC.reshape(2, 4).tolist() == [[25.0, 40.0, 25.0, 25.0]] * 2
    volts = pack.cell_voltages()
    assert volts[2] > volts[0] == volts[3]
    assert pack.emf_V == pytest.approx(volts.sum())
    pack.set_soc(0.25)
    assert pack.mean_soc == 0.25


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), 25.0])
def test_a_charge_that_is_none_does_not_enter_the_state(wrong: float) -> None:
    pack = Pack(PackConfig("winston-lyp-160", 4))
    before = pack.save()
    with pytest.raises(ValueError, match=r"soc: must be -0\.5 to 1\.5"):
        pack.set_soc(np.array([0.5, 0.5, wrong, 0.5]))
    with pytest.raises(ValueError, match="temperature_degC: must be -100 to 2000"):
        pack.set_temperature(1e3 * wrong, group=1)
    assert pack.save() == before


def test_balancing_is_reported_and_drains() -> None:
    pack = Pack(PackConfig("winston-lyp-40", 3, balance_Ohm=10.0))
    pack.set_balance([1, 0, 0])
    assert pack.balance.tolist() == [1.0, 0.0, 0.0]
    pack.advance(0.0, 1.0, 600)
    assert pack.soc[0] < pack.soc[1] - 1e-4
    assert pack.soc[1:] == pytest.approx([0.5, 0.5], abs=1e-5)  # self-discharge
    pack.set_balance([0, 0, 0])
    before = pack.soc.copy()
    pack.advance(0.0, 1.0, 600)
    assert pack.soc == pytest.approx(before, abs=1e-5)  # self-discharge


def test_reset_goes_back_to_the_configuration() -> None:
    pack = Pack(PackConfig("winston-lyp-160", 6, soc_spread=0.05))
    fresh = pack.save()
    pack.set_balance([1] * 6)
    pack.ambient_degC = 40.0
    pack.advance(200.0, 0.1, 100)
    pack.reset()
    assert pack.save() == fresh


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("series", 0), ("parallel", 0), ("strings", -1), ("soc", 1.1), ("soc", float("nan"))),
        *(("temperature_degC", 200.0), ("capacity_spread", -0.1), ("balance_Ohm", 0.0)),
        *(("profile", "best"), ("spread_seed", -1)),
    ],
)
def test_a_wrong_configuration_names_its_field(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{field}: "):
        PackConfig(**{"cell": "winston-lyp-160", "series": 4, field: value})


@pytest.mark.parametrize(
    "wrong", [(float("nan"), 0.01), (float("inf"), 0.01), (1.0, 0.0), (1.0, -1.0), (1.0, float("nan"))]
)
def test_a_step_that_makes_no_sense_is_refused(wrong: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="current must be finite"):
        Pack(PackConfig("winston-lyp-160", 4)).advance(*wrong)


def test_the_core_refuses_blocks_of_the_wrong_kind() -> None:
    kind, size = np.zeros(_cell.TYPE_SIZE), _cell.state_size(1, 2, 1)
    for state in (np.zeros(size - 1), np.zeros(size, np.float32), np.zeros(2 * size)[::2]):
        with pytest.raises((ValueError, BufferError)):
            _cell.refresh(kind, state, 1, 2, 1, 25.0)
    with pytest.raises(ValueError, match="at least one cell"):
        _cell.state_size(1, 0, 1)
    with pytest.raises(ValueError, match="100 million"):
        _cell.state_size(10**6, 10**6, 1)
    with pytest.raises(TypeError, match="takes 6 arguments, not 1"):
        _cell.refresh(kind)  # type: ignore[call-arg]


def test_a_second_thread_is_refused_while_a_long_advance_runs() -> None:
    pack = Pack(PackConfig("winston-lyp-160", 1000))
    refused = threading.Event()

    def look() -> None:
        while not done.is_set():
            try:
                pack.cell_voltages()
            except RuntimeError:
                refused.set()
                return

    done = threading.Event()
    thread = threading.Thread(target=look)
    thread.start()
    for _ in range(50):
        pack.advance(10.0, 0.01, 5000)
        if refused.is_set():
            break
    done.set()
    thread.join()
    assert refused.is_set()
    pack.cell_voltages()
