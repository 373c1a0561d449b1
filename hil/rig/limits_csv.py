"""Limits from a CSV file, as a requirements tool exports them: one row for each number that is promised."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from hil.rig.mistakes import Mistakes, dotted, suggest

_KEY = "file"
_NEEDED = ("name", "key", "value")
_COLUMNS = (*_NEEDED, "unit", "requirement", "source")
_TABLES = ("messages", "extra", "curve")  # written messages.CM_*, extra.done, curve.soc
_TEXTS = ("requirement", "source")
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_DIGITS = 18  # of a count; of some thousands Python makes no number
_DECIMAL_COMMA = re.compile(r"(?<=\d),(?=\d)")


@dataclass(frozen=True)
class _Row:
    """One row; ``number`` is the line that an editor shows."""

    number: int
    cells: Mapping[str, str]

    def key(self, column: str) -> str:
        return f"row {self.number}, column {column}"


def with_limits(data: dict[str, Any], model: type[BaseModel], mistakes: Mistakes) -> None:
    """Put what ``[limits] file`` names into the rig file's own limits, which go before those of the CSV.

    A CSV that an extending file names goes before the limits of the file that it extends.

    Args:
        data: The whole rig file as TOML has it; changed in place.
        model: What one limit may hold: each cell is checked by it, and its mistakes name row and column.
        mistakes: Of the rig file; told where each number of the CSV stands.
    """
    limits = data.get("limits")
    if not isinstance(limits, dict) or _KEY not in limits or isinstance(limits[_KEY], dict):
        return
    name = limits.pop(_KEY)
    key = dotted("limits", _KEY)
    file = mistakes.file_of(key)
    if not isinstance(name, str) or not name:
        mistakes.add(key, f"{name!r} is no file name", 'such as file = "limits.csv"')
        return
    path = file.parent / name
    rows = _read(path, key, mistakes)
    if rows is None:
        return
    into = _Import(path, limits, model, mistakes, own=file is mistakes.path)
    for row in rows:
        into.take(row)


def _read(path: Path, key: str, mistakes: Mistakes) -> list[_Row] | None:
    """The rows of a CSV; ``None`` if there are none to be had, and that is noted."""
    try:
        text = path.read_text(encoding="utf-8-sig")  # spreadsheets put a byte order mark in front
    except UnicodeDecodeError:
        mistakes.at(path, "", "is not UTF-8 text", "save it as CSV UTF-8")
        return None
    except (OSError, ValueError) as error:  # the latter of a name that no file can have
        reason = f"{str(path)!r} cannot be read: {getattr(error, 'strerror', error)}"
        mistakes.add(key, reason, "it is looked for beside the rig file")
        return None
    lines = text.splitlines()
    head = next((line for line in lines if not _is_note(line)), "")
    delimiter = max(";\t,", key=head.count)
    reader = csv.reader((line if not _is_note(line) else "" for line in lines), delimiter=delimiter)
    try:
        table = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except csv.Error as error:
        mistakes.at(path, f"row {reader.line_num}", f"is no CSV: {error}")
        return None
    filled = [(number, cells) for number, cells in table if any(cells)]
    if not filled:
        mistakes.at(path, "", "holds no rows", f"columns: {', '.join(_COLUMNS)}")
        return None
    names = [cell.lower() for cell in filled[0][1]]
    if not _check_head(path, filled[0][0], names, mistakes):
        return None
    return list(_rows(filled[1:], names, path, mistakes, comma=delimiter == ";"))


def _is_note(line: str) -> bool:
    return line.lstrip().startswith("#") or not line.strip()


def _check_head(path: Path, number: int, names: list[str], mistakes: Mistakes) -> bool:
    """Whether the needed columns are there. An export may have others, but no misspelt one."""
    for position, name in enumerate(names):
        hint = suggest(name, [c for c in _COLUMNS if c not in names], "columns")
        if name in names[:position] and name in _COLUMNS:
            mistakes.at(path, f"row {number}, column {name}", "is there twice")
            return False
        if name not in _COLUMNS and hint.startswith("did you mean"):
            mistakes.at(path, f"row {number}, column {name}", "unknown column", hint)
            return False
    missing = [name for name in _NEEDED if name not in names]
    if missing:
        found = ", ".join(name for name in names if name)
        reason = f"column {missing[0]!r} is missing; there are {found}"
        mistakes.at(path, f"row {number}", reason, f"the first row names {', '.join(_COLUMNS)}")
    return not missing


def _rows(
    table: list[tuple[int, list[str]]], names: list[str], path: Path, mistakes: Mistakes, *, comma: bool
) -> Iterator[_Row]:
    for number, cells in table:
        if len(cells) > len(names):
            reason = f"has {len(cells)} cells, the first row {len(names)}"
            mistakes.at(path, f"row {number}", reason, "text with a separator in it stands in quotes")
            continue
        row = dict.fromkeys(_COLUMNS, "") | dict(zip(names, cells, strict=False))
        if comma:  # where ; separates, a comma is a decimal one
            row["value"] = _DECIMAL_COMMA.sub(".", row["value"])
        if row["unit"]:
            row["value"] = f"{row['value']} {row['unit']}"
        yield _Row(number, row)


class _Import:
    """The rows of one CSV on their way into a rig file's limits."""

    def __init__(
        self, path: Path, limits: dict[str, Any], model: type[BaseModel], mistakes: Mistakes, own: bool
    ) -> None:
        self._path = path
        self._limits = limits
        self._model = model
        self._mistakes = mistakes
        self._own = own  # the CSV is named by the rig file itself, not by the one that it extends
        self._lines: dict[str, int] = {}

    def take(self, row: _Row) -> None:
        """One row, unless the rig file itself says otherwise."""
        empty = next((column for column in _NEEDED if not row.cells[column]), None)
        if empty is not None:
            self._mistakes.at(self._path, row.key(empty), "is empty")
            return
        name, whole = row.cells["name"], row.cells["key"]
        table, _, entry = whole.partition(".")
        inner = (table, entry) if table in _TABLES else (whole,)
        key = dotted("limits", name, *inner)
        if key in self._lines:
            reason = f"{name}.{whole} is in row {self._lines[key]} already"
            self._mistakes.at(self._path, row.key("key"), reason, "keep one of them")
            return
        self._lines[key] = row.number
        value = _checked(row, inner, self._path, self._model, self._mistakes)
        if value is None:
            return
        section = self._limits.setdefault(name, {})
        here = section.setdefault(table, {}) if len(inner) > 1 and isinstance(section, dict) else section
        if not isinstance(here, dict) or self._rig_gives(here, inner[-1], key):
            return
        here[inner[-1]] = value
        self._mistakes.stands(key, self._path, row.key("value"))
        for field in _TEXTS:
            self._add_text(section, field, row)

    def _rig_gives(self, table: Mapping[str, Any], last: str, key: str) -> bool:
        """Whether the rig file has a value that goes before the CSV's."""
        if last not in table or key in self._mistakes.elsewhere:
            return False
        return not self._own or self._mistakes.file_of(key) is self._mistakes.path

    def _add_text(self, section: dict[str, Any], field: str, row: _Row) -> None:
        """Requirement ids and sources of all rows of one limit, each once."""
        text, key = row.cells[field], dotted("limits", row.cells["name"], field)
        if not text or self._rig_gives(section, field, key):
            return
        there = section[field].split(", ") if key in self._mistakes.elsewhere else []
        section[field] = ", ".join(dict.fromkeys([*there, text]))
        self._mistakes.stands(key, self._path, row.key(field))


def _checked(
    row: _Row, inner: tuple[str, ...], path: Path, model: type[BaseModel], mistakes: Mistakes
) -> Any:
    """The value as TOML would have it; ``None`` if it is wrong, which is noted."""
    field, entry = inner[0], inner[-1]
    if field not in model.model_fields or (field in _TABLES and inner[1:] in ((), ("",))):
        known = [f"{n}.NAME" if n in _TABLES else n for n in model.model_fields]
        mistakes.at(path, row.key("key"), f"unknown key {row.cells['key']!r}", suggest(field, known, "keys"))
        return None
    value = _typed(field, row.cells["value"])
    try:
        model.model_validate({field: {entry: value} if field in _TABLES else value})
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        context = detail.get("ctx", {})
        if detail["type"] == "extra_forbidden":
            mistakes.at(path, row.key("key"), f"unknown key {row.cells['key']!r}")
            return None
        reason = context.get("reason") or f"{row.cells['value']!r} {detail['msg'].removeprefix('Input ')}"
        mistakes.at(path, row.key("value"), str(reason), str(context.get("remedy", "")))
        return None
    return value


def _typed(field: str, text: str) -> Any:
    """What TOML has types for and a CSV has not; anything else stays text, for the model to judge."""
    if field in ("count", "events"):
        return int(text) if text.isdecimal() and len(text) <= _DIGITS else text
    if field in ("above", "may_close"):
        return _TRUTH.get(text.lower(), text)
    if field in ("states", "order"):
        return text.replace(",", " ").replace(";", " ").split()
    return text
