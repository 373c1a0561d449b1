"""How long each test is expected to take, in bus time: as in an earlier run, else as the suite's table says.

The table is ``hil/suite/durations.toml``, made out of the records of runs by::

    python -m hil.run.durations hil-out/RUN/record.jsonl > hil/suite/durations.toml
"""

from __future__ import annotations

import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from statistics import fmean

from hil.checks.verdict import Verdict
from hil.clock import NS_PER_S
from hil.errors import UsageError
from hil.report.record import Event, read_events
from hil.run.output import RECORD_NAME

_NEW_S = 5.0  # of a test that no table knows, which is what most take
_WORLD_S = 2.0  # a world takes as long to make as so much bus time to pass


class Durations:
    """What tests take, by their names within their files: ``test_x.py::test_y[z]``.

    Args:
        exact: Seconds of bus time by name.
        usual: Seconds of bus time by the name without parameters, for tests that ``exact`` does not know.
    """

    def __init__(self, exact: Mapping[str, float], usual: Mapping[str, float]) -> None:
        self._exact = exact
        self._usual = usual

    @classmethod
    def shipped(cls) -> Durations:
        """Of the suite, by its table."""
        return cls({}, _table())

    @classmethod
    def of_run(cls, path: Path) -> Durations:
        """Of an earlier run: its record, or the folder of it; what did not run in it is as in the table.

        Raises:
            UsageError: If there is no such record, or no test in it has ended.
        """
        record = path / RECORD_NAME if path.is_dir() else path
        took = list(_took(read_events(record)))
        if not took:
            raise UsageError("no test in it has ended", place=str(record), key="--durations")
        return cls(dict(took), {**_table(), **_means(took)})

    def of(self, test: str) -> float:
        """Seconds that a test, by its node id, is expected to take."""
        name = _name(test)
        known = self._exact.get(name)
        return _WORLD_S + (self._usual.get(_function(name), _NEW_S) if known is None else known)


def _name(test: str) -> str:
    """A node id without the folders of its file, which depend on where pytest was started."""
    file, colons, rest = test.partition("::")
    return f"{file.rpartition('/')[2]}{colons}{rest}"


def _function(name: str) -> str:
    return name.partition("[")[0]


def _took(events: Iterable[Event]) -> Iterator[tuple[str, float]]:
    """Name and seconds of all tests that ran."""
    for event in events:
        if event["event"] == "verdict" and event["verdict"] != Verdict.SKIPPED.value:
            yield _name(event["test"]), event["sim_ns"] / NS_PER_S


def _means(took: Iterable[tuple[str, float]]) -> dict[str, float]:
    by_function: dict[str, list[float]] = defaultdict(list)
    for name, seconds in took:
        by_function[_function(name)].append(seconds)
    return {name: fmean(seconds) for name, seconds in by_function.items()}


@lru_cache(maxsize=1)
def _table() -> dict[str, float]:
    text = (files("hil") / "suite" / "durations.toml").read_text(encoding="utf-8")
    return {f"{file}::{name}": s for file, tests in tomllib.loads(text).items() for name, s in tests.items()}


def table_of(records: Iterable[Path]) -> str:
    """The table that these runs make.

    Raises:
        UsageError: If one cannot be read.
    """
    means = _means(pair for record in records for pair in _took(read_events(record)))
    lines = [
        "# What a test of the suite takes: seconds of bus time, the mean over the tests of a function.",
        "# Shares of a run are dealt by it. Made by hil/run/durations.py, out of a run of `laptop`.",
    ]
    last = ""
    for name in sorted(means):
        file, _, function = name.partition("::")
        lines += [f'\n["{file}"]'] if file != last else []
        lines.append(f"{function} = {means[name]:.1f}")
        last = file
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(table_of(map(Path, sys.argv[1:])))
