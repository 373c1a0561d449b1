"""The parts of the fit that can be judged without tests of a cell."""

import importlib

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
    ratio = {t: 0.4 + 0.6 * np.exp(5000.0 * (1 / (t + 273.15) - 1 / 298.15)) for t in (-5, 15, 25, 45)}
    for points in ((15, 25, 45), (-5, 15, 25, 45)):
        law = fit.law_of_temperature({t: 1.2e-3 * ratio[t] for t in points}, (0.0, 0.0))
        assert law == pytest.approx((5000.0, 0.4), rel=1e-4)
    assert fit.law_of_temperature({15: ratio[15], 45: ratio[45]}, (0.0, 0.4)) == pytest.approx(
        (5000.0, 0.4), rel=1e-4
    )
    assert fit.law_of_temperature({25: 1.0}, (4000.0, 0.3)) == (4000.0, 0.3)


def trace(soc: np.ndarray, **changes: object) -> object:
    same = {
        "name": "",
        "dt_s": 1.0,
        "capacity_Ah": 50.0,
        "start_h": 1.0,
        "voltage": soc,
        "current": soc,
        "soc": soc,
        "temperature_degC": np.full(soc.size, 25.0),
        "used": np.ones(soc.size, np.bool_),
    }
    return fit.Trace(**{**same, **changes})


def test_hysteresis_goes_with_charge() -> None:
    soc = np.concatenate([np.linspace(1.0, 0.5, 500), np.full(10, 0.5), np.linspace(0.5, 1.0, 500)])
    h = fit.hysteresis(trace(soc), 70.0)
    assert h[0] == 1.0
    assert h[505] == pytest.approx(-1.0 + 2.0 * np.exp(-35.0))
    assert h[-1] == pytest.approx(1.0, abs=1e-12)


def test_step_resistances_by_temperature_per_100_ah() -> None:
    soc = np.linspace(0.8, 0.5, 200)
    current = 30.0 * (np.arange(200) // 10 % 2)
    traces = [
        trace(soc, current=current, voltage=3.3 - ohm * current, temperature_degC=np.full(200, celsius))
        for celsius, ohm in ((25.0, 2e-3), (26.0, 2e-3), (10.0, 4e-3))
    ]
    found = fit.step_resistances([*traces, trace(soc, current=np.full(200, 5.0))])
    assert found == pytest.approx({10.0: 2e-3, 25.0: 1e-3})  # of 100 Ah, half that of 50 Ah


def test_tests_that_say_the_same_share_one_vote() -> None:
    soc = np.linspace(0.8, 0.5, 10)
    fitted = [
        trace(soc),
        trace(soc),
        trace(soc, start_h=-1.0),
        trace(soc, temperature_degC=np.full(10, 40.0)),
    ]
    assert [fit._vote(one, fitted) for one in fitted] == [0.5, 0.5, 1.0, 1.0]


def slow(celsius: float, discharge: float, charge: float) -> object:
    on = np.ones(fit.FINE.size)
    return fit.Slow("", celsius, 100.0, 2.0, discharge * on, charge * on)


def test_entropic_is_the_slope_over_temperature() -> None:
    tests = [slow(t, 3.28 + 2e-4 * t, 3.32 + 2e-4 * t) for t in (5.0, 25.0, 45.0)]
    assert fit.entropic(tests) == pytest.approx(2e-4)
    assert fit.entropic(tests[:1]) is None


def test_half_the_gap_is_hysteresis_and_what_the_current_drops() -> None:
    rows = fit._Rows(1)
    fit._gaps(rows, [slow(25.0, 3.27, 3.33)], fit.Shape(12.0, 200.0, 70.0, 5000.0, 0.4))
    normal, right, _ = rows.normal()
    unknown = np.zeros(rows.width)
    unknown[rows.ohm_at - 1] = 0.024  # M
    unknown[rows.ohm_at :] = 1e-3  # 3 mOhm in all, at 2 A
    assert normal @ unknown == pytest.approx(right)
