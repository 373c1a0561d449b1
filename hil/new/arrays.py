"""Arrays that one line of a rig file writes, by the numbers in the names of messages and signals."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from hil.new.guess import Where
from hil.new.words import number_of

_INDEXED = re.compile(r"^(.*)\[(\d+)\]$")
_RANGE = re.compile(r"\[\d+\.\.\d+\]$")
_LAST_NUMBER = re.compile(r"^(.*?)(\d+)(\D*)$")
_PART = 3  # members of an array: fewer are written one by one

Member = tuple[int, Where]  # number and signal


@dataclass(frozen=True)
class Entry:
    """What one line says: a signal is this port or role, or all that a pattern fits are an array's members.

    Attributes:
        bus: Where the message is.
        message: Its name, or a pattern with ``{frame}``, ``{index}`` or ``{index0}``.
        signal: Its name, or a pattern with ``{index}``, ``{index0}`` or ``{slot}``.
        name: Port or role; of an array with ``[*]``, of a part of one with ``[1..4]``.
    """

    bus: str
    message: str
    signal: str
    name: str

    @property
    def address(self) -> str:
        """Where the signal is, as a rig file has it."""
        return f"{self.bus}/{self.message}.{self.signal}"


def entries(named: Mapping[Where, str], bus_of: Callable[[str], str], *, parts: bool) -> list[Entry]:
    """The fewest lines that name all signals: whole arrays, parts of arrays, and what is left.

    Args:
        named: Ports or roles by their signals.
        bus_of: The bus of a message.
        parts: Whether a line may have a part of an array, a message's.
    """
    rest = dict(named)
    found = _wholes(rest, bus_of)
    if parts:
        found += _parts(rest, bus_of)
    return found + [Entry(bus_of(message), message, signal, name) for (message, signal), name in rest.items()]


def array_of(name: str) -> str:
    """A member's array as a whole, and a part's: of ``cell.voltage[7]`` it is ``cell.voltage[*]``."""
    return _RANGE.sub("[*]", _INDEXED.sub(r"\1[*]", name))


def _wholes(rest: dict[Where, str], bus_of: Callable[[str], str]) -> list[Entry]:
    """Arrays that one pattern writes, which are taken out of the rest."""
    whole = []
    for (array,), numbered in _members(rest, lambda array, _message: (array,)).items():
        pattern = _pattern(numbered)
        buses = {bus_of(message) for _, (message, _) in numbered}
        if pattern is None or len(buses) > 1:
            continue
        whole.append(Entry(buses.pop(), *pattern, f"{array}[*]"))
        for _, where in numbered:
            del rest[where]
    return whole


def _parts(rest: dict[Where, str], bus_of: Callable[[str], str]) -> list[Entry]:
    """Parts of arrays, a message each, that one pattern writes; they are taken out of the rest."""
    parts = []
    for (array, message), numbered in _members(rest, lambda array, message: (array, message)).items():
        first, last = numbered[0][0], numbered[-1][0]
        signals = [signal for _, (_, signal) in numbered]
        signal = _common(signals, _counted(enumerate(signals, start=first)))
        if len(numbered) < _PART or signal is None or not _is_counted(numbered, first):
            continue
        parts.append(Entry(bus_of(message), message, signal, f"{array}[{first}..{last}]"))
        for _, where in numbered:
            del rest[where]
    return parts


def _members(
    named: Mapping[Where, str], group: Callable[[str, str], tuple[str, ...]]
) -> dict[tuple[str, ...], list[Member]]:
    """The members of arrays by their numbers, grouped by what is made of array and message."""
    found: dict[tuple[str, ...], list[Member]] = {}
    for where, name in named.items():
        if indexed := _INDEXED.match(name):
            found.setdefault(group(indexed[1], where[0]), []).append((int(indexed[2]), where))
    return {key: sorted(members) for key, members in found.items()}


def _is_counted(numbered: Sequence[Member], first: int) -> bool:
    """Whether none is missing, and they come in the order of the numbers in their signals' names."""
    numbers = [number for number, _ in numbered]
    named = [number_of(signal) or 0 for _, (_, signal) in numbered]
    return numbers == list(range(first, first + len(numbers))) and named == sorted(named)


def _pattern(numbered: Sequence[Member]) -> Where | None:
    """Message and signal with placeholders for numbers; ``None`` where that fits not all."""
    if len(numbered) < 2 or [number for number, _ in numbered] != list(range(1, len(numbered) + 1)):
        return None
    places = [where for _, where in numbered]
    messages, signals = (list(names) for names in zip(*places, strict=True))
    if len(set(signals)) == 1:
        what = _counted(enumerate(messages, start=1))
        message, signal = _common(messages, what) if what != "slot" else None, signals[0]
    else:
        what = _counted(enumerate(signals, start=1))
        in_order = sorted(places, key=lambda where: [number_of(name) or 0 for name in where])
        signal = _common(signals, what) if what != "slot" or places == in_order else None
        message = messages[0] if len(set(messages)) == 1 else _common(messages, "frame")
    return (message, signal) if message and signal else None


def _counted(names: Iterable[tuple[int, str]]) -> str:
    """The placeholder for the numbers in names, each with the number of the array's member."""
    ahead = {number - (number_of(name) or 0) for number, name in names}
    return "index" if ahead == {0} else "index0" if ahead == {1} else "slot"


def _common(names: Sequence[str], what: str) -> str | None:
    """Names that differ by their last number only, as a pattern."""
    matches = [match for match in map(_LAST_NUMBER.match, names) if match]
    if len(matches) < len(names) or len({(match[1], match[3]) for match in matches}) > 1:
        return None
    numbers = [match[2] for match in matches]
    width = min(map(len, numbers))
    if any(f"{int(number):0{width}}" != number for number in numbers):
        return None
    padded = width > 1 and any(number.startswith("0") for number in numbers)
    return f"{matches[0][1]}{{{what}{f':0{width}' if padded else ''}}}{matches[0][3]}"
