"""The catalogue of bugs: a table of texts in the reference BMS's sources and what stands there instead."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from hil.errors import UsageError

_KEYS = {"name", "violates", "file", "old", "new", "kill", "sequence", "equivalent"}
_BARE = re.compile(r"\w[\w.-]*")
_REQUIRED = ("name", "violates", "file", "old", "new")


@dataclass(frozen=True)
class Mutant:
    """One bug.

    Attributes:
        name: What is broken.
        violates: Limit of the rig file, or topic, that forbids it.
        file: Source file of the reference BMS.
        old: Text that stands in it exactly once.
        new: What stands there instead.
        kill: The tests that are about it, as ``-k`` takes them; empty for an equivalent one.
        sequence: It takes two events in order to see it.
        equivalent: Why no requirement forbids it; empty for all others.
    """

    name: str
    violates: str
    file: str
    old: str
    new: str
    kill: str = ""
    sequence: bool = False
    equivalent: str = ""


def catalogue(path: Path | None = None) -> list[Mutant]:
    """All bugs of a catalogue, by default the shipped one.

    Raises:
        UsageError: If the file cannot be read, or an entry is no table, lacks a key, has an unknown one or
            one of a wrong kind, shares its name, or says neither what kills it nor why nothing can.
    """
    place = str(path or "catalogue.toml")
    try:
        source = path or files("hil") / "mutants" / "catalogue.toml"
        entries = tomllib.loads(source.read_text("utf-8")).get("mutant", [])
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", place=place) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"is not TOML: {error}", place=place) from error
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise UsageError(
            "is no list of tables", place=place, key="mutant", remedy="write [[mutant]] before each"
        )
    mutants = [_mutant(entry, number, place) for number, entry in enumerate(entries, 1)]
    names = [mutant.name for mutant in mutants]
    for name in names:
        if names.count(name) > 1:
            raise UsageError("two mutants have this name", place=place, key=name)
    return mutants


def _mutant(entry: Mapping[str, Any], number: int, place: str) -> Mutant:
    key = str(entry.get("name", f"mutant {number}"))
    for missing in (name for name in _REQUIRED if name not in entry):
        raise UsageError(f"{missing} is missing", place=place, key=key)
    for unknown in entry.keys() - _KEYS:
        raise UsageError(f"{unknown} is not known", place=place, key=key, remedy=", ".join(sorted(_KEYS)))
    _check_kinds(entry, key, place)
    mutant = Mutant(**entry)
    if bool(mutant.kill) == bool(mutant.equivalent):
        raise UsageError("either what kills it or why it is equivalent", place=place, key=key)
    return mutant


def _check_kinds(entry: Mapping[str, Any], key: str, place: str) -> None:
    for name, value in entry.items():
        kind, words = (bool, "true or false") if name == "sequence" else (str, "a text in quotes")
        if not isinstance(value, kind):
            raise UsageError(f"{name} is {value!r}", place=place, key=key, remedy=f"it is {words}")
    file = entry["file"]
    if not _BARE.fullmatch(file):  # it is written to, in the folder of the sources
        remedy = "a source file of the reference BMS, such as config.c"
        raise UsageError(f"file {file!r} is no bare name", place=place, key=key, remedy=remedy)


def chosen(mutants: Sequence[Mutant], only: Sequence[str]) -> list[Mutant]:
    """Those whose name, limit or file has one of these words; all if there are none.

    Raises:
        UsageError: If a word fits none.
    """

    def fits(mutant: Mutant, word: str) -> bool:
        return any(word.lower() in text.lower() for text in (mutant.name, mutant.violates, mutant.file))

    for word in only:
        if not any(fits(mutant, word) for mutant in mutants):
            reason = f"no mutant has {word!r} in its name, limit or file"
            raise UsageError(reason, remedy="hil mutants laptop --list")
    return [mutant for mutant in mutants if not only or any(fits(mutant, word) for word in only)]
