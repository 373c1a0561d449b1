"""Cycles from CSV files of any maker: named columns with their units in the header.

``time [s], speed [km/h], grade [%], payload [t]``, ``time_s;speed_kmh`` and the ``cycSecs, cycMps,
cycGrade`` of ADVISOR and FASTSim are all understood; other columns are named and left alone.
"""

import csv
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from twins.cycles.cycle import Array, Cycle, CycleError, check

_WORDS: Final = {
    "time": ("time", "t", "seconds", "secs"),
    "speed": ("speed", "v", "velocity", "vehiclespeed"),
    "grade": ("grade", "slope", "gradient", "incline"),
    "payload": ("payload", "load", "cargo"),
}
_UNITS: Final[dict[str, dict[str, float]]] = {
    "time": {"s": 1.0, "sec": 1.0, "secs": 1.0, "seconds": 1.0, "ms": 1e-3, "min": 60.0, "h": 3600.0},
    "speed": {
        **dict.fromkeys(("m/s", "mps", "ms-1"), 1.0),
        **dict.fromkeys(("km/h", "kmh", "kph", "kmph"), 1.0 / 3.6),
        **dict.fromkeys(("mph", "mi/h"), 0.44704),
    },
    "grade": {"1": 1.0, "-": 1.0, "ratio": 1.0, "%": 0.01, "percent": 0.01, "pct": 0.01},
    "payload": {"kg": 1.0, "t": 1000.0, "lb": 0.45359237, "lbs": 0.45359237},
}
_FIXED: Final = {"cycsecs": ("time", 1.0), "cycmps": ("speed", 1.0), "cycgrade": ("grade", 1.0)}
_DEGREES: Final = {"deg", "°", "degree", "degrees"}
_HEAD: Final = re.compile(r"\s*(?P<name>[^\[\](){}]*?)\s*[\[({](?P<unit>[^\])}]*)[\])}]\s*")
_LARGEST: Final = 200_000_000  # bytes
_STILL: Final = 0.3  # m/s: a recorder may sleep while the vehicle stands


@dataclass(frozen=True)
class _Column:
    index: int
    factor: float
    degrees: bool = False


def read(path: str | Path) -> Cycle:
    """The cycle in a CSV file.

    Raises:
        CycleError: it cannot be read or driven; with file, row, reason and remedy.
    """
    place = str(path)
    rows = _rows(Path(path), place)
    row, head = next(rows, (0, []))
    columns, ignored = _columns(head, f"{place}: row {row}")
    numbers = [(row, _numbers(fields, columns, f"{place}: row {row}")) for row, fields in rows]
    if not numbers:
        raise CycleError(place, "has no rows below its header", "one row per point of the cycle")
    table = np.array([values for _, values in numbers], np.float64).T
    at = dict(zip(columns, table, strict=True))
    rows_of = np.array([row for row, _ in numbers], np.float64)
    return _made(Path(path).stem, at, ignored, place, rows_of)


def _made(name: str, at: dict[str, Array], ignored: tuple[str, ...], place: str, rows: Array) -> Cycle:
    time = at["time"]
    made = object.__new__(Cycle)  # checked below, where the rows are known
    fields = {
        "name": name,
        "time_s": time - time[0],
        "speed_mps": at["speed"],
        "grade": at.get("grade", np.zeros(time.size)),
        "payload_kg": at.get("payload"),
        "ignored": ignored,
    }
    for field, value in fields.items():
        object.__setattr__(made, field, value)
    check(made, place, rows)
    _check_gaps(made, place, rows)
    return made


def _rows(path: Path, place: str) -> Iterator[tuple[int, list[str]]]:
    """Row number and fields of what is neither empty nor a comment."""
    try:
        if path.stat().st_size > _LARGEST:
            raise CycleError(place, "is larger than 200 MB", "cut it, or sample it at 1 Hz")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise CycleError(place, f"cannot be read: {error.strerror}", "give the path of a CSV file") from error
    except UnicodeDecodeError as error:
        raise CycleError(place, "is no UTF-8 text", "save it as CSV in UTF-8") from error
    lines = [(n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip() and line[0] != "#"]
    if not lines:
        raise CycleError(place, "is empty", "it needs a header with time and speed")
    delimiter = max(";\t,", key=lines[0][1].count)
    decimal_comma = delimiter == ";"
    for n, line in lines:
        fields = next(csv.reader([line], delimiter=delimiter))
        yield n, [field.replace(",", ".") for field in fields] if decimal_comma else fields


def _columns(head: list[str], place: str) -> tuple[dict[str, _Column], tuple[str, ...]]:
    found: dict[str, _Column] = {}
    ignored = []
    for index, text in enumerate(head):
        kind, factor, degrees = _column(text, place)
        if kind is None:
            ignored.append(text.strip())
        elif kind in found:
            raise CycleError(place, f"has two columns of {kind}", "rename the one that does not count")
        else:
            found[kind] = _Column(index, factor, degrees)
    for kind, example in (("time", "time [s]"), ("speed", "speed [km/h]")):
        if kind not in found:
            raise CycleError(place, f"has no column of {kind}", f"name it in the header: {example!r}")
    return found, tuple(ignored)


def _column(text: str, place: str) -> tuple[str | None, float, bool]:
    """What a column holds, its factor to SI, and whether it is an angle."""
    plain = text.strip().lower()
    if plain in _FIXED:
        return *_FIXED[plain], False
    match = _HEAD.fullmatch(plain)
    name, unit = (match["name"], match["unit"].strip()) if match else _split(plain)
    kind = next((kind for kind, words in _WORDS.items() if re.sub(r"[\s_]", "", name) in words), None)
    if kind is None:
        return None, 1.0, False
    if kind == "grade" and unit in _DEGREES:
        return kind, 1.0, True
    if unit not in _UNITS[kind]:
        units = ", ".join(_UNITS[kind])
        reason = f"column {text.strip()!r} has " + (f"the unit {unit!r}" if unit else "no unit")
        raise CycleError(place, reason, f"write one of {units}: '{kind} [{next(iter(_UNITS[kind]))}]'")
    return kind, _UNITS[kind][unit], False


def _split(plain: str) -> tuple[str, str]:
    """``speed_kmh`` and ``speed km/h``: the last word is the unit."""
    match = re.fullmatch(r"(.+?)[_\s]+([^_\s]+)", plain)
    return (match[1], match[2]) if match else (plain, "")


def _numbers(fields: list[str], columns: dict[str, _Column], place: str) -> list[float]:
    return [_number(fields, kind, column, place) for kind, column in columns.items()]


def _number(fields: list[str], kind: str, column: _Column, place: str) -> float:
    text = fields[column.index].strip() if column.index < len(fields) else ""
    if not text:
        raise CycleError(place, f"{kind} is missing", "fill the gap or remove the row")
    try:
        number = float(text)
    except ValueError as error:
        remedy = "numbers as 12.5; units in the header"
        raise CycleError(place, f"{kind} is no number: {text!r}", remedy) from error
    if not math.isfinite(number):
        raise CycleError(place, f"{kind} is {text}", "fill the gap or remove the row")
    return math.tan(math.radians(number)) if column.degrees else number * column.factor


def _check_gaps(cycle: Cycle, place: str, rows: Array) -> None:
    """A recording at one rate has a gap where a step is much longer while the vehicle moves."""
    steps = np.diff(cycle.time_s)
    usual = float(np.median(steps))
    moving = (cycle.speed_mps[1:] > _STILL) | (cycle.speed_mps[:-1] > _STILL)
    recorded = np.mean(np.abs(steps - usual) < 0.1 * usual) > 0.8 and steps.size >= 20
    if not recorded:
        return
    if usual > 60.0:
        remedy = "look at the unit of time in the header: are they ms?"
        raise CycleError(place, f"has a step of {usual:g} s between rows", remedy)
    gaps: Any = (steps > 3.5 * usual) & moving
    if gaps.any():
        at = int(np.argmax(gaps))
        where = f"{place}: row {int(rows[at + 1])}"
        lost = f"a gap of {steps[at]:g} s while the vehicle moves"
        raise CycleError(where, lost, f"rows are {usual:g} s apart: fill it, or split the file there")
