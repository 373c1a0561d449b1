"""Ticks are round, thinning keeps extremes, path data says the same points."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.report.scale import Point, Scale, changes, clip, path, thin, tick_text, ticks, value_range

NUMBERS = st.floats(-1e6, 1e6, allow_nan=False).map(lambda x: round(x, 3))


@pytest.mark.parametrize(
    ("low", "high", "count", "expected"),
    [
        (0, 10, 5, [0, 2, 4, 6, 8, 10]),
        (-200, 1160, 8, [-200, 0, 200, 400, 600, 800, 1000]),
        (3.37, 3.72, 4, [3.4, 3.5, 3.6, 3.7]),
        (5, 5, 4, [5]),
    ],
)
def test_ticks(low: float, high: float, count: int, expected: list[float]) -> None:
    assert ticks(low, high, count) == pytest.approx(expected)


def test_tick_text_has_the_decimals_of_the_step() -> None:
    assert tick_text(3.4000000001, 0.1) == "3.4"
    assert tick_text(-200.0, 200.0) == "−200"
    assert tick_text(-0.0, 0.5) == "0.0"
    assert tick_text(0.25, 0.05) == "0.25"


@given(NUMBERS, NUMBERS)
def test_ticks_lie_in_the_range_and_are_few(a: float, b: float) -> None:
    low, high = value_range([a, b])
    found = ticks(low, high, 4)
    assert 1 <= len(found) <= 7
    assert all(low - (high - low) * 1e-6 <= tick <= high + (high - low) * 1e-6 for tick in found)


@given(st.lists(st.none() | NUMBERS, min_size=1, max_size=3000))
def test_thinning_keeps_extremes_ends_and_gaps(values: list[float | None]) -> None:
    points: list[Point] = [(float(i), v) for i, v in enumerate(values)]
    kept = thin(points, 100)
    assert len(kept) <= 155
    assert kept[0] == points[0]
    assert kept[-1] == points[-1]
    assert kept == sorted(set(kept) & set(points), key=lambda p: p[0])
    for extreme in (min, max):
        assert extreme((v for _, v in kept if v is not None), default=None) == extreme(
            (v for v in values if v is not None), default=None
        )
    assert (None in values) == (None in [v for _, v in kept])


def test_changes_keep_the_last_point() -> None:
    assert changes([(0, 1), (1, 1), (2, 0), (3, 0), (4, 0)]) == [(0, 1), (2, 0), (4, 0)]
    assert changes([]) == []


def test_clip_carries_a_state_in_and_out() -> None:
    points: list[Point] = [(0, 1), (5, 2), (20, 3)]
    assert clip(points, 2, 10, steps=True) == [(2, 1), (5, 2), (10, 2)]
    assert clip(points, 2, 10, steps=False) == [(5, 2)]


@given(st.lists(st.tuples(st.floats(0, 1000), st.floats(0, 300)), min_size=2, max_size=50))
def test_path_ends_where_the_last_point_lies(points: list[tuple[float, float]]) -> None:
    moves = re.findall(r"([MlL])(-?[\d.]+) (-?[\d.]+)", path(points, steps=False))
    x = sum(float(dx) for _, dx, _ in moves)
    y = sum(float(dy) for _, _, dy in moves)
    assert x == pytest.approx(points[-1][0], abs=0.051)
    assert y == pytest.approx(points[-1][1], abs=0.051)


def test_path_lifts_the_pen_and_steps() -> None:
    assert path([(0, 0), (1, None), (2, 1), (3, 1)], steps=False) == "M0 0M2 1l1 0"
    assert path([(0, 0), (2, 1), (3, 1)], steps=True) == "M0 0h2v1h1"


def test_scale_maps_ends_to_ends() -> None:
    scale = Scale(2.0, 4.0, 100.0, 0.0)
    assert (scale(2.0), scale(3.0), scale(4.0)) == (100.0, 50.0, 0.0)
