"""Searching on whole numbers."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.characterise.bisect import edge, outward, steps

_RAW = st.integers(-(10**9), 10**9)


@given(_RAW, _RAW, _RAW)
def test_the_edge_is_found_whichever_way_it_lies(no: int, yes: int, threshold: int) -> None:
    low, high = min(no, yes), max(no, yes)
    threshold = min(max(threshold, low), high)
    if no == yes:
        with pytest.raises(ValueError, match="both no and yes"):
            edge(no, yes, lambda _: True)
        return
    up = yes > no
    answers = (lambda raw: raw > threshold) if up else (lambda raw: raw < threshold)
    near, far = edge(no, yes, answers)
    assert abs(far - near) == 1
    assert far == yes or answers(far)
    assert near == no or not answers(near)


def test_an_edge_takes_few_questions() -> None:
    asked: list[int] = []

    def answers(raw: int) -> bool:
        asked.append(raw)
        return raw > 480_000

    assert edge(0, 1_000_000, answers) == (480_000, 480_001)
    assert len(asked) <= 20


@given(_RAW, _RAW)
def test_the_way_outward_begins_near_and_ends_at_the_end(neutral: int, end: int) -> None:
    numbers = outward(neutral, end)
    if neutral == end:
        assert numbers == []
        return
    assert numbers[-1] == end
    distances = [abs(raw - neutral) for raw in numbers]
    assert distances == sorted(distances)
    assert all(min(neutral, end) <= raw <= max(neutral, end) for raw in numbers)
    # no window half as wide as it is far away is stepped over
    assert all(b <= 2 * a + 2 for a, b in pairwise(distances))


def test_two_stages_are_told_apart() -> None:
    times = lambda raw: 0.12 if raw > 480 else 4.97 if raw > 357 else None  # noqa: E731
    assert steps(358, 1000, times, slack=0.05) == [481]


def test_one_stage_has_no_steps() -> None:
    assert steps(358, 1000, lambda raw: 0.47 + 1e-5 * (raw % 3), slack=0.05) == []


def test_a_curve_has_no_more_steps_than_asked_for() -> None:
    assert 1 <= len(steps(10, 10_000, lambda raw: 1e5 / raw, slack=0.01, most=3)) <= 3
