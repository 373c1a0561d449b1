"""Searching on whole numbers: where an answer changes from no to yes. Knows nothing of a BMS."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil


def edge(no: int, yes: int, answers: Callable[[int], bool]) -> tuple[int, int]:
    """The two neighbours between which the answer changes; ``no`` and ``yes`` are taken as given.

    Either may be the larger. With more than one change in between it finds one of them.

    Raises:
        ValueError: If both are the same number.
    """
    if no == yes:
        raise ValueError(f"{no} cannot answer both no and yes")
    while abs(yes - no) > 1:
        middle = (no + yes) // 2
        if answers(middle):
            yes = middle
        else:
            no = middle
    return no, yes


def outward(neutral: int, end: int, coarse: int = 8, fine: int = 4) -> list[int]:
    """Numbers from ``neutral`` to ``end``, nearest first: each twice as far as the one before it.

    The first lies at ``1 / 2**(coarse - 1)`` of the way. The half farthest out is split into ``fine`` parts:
    doubling alone would leave it in one piece.
    """
    span = end - neutral
    shares = [1 / 2 ** (coarse - 1 - k) for k in range(coarse - 1)]
    shares += [0.5 + 0.5 * k / fine for k in range(1, fine + 1)]
    steps = [ceil(abs(span) * share) for share in shares]
    sign = 1 if span > 0 else -1
    return sorted({neutral + sign * step for step in steps if step}, key=lambda raw: abs(raw - neutral))


def steps(
    first: int, last: int, time_of: Callable[[int], float | None], slack: float, most: int = 4
) -> list[int]:
    """Where the answer comes much faster than before, from ``first`` outward to ``last``.

    Args:
        first: The nearest number that is answered.
        last: The farthest one.
        time_of: How long the answer takes; ``None``: there is none.
        slack: Differences of time up to this say nothing.
        most: Steps to look for at the most: a curve has no end of them.

    Returns:
        The nearest number of each faster step, ``first`` not among them.
    """
    known: dict[int, float | None] = {}

    def timed(raw: int) -> float | None:
        if raw not in known:
            known[raw] = time_of(raw)
        return known[raw]

    found: list[int] = []
    open_spans = [(first, last)]
    while open_spans and len(found) < most:
        near, far = open_spans.pop()
        slow, fast = timed(near), timed(far)
        if near == far or slow is None or fast is None or fast > 0.7 * slow - slack:
            continue
        between = (slow * max(fast, slack)) ** 0.5

        def is_fast(raw: int, between: float = between) -> bool:
            time = timed(raw)
            return time is not None and time < between

        before, at = edge(near, far, is_fast)
        found.append(at)
        open_spans += [(near, before), (at, far)]
    return sorted(found, key=lambda raw: abs(raw - first))
