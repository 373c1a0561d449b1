"""Profile: current or power over time from a CSV file, every row checked before anything is simulated."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from hil.errors import UsageError
from hil.units import KINDS, scale_between

Array = np.ndarray[Any, np.dtype[np.float64]]

_NAMES = {"time": "time", "t": "time", "current": "current", "i": "current", "power": "power", "p": "power"}
_BRACKETS = re.compile(r"([^\[(]*?)\s*[\[(]([^\])]*)[\])]")
_SUFFIX = re.compile(r"(.*)_([^_\s]+)")
_EXAMPLE = "such as 'time [s],current [A]'"
_EVEN = 0.9  # of all steps alike: then the file is sampled, and a longer one is a gap
_LEAST = 10  # rows from which on that can be said
_LONGEST_S = 3.2e9  # a hundred years: beyond it is a wrong unit
_COLUMN = {"time": "time [s]", "current": "current [A]", "power": "power [kW]"}


@dataclass(frozen=True)
class Profile:
    """A value for each interval: it holds from its row to the time of the next one.

    Attributes:
        path: The file.
        kind: ``current`` (A) or ``power`` (W); > 0 discharges, or is drawn by a load.
        time_s: Ends of the intervals from 0 on, rising, shape (n + 1,).
        values: Shape (n,), finite.
        lines: Where in the file each value stands, shape (n,).
        ignored: Columns that were not read.
    """

    path: Path
    kind: str
    time_s: Array
    values: Array
    lines: Sequence[int]
    ignored: Sequence[str] = ()

    @property
    def duration_s(self) -> float:
        """Its length."""
        return float(self.time_s[-1])

    def mistake(self, index: int, reason: str, remedy: str) -> UsageError:
        """An error about one of its values."""
        place = f"{self.path}: row {self.lines[index]}"
        return UsageError(reason, place=place, key=self.kind, remedy=remedy)


@dataclass(frozen=True)
class _Column:
    kind: str
    index: int
    factor: float


def read_profile(
    path: Path, kinds: Sequence[str] = ("current", "power"), *, gaps: bool = False, sign: float = 1.0
) -> Profile:
    """A profile of a CSV file with a header of names and units.

    Args:
        path: Columns by comma, semicolon or tab; numbers with a decimal point.
        kinds: Which columns will do, exactly one of them.
        gaps: Whether a missing stretch in an evenly sampled file is bridged by its last value.
        sign: -1 where the file counts charging as positive.

    Raises:
        UsageError: It cannot be read, or is wrong: file, row, column, reason and remedy.
    """
    rows = _rows(path)
    line, header = next(rows, (0, []))
    if not header:
        raise UsageError("is empty", place=str(path), remedy=f"the first row is a header {_EXAMPLE}")
    columns = _columns(path, line, header, kinds)
    time, value = columns
    lines, numbers = _numbers(path, rows, columns, len(header))
    if len(lines) < 2:
        raise UsageError(
            f"has {len(lines)} rows of numbers",
            place=str(path),
            remedy="at least two: a value holds from its row to the time of the next",
        )
    times_s = _times(path, lines, numbers[:, 0] * time.factor, gaps=gaps)
    read = {time.index, value.index}
    ignored = [name.strip() for index, name in enumerate(header) if index not in read]
    values = numbers[:-1, 1] * (value.factor * sign)
    return Profile(path, value.kind, times_s, values, lines[:-1], ignored)


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Line number and fields of the rows that are neither empty nor a comment."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            file.seek(0)
            delimiter = max(",;\t", key=first.count)
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            for fields in reader:
                if any(fields) and not fields[0].lstrip().startswith("#"):
                    yield reader.line_num, fields
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", place=str(path)) from error
    except UnicodeDecodeError as error:
        raise UsageError("is not UTF-8 text", place=str(path), remedy="save it as CSV UTF-8") from error
    except csv.Error as error:
        raise UsageError(f"is no CSV: {error}", place=f"{path}: row {reader.line_num}") from error


def _columns(path: Path, line: int, header: Sequence[str], kinds: Sequence[str]) -> tuple[_Column, _Column]:
    found: dict[str, _Column] = {}
    for index, name in enumerate(header):
        kind, unit = _kind(name)
        if kind not in ("time", *kinds):
            continue
        if kind in found:
            raise UsageError(
                f"there are two columns of {kind}", place=f"{path}: row {line}", remedy="keep one"
            )
        found[kind] = _Column(kind, index, _factor(path, line, name, kind, unit))
    values = [kind for kind in kinds if kind in found]
    for missing in ("time",) if "time" not in found else () if values else (" or ".join(kinds),):
        example = _COLUMN["time"] if missing == "time" else _COLUMN[kinds[0]]
        raise UsageError(
            f"there is no column of {missing}, only {', '.join(repr(n.strip()) for n in header)}",
            place=f"{path}: row {line}",
            remedy=f"name it {example!r}",
        )
    if len(values) > 1:
        raise UsageError(
            "has both current and power", place=f"{path}: row {line}", remedy="keep the one that is given"
        )
    return found["time"], found[values[0]]


def _kind(name: str) -> tuple[str, str | None]:
    """What a column holds, and in which unit: ``current [A]``, ``current (A)`` or ``current_A``."""
    match = _BRACKETS.fullmatch(name.strip()) or _SUFFIX.fullmatch(name.strip())
    word, unit = (match[1], match[2].strip()) if match else (name, None)
    return _NAMES.get(word.strip().lower(), ""), unit


def _factor(path: Path, line: int, name: str, kind: str, unit: str | None) -> float:
    """What its numbers are multiplied with to be in s, A or W."""
    base = KINDS[kind].base
    scale = scale_between(unit, base) if unit else None
    if scale is None:
        reason = f"has the unit {unit!r}, which is none of {kind}" if unit else "has no unit"
        raise UsageError(
            reason,
            place=f"{path}: row {line}",
            key=name.strip(),
            remedy=f"write it as {_COLUMN[kind]!r}",
        )
    return scale * 1e-9 if kind == "time" else scale


def _numbers(
    path: Path, rows: Iterator[tuple[int, list[str]]], columns: tuple[_Column, _Column], width: int
) -> tuple[list[int], Array]:
    lines: list[int] = []
    numbers: list[tuple[float, ...]] = []
    for line, fields in rows:
        if len(fields) != width:
            raise UsageError(
                f"has {len(fields)} fields, the header {width}",
                place=f"{path}: row {line}",
                remedy="a number has a decimal point, not a comma" if len(fields) > width else "",
            )
        lines.append(line)
        numbers.append(tuple(_number(path, line, column.kind, fields[column.index]) for column in columns))
    return lines, np.array(numbers, np.float64).reshape(len(lines), 2)


def _number(path: Path, line: int, kind: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if isfinite(value):
        return value
    said = repr(text.strip()) if text.strip() else "nothing"
    remedy = "write decimals with a point" if "," in text else "fill it in, or leave the whole row out"
    raise UsageError(f"{said} is no number", place=f"{path}: row {line}", key=kind, remedy=remedy)


def _times(path: Path, lines: Sequence[int], times_s: Array, *, gaps: bool) -> Array:
    with np.errstate(over="ignore", invalid="ignore"):
        steps, length_s = np.diff(times_s), float(times_s[-1] - times_s[0])
    if not abs(length_s) <= _LONGEST_S or not np.isfinite(times_s).all():
        raise UsageError(
            f"is {length_s:.3g} s long", place=str(path), key="time", remedy="look at the unit in the header"
        )
    wrong = np.flatnonzero(steps <= 0.0)
    if wrong.size:
        at = int(wrong[0]) + 1
        how = "stands still at" if steps[at - 1] == 0.0 else f"goes back from {times_s[at - 1]:.10g} s to"
        raise UsageError(
            f"{how} {times_s[at]:.10g} s",
            place=f"{path}: row {lines[at]}",
            key="time",
            remedy="each row is later than the one before",
        )
    usual = float(np.median(steps))
    even = np.mean(np.abs(steps - usual) < 0.01 * usual) >= _EVEN
    missing = np.flatnonzero(steps > 1.5 * usual)
    if not gaps and steps.size >= _LEAST and even and missing.size:
        at = int(missing[0]) + 1
        raise UsageError(
            f"a gap: {steps[at - 1] - usual:.4g} s are missing before it, rows are {usual:.4g} s apart",
            place=f"{path}: row {lines[at]}",
            key="time",
            remedy="fill it in, or let the last value hold: --gaps hold",
        )
    relative: Array = times_s - times_s[0]
    return relative
