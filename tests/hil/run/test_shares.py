"""How tests are dealt to shares."""

from __future__ import annotations

import random

import pytest

from hil.run.shares import deal


def loads(costs: list[float], shares: int) -> list[float]:
    sums = [0.0] * shares
    for cost, share in zip(costs, deal(costs, shares), strict=True):
        sums[share] += cost
    return sums


def test_the_longest_comes_first_and_the_others_make_up_for_it() -> None:
    assert deal([1, 1, 5, 1, 2], 2) == [1, 1, 0, 1, 1]


def test_equal_ones_are_dealt_in_turn() -> None:
    assert deal([3.0] * 5, 2) == [0, 1, 0, 1, 0]


@pytest.mark.parametrize("shares", [2, 3, 7])
def test_no_share_is_much_longer_than_another(shares: int) -> None:
    rolled = random.Random(shares)
    costs = [rolled.expovariate(0.1) for _ in range(200)]
    longest = max(loads(costs, shares))
    assert longest <= 4 / 3 * max(sum(costs) / shares, *costs)
    assert longest < 1.05 * sum(costs) / shares


def test_there_may_be_more_shares_than_tests() -> None:
    assert deal([1.0, 2.0], 4) == [1, 0]
    assert deal([], 3) == []
