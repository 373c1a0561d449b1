"""Table: what a run records, row by row, as columns with units; written as CSV or Parquet."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from hil.errors import RigTroubleError, UsageError

Array = np.ndarray[Any, np.dtype[np.float64]]

PARQUET_HINT = "pip install 'bms-hil[parquet]'"
_ROWS = 1024
_MOST_ROWS = 100_000  # recorded by default: enough for any picture, a few megabytes


@dataclass(frozen=True)
class Column:
    """A column's name and unit; the file's header joins them: ``current_A``."""

    name: str
    unit: str

    @property
    def header(self) -> str:
        """As the file has it."""
        return f"{self.name}_{self.unit}" if self.unit else self.name


class Table:
    """Rows of numbers; the first column is the time in s.

    Args:
        columns: After the time.
        every_s: Rows are at least so far apart; 0 keeps each.
    """

    def __init__(self, columns: Sequence[Column], every_s: float = 0.0) -> None:
        self.columns = (Column("time", "s"), *columns)
        self._every_s = every_s
        self._data: Array = np.empty((_ROWS, len(self.columns)))
        self.rows = 0

    def due(self, time_s: float) -> bool:
        """Whether a row at this time is kept."""
        if self.rows == 0:
            return True
        return time_s - float(self._data[self.rows - 1, 0]) >= self._every_s * (1.0 - 1e-9)

    def add(self, row: Sequence[float]) -> None:
        """Keep a row.

        Raises:
            RigTroubleError: A number is not finite: the model has left its range.
        """
        if not isfinite(sum(row)):
            at = next(i for i, value in enumerate(row) if not isfinite(value))
            raise RigTroubleError(
                f"{self.columns[at].header} is {row[at]} at {row[0]:.6g} s: the model has left its range"
            )
        if self.rows == len(self._data):
            self._data = np.concatenate([self._data, np.empty_like(self._data)])
        self._data[self.rows] = row
        self.rows += 1

    def __getitem__(self, name: str) -> Array:
        """A column by its name, shape (rows,)."""
        index = next(i for i, column in enumerate(self.columns) if column.name == name)
        values: Array = self._data[: self.rows, index]
        return values

    def write_csv(self, path: Path) -> None:
        """As text, one header row."""
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([column.header for column in self.columns])
            for time_s, *values in self._data[: self.rows].tolist():
                writer.writerow([f"{time_s:.10g}", *(f"{value:.7g}" for value in values)])

    def write_parquet(self, path: Path) -> None:
        """As Parquet, each column with its unit in the metadata of its field."""
        arrow, parquet = _arrow()
        fields = [
            arrow.field(column.header, arrow.float64(), nullable=False, metadata={"unit": column.unit})
            for column in self.columns
        ]
        arrays = [arrow.array(np.ascontiguousarray(values)) for values in self._data[: self.rows].T]
        parquet.write_table(arrow.Table.from_arrays(arrays, schema=arrow.schema(fields)), path)


def interval_s(duration_s: float, step_s: float, wanted_s: float | None) -> float:
    """How far apart rows are: as wanted, else each step unless those are too many."""
    return max(step_s, duration_s / _MOST_ROWS) if wanted_s is None else wanted_s


def require_parquet() -> None:
    """Know before a run that its table can be written.

    Raises:
        UsageError: PyArrow is not installed.
    """
    _arrow()


def _arrow() -> tuple[Any, Any]:
    try:
        import pyarrow as arrow  # type: ignore[import-not-found, import-untyped, unused-ignore] # noqa: PLC0415
        from pyarrow import parquet  # type: ignore[import-not-found, import-untyped, unused-ignore] # noqa: PLC0415
    except ImportError as error:
        raise UsageError("Parquet needs PyArrow", key="--format", remedy=PARQUET_HINT) from error
    return arrow, parquet
