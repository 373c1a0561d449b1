"""Recording: one test of a cell as a user recorded it, checked: file, row, column, reason, remedy."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from hil.errors import HilError, UsageError
from hil.fit.columns import Array, Columns, Wanted, read_columns
from hil.units import parse

_COLUMNS: Final = (
    Wanted("time", "time", ("t", "test time", "total time", "elapsed time", "testtime")),
    Wanted("voltage", "voltage", ("u", "v", "cell voltage", "voltage measured")),
    Wanted("current", "current", ("i", "cell current", "current measured")),
    Wanted(
        "temperature",
        "temperature",
        (
            "temp",
            "cell temperature",
            "surface temperature",
            "temperature measured",
            "aux temperature",
            "temperature max",
        ),
    ),
    Wanted("discharged", "charge", ("discharge capacity", "discharged charge", "ah out", "disah")),
    Wanted("charged", "charge", ("charge capacity", "charged charge", "ah in", "chgah")),
)
KINDS_OF_TEST: Final = ("slow", "dynamic", "resistance")
_NEEDED: Final = ("time", "voltage", "current")
_REMARKS: Final = ("test", "temperature", "start", "capacity", "charge efficiency", "soc", "source")
_RANGES: Final = {  # what a single cell can show
    "voltage": (-0.5, 6.0, "V", "the voltage of one cell, not of a pack; is the unit right?"),
    "temperature": (-60.0, 150.0, "degC", "is the unit right?"),
    "current": (-1e5, 1e5, "A", "is the unit right?"),
}
_LEAST_ROWS, _LEAST_S = 60, 600.0
_LEAST_V: Final = 0.5  # V written under a header of mV are below
_GAP: Final = 10.0  # times the usual distance of two rows
_FLOWS: Final = 0.01  # of the largest current: less is rest
_SECONDS_PER_H: Final = 3600.0


@dataclass(frozen=True)
class Recording:
    """One file. Current > 0 discharges; all arrays are of one length, time rises from 0.

    Attributes:
        path: The file.
        name: What it is called; of two files of one name the whole path.
        taken_Ah: Charge taken out so far; put_Ah: put in so far.
        gaps: Index of each row before which rows are missing, at rest.
        repeated: Rows left out because the next one has the same time.
        test: One of `KINDS_OF_TEST`, if the file says so. Of ``resistance`` no table is made, only the law
            of temperature: for a test whose count of charge is not known.
        start_soc: What the file says it begins with; None if it does not.
        capacity_Ah: Of this cell, as the file says; None if it does not.
        efficiency: Of the charge put in, the part that arrives, as the file says.
        soc_range: What is fitted of it.
    """

    path: Path
    name: str
    time_s: Array
    voltage: Array
    current: Array
    temperature_degC: Array
    taken_Ah: Array
    put_Ah: Array
    gaps: tuple[int, ...]
    repeated: int
    test: str | None
    start_soc: float | None
    capacity_Ah: float | None
    efficiency: float | None
    soc_range: tuple[float, float]
    source: str

    @property
    def net_Ah(self) -> Array:
        """Taken less put."""
        return np.subtract(self.taken_Ah, self.put_Ah)

    @property
    def mean_degC(self) -> float:
        """The temperature that it stands for."""
        return float(np.median(self.temperature_degC))


def read_recording(path: Path, *, temperature_degC: float | None = None, sign: float = 1.0) -> Recording:
    """A recording, whole and right.

    Args:
        path: A CSV file as docs/cells.md describes it.
        temperature_degC: For a file that does not say it.
        sign: -1 where charging counts as positive.

    Raises:
        UsageError: What is wrong with it.
    """
    columns = read_columns(path, _COLUMNS, _NEEDED)
    _known(columns)
    _check(columns)
    keep, repeated = _rising(columns)
    values = {name: column[keep] for name, column in columns.values.items()}
    time = values["time"] - values["time"][0]
    current = sign * values["current"]
    taken, put = _charge(columns, time, current, keep, sign)
    _check_sign(path, values["voltage"], current)
    constant = _quantity(columns, "temperature", "temperature")
    constant = temperature_degC if constant is None else constant
    if "temperature" not in values and constant is None:
        raise UsageError(
            "says no temperature",
            place=str(path),
            remedy="add a column 'temperature [degC]', or a first line '# temperature: 25 degC', or say "
            "--temperature",
        )
    return Recording(
        path=path,
        name=path.name,
        time_s=time,
        voltage=values["voltage"],
        current=current,
        temperature_degC=values.get("temperature", np.full(time.shape, constant)),
        taken_Ah=taken,
        put_Ah=put,
        gaps=_gaps(columns, keep, time, current),
        repeated=repeated,
        test=_test(columns),
        start_soc=_start(columns),
        capacity_Ah=_quantity(columns, "capacity", "charge"),
        efficiency=_share(columns, "charge efficiency"),
        soc_range=_soc_range(columns),
        source=columns.remarks.get("source", (0, ""))[1],
    )


def _check(columns: Columns) -> None:
    rows = len(columns.lines)
    if rows < _LEAST_ROWS:
        raise UsageError(
            f"has {rows} rows of numbers",
            place=str(columns.path),
            remedy=f"at least {_LEAST_ROWS}, better some thousands",
        )
    for name, (low, high, unit, remedy) in _RANGES.items():
        values = columns.values.get(name)
        if values is None:
            continue
        wrong = np.flatnonzero((values < low) | (values > high))
        if wrong.size:
            row = int(wrong[0])
            raise columns.mistake(
                row, name, f"{values[row]:.6g} {unit} is not {low:g} to {high:g} {unit}", remedy
            )
    highest_V = float(columns.values["voltage"].max())
    if highest_V < _LEAST_V:
        raise UsageError(
            f"is {highest_V:.4g} V at most, which no cell has when it is full",
            place=str(columns.path),
            key="voltage",
            remedy="is the unit in the header right?",
        )
    if not columns.values["current"].any():
        raise UsageError("no current flows in it", place=str(columns.path), key="current")


def _rising(columns: Columns) -> tuple[np.ndarray[tuple[int], np.dtype[np.intp]], int]:
    """Rows to keep: of several with one time the last; and how many are left out.

    Cyclers write a row before and one after a step of current with one time.
    """
    time = columns.values["time"]
    steps = np.diff(time)
    back = np.flatnonzero(steps < 0.0)
    if back.size:
        row = int(back[0]) + 1
        raise columns.mistake(
            row,
            "time",
            f"goes back from {time[row - 1]:.10g} s to {time[row]:.10g} s",
            "each row is later than the one before; is it the time within a step? use that of the whole test",
        )
    keep = np.flatnonzero(np.append(steps > 0.0, [True]))
    if time[-1] - time[0] < _LEAST_S:
        raise UsageError(
            f"is {time[-1] - time[0]:.4g} s long",
            place=str(columns.path),
            remedy=f"at least {_LEAST_S:g} s; is the unit of time right?",
        )
    return keep, int(time.size - keep.size)


def _gaps(
    columns: Columns, keep: np.ndarray[tuple[int], np.dtype[np.intp]], time: Array, current: Array
) -> tuple[int, ...]:
    """Rows before which others are missing; only at rest.

    Raises:
        UsageError: Rows are missing while current flows.
    """
    steps = np.diff(time)
    usual = float(np.median(steps))
    flows = np.abs(current) > _FLOWS * np.abs(current).max()
    found = []
    for index in np.flatnonzero(steps > max(_GAP * usual, 1.0)).tolist():
        steady = np.isclose(current[index], current[index + 1], rtol=0.05) and steps[index] < 100.0 * usual
        if flows[index] and not steady:
            raise columns.mistake(
                int(keep[index + 1]),
                "time",
                f"a gap: {steps[index]:.4g} s since the row before while current flows, and rows are "
                f"{usual:.4g} s apart",
                "export all rows, or end the file there",
            )
        found.append(index + 1)
    return tuple(found)


def _charge(
    columns: Columns,
    time: Array,
    current: Array,
    keep: np.ndarray[tuple[int], np.dtype[np.intp]],
    sign: float,
) -> tuple[Array, Array]:
    """Taken and put so far: of the tester's counters if it has both, else of the current."""
    counters = [columns.values.get(name) for name in ("discharged", "charged")]
    if counters[0] is not None and counters[1] is not None:
        for name in ("discharged", "charged"):
            fallen = np.flatnonzero(np.diff(columns.values[name]) < -1e-6)
            if fallen.size:
                raise columns.mistake(
                    int(fallen[0]) + 1,
                    name,
                    "the counter falls",
                    "it must count on through the whole test; without both counters the current is summed up",
                )
        taken, put = (counter[keep] - counter[keep][0] for counter in counters if counter is not None)
        return (taken, put) if sign > 0.0 else (put, taken)
    moved = np.diff(time) * current[:-1] / _SECONDS_PER_H  # a current holds until the next row
    out, into = (np.concatenate([[0.0], np.cumsum(np.maximum(way * moved, 0.0))]) for way in (1.0, -1.0))
    return out, into


def _check_sign(path: Path, voltage: Array, current: Array) -> None:
    """More current out lowers the voltage."""
    dv, di = np.diff(voltage), np.diff(current)
    use = np.abs(di) > 0.1 * np.abs(current).max()
    if np.count_nonzero(use) >= 3 and float(dv[use] @ di[use]) > 0.0:
        raise UsageError(
            "voltage rises with current: charging seems to be positive",
            place=str(path),
            key="current",
            remedy="discharging is positive here; or say --charge-positive",
        )


def _known(columns: Columns) -> None:
    """Remarks that look like keys but are none: a slip must not pass in silence."""
    for key, (line, _) in columns.remarks.items():
        near = difflib.get_close_matches(key, _REMARKS, 1, 0.75)
        if key not in _REMARKS and near:
            raise UsageError(
                f"'# {key}:' is not known",
                place=f"{columns.path}: row {line}",
                remedy=f"did you mean {near[0]!r}?",
            )


def _quantity(columns: Columns, key: str, kind: str) -> float | None:
    if key not in columns.remarks:
        return None
    line, text = columns.remarks[key]
    try:
        value = parse(text, kind).value
    except HilError as error:
        raise UsageError(
            error.reason, place=f"{columns.path}: row {line}", key=key, remedy=error.remedy
        ) from error
    if kind == "charge" and value <= 0.0:
        raise UsageError("must be positive", place=f"{columns.path}: row {line}", key=key)
    return value


def _share(columns: Columns, key: str) -> float | None:
    value = _quantity(columns, key, "ratio")
    if value is not None and not 0.5 <= value <= 1.05:
        line, text = columns.remarks[key]
        raise UsageError(
            f"{text} is not 50 % to 105 %",
            place=f"{columns.path}: row {line}",
            key=key,
            remedy="such as 99 %",
        )
    return value


def _test(columns: Columns) -> str | None:
    if "test" not in columns.remarks:
        return None
    line, text = columns.remarks["test"]
    if text not in KINDS_OF_TEST:
        raise UsageError(
            f"{text!r} is no kind of test",
            place=f"{columns.path}: row {line}",
            key="test",
            remedy=f"one of {', '.join(KINDS_OF_TEST)}",
        )
    return text


def _start(columns: Columns) -> float | None:
    line, text = columns.remarks.get("start", (0, ""))
    named = {"full": 1.0, "empty": 0.0}
    if text in named:
        return named[text]
    value = _quantity(columns, "start", "ratio") if text else None
    if value is not None and not 0.0 <= value <= 1.0:
        raise UsageError(
            f"{text} is not 0 % to 100 %",
            place=f"{columns.path}: row {line}",
            key="start",
            remedy="full, empty, or such as 60 %",
        )
    return value


def _soc_range(columns: Columns) -> tuple[float, float]:
    if "soc" not in columns.remarks:
        return -1.0, 2.0
    line, text = columns.remarks["soc"]
    low, found, high = text.partition(" to ")
    try:
        ends = parse(low, "ratio").value, parse(high, "ratio").value
    except HilError:
        ends = 1.0, 0.0
    if not found or not 0.0 <= ends[0] < ends[1] <= 1.0:
        raise UsageError(
            f"{text!r} is no range",
            place=f"{columns.path}: row {line}",
            key="soc",
            remedy="such as 5 % to 95 %",
        )
    return ends
