"""What the suite calls a thing that the BMS says or takes, and where this BMS has it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from hil.frames.database import Message
from hil.rig.address import AddressBook, Place, fields_of, fill, written
from hil.rig.fields import Number
from hil.rig.file import RoleSection
from hil.rig.known import ROLES, array_of, names_in, unit_in
from hil.rig.mistakes import Mistakes, dotted, suggest
from hil.rig.reading import Reading
from hil.rig.readings import ReadingReader, unit_of
from hil.rig.wire import Constant, Wiring
from hil.units import kind_of

# the names without which the suite cannot use a role; "contactor." stands for all that begin so
_NEEDED = {
    "state": ("standby", "operate", "fault"),
    "contactor.": ("open", "closed"),
    "mode": ("standby", "operate"),
}
_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@dataclass(frozen=True)
class Role:
    """A role or a request, at a signal.

    Attributes:
        name: Such as ``state``, ``contactor.main_plus`` or ``cell.voltage[7]``.
        values: Names of physical values; ``None``: it is a number.
        unit: That its numbers are in: the suite's, if it knows the role, else the signal's.
        index: Of a member of an array, from 1; ``None`` if it is none.
        default: Of a request: what is sent before any test asks; else 0.
        reading: How the frame's values become that of the role.
        absent_ns: When nothing has been heard of it for so long, it is 0; ``None``: silence says nothing.
    """

    name: str
    bus: str
    message: str
    signal: str
    values: dict[str, float] | None = None
    unit: str = ""
    index: int | None = None
    default: float = 0.0
    reading: Reading = field(default_factory=lambda: Reading(0))
    absent_ns: int | None = None

    def name_of(self, value: float) -> str:
        """The name of a value; a number as text where it has none."""
        for name, number in (self.values or {}).items():
            if number == value:
                return name
        return f"{value:.6g} {self.unit}".rstrip()

    def value_of(self, name: str | float) -> float:
        """The number of a name; numbers and truth values are numbers already.

        Raises:
            KeyError: If the role has no such value.
        """
        if isinstance(name, str):
            return (self.values or {})[name]
        return float(name)

    @property
    def address(self) -> str:
        """Where it is, as the rig file writes it."""
        return written(self.bus, self.message, self.signal)

    def frames_of(self, message: Message) -> int:
        """Among so many frames of its message at least one says something of it, even if one was lost."""
        groups = len(message.mux_values) if message.signals[self.signal].groups else 1
        return 2 * max(groups, self.reading.turns)


class RoleReader:
    """Resolves roles and constants.

    Args:
        book: Finds signals.
        wiring: Knows who sends what, and which signals of the rig have a source already.
        mistakes: Where mistakes go.
    """

    def __init__(self, book: AddressBook, wiring: Wiring, mistakes: Mistakes) -> None:
        self._book = book
        self._wiring = wiring
        self._mistakes = mistakes
        self._readings = ReadingReader(book, mistakes)

    def roles(self, sections: Mapping[str, RoleSection]) -> dict[str, Role]:
        """What the BMS says; a role of its own goes before one out of a pattern."""
        found: dict[str, Role] = {}
        for name, section in sections.items():
            key = dotted("roles", name)
            if section.default is not None:
                self._mistakes.add(f"{key}.default", "only a request has a default")
            for role_name, index, place, chosen in self._spread(key, name, section):
                if not self._bms_sends(key, place):
                    break
                if role_name == name or role_name not in sections:
                    values = self.values(key, name, section, place)
                    reading = self._readings.reading(key, role_name, section, place, chosen)
                    role = role_at(role_name, place, values, index, reading=reading)
                    unit = unit_of(role_name, section, place)
                    found[role_name] = _renumbered(replace(role, unit=unit, absent_ns=section.absent_after))
        return _with_turns(found)

    def constant(self, address: str, value: Number) -> Constant | None:
        """A signal with a fixed value: a number, or a name from the DBC's value table."""
        key = dotted("constants", address)
        place = self._book.find(key, address)
        if place is None or not self._wiring.rig_sends(key, place, "a constant goes to"):
            return None
        number = self.number(key, value, place.signal.named_values, place)
        if number is None or not self._wiring.claim(key, place):
            return None
        return Constant(*place.key, number)

    def _spread(
        self, key: str, name: str, section: RoleSection
    ) -> Iterator[tuple[str, int | None, Place, str]]:
        """Role name, index, place and what ``{name}`` is, of each member; of one if it is no array."""
        address = self._book.split(f"{key}.signal", section.signals[0])
        if address is None:
            return
        placeholders = fields_of(f"{address[1]}.{address[2]}")
        identified = self._readings.names(key, address, section.when)
        if identified is not None:
            yield from self._identified(key, name, address, identified)
        elif "{name}" in name or "name" in placeholders:
            yield from self._named(key, name, address)
        elif section.count is not None:
            members = self._book.members(key, address, range(1, section.count + 1))
            for index, place in members if self._book.distinct(key, members) else ():
                yield f"{name}[{index}]", index, place, ""
        elif placeholders:
            self._mistakes.add(key, "an array of signals needs its count", "such as count = 96")
        else:
            found = self._book.place(f"{key}.signal", *address)
            if found is not None:
                yield name, None, found, ""

    def _named(
        self, key: str, name: str, address: tuple[str, str, str]
    ) -> Iterator[tuple[str, None, Place, str]]:
        if "{name}" not in name or "name" not in fields_of(address[2]):
            self._mistakes.add(key, "{name} must be both in the role's name and in its signal's")
            return
        for found, place in self._book.named(key, address).items():
            yield fill(name, name=snake_case(found)), None, place, found

    def _identified(
        self, key: str, name: str, address: tuple[str, str, str], names: list[str]
    ) -> Iterator[tuple[str, None, Place, str]]:
        """One role for each name of an identifier that the same frame carries."""
        place = self._book.place(f"{key}.signal", *address)
        if "{name}" not in name:
            self._mistakes.add(key, "{name} must be both in the role's name and in its identifier")
        elif place is not None:
            for found in names:
                yield fill(name, name=snake_case(found)), None, place, found

    def _bms_sends(self, key: str, place: Place) -> bool:
        if self._wiring.bms_sends(place.message):
            return True
        senders = ", ".join(place.message.senders) or "nobody"
        self._mistakes.add(
            f"{key}.signal",
            f"{place.message.name} is sent by {senders}, not by the BMS",
            "a role is something that the BMS says; what it is asked belongs into [requests]",
        )
        return False

    def values(self, key: str, name: str, section: RoleSection, place: Place) -> dict[str, float] | None:
        """The names of a role's numbers, if it has any; those that the suite needs are there."""
        values, here = section.values, f"{key}.values"
        self.check_names(key, name, [*(values or ()), *getattr(section, "steps", ())])
        if values is None:
            return None
        if not isinstance(section.signal, str):  # its value is the number of the combination
            return {value: float(number) for number, value in enumerate(values)}
        return self._numbers(here, values, place, section.mask)

    def check_names(self, key: str, name: str, given: Sequence[str]) -> None:
        """The names that the suite needs of a role or request are among those given."""
        kind = "contactor." if name.startswith("contactor.") else name
        needed = _NEEDED.get(kind, ())
        here = f"{key}.values"
        if not given and needed:
            example = ", ".join(f"{value} = …" for value in needed)
            hint = f"such as values = {{ {example} }}"
            self._mistakes.add(here, f"{name!r} needs names for its values", hint)
        for value in (needed or names_in(name)) if given else ():
            if value not in given:
                near = [v for v in given if v not in needed]
                reason = f"{name!r} lacks the value {value!r}"
                self._mistakes.add(here, reason, suggest(value, near or given, "values given"))

    def _numbers(
        self, here: str, values: Mapping[str, float | list[Number]], place: Place, mask: int | None
    ) -> dict[str, float]:
        """The values of one signal, by name."""
        numbers: dict[str, float] = {}
        taken: list[float] = []
        for value, number in values.items():
            several = number if isinstance(number, list) else [number]
            own = [n for n in several if not isinstance(n, str)]
            if not own or len(own) < len(several):
                self._mistakes.add(f"{here}.{value}", f"{value} needs numbers", "such as operate = [3, 4]")
                continue
            numbers[value] = own[0]
            taken += own
            for each in own:
                self._check_value(f"{here}.{value}", value if len(own) == 1 else "", each, place, mask)
        if len(set(taken)) < len(taken):
            self._mistakes.add(here, "two names have the same number")
        return numbers

    def _check_value(self, key: str, name: str, number: float, place: Place, mask: int | None) -> None:
        """A value is one that the signal can carry, and agrees with the DBC's value table."""
        if mask is not None:
            highest = mask // (mask & -mask)
            if not 0 <= number <= highest:
                self._mistakes.add(key, f"{number:g} does not fit under the mask", f"0 to {highest:g} do")
            return
        signal = place.signal
        if not signal.in_range(number):
            low, high = signal.minimum, signal.maximum
            self._mistakes.add(key, f"{number:g} is outside {place.text}'s range {low:g} to {high:g}")
        elif signal.choices:
            self._check_table(key, name, number, place)

    def _check_table(self, key: str, name: str, number: float, place: Place) -> None:
        """A value, which is physical, is in the DBC's value table: by its name, if that has it."""
        table = place.signal.value_names
        slack = abs(place.signal.scale) / 1000
        said = next((text for value, text in table.items() if abs(value - number) < slack), None)
        by_name = {text.lower(): value for value, text in table.items()}
        if said is None:
            known = ", ".join(f"{value:.12g} {text}" for value, text in table.items())
            self._mistakes.add(key, f"{number:g} is not in {place.text}'s value table", f"it has {known}")
        elif name.lower() in by_name and said.lower() != name.lower():
            hint = f"write {name} = {by_name[name.lower()]:.12g}"
            self._mistakes.add(key, f"{number:g} is {said} in the DBC", hint)

    def number(
        self, key: str, value: Number, values: Mapping[str, float] | None, place: Place
    ) -> float | None:
        """A number that a signal can carry, or that of a name; ``None`` and a mistake if it is neither."""
        if isinstance(value, str):
            by_name = {name.lower(): number for name, number in (values or {}).items()}
            if value.lower() not in by_name:
                hint = suggest(value, values or (), "named values")
                self._mistakes.add(key, f"there is no value {value!r}", hint)
            return by_name.get(value.lower())
        if place.signal.in_range(value):
            return value
        low, high = place.signal.minimum, place.signal.maximum
        self._mistakes.add(key, f"{value:g} is outside {place.text}'s range {low:g} to {high:g}")
        return None


def check_roles(roles: Mapping[str, Role], mistakes: Mistakes) -> None:
    """A role that the suite knows is at a signal of its kind, if the DBC file gives that a unit."""
    told: set[str] = set()
    for member, role in roles.items():
        name = array_of(member)
        wanted = unit_in(name)
        if not wanted or role.unit == wanted or name in told:
            continue
        told.add(name)
        reason = f"{role.message}.{role.signal} is in {role.unit!r}, "
        if kind_of(role.unit):
            reason += f"no {ROLES[name]}"
            remedy = f"a signal in {wanted}, or leave this role out"
        else:
            reason += f"the role in {wanted!r}"
            remedy = "say scale: role = signal * scale + offset"
        mistakes.add(dotted("roles", name), reason, remedy)


def _renumbered(role: Role) -> Role:
    """Of two names the first is 0 and the second 1 for tests, whatever numbers a BMS gives them."""
    names, values = names_in(role.name), role.values
    if values is None or not names or any(name not in values for name in names):
        return role
    if [values[name] for name in names] == [0.0, 1.0]:
        return role
    others = (name for name in values if name not in names)
    numbers = {name: float(number) for number, name in enumerate((*names, *others))}
    first = {number: numbers[name] for name, number in values.items()}
    own_numbers = role.reading.numbers or tuple((number, number) for number in first)
    told = tuple((was, first[number]) for was, number in own_numbers)
    return replace(role, values=numbers, reading=replace(role.reading, numbers=told))


def snake_case(name: str) -> str:
    """``CellOvervoltage`` as roles are named: ``cell_overvoltage``."""
    return _WORD.sub("_", name).lower()


def role_at(
    name: str,
    place: Place,
    values: dict[str, float] | None,
    index: int | None,
    default: float = 0.0,
    reading: Reading | None = None,
) -> Role:
    """A role at a place, in its signal's unit."""
    reading = reading or Reading(place.signal.index)
    return Role(name, *place.key, values, place.signal.unit, index, default, reading)


def _with_turns(roles: dict[str, Role]) -> dict[str, Role]:
    """Roles that share a message by an identifier in it come in turn."""
    sharing = Counter((r.bus, r.message) for r in roles.values() if r.reading.when)
    return {
        name: replace(role, reading=replace(role.reading, turns=sharing[role.bus, role.message]))
        if role.reading.when
        else role
        for name, role in roles.items()
    }
