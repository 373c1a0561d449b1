"""Numbers of an array's members that no signal's name has: counted through several messages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hil.frames.database import Message
    from hil.new.guess import Where

_NUMBER = re.compile(r"\d+")
_Numbers = tuple[int, ...]  # in a name, as they come
_Counted = list[tuple[_Numbers, _Numbers, "Where"]]  # numbers of message and signal; the signal


def counted_through(messages: Iterable[Message]) -> dict[Where, int]:
    """Numbers from 1, where messages named alike but for numbers count their signals anew in each.

    ``CMU_1.Cell1`` to ``CMU_1.Cell4`` are 1 to 4, ``CMU_2.Cell1`` is 5. Where each has one without a number
    it is the messages that are counted: ``CMU_2.Temperature`` is 2.
    """
    found: dict[Where, int] = {}
    for family in _families(messages).values():
        if _counts_anew(family):
            found |= {where: number for number, (_, _, where) in enumerate(sorted(family), start=1)}
    return found


def _families(messages: Iterable[Message]) -> Mapping[Where, _Counted]:
    """Signals by what is left of their names and their messages' without the numbers."""
    families: dict[Where, _Counted] = {}
    for message in messages:
        for signal in message.signals:
            rest = _NUMBER.sub("#", message.name), _NUMBER.sub("#", signal)
            counted = _numbers(message.name), _numbers(signal), (message.name, signal)
            families.setdefault(rest, []).append(counted)
    return families


def _numbers(name: str) -> _Numbers:
    return tuple(map(int, _NUMBER.findall(name)))


def _counts_anew(family: _Counted) -> bool:
    """Whether there are several messages, and each begins with the same number or has none."""
    by_message: dict[_Numbers, list[int]] = {}
    for message, signal, _ in family:
        by_message.setdefault(message, []).append(signal[-1] if signal else 0)
    each_once = all(len(set(numbers)) == len(numbers) for numbers in by_message.values())
    return len(by_message) > 1 and each_once and len({min(numbers) for numbers in by_message.values()}) == 1
