"""Whether the other cells, or sensors, are answered at the same level."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from hil.characterise.bisect import edge
from hil.characterise.measure import Probe
from hil.characterise.sheet import Level, Place, Stage
from hil.characterise.stimulus import Lever
from hil.clock import NS_PER_S


def elsewhere(
    probe: Probe, near: int, far: int, first: Stage, others: Sequence[Lever] = ()
) -> tuple[Place, ...]:
    """The level at each other place, those that are alike together.

    Args:
        probe: What was turned at one place.
        near: The farthest raw number that was not answered there.
        far: Its neighbour, which was.
        first: What else was found there.
        others: The places to look at.
    """
    within_ns = probe.times.quick(round(first.reaction.maximum * NS_PER_S), probe.slack_ns)
    early = _is_early(probe, others, near, within_ns)
    found: dict[int, Level | None] = {_number(probe.lever): probe.level(near, far)}
    if not early and _alike(probe, others, far, within_ns):
        return tuple(_grouped(found | dict.fromkeys(map(_number, others), probe.level(near, far))))
    for lever in others:
        there = replace(probe, lever=lever, _found={})
        found[_number(lever)] = _level(there, near, far, within_ns, early=early)
    return tuple(_grouped(found))


def _is_early(probe: Probe, others: Sequence[Lever], near: int, within_ns: int) -> bool:
    """Whether some place is answered where the first one is not yet; message by message."""
    with probe.trial() as trial:
        for _, group in groupby(others, key=lambda lever: lever.group):
            zero_ns = trial.turn([one for lever in group for one in lever.faults(near, probe.neutral)])
            if trial.answer(probe.role, zero_ns, zero_ns + within_ns) is not None:
                return True  # which of them it was each has to say for itself
    return False


def _alike(probe: Probe, others: Sequence[Lever], far: int, within_ns: int) -> bool:
    """Whether all are answered one after the other in one world, as where the answer ends by itself."""
    with probe.trial() as trial:
        for lever in others:
            zero_ns = trial.turn(lever.faults(far, probe.neutral))
            if trial.answer(probe.role, zero_ns, zero_ns + within_ns) is None:
                return False
            back_ns = trial.turn(lever.faults(probe.neutral, probe.neutral))
            if trial.answer(probe.role, back_ns, back_ns + 2 * probe.slack_ns, on=False) is None:
                return False
    return True


def _level(probe: Probe, near: int, far: int, within_ns: int, *, early: bool) -> Level | None:
    answered = probe.answers(far, within_ns)
    if answered and not (early and probe.answers(near, within_ns)):
        return probe.level(near, far)
    if answered:
        return probe.level(*edge(probe.neutral, near, lambda raw: probe.answers(raw, within_ns)))
    if not probe.answers(probe.farthest, within_ns):
        return None
    return probe.level(*edge(far, probe.farthest, lambda raw: probe.answers(raw, within_ns)))


def _number(lever: Lever) -> int:
    found = re.search(r"\d+$", lever.place)
    return int(found[0]) if found else 0


def _grouped(found: dict[int, Level | None]) -> list[Place]:
    by_level = lambda item: (item[1] is None, item[1].acts if item[1] else 0.0, item[0])  # noqa: E731
    rows = sorted(found.items(), key=by_level)
    return [
        Place(_ranges([number for number, _ in members]), level)
        for level, group in groupby(rows, key=lambda item: item[1])
        for members in [list(group)]
    ]


def _ranges(numbers: Sequence[int]) -> str:
    """``1-3, 7``."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1] = [parts[-1][0], number]
        else:
            parts.append([number])
    return ", ".join("-".join(map(str, part)) for part in parts)
