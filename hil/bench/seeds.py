"""False alarms: the unbroken BMS of each shipped rig under many seeds, each with other cells and noise."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

from hil.bench import Figure
from hil.errors import UsageError
from hil.report.record import read_events
from hil.run.command import HIL
from hil.run.traces import NONE

_INTERRUPTED = 130
RIGS = ("laptop", "truck", "storage", "modular", "fd")


@dataclass
class _Tally:
    """What became of the runs of one rig."""

    tests: int = 0
    alarms: list[str] = field(default_factory=list)
    own: list[str] = field(default_factory=list)


def run(
    rigs: Sequence[str], seeds: Sequence[int], jobs: int, out: Path | None, say: Callable[[str], None]
) -> Iterator[Figure]:
    """The whole suite on each rig with each seed.

    Args:
        rigs: Shipped rigs, or rig files whose BMS is known to be right.
        seeds: Of the noise; a seed also decides how the cells are spread.
        jobs: How many runs there are at a time, each in one process: none waits for another's last test.
        out: Where the records are kept; a run that ended there is not repeated, so a measurement of hours
            that was interrupted goes on. ``None``: nowhere.
        say: Told how it goes.

    Raises:
        UsageError: If a rig file is wrong: no run gave a verdict; or two have one name.
    """
    _check_names(rigs)
    folder = tempfile.TemporaryDirectory(prefix="hil-seeds-") if out is None else nullcontext(str(out))
    with folder as name:
        pool = ThreadPoolExecutor(jobs)
        try:
            runs = {(r, s): pool.submit(_verdicts, r, s, Path(name)) for r in rigs for s in seeds}
            for rig in rigs:
                tally = _Tally()
                for seed in seeds:
                    _add(tally, seed, runs[rig, seed].result())
                    say(f"{rig}, seed {seed}: {_told(tally)}")
                yield from _figures(Path(rig).stem, len(seeds), tally)
        finally:
            pool.shutdown(cancel_futures=True)


def _check_names(rigs: Sequence[str]) -> None:
    """Records and figures go by the name of the rig file."""
    for other, rig in combinations(rigs, 2):
        if Path(rig).stem == Path(other).stem:
            remedy = "measure it alone, in another --out"
            raise UsageError(f"it is named as {other} is", place=rig, remedy=remedy)


def _verdicts(rig: str, seed: int, folder: Path) -> list[tuple[str, str]]:
    """``(verdict, test)`` of a run, from its record if there is one."""
    out = folder / f"{Path(rig).stem}-{seed}"
    record = out / "record.jsonl"
    events = read_events(record) if record.is_file() else []
    if not any(event["event"] == "end" and event["exit_code"] != _INTERRUPTED for event in events):
        shutil.rmtree(out, ignore_errors=True)
        how = ["--seed", str(seed), "--trace", NONE]  # the seed gives its frames again
        command = [*HIL, "run", rig, *how, "--out", str(out)]
        quiet, heard = subprocess.DEVNULL, subprocess.PIPE
        ended = subprocess.run(command, stdout=quiet, stderr=heard, text=True, check=False)
        events = read_events(record) if record.is_file() else []
        if not events:
            raise UsageError(f"no test was run: {ended.stderr.strip()}", place=rig, remedy=f"hil run {rig}")
    return [(event["verdict"], event["test"]) for event in events if event["event"] == "verdict"]


def _add(tally: _Tally, seed: int, verdicts: list[tuple[str, str]]) -> None:
    for verdict, test in verdicts:
        tally.tests += verdict != "skipped"
        if verdict == "fail":
            tally.alarms.append(f"{test} with seed {seed}")
        elif verdict not in ("pass", "skipped"):
            tally.own.append(f"{test} with seed {seed} ({verdict})")


def _told(tally: _Tally) -> str:
    parts = [f"{tally.tests} tests so far", f"{len(tally.alarms)} false alarms", *tally.alarms]
    return ", ".join(parts + ([f"no verdict: {', '.join(tally.own)}"] if tally.own else []))


def _figures(rig: str, seeds: int, tally: _Tally) -> Iterator[Figure]:
    alarms, own = len(tally.alarms), len(tally.own)
    yield Figure(f"{rig}: false alarms, {seeds} seeds", alarms, f"of {tally.tests}", "0", alarms == 0)
    yield Figure(f"{rig}: tests without a verdict", own, f"of {tally.tests}", "0", own == 0)
