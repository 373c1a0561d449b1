"""The whole suite as a user runs it: its wall time, and whether one seed gives one record."""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path

from hil.bench import Figure
from hil.run.command import HIL

_GOAL_S = 30


def run() -> list[Figure]:
    """``hil run laptop`` twice with one seed."""
    with tempfile.TemporaryDirectory(prefix="hil-bench-") as folder:
        outs = [Path(folder) / name for name in ("first", "second")]
        walls = [_run(out) for out in outs]
        equal = all(_same(outs[0] / name, outs[1] / name) for name in ("record.jsonl", "trace.blf"))
    wall_s = min(walls)
    goal = f"<= {_GOAL_S}"
    return [
        Figure("hil run laptop, whole suite, wall time", wall_s, "s", goal, wall_s <= _GOAL_S),
        Figure("one seed twice: record and trace byte-equal", float(equal), "", "1", equal),
    ]


def _run(out: Path) -> float:
    begun = time.perf_counter()
    subprocess.run(
        [*HIL, "run", "laptop", "--out", str(out)],
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
