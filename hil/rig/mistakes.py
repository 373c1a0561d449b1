"""All mistakes of a rig file, gathered so that they are reported at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

from hil.errors import HilError, RigFileError, RigFileErrors


class Mistakes:
    """What is wrong with one rig file.

    Args:
        path: The rig file; each mistake names it.

    Attributes:
        broken: Keys that were left out as wrong: what refers to them is no mistake of its own.
    """

    def __init__(self, path: Path) -> None:
        self.place = str(path)
        self.errors: list[HilError] = []
        self.broken: set[str] = set()

    def add(self, key: str, reason: str, remedy: str = "") -> None:
        """One more mistake, at a key of the rig file."""
        self.errors.append(RigFileError(reason, place=self.place, key=key, remedy=remedy))

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
