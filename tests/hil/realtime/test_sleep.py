"""The histogram of lateness against the sorted list, and sleeping to an instant that has passed."""

import time

from hypothesis import given
from hypothesis import strategies as st

from hil.realtime.sleep import Lateness, sleep_until


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=60), st.floats(0, 1))
def test_a_quantile_is_hardly_above_the_true_one(values: list[int], share: float) -> None:
    lateness = Lateness()
    for value in values:
        lateness.add(value)
    ordered = sorted(values)
    rank = next(place for place in range(len(values)) if place + 1 >= share * len(values))
    assert ordered[rank] <= lateness.quantile(share) <= ordered[rank] * 33 / 32
    assert lateness.max_ns == ordered[-1]
    assert lateness.count == len(values)


def test_small_values_are_exact_and_early_is_not_late() -> None:
    lateness = Lateness()
    for value in [-5, 0, 1, 2, 63]:
        lateness.add(value)
    assert [lateness.quantile(share) for share in (0.2, 0.4, 0.6, 0.8, 1)] == [0, 0, 1, 2, 63]


def test_it_says_itself() -> None:
    lateness = Lateness()
    assert str(lateness) == "p50 0 ms, p99 0 ms, max 0 ms"
    for value in [60_000] * 98 + [210_000, 12_400_000]:
        lateness.add(value)
    assert str(lateness) == "p50 0.06 ms, p99 0.21 ms, max 12 ms"


def test_sleeping_ends_at_or_after_the_instant() -> None:
    instant_ns = time.monotonic_ns() + 1_000_000
    sleep_until(instant_ns)
    assert time.monotonic_ns() >= instant_ns
    sleep_until(instant_ns)
