"""Repetitions of a test as one outcome: the worst of them, which has all of them behind it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from hil.report.results import VERDICTS, WORST_FIRST, Outcome, Results, name_anchors, relative_margin


def folded(results: Results) -> Results:
    """The results with each test once; of tests that ran once nothing changes."""
    members: dict[str, list[Outcome]] = {}
    for outcome in results.outcomes:
        members.setdefault(outcome.repeats or outcome.test, []).append(outcome)
    outcomes = [_as_one(test, times) for test, times in members.items()]
    name_anchors(outcomes)
    for outcome in outcomes:
        for one in outcome.times:  # what leads to a repetition leads to its test
            one.anchor = outcome.anchor
    return replace(results, outcomes=outcomes)


def told(outcome: Outcome) -> str:
    """How the repetitions of a test went, in words: ``20 repetitions: 19 pass, 1 fail``."""
    counts = Counter(one.verdict for one in outcome.times)
    said = ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict])
    return f"{len(outcome.times)} repetitions: {said}"


def shown(outcome: Outcome) -> str:
    """The same, and which of them the evidence is of."""
    return f"{told(outcome)}; this is repetition {outcome.repetition}, with seed {outcome.seed}"


def _as_one(test: str, times: Sequence[Outcome]) -> Outcome:
    if not times[0].repeats:
        return times[-1]
    worst = min(times, key=_goodness)
    requirements = dict.fromkeys(name for one in times for name in one.requirements)
    return replace(worst, test=test, requirements=tuple(requirements), times=tuple(times))


def _goodness(outcome: Outcome) -> tuple[int, float]:
    """How well it went: by its verdict, then by its tightest margin."""
    tightest = outcome.tightest
    margin = relative_margin(tightest) if tightest is not None else None
    rank = WORST_FIRST.index(outcome.verdict) if outcome.verdict in WORST_FIRST else 0
    return rank, float("inf") if margin is None else margin
