"""Columns of a CSV file by name and unit: numbers in base units, every one checked as it is read."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from hil.errors import UsageError
from hil.units import KINDS, scale_between

Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Wanted:
    """A column that is looked for.

    Attributes:
        name: As errors and code call it.
        kind: A key of ``hil.units.KINDS``.
        aliases: Other names, in small letters with single blanks, as cyclers write them.
    """

    name: str
    kind: str
    aliases: tuple[str, ...]

    @property
    def example(self) -> str:
        """How a header may write it."""
        unit = "s" if self.kind == "time" else KINDS[self.kind].base
        return f"{self.name} [{unit}]"


@dataclass(frozen=True)
class Columns:
    """What a file holds.

    Attributes:
        path: The file.
        values: By name, in the base unit of the kind (time in s), all of one length.
        lines: Line of the file of each row.
        remarks: ``key: value`` of the comment lines above the header.
        ignored: Columns that were not read.
    """

    path: Path
    values: Mapping[str, Array]
    lines: Sequence[int]
    remarks: Mapping[str, tuple[int, str]]
    ignored: Sequence[str]

    def mistake(self, row: int, column: str, reason: str, remedy: str) -> UsageError:
        """An error about one of its numbers."""
        return UsageError(reason, place=f"{self.path}: row {self.lines[row]}", key=column, remedy=remedy)


@dataclass(frozen=True)
class _Found:
    wanted: Wanted
    header: str
    index: int
    factor: float


def read_columns(path: Path, wanted: Sequence[Wanted], needed: Sequence[str]) -> Columns:
    """The wanted columns of a file, those that it has.

    Args:
        path: Comment lines ``# key: value``, then a header, then numbers with a decimal point, by comma,
            semicolon or tab.
        wanted: What is looked for.
        needed: Names of those that must be there.

    Raises:
        UsageError: It cannot be read, or is wrong: file, row, column, reason and remedy.
    """
    remarks: dict[str, tuple[int, str]] = {}
    rows = _rows(path, remarks)
    line, header = next(rows, (0, []))
    if not header:
        raise UsageError("is empty", place=str(path), remedy=f"the first row is a header, {_example(wanted)}")
    found = _header(path, line, header, wanted, needed)
    lines, numbers = _numbers(path, rows, found, len(header))
    used = {one.index for one in found}
    ignored = [name.strip() for index, name in enumerate(header) if index not in used and name.strip()]
    values = {one.wanted.name: numbers[:, n] * one.factor for n, one in enumerate(found)}
    return Columns(path, values, lines, remarks, ignored)


def _example(wanted: Sequence[Wanted]) -> str:
    return "such as " + repr(",".join(one.example for one in wanted[:4]))


def _rows(path: Path, remarks: dict[str, tuple[int, str]]) -> Iterator[tuple[int, list[str]]]:
    """Line number and fields of the rows; comments above the header go to `remarks`."""
    number = 0
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            delimiter, begun = "", False
            for number, text in enumerate(file, 1):
                stripped = text.strip()
                if stripped.startswith("#"):
                    key, colon, value = stripped.lstrip("# ").partition(":")
                    if colon and not begun:
                        remarks[key.strip().lower()] = number, value.strip()
                elif stripped.strip(",;\t"):
                    delimiter = delimiter or max(",;\t", key=text.count)
                    begun = True
                    yield number, next(csv.reader([text], delimiter=delimiter, strict=True))
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", place=str(path)) from error
    except UnicodeDecodeError as error:
        raise UsageError("is not UTF-8 text", place=str(path), remedy="save it as CSV UTF-8") from error
    except csv.Error as error:
        raise UsageError(f"is no CSV: {error}", place=f"{path}: row {number}") from error


def _header(
    path: Path, line: int, header: Sequence[str], wanted: Sequence[Wanted], needed: Sequence[str]
) -> list[_Found]:
    found: dict[str, _Found] = {}
    for index, name in enumerate(header):
        word, unit = _split(name)
        match = next((one for one in wanted if word == one.name or word in one.aliases), None)
        if match is None:
            continue
        if match.name in found:
            raise UsageError(
                f"there are two columns of {match.name}: {found[match.name].header!r} and {name.strip()!r}",
                place=f"{path}: row {line}",
                remedy="keep one",
            )
        found[match.name] = _Found(match, name.strip(), index, _factor(path, line, name, match, unit))
    for one in wanted:
        if one.name in needed and one.name not in found:
            near = difflib.get_close_matches(one.name, [_split(name)[0] for name in header], 1, 0.7)
            there = ", ".join(repr(name.strip()) for name in header)
            raise UsageError(
                f"there is no column of {one.name}, only {there}",
                place=f"{path}: row {line}",
                remedy=f"is {near[0]!r} meant? name it {one.example!r}"
                if near
                else f"name it {one.example!r}",
            )
    return list(found.values())


def _split(name: str) -> tuple[str, str | None]:
    """Name in small letters, and unit: of ``Voltage [V]``, ``Voltage (V)``, ``Voltage/V``, ``voltage_V``."""
    text = name.strip()
    for opening, closing in (("[", "]"), ("(", ")")):
        before, found, rest = text.partition(opening)
        if found and closing in rest:
            return _words(before), rest.partition(closing)[0].strip()
    for mark in "/_":
        before, found, unit = text.rpartition(mark)
        if found and any(scale_between(unit.strip(), kind.base) is not None for kind in KINDS.values()):
            return _words(before), unit.strip()
    return _words(text), None


def _words(text: str) -> str:
    return " ".join(text.replace("_", " ").lower().split())


def _factor(path: Path, line: int, name: str, wanted: Wanted, unit: str | None) -> float:
    """What its numbers are multiplied with to be in the base unit; time in s."""
    base = KINDS[wanted.kind].base
    unit = {"C": "degC", "Ah": "Ah"}.get(unit, unit) if unit and wanted.kind == "temperature" else unit
    scale = scale_between(unit, base) if unit else None
    if scale is None:
        reason = f"has the unit {unit!r}, which is none of {wanted.kind}" if unit else "has no unit"
        raise UsageError(
            reason, place=f"{path}: row {line}", key=name.strip(), remedy=f"write it as {wanted.example!r}"
        )
    return scale * 1e-9 if wanted.kind == "time" else scale


def _numbers(
    path: Path, rows: Iterator[tuple[int, list[str]]], found: Sequence[_Found], width: int
) -> tuple[list[int], Array]:
    lines: list[int] = []
    numbers: list[list[float]] = []
    for line, fields in rows:
        if len(fields) != width:
            raise UsageError(
                f"has {len(fields)} fields, the header {width}",
                place=f"{path}: row {line}",
                remedy="a number has a decimal point, not a comma" if len(fields) > width else "",
            )
        lines.append(line)
        numbers.append([_number(path, line, one, fields[one.index]) for one in found])
    return lines, np.array(numbers, np.float64).reshape(len(lines), len(found))


def _number(path: Path, line: int, one: _Found, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if isfinite(value):
        return value
    said = repr(text.strip()) if text.strip() else "nothing"
    remedy = "write decimals with a point" if "," in text else "fill it in, or leave the whole row out"
    raise UsageError(f"{said} is no number", place=f"{path}: row {line}", key=one.header, remedy=remedy)
