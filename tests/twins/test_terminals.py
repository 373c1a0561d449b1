"""Currents of powers, and currents that keep each cell in its window."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twins.pack import Pack, PackConfig
from twins.terminals import current_for_power, window_currents


@given(st.floats(2.0, 900.0), st.floats(1e-5, 0.5), st.floats(-20.0, 0.999))
def test_the_current_gives_the_power(emf: float, resistance: float, part: float) -> None:
    power = part * emf**2 / (4.0 * resistance)
    current = current_for_power(emf, resistance, power)
    assert current * (emf - resistance * current) == pytest.approx(power, rel=1e-9)
    assert current <= emf / (2.0 * resistance)  # the better of the two


def test_more_than_there_is() -> None:
    with pytest.raises(ValueError, match="101 W is more than the 100 W that it can give"):
        current_for_power(20.0, 1.0, 101.0)


@pytest.mark.parametrize(("strings", "parallel"), [(1, 1), (2, 1), (1, 3), (2, 2)])
def test_at_the_windows_currents_a_cell_is_on_its_edge(strings: int, parallel: int) -> None:
    spread = {"capacity_spread": 0.02, "resistance_spread": 0.1, "soc_spread": 0.02}
    pack = Pack(PackConfig("winston-lyp-160", 6, strings, parallel, soc=0.6, **spread))
    pack.advance(40.0, 1.0, 100)
    charge, discharge = window_currents(pack, 2.9, 3.5)
    assert charge < 0.0 < discharge
    assert pack.current_A == 40.0
    pack.current_A = discharge
    assert pack.cell_voltages().min() == pytest.approx(2.9, abs=1e-9)
    pack.current_A = charge
    assert pack.cell_voltages().max() == pytest.approx(3.5, abs=1e-9)


def test_beyond_the_window_nothing_may_flow_further_out() -> None:
    pack = Pack(PackConfig("winston-lyp-160", 2, soc=0.5))
    charge, discharge = window_currents(pack, 2.5, 3.0)
    assert charge == 0.0
    assert discharge > 0.0
