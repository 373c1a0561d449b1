"""The parts of the fit that can be judged without the measured data."""

import builtins
import importlib
import sys
from typing import Any

import numpy as np
import pytest

pytest.importorskip("scipy")
fit = importlib.import_module("twins.cell.fit")


def test_points_lie_on_the_grid_of_the_core() -> None:
    for points in (fit.SOC, fit.SOC_R):
        assert points[0] == 0.0
        assert points[-1] == 1.0
        assert (np.rint(points * fit.GRID) == points * fit.GRID).all()


def test_hats_interpolate() -> None:
    x = np.linspace(-0.1, 1.1, 97)
    weights = fit.hats(x, fit.SOC)
    assert weights.sum(axis=1) == pytest.approx(1.0)
    values = np.sin(fit.SOC)
    assert weights @ values == pytest.approx(np.interp(x, fit.SOC, values))


def test_bends_are_zero_on_a_straight_line() -> None:
    assert fit.bends(fit.SOC_R) @ (3.0 + 2.0 * fit.SOC_R) == pytest.approx(0.0, abs=1e-12)


def test_the_law_of_temperature_goes_through_its_points() -> None:
    ratio = [0.4 + 0.6 * np.exp(5000.0 * (1 / (t + 273.15) - 1 / 298.15)) for t in (15, 25, 45)]
    law = fit.law_of_temperature((15, 25, 45), [1.2e-3 * r for r in ratio])
    assert law == pytest.approx((5000.0, 0.4))


def test_hysteresis_goes_with_charge() -> None:
    soc = np.concatenate([np.linspace(1.0, 0.5, 500), np.full(10, 0.5), np.linspace(0.5, 1.0, 500)])
    every = np.ones(soc.size, np.bool_)
    h = fit.hysteresis(fit.Trace("", 25.0, 1.0, soc, soc, soc, every), 70.0)
    assert h[0] == 1.0
    assert h[505] == pytest.approx(-1.0 + 2.0 * np.exp(-35.0))
    assert h[-1] == pytest.approx(1.0, abs=1e-12)


def test_without_scipy_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *rest: Any) -> Any:
        if name.startswith("scipy"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    monkeypatch.delitem(sys.modules, "twins.cell.fit")
    with pytest.raises(SystemExit, match=r"pip install 'bms-hil\[fit\]'"):
        importlib.import_module("twins.cell.fit")
