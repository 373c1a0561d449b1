"""Limits as a test takes them, and what it proves by that."""

from __future__ import annotations

import pytest

from hil.errors import NotOfferedError, UsageError
from hil.rig.limits import Limit
from hil.rig.promises import Limits

LIMITS = {
    "cell_overvoltage": Limit("cell_overvoltage", requirement="R-7"),
    "pack_overvoltage": Limit("pack_overvoltage", requirement="R-7"),
    "precharge": Limit("precharge"),
}


def test_what_a_test_takes_it_proves_once() -> None:
    proven: list[str] = []
    limits = Limits(LIMITS, proven.append)
    assert limits["cell_overvoltage"].name == "cell_overvoltage"
    assert [limits[name].requirement for name in LIMITS] == ["R-7", "R-7", ""]
    assert proven == ["R-7"]


def test_what_it_keeps_clear_of_it_does_not_prove() -> None:
    proven: list[str] = []
    limits = Limits(LIMITS, proven.append)
    assert limits.beside("cell_overvoltage") is LIMITS["cell_overvoltage"]
    assert list(limits) == list(LIMITS)
    assert "precharge" in limits
    assert not proven


@pytest.mark.parametrize("name", ["beside", "__getitem__"])
def test_what_is_not_promised_skips_and_a_slip_does_not(name: str) -> None:
    take = getattr(Limits(LIMITS, lambda _requirement: None), name)
    with pytest.raises(NotOfferedError, match="promises no limit 'isolation'"):
        take("isolation")
    with pytest.raises(UsageError, match="did you mean 'precharge'"):
        take("precharg")
