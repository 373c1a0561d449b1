"""Roles that are sent only while they are set: what silence says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hil.rig.absence import Absence

ABSENCE = Absence(after_ns=30, every_ns=10)


def test_a_gap_is_filled_from_when_it_has_lasted_long_enough() -> None:
    rows = [(10, 1.0), (20, 1.0), (75, 1.0)]
    found = ABSENCE.fill(rows, since_ns=5, until_ns=110)
    assert found == [*rows[:2], (50, 0.0), (60, 0.0), (70, 0.0), rows[2], (105, 0.0)]


def test_what_was_said_just_before_still_counts() -> None:
    assert ABSENCE.fill([(80, 1.0)], since_ns=100, until_ns=120) == [(110, 0.0), (120, 0.0)]


def test_what_was_never_heard_is_absent() -> None:
    assert ABSENCE.fill([], since_ns=100, until_ns=120) == [(110, 0.0), (120, 0.0)]


@given(st.lists(st.integers(0, 500), unique=True).map(sorted), st.integers(0, 500), st.integers(0, 500))
def test_nothing_said_is_lost_and_all_is_in_order(times: list[int], since: int, span: int) -> None:
    found = ABSENCE.fill([(t, 1.0) for t in times if t <= since + span], since, since + span)
    assert [t for t, value in found if value] == [t for t in times if since < t <= since + span]
    assert [t for t, _ in found] == sorted(t for t, _ in found)
    assert all(since < t <= since + span for t, _ in found)
    assert not any(0 < t - heard < 30 for t, value in found if not value for heard in times)


def test_when_it_is_absent_next() -> None:
    assert ABSENCE.next_ns(last_ns=100, now_ns=105) == 130
    assert ABSENCE.next_ns(last_ns=100, now_ns=130) == 140
    assert ABSENCE.next_ns(last_ns=None, now_ns=0) == 10
