"""The whole suite as a user runs it: its wall time, and whether one seed gives one record."""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path

from hil.bench import Figure
from hil.run.command import HIL

_GOAL_S = 90
_GOAL_TWO = 1.7


def run() -> list[Figure]:
    """``hil run laptop`` twice with one seed, and two tests at a time in between."""
    with tempfile.TemporaryDirectory(prefix="hil-bench-") as folder:
        outs = [Path(folder) / name for name in ("first", "second")]
        first_s, two_s, second_s = _run(outs[0]), _run(Path(folder) / "two", "-j", "2"), _run(outs[1])
        equal = all(_same(outs[0] / name, outs[1] / name) for name in ("record.jsonl", "trace.blf"))
    wall_s = min(first_s, two_s, second_s)
    goal = f"<= {_GOAL_S}"
    ratio = (first_s + second_s) / 2 / two_s  # of this run, whose machine may be slow or fast
    return [
        Figure("hil run laptop, whole suite, on two cores", wall_s, "s", goal, wall_s <= _GOAL_S),
        Figure("the same, one test at a time", min(first_s, second_s), "s", "", None),
        Figure("two tests at a time: faster by", ratio, "x", f">= {_GOAL_TWO}", ratio >= _GOAL_TWO),
        Figure("one seed twice: record and trace byte-equal", float(equal), "", "1", equal),
    ]


def _run(out: Path, *options: str) -> float:
    begun = time.perf_counter()
    subprocess.run(
        [*HIL, "run", "laptop", "--out", str(out), *options],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - begun


def _same(first: Path, second: Path) -> bool:
    """Equal bytes; of a record all but its first line, which holds date and paths."""
    a, b = first.read_bytes(), second.read_bytes()
    if first.suffix == ".jsonl":
        a, b = a.partition(b"\n")[2], b.partition(b"\n")[2]
    return a == b
