"""What tests are expected to take."""

from __future__ import annotations

import ast
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

from hil.clock import NS_PER_S
from hil.errors import UsageError
from hil.report.record import Recorder
from hil.run.durations import Durations, table_of


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """Of a run: two tests of one function, one that was skipped, one of the suite's own."""
    path = tmp_path / "record.jsonl"
    took = {"test_one[x/y]": 10.0, "test_one[z]": 30.0, "test_two": 0.0}
    with Recorder(path) as to:
        for name, seconds in took.items():
            test = f"a/test_own.py::{name}"
            to.test(test, 0)
            to.verdict(test, "pass" if seconds else "skipped", "", 0, round(seconds * NS_PER_S))
    return path


def seconds(durations: Durations, test: str, than: str = "test_none.py::test_none") -> float:
    """What is expected of a test, compared to one that nothing is known of."""
    return durations.of(test) - durations.of(than) + 5.0


def test_a_test_that_ran_takes_what_it_took(record: Path) -> None:
    durations = Durations.of_run(record.parent)  # the folder of a run is as good as its record
    assert seconds(durations, "test_own.py::test_one[x/y]") == pytest.approx(10.0)
    assert seconds(durations, "elsewhere/test_own.py::test_one[z]") == pytest.approx(30.0)


def test_a_new_one_takes_what_its_function_takes(record: Path) -> None:
    durations = Durations.of_run(record)
    assert seconds(durations, "test_own.py::test_one[new]") == pytest.approx(20.0)
    assert seconds(durations, "test_own.py::test_two") == pytest.approx(5.0)  # it was skipped


def test_what_a_run_does_not_know_is_as_in_the_table(record: Path) -> None:
    full = "test_charging.py::test_a_charge_session_ends_full"
    assert Durations.of_run(record).of(full) == Durations.shipped().of(full) > 100


def test_each_function_of_the_table_is_one_of_the_suite() -> None:
    suite = files("hil") / "suite"
    table = tomllib.loads((suite / "durations.toml").read_text(encoding="utf-8"))
    for file, tests in table.items():
        body = ast.parse((suite / file).read_text(encoding="utf-8")).body
        assert set(tests) <= {node.name for node in body if isinstance(node, ast.FunctionDef)}
        assert all(0 <= seconds < 3600 for seconds in tests.values())


def test_the_table_is_made_of_records(record: Path) -> None:
    assert tomllib.loads(table_of([record])) == {"test_own.py": {"test_one": 20.0}}


def test_a_run_that_ran_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "record.jsonl").write_text("")
    with pytest.raises(UsageError, match="no test in it has ended") as told:
        Durations.of_run(tmp_path)
    assert told.value.key == "--durations"
    with pytest.raises(UsageError, match="cannot be read"):
        Durations.of_run(tmp_path / "none")
