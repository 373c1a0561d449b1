"""Masks, combinations and identifiers of roles, as the rig file has them."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

from hil.rig.address import AddressBook, Place, fields_of
from hil.rig.fields import Number
from hil.rig.file import RoleSection
from hil.rig.known import unit_in
from hil.rig.mistakes import Mistakes, suggest
from hil.rig.reading import Reading
from hil.units import scale_between

_NAME = "{name}"
_ANY = "*"
_OF_ROLES = ("mask", "when", "absent_after", "scale", "offset", "count")
_NO_UNIT = ("-", "1")


class ReadingReader:
    """Resolves what a role's section says besides its signal.

    Args:
        book: Finds signals.
        mistakes: Where mistakes go.
    """

    def __init__(self, book: AddressBook, mistakes: Mistakes) -> None:
        self._book = book
        self._mistakes = mistakes

    def refuse(self, key: str, section: RoleSection) -> None:
        """A request is a whole signal."""
        for name in _OF_ROLES:
            if name in section.model_fields_set:
                self._mistakes.add(f"{key}.{name}", "only a role has it; a request is a whole signal")
        if not isinstance(section.signal, str):
            self._mistakes.add(f"{key}.signal", "a request goes to one signal")

    def names(
        self, key: str, address: tuple[str, str, str], when: Mapping[str, Number]
    ) -> list[str] | None:
        """What ``{name}`` stands for where it is an identifier: all names of that signal's value table."""
        by_name = [signal for signal, value in when.items() if value == _NAME]
        if not by_name:
            return None
        here = f"{key}.when.{by_name[0]}"
        if len(by_name) > 1:
            self._mistakes.add(here, "{name} stands for one identifier only")
            return []
        place = self._book.place(here, address[0], address[1], by_name[0])
        if place is None:
            return []
        if not place.signal.choices:
            self._mistakes.add(here, f"{place.text} has no value table in its DBC file", "write its numbers")
            return []
        return list(place.signal.choices.values())

    def reading(self, key: str, name: str, section: RoleSection, place: Place, chosen: str) -> Reading:
        """How a role reads its frames.

        Args:
            key: Of the section.
            name: Of the role.
            section: As it stands in the rig file.
            place: Of its first signal.
            chosen: What ``{name}`` stands for.
        """
        others, combinations = self._combination(key, section, place)
        scale, offset = self._scale(key, name, section, place)
        return Reading(
            place.signal.index,
            mask=self._mask(key, section, place),
            others=others,
            combinations=combinations,
            when=self._when(key, section.when, place, chosen),
            scale=scale,
            offset=offset,
            numbers=_numbers(section),
        )

    def _scale(self, key: str, name: str, section: RoleSection, place: Place) -> tuple[float, float]:
        """From the signal to the role: as the rig file says, else by the units, if there are any."""
        own = {n: v for n, v in (("scale", section.scale), ("offset", section.offset)) if v is not None}
        if not own:
            return scale_between(_own_unit(place), unit_of(name, section, place)) or 1.0, 0.0
        for which, number in own.items():
            if section.values is not None or section.mask is not None or not isinstance(section.signal, str):
                reason = "only a quantity has it: one signal, without names for its values, and no mask"
                self._mistakes.add(f"{key}.{which}", reason)
            elif not isfinite(number) or (which == "scale" and number == 0):
                self._mistakes.add(f"{key}.{which}", f"{which} {number:g} carries nothing")
        return own.get("scale", 1.0) or 1.0, own.get("offset", 0.0)

    def _mask(self, key: str, section: RoleSection, place: Place) -> int:
        mask, signal, here = section.mask, place.signal, f"{key}.mask"
        if mask is None:
            return 0
        if (signal.scale, signal.offset) != (1, 0) or signal.is_float:
            self._mistakes.add(here, f"{place.text} is a quantity, not a field of bits")
        elif mask >> signal.length:
            highest = (1 << signal.length) - 1
            reason = f"0x{mask:X} goes beyond the {signal.length} bits of {place.text}"
            self._mistakes.add(here, reason, f"0x{highest:X} are all")
        elif not isinstance(section.signal, str):
            self._mistakes.add(here, "a combination of signals has no mask")
        return mask

    def _combination(
        self, key: str, section: RoleSection, place: Place
    ) -> tuple[tuple[int, ...], tuple[tuple[float | None, ...], ...]]:
        """Indices of the further signals, and the values of all of them that have names."""
        if isinstance(section.signal, str):
            return (), ()
        places = [place]
        for number, address in enumerate(section.signal[1:], start=1):
            here = f"{key}.signal[{number + 1}]"
            found = self._book.find(here, address)
            if found is None:
                return (), ()
            if found.key[:2] != place.key[:2]:
                reason = f"{found.text} is in another message than {place.text}"
                self._mistakes.add(here, reason, "a combination is read from one frame")
                return (), ()
            places.append(found)
        if section.values is None:
            self._mistakes.add(f"{key}.values", "a combination of signals needs names for its values")
            return (), ()
        combinations = [
            self._wanted(f"{key}.values.{name}", wanted, places) for name, wanted in section.values.items()
        ]
        return tuple(other.signal.index for other in places[1:]), tuple(combinations)

    def _wanted(
        self, key: str, wanted: float | list[Number], places: list[Place]
    ) -> tuple[float | None, ...]:
        listed = wanted if isinstance(wanted, list) else [wanted]
        if len(listed) != len(places):
            reason = f"{len(listed)} values for {len(places)} signals"
            self._mistakes.add(key, reason, 'one for each; "*" is any')
            return (None,) * len(places)
        return tuple(
            None if value == _ANY else self._value(key, value, place)
            for value, place in zip(listed, places, strict=True)
        )

    def _value(self, key: str, value: Number, place: Place) -> float:
        """A number that a signal can carry, or the one of a name in the DBC's value table."""
        signal = place.signal
        if isinstance(value, str):
            table = {name.lower(): raw for raw, name in (signal.choices or {}).items()}
            if value.lower() not in table:
                hint = suggest(value, (signal.choices or {}).values(), "named values")
                self._mistakes.add(key, f"{place.text} has no value {value!r}", hint)
                return 0.0
            return table[value.lower()] * signal.scale + signal.offset
        if not signal.in_range(value):
            reason = f"{value:g} is outside {place.text}'s range {signal.minimum:g} to {signal.maximum:g}"
            self._mistakes.add(key, reason)
        return value

    def _when(
        self, key: str, when: Mapping[str, Number], place: Place, chosen: str
    ) -> tuple[tuple[int, float, float], ...]:
        found = []
        for name, value in when.items():
            here = f"{key}.when.{name}"
            if fields_of(name):
                self._mistakes.add(here, "an identifier is one signal of the same message")
                continue
            identifier = self._book.place(here, place.bus, place.message.name, name)
            if identifier is None:
                continue
            wanted = self._value(here, chosen if value == _NAME else value, identifier)
            half = identifier.signal.step / 2
            found.append((identifier.signal.index, wanted - half, wanted + half))
        return tuple(found)


def unit_of(name: str, section: RoleSection, place: Place) -> str:
    """What a role's numbers are in: the suite's unit; the signal's, if it cannot be converted to that."""
    wanted = unit_in(name)
    is_scaled = section.scale is not None or section.offset is not None
    fits = is_scaled or scale_between(_own_unit(place), wanted) is not None
    return wanted if wanted and fits else place.signal.unit


def _own_unit(place: Place) -> str:
    """A signal's unit; "" where its DBC file says that it has none, however it says so."""
    return "" if place.signal.unit in _NO_UNIT else place.signal.unit


def _numbers(section: RoleSection) -> tuple[tuple[float, float], ...]:
    """All numbers of a signal, and the first under the same name; nothing if each has a name of its own."""
    named = (section.values or {}).values()
    if not isinstance(section.signal, str) or not any(isinstance(numbers, list) for numbers in named):
        return ()
    listed = [numbers if isinstance(numbers, list) else [numbers] for numbers in named]
    plain = [[float(n) for n in numbers if not isinstance(n, str)] for numbers in listed]
    return tuple((number, numbers[0]) for numbers in plain for number in numbers)
