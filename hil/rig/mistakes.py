"""All mistakes of a rig file, gathered so that they are reported at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from hil.errors import HilError, NotOfferedError, RigFileError, RigFileErrors, UsageError


class Mistakes:
    """What is wrong with one rig file.

    Args:
        path: The rig file; each mistake names it.

    Attributes:
        broken: Keys that were left out as wrong: what refers to them is no mistake of its own.
        elsewhere: Keys whose values stand in another file, and where: see :meth:`stands`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.errors: list[HilError] = []
        self.broken: set[str] = set()
        self.elsewhere: dict[str, tuple[Path, str]] = {}
        self._base: Path | None = None
        self._own: set[str] = set()
        self._inherited: set[str] = set()

    def inherit(self, base: Path, own: Mapping[str, Any], inherited: Mapping[str, Any]) -> None:
        """The rig file extends ``base``: what stands there alone is told, and looked for, there."""
        self._base = base
        self._own, self._inherited = set(_keys(own)), set(_keys(inherited))

    def file_of(self, key: str) -> Path:
        """The file in which a key stands."""
        if self._base is None or key in self._own:
            return self.path
        # the nearest key around it that stands anywhere: an array's, or that of a table with a part missing
        around = key
        while around and around not in self._own and around not in self._inherited:
            around = around[: max(around.rfind("."), around.rfind("["), 0)]
        return self._base if around in self._inherited and around not in self._own else self.path

    def add(self, key: str, reason: str, remedy: str = "") -> None:
        """One more mistake, at a key of the rig file."""
        elsewhere = self.elsewhere.get(key) or self.elsewhere.get(key.rpartition("[")[0])
        if elsewhere is not None:
            self.at(*elsewhere, reason, remedy)
            return
        file = self.file_of(key)
        place = str(file) if file is self.path else f"{file}, extended by {self.path}"
        self.errors.append(RigFileError(reason, place=place, key=key, remedy=remedy))

    def stands(self, key: str, file: Path, place: str) -> None:
        """The value of a key comes from a place in another file: mistakes about it are told there."""
        self.elsewhere[key] = (file, place)

    def at(self, file: Path, place: str, reason: str, remedy: str = "") -> None:
        """One more mistake, at a place in a file that the rig file names."""
        self.errors.append(RigFileError(reason, place=str(file), key=place, remedy=remedy))

    def take(self, error: HilError, key: str = "") -> None:
        """A mistake found elsewhere, in a DBC or a quantity; it keeps the place it names."""
        if isinstance(error, RigFileErrors):
            self.errors.extend(error.errors)
        elif error.place:
            self.errors.append(error)
        else:
            self.add(key or error.key, error.reason, error.remedy)

    def check(self) -> None:
        """End here if anything is wrong.

        Raises:
            RigFileErrors: All mistakes, each once.
        """
        if self.errors:
            raise RigFileErrors(list({str(error): error for error in self.errors}.values()))


def suggest(name: str, known: Iterable[str], what: str) -> str:
    """The remedy for a name that does not exist: the nearest that does, or what there is."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    near = near or [k for k in names if k.lower() == name.lower()]
    if near:
        return f"did you mean {near[0]!r}?"
    if not names:
        return f"there are no {what}"
    shown = ", ".join(sorted(names)[:12])
    return f"{what}: {shown}{', …' if len(names) > 12 else ''}"


def dotted(*parts: str | int) -> str:
    """A key as a rig file has it: ``roles."contactor.main_plus".signal``; arrays count from 1."""
    key = ""
    for part in parts:
        if isinstance(part, int):
            key += f"[{part + 1}]"
        else:
            plain = part.replace("_", "").replace("-", "").isalnum()
            key += f".{part}" if plain else f'."{part}"'
    return key.removeprefix(".")


def _keys(data: Any, path: tuple[str | int, ...] = ()) -> Iterator[str]:
    """The keys of all that a rig file holds, tables and arrays included."""
    if path:
        yield dotted(*path)
    items = data.items() if isinstance(data, Mapping) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield from _keys(value, (*path, key))


def slip_of(written: str, known: Iterable[str]) -> str | None:
    """The known name that is meant, if one slip of the pen lies between."""
    return next((name for name in known if _one_slip(written, name)), None)


def lacking(
    kind: str, name: str, there: Iterable[str], *, is_known: bool, gives: str = "gives this BMS"
) -> HilError:
    """What a test that asks for a name gets where the rig file does not have it.

    Args:
        kind: What it names, such as a role.
        name: As the test has it.
        there: The names that the rig file has.
        is_known: Whether the suite asks for such a name: that it is not there is no slip of the pen.
        gives: What the rig file does with those that it has.
    """
    near = None if is_known else slip_of(name, there)
    if near:
        return UsageError(f"no {kind} is called {name!r}", remedy=f"did you mean {near!r}?")
    return NotOfferedError(f"the rig file {gives} no {kind} {name!r}")


def _one_slip(written: str, known: str) -> bool:
    """Whether one slip of the pen lies between two names: a letter lost, added, changed, or two swapped.

    More may tell two features apart, one of which the BMS does not have: ``voltage_min``, ``voltage_max``. So
    may a digit.
    """
    if abs(len(written) - len(known)) > 1:
        return False
    while written and known and written[0] == known[0]:
        written, known = written[1:], known[1:]
    while written and known and written[-1] == known[-1]:
        written, known = written[:-1], known[:-1]
    if any(letter.isdigit() for letter in written + known):
        return False
    return (len(written) <= 1 and len(known) <= 1) or (written == known[::-1] and len(known) == 2)
