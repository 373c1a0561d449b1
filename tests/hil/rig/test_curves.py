"""Derating curves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.errors import NotOfferedError
from hil.rig.curves import Curve
from hil.rig.limits import Limit

EMPTY = Curve("soc", ((0.02, 0.0), (0.1, 320.0)))
HOT = Curve("temperature_max", ((45.0, 160.0), (48.0, 80.0), (50.0, 0.0)))


@pytest.mark.parametrize(
    ("curve", "value", "limit"),
    [
        (EMPTY, 0.0, 0.0), (EMPTY, 0.02, 0.0), (EMPTY, 0.06, 160.0), (EMPTY, 0.1, 320.0), (EMPTY, 1.0, 320.0),
        (HOT, 25.0, 160.0), (HOT, 46.5, 120.0), (HOT, 48.0, 80.0), (HOT, 49.0, 40.0), (HOT, 60.0, 0.0),
    ],
)  # fmt: skip
def test_it_is_linear_between_its_points_and_level_beyond_them(curve, value, limit):
    assert curve.at(value) == pytest.approx(limit)


@given(st.floats(-10, 70), st.floats(0, 10))
def test_around_a_value_is_what_it_may_be_there(value, off):
    low, high = HOT.around(value, off)
    assert low <= HOT.at(value) <= high
    assert (low, high) == (HOT.at(value + off), HOT.at(value - off))


def test_it_is_walked_from_most_to_least():
    assert EMPTY.walk() == pytest.approx([0.1, 0.06, 0.02])
    assert HOT.walk() == [45.0, 46.5, 48.0, 49.0, 50.0]


def test_shares_are_of_the_threshold(load):
    limit = load(
        """
        [limits.charge_current]
        threshold = "160 A"
        [limits.charge_current.curve]
        soc = [["95 %", "100 %"], ["100 %", "16 A"]]
        temperature_min = "0 degC: 0 %; 3 degC: 100 %"
        tolerance = "1 %"
        within = "300 ms"
        """
    ).limits["charge_current"]
    assert limit.curve("soc").points == ((0.95, 160.0), (1.0, 16.0))
    cold = limit.curve("temperature_min")
    assert cold.points == ((0.0, 0.0), (3.0, 160.0))
    assert (cold.tolerance, cold.within_ns, cold.unit) == (pytest.approx(1.6), 300_000_000, "degC")
    with pytest.raises(NotOfferedError, match=r"the rig file gives limit .* no curve over voltage"):
        limit.curve("voltage")


def test_a_limit_without_curves():
    with pytest.raises(NotOfferedError):
        Limit("x").curve("soc")
