"""Where a signal is: ``pack/BMS_Status.State``; of many: ``pack/CM_{frame:02}.Cell{index:03}``.

``{index}`` is the number of the member from 1, ``{index0}`` from 0, ``{frame}`` any number for which there is
such a message, ``{slot}`` the place in that message where signals are numbered anew in each, ``{name}``
any name. One that comes again stands for the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hil.frames.database import Database, Message, Signal
from hil.rig.mistakes import Mistakes, suggest

_ADDRESS = re.compile(r"(?:can:)?([^/.:]+)/([^/.]+)\.([^/]+)")
_FIELD = re.compile(r"\{([A-Za-z]\w*)(?::(0?\d{1,2}))?\}")
_FIELDS = ("index", "index0", "frame", "slot")
_FORM = "expected 'bus/Message.Signal'"


@dataclass(frozen=True)
class Place:
    """A signal on a bus."""

    bus: str
    message: Message
    signal: Signal

    @property
    def text(self) -> str:
        """The address as a rig file writes it."""
        return written(*self.key)

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes it unique."""
        return self.bus, self.message.name, self.signal.name


def written(bus: str, message: str, signal: str) -> str:
    """The address of a signal as a rig file writes it."""
    return f"{bus}/{message}.{signal}"


def is_address(text: str) -> bool:
    """Whether a wire's end is a signal; else it is a port of a twin."""
    return text.startswith("can:") or "/" in text


def fields_of(text: str) -> set[str]:
    """Names of the placeholders in a pattern."""
    return {match[1] for match in _FIELD.finditer(text)}


def fill(pattern: str, **values: int | str) -> str:
    """A pattern with its placeholders filled in; those without a value stay."""

    def one(match: re.Match[str]) -> str:
        value = values.get(match[1])
        return match[0] if value is None else format(value, match[2] or "")

    return _FIELD.sub(one, pattern)


def _matcher(pattern: str) -> re.Pattern[str]:
    """A regular expression with a group per placeholder; of one that comes again, the first is the group."""
    parts, position, seen = [], 0, set[str]()
    for match in _FIELD.finditer(pattern):
        name = match[1]
        parts.append(re.escape(pattern[position : match.start()]))
        form, again = (".+", f"(?P={name})") if name == "name" else (r"\d+", r"\d+")
        parts.append(again if name in seen else f"(?P<{name}>{form})")
        seen.add(name)
        position = match.end()
    return re.compile("".join(parts) + re.escape(pattern[position:]))


class AddressBook:
    """Finds signals by address; what is not there is a mistake, with the nearest name.

    Args:
        databases: The messages of each bus that could be read.
        mistakes: Where mistakes go.
    """

    def __init__(self, databases: Mapping[str, Database], mistakes: Mistakes) -> None:
        self._databases = databases
        self._mistakes = mistakes

    def split(self, key: str, address: str) -> tuple[str, str, str] | None:
        """Bus, message and signal of an address; ``None`` and a mistake if it is none."""
        match = _ADDRESS.fullmatch(address)
        if match is None:
            self._mistakes.add(key, f"{address!r} is no address of a signal", _FORM)
            return None
        return match[1], match[2], match[3]

    def place(self, key: str, bus: str, message: str, signal: str) -> Place | None:
        """A signal; ``None`` and a mistake if there is none."""
        database = self._database(key, bus)
        if database is None:
            return None
        found = database.messages.get(message)
        if found is None:
            hint = suggest(message, database.messages, "messages")
            self._mistakes.add(key, f"bus {bus!r} has no message {message!r}", hint)
            return None
        if found.flaw is not None:
            self._mistakes.add(key, f"{message} in {found.file}: {found.flaw[0]}", found.flaw[1])
            return None
        if signal not in found.signals:
            hint = suggest(signal, found.signals, "signals")
            self._mistakes.add(key, f"message {message} has no signal {signal!r}", hint)
            return None
        return Place(bus, found, found.signals[signal])

    def find(self, key: str, address: str) -> Place | None:
        """A signal by its address."""
        parts = self.split(key, address)
        return self.place(key, *parts) if parts else None

    def members(
        self, key: str, address: tuple[str, str, str], indices: Sequence[int]
    ) -> list[tuple[int, Place]]:
        """The signals of an array; a mistake names the first that is missing."""
        bus, message, signal = address
        database = self._database(key, bus)
        if database is None or not self._fields_known(key, f"{message}.{signal}"):
            return []
        frames = _frames(message, database)
        slots = "slot" in fields_of(signal)
        offered = iter(_slots(message, signal, frames, database)) if slots else None
        found: list[tuple[int, Place]] = []
        for index in indices:
            names = next(offered, None) if offered else _member(message, signal, frames, database, index)
            if names is None:
                self._missing(key, address, index, len(indices))
                return found
            place = self.place(key, bus, *names)
            if place is None:
                return found
            found.append((index, place))
        return found

    def distinct(self, key: str, members: Iterable[tuple[int, Place]]) -> bool:
        """Whether each member of an array has a signal of its own; else only one of them would count."""
        first: dict[tuple[str, str, str], int] = {}
        for index, place in members:
            other = first.setdefault(place.key, index)
            if other != index:
                reason = f"members {other} and {index} are both {place.text}"
                self._mistakes.add(key, reason, "number their signals, such as Cell{index:03}")
                return False
        return True

    def named(self, key: str, address: tuple[str, str, str]) -> dict[str, Place]:
        """All signals that a pattern with ``{name}`` fits, by that name; of trouble codes these alone.

        A message of theirs has lamps and the bytes of its first code as well, which are no flags.
        """
        bus, message, pattern = address
        database = self._database(key, bus)
        if database is None or not self._fields_known(key, pattern, (*_FIELDS, "name")):
            return {}
        found = database.messages.get(message)
        if found is None or found.flaw is not None:
            self.place(key, bus, message, "")
            return {}
        matches = ((_matcher(pattern).fullmatch(name), name) for name in found.signals)
        fitting = [(m["name"], name) for m, name in matches if m]
        codes = set(list(found.signals)[-len(found.codes) :]) if found.codes else set[str]()
        chosen = [one for one in fitting if one[1] in codes] or fitting
        places = {short: Place(bus, found, found.signals[name]) for short, name in chosen}
        if not places:
            hint = suggest(pattern, found.signals, "signals")
            self._mistakes.add(key, f"no signal of {message} fits {pattern!r}", hint)
        return places

    def _database(self, key: str, bus: str) -> Database | None:
        database = self._databases.get(bus)
        if database is None and not {"bus", f"bus.{bus}"} & self._mistakes.broken:
            self._mistakes.add(key, f"there is no bus {bus!r}", suggest(bus, self._databases, "buses"))
        return database

    def _fields_known(self, key: str, pattern: str, known: Sequence[str] = _FIELDS) -> bool:
        unknown = fields_of(pattern) - set(known)
        for field in sorted(unknown):
            self._mistakes.add(key, f"{{{field}}} is no placeholder", suggest(field, known, "placeholders"))
        ill_formed = set("{}") & set(_FIELD.sub("", pattern))
        if ill_formed:
            reason = f"{pattern!r} has braces that hold no placeholder"
            self._mistakes.add(key, reason, "such as {index}, or {index:03} for three digits")
        return not unknown and not ill_formed

    def _missing(self, key: str, address: tuple[str, str, str], index: int, count: int) -> None:
        bus, message, signal = address
        numbers = {"index": index, "index0": index - 1}
        wanted = f"{fill(message, **numbers)}.{fill(signal, **numbers)}"
        self._mistakes.add(
            key,
            f"bus {bus!r} has no signal {wanted!r} for member {index} of {count}",
            "the DBC files must have a signal for each member",
        )


def _frames(message: str, database: Database) -> list[int]:
    """The numbers for which ``{frame}`` names a message."""
    if "frame" not in fields_of(message):
        return [0]
    matches = (_matcher(fill(message)).fullmatch(name) for name in database.messages)
    numbers = {int(match["frame"]) for match in matches if match and "frame" in match.groupdict()}
    return sorted(n for n in numbers if fill(message, frame=n) in database.messages)


def _member(
    message: str, signal: str, frames: Iterable[int], database: Database, index: int
) -> tuple[str, str] | None:
    """Message and signal of one member of an array: the first frame that has it."""
    for frame in frames:
        values = {"frame": frame, "index": index, "index0": index - 1}
        names = fill(message, **values), fill(signal, **values)
        found = database.messages.get(names[0])
        if found is not None and names[1] in found.signals:
            return names
    return None


def _slots(message: str, signal: str, frames: Iterable[int], database: Database) -> Iterable[tuple[str, str]]:
    """All messages and signals of a pattern whose signals are numbered anew in each message."""
    for frame in frames:
        name = fill(message, frame=frame)
        found = database.messages.get(name)
        signals = found.signals if found is not None else {}
        matches = map(_matcher(fill(signal, frame=frame)).fullmatch, signals)
        for slot in sorted({int(match["slot"]) for match in matches if match}):
            wanted = fill(signal, frame=frame, slot=slot)
            if wanted in signals:
                yield name, wanted
