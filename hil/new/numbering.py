"""Numbers of an array's members, from the names of signals and, where each counts anew, of messages."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from hil.new.words import number_of, words_of

if TYPE_CHECKING:
    from hil.new.guess import Where

_NUMBER = re.compile(r"\d+")
_MODULES = set("cell module mod modul cm cmu cmc cmb csc bmb lmu afe slave slv monitor".split())  # noqa: SIM905
_Numbers = tuple[int, ...]  # in a name, as they come


def numbers_of(signals: Sequence[Where]) -> dict[Where, int]:
    """The numbers of an array's members, of signals that all may be one; what has none is none.

    The last number in a signal's name is the member's. Where messages count anew it is its place among all,
    in the order of the numbers of messages, then of signals: after ``CMU_1.Cell1`` to ``CMU_1.Cell4``,
    ``CMU_2.Cell1`` is 5. Where no signal has a number, messages that differ by theirs are counted.
    """
    named = {where: number for where in signals if (number := number_of(where[1])) is not None}
    if not named:
        return _counted(signals) if _is_one_by_message(signals) else {}
    counting = [where for where in named if _numbers(where[0])]
    return _counted(counting) if _is_counted_anew(counting, named) else named


def _counted(signals: Collection[Where]) -> dict[Where, int]:
    """Their places, from 1."""
    in_order = sorted(signals, key=lambda where: (_numbers(where[0]), number_of(where[1]) or 0))
    return {where: place for place, where in enumerate(in_order, start=1)}


def _numbers(name: str) -> _Numbers:
    return tuple(map(int, _NUMBER.findall(name)))


def _is_counted_anew(signals: Collection[Where], named: Mapping[Where, int]) -> bool:
    """Whether numbers come again, those of several messages from the same one on, and none twice in one.

    Messages whose names have the same numbers count on together: a module's.
    """
    groups: dict[_Numbers, list[int]] = {}
    for where in signals:
        groups.setdefault(_numbers(where[0]), []).append(named[where])
    if any(len(set(group)) < len(group) for group in groups.values()):
        return False
    starts: dict[int, list[int]] = {}  # by number: where each message that has it begins
    for group in groups.values():
        first = min(group)
        for number in group:
            starts.setdefault(number, []).append(first)
    again = [firsts for firsts in starts.values() if len(firsts) > 1]
    return bool(again) and all(len(set(firsts)) == 1 for firsts in again)


def _is_one_by_message(signals: Collection[Where]) -> bool:
    """Whether they are one signal of several messages, of modules of cells, that differ by their numbers."""
    messages = [message for message, _ in signals]
    alike = {(_NUMBER.sub("#", message), signal) for message, signal in signals}
    several = len(alike) == 1 < len({_numbers(message) for message in messages}) == len(messages)
    return several and bool(words_of(messages[0]) & _MODULES)
