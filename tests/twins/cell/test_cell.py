"""Known answers of the cell core: coulomb counting and an RC pair at constant current."""

import math

import numpy as np
import pytest

from twins.cell import _cell


@pytest.mark.parametrize(("dt", "steps"), [(0.001, 20_000), (0.1, 200), (20.0, 1)])
def test_charge_and_rc_pairs_are_exact_at_any_step(dt: float, steps: int) -> None:
    cell_type = np.zeros(_cell.TYPE_SIZE)
    cell_type[:8] = [0.0, 60.0, 11.0, 198.0, 3500.0, 1.0, 0.0, 25.0]
    rows = cell_type[8:].reshape(5, _cell.GRID + 1)
    rows[0], rows[2], rows[3], rows[4] = 3.3, 1e-3, 4e-4, 2e-3
    state = np.zeros(_cell.state_size(1, 1, 1))
    stride = _cell.stride(1)
    for row, value in ((0, 0.5), (4, 25.0), (5, 1 / 360_000), (6, 1.0)):
        state[row * stride] = value
    pack = (cell_type, state, 1, 1, 1, 25.0)
    _cell.refresh(*pack)
    volts, _, _ = _cell.advance(*pack, 50.0, dt, steps)
    v1 = 50.0 * 4e-4 * (1 - math.exp(-20.0 / 11.0))
    v2 = 50.0 * 2e-3 * (1 - math.exp(-20.0 / 198.0))
    assert state[0] == pytest.approx(0.5 - 50.0 * 20.0 / 360_000, abs=1e-12)
    assert volts == pytest.approx(3.3 - 50.0 * 1e-3 - v1 - v2, abs=1e-10)
