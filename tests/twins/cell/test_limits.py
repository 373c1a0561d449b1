"""Limits of current and temperature: each shipped cell has some, with their source."""

from __future__ import annotations

import pytest

from twins.cell.limits import UNKNOWN, limits_of
from twins.cell.parameters import names


@pytest.mark.parametrize("name", names())
def test_every_shipped_cell_has_its_own(name: str) -> None:
    limits = limits_of(name)
    assert limits is not UNKNOWN
    assert limits.charge_C > 0.0
    assert 0.0 < limits.discharge_C <= limits.pulse_C
    assert limits.lowest_degC < 0.0 < limits.highest_degC
    assert limits.source


def test_a_cell_of_ones_own_has_common_ones() -> None:
    assert limits_of("/home/me/cell.toml") is UNKNOWN
