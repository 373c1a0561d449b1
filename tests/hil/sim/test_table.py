"""Tables: rows that are kept, what is not finite, and the two formats."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
import pytest

from hil.errors import RigTroubleError, UsageError
from hil.sim.table import Column, Table, interval_s


@pytest.fixture
def table() -> Table:
    table = Table([Column("current", "A"), Column("state", "")])
    for n in range(3000):
        table.add((n * 0.1, -n / 3.0, 2.0))
    return table


def test_csv_has_a_header_with_units_and_all_rows(table: Table, tmp_path: Path) -> None:
    table.write_csv(tmp_path / "t.csv")
    with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["time_s", "current_A", "state"]
    read = np.array(rows, float)
    assert read[:, 0] == pytest.approx(table["time"], rel=1e-9, abs=1e-12)
    assert read[:, 1] == pytest.approx(table["current"], rel=1e-6)


def test_parquet_gives_the_same_numbers(table: Table, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs the extra parquet")
    table.write_parquet(tmp_path / "t.parquet")
    read = parquet.read_table(tmp_path / "t.parquet")
    assert read.column_names == ["time_s", "current_A", "state"]
    assert read.schema.field("current_A").metadata == {b"unit": b"A"}
    assert np.array_equal(read["current_A"].to_numpy(), table["current"])


def test_parquet_without_its_package_gives_a_hint(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(
        UsageError, match=r"--format: Parquet needs PyArrow \(pip install 'bms-hil\[parquet\]'\)"
    ):
        table.write_parquet(Path("never"))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_is_not_finite_never_enters(bad: float) -> None:
    table = Table([Column("voltage", "V"), Column("current", "A")])
    with pytest.raises(RigTroubleError, match=rf"current_A is {bad} at 12 s: the model has left its range"):
        table.add((12.0, 3.3, bad))
    assert table.rows == 0


def test_rows_are_so_far_apart() -> None:
    table = Table([], every_s=1.0)
    for n in range(100):
        if table.due(n * 0.1):
            table.add((n * 0.1,))
    assert table["time"] == pytest.approx(np.arange(10.0))


def test_a_long_run_keeps_what_a_picture_needs() -> None:
    assert interval_s(3600.0, 1.0, None) == 1.0
    assert interval_s(365 * 86400.0, 1.0, None) == pytest.approx(315.36)
    assert interval_s(365 * 86400.0, 1.0, 1.0) == 1.0
