"""The published THUN100 set of a Winston 100 Ah cell, rewritten as `hil fit-cell` reads tests.

Usage: ``python -m hil.fit.thun100 FOLDER OUT``; then ``hil fit-cell OUT/*.csv``. FOLDER holds the set
(github.com/ErhanYILMAZ/DESC_Model, folder of the cell, MIT), each file gzip'ed. A test has scripts S1..S4:
OCV (C/50): Step, Current [A, < 0 discharges], VCell1 [V], AhCha, AhDch [Ah], no time; S1 (to empty) and
S3 (to full) run at the test's temperature, S2 and S4, their tails, at 25 degC.
DYN (1 s): time [s], step, voltage [V], current [A, > 0 discharges], chgAh, disAh [Ah]. S1 runs at the
test's temperature, S2 (to empty) and S3 (C/10 charge) at 25 degC.

More charge is put in than taken out; what arrives is the ratio of the whole test. The -5 degC dynamic
set lacks its S2, so its capacity is not known: of it only the resistance is taken. Above 95 % the count
of charge of the C/10 charges is not good to the 1 % that the last rise takes, so 5 to 95 % of them is
fitted. The cell's own temperature was not recorded.
"""

from __future__ import annotations

import argparse
import gzip
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hil.fit.columns import Array

_SLOW = {-5: "N05", 5: "P05", 15: "P15", 25: "P25", 45: "P45", 55: "P55"}
_DYNAMIC = {-5: "DYN_20_N05", 15: "DYN_40_P15", 25: "DYN_50_P25", 45: "DYN_50_P45"}
_SLOW_A, _REST_S, _ROW_S, _CHAMBER_DEGC = 2.0, 60.0, 10.0, 25.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Rewrite all of it."""
    parser = argparse.ArgumentParser(description="Rewrite the THUN100 set for hil fit-cell.")
    parser.add_argument("folder", type=Path, help="where the THUN100_*.csv.gz files lie")
    parser.add_argument("out", type=Path, help="folder for the CSV files")
    given = parser.parse_args(arguments)
    given.out.mkdir(parents=True, exist_ok=True)
    for celsius in _SLOW:
        _write(
            given.out / f"slow_{celsius}.csv", ["test: slow"], _slow(given.folder, celsius), temperature=True
        )
    for celsius in _DYNAMIC:
        for name, head, rows in _dynamic(given.folder, celsius):
            _write(given.out / f"{name}_{celsius}.csv", head, rows, temperature=False)
    return 0


def _read(folder: Path, name: str) -> Array:
    with gzip.open(folder / f"THUN100_{name}.csv.gz", "rt", encoding="ascii") as file:
        return np.loadtxt(file, delimiter=",", skiprows=1)


def _slow(folder: Path, celsius: int) -> Array:
    """Time, voltage, current, temperature, discharged, charged of all four scripts, one after another."""
    parts, start_s, counted = [], 0.0, np.zeros(2)
    for script in range(1, 5):
        rows = _read(folder, f"OCV_{_SLOW[celsius]}_S{script}")
        charged, discharged = rows[:, 3], rows[:, 4]
        moved_s = np.diff(charged + discharged) / _SLOW_A * 3600.0
        time = start_s + np.concatenate([[_REST_S], np.cumsum(np.maximum(moved_s, _ROW_S)) + _REST_S])
        warm = np.full(len(rows), celsius if script in (1, 3) else _CHAMBER_DEGC)
        here = [counted[0] + discharged, counted[1] + charged]
        parts.append(np.column_stack([time, rows[:, 2], -rows[:, 1], warm, *here]))
        start_s, counted = float(time[-1]), np.array([here[0][-1], here[1][-1]])
    return np.vstack(parts)


def _dynamic(folder: Path, celsius: int) -> list[tuple[str, list[str], Array]]:
    """The dynamic discharge, and the C/10 charge after it."""
    s1 = _read(folder, f"{_DYNAMIC[celsius]}_S1")
    columns = [0, 2, 3, 5, 4]
    arriving, capacity = _counted(folder, max(celsius, min(t for t in _DYNAMIC if t > 0)))
    known = [f"capacity: {capacity:.4f} Ah", f"charge efficiency: {100 * arriving:.4f} %"]
    kind = "dynamic" if celsius > 0 else "resistance"
    down = [f"test: {kind}", f"temperature: {celsius} degC", "start: full", *known]
    found = [("dynamic", down, s1[:, columns])]
    if celsius > 0:
        up = [
            "test: dynamic",
            f"temperature: {_CHAMBER_DEGC:g} degC",
            "start: empty",
            *known,
            "soc: 5 % to 95 %",
        ]
        found.append(("charge", up, _read(folder, f"{_DYNAMIC[celsius]}_S3")[:, columns]))
    return found


def _counted(folder: Path, celsius: int) -> tuple[float, float]:
    """What arrives of the charge put in, and the capacity in Ah, of a whole test."""
    s1, s2, s3 = (_read(folder, f"{_DYNAMIC[celsius]}_S{script}")[-1] for script in (1, 2, 3))
    arriving = (s1[5] + s2[5]) / (s1[4] + s3[4])
    return float(arriving), float(s1[5] + s2[5] - arriving * s1[4])


def _write(path: Path, head: Sequence[str], rows: Array, *, temperature: bool) -> None:
    warm = ",temperature [degC]" if temperature else ""
    head = [*head, "source: THUN100 set, engineerhan, github.com/ErhanYILMAZ/DESC_Model, MIT licence"]
    header = f"time [s],voltage [V],current [A]{warm},discharged [Ah],charged [Ah]"
    text = "".join(f"# {line}\n" for line in head) + header
    np.savetxt(path, rows, delimiter=",", header=text, comments="", fmt="%.10g")


if __name__ == "__main__":
    raise SystemExit(main())
