"""The tests of a run, dealt to several processes or computers."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heapreplace


def deal(costs: Sequence[float], shares: int) -> list[int]:
    """Which share, from 0, each test goes to: the longest first, each to the share with the least so far.

    Equal costs give equal shares on every computer. No share takes more than 4/3 of what the best way to
    deal would let the longest take (R. L. Graham, Bounds on multiprocessing timing anomalies, 1969).

    Args:
        costs: What each test is expected to take.
        shares: How many there are.
    """
    loads = [(0.0, share) for share in range(shares)]
    dealt = [0] * len(costs)
    for test in sorted(range(len(costs)), key=lambda test: -costs[test]):
        load, share = loads[0]
        dealt[test] = share
        heapreplace(loads, (load + costs[test], share))
    return dealt
