"""Profiles: names, units and separators; every kind of mistake is told with file, row, column and remedy."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.errors import UsageError
from hil.sim.profile import Profile, read_profile

Write = Callable[[str], Path]
FIELD = st.one_of(
    st.sampled_from(["time [s]", "t_h", "current [A]", "power [kW]", "nan", "", "-0", "1e308", '"', "#"]),
    st.integers(0, 9).map(str),
    st.floats().map(str),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
)
EVEN = "".join(f"{t},1\n" for t in range(20))


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def file(text: str) -> Path:
        path = tmp_path / "p.csv"
        path.write_text(text, "utf-8")
        return path

    return file


@pytest.mark.parametrize(
    ("text", "kind", "time_s", "values"),
    [
        ("time [s],current [A]\n0,5\n10,-3\n25,0\n", "current", [0, 10, 25], [5, -3]),
        ("time_s,current_A\n0,5\n10,-3\n25,0\n", "current", [0, 10, 25], [5, -3]),
        ("Time (min);I (mA)\n1;500\n2;-250\n3;0\n", "current", [0, 60, 120], [0.5, -0.25]),
        ("power [kW]\ttime [h]\n2\t0\n0\t0.5\n", "power", [0, 1800], [2000]),
        ("\ufefftime [ms],P [W]\n# a comment\n\n0,7\n500,0\n", "power", [0, 0.5], [7]),
    ],
)
def test_names_units_and_separators(
    write: Write, text: str, kind: str, time_s: list[float], values: list[float]
) -> None:
    profile = read_profile(write(text))
    assert profile.kind == kind
    assert profile.time_s == pytest.approx(time_s)
    assert profile.values == pytest.approx(values)
    assert profile.duration_s == pytest.approx(time_s[-1])


def test_lines_are_those_of_the_file(write: Write) -> None:
    profile = read_profile(write("# of a test bench\ntime [s],current [A]\n0,1\n\n1,2\n2,3\n"))
    assert list(profile.lines) == [3, 5]
    assert str(profile.mistake(1, "too much", "less")).endswith("p.csv: row 5: current: too much (less)")


@given(st.lists(st.lists(FIELD, min_size=1, max_size=3), max_size=6))
def test_it_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, rows: Any) -> None:
    path = tmp_path_factory.mktemp("any") / "p.csv"
    path.write_text("\n".join(",".join(row) for row in rows), "utf-8")
    with suppress(UsageError):
        profile = read_profile(path)
        assert (np.diff(profile.time_s) > 0.0).all()
        assert np.isfinite(profile.time_s).all()
        assert len(profile.lines) == len(profile.values) == len(profile.time_s) - 1


@given(st.binary(max_size=200))
def test_no_bytes_make_it_fail(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "p.csv"
    path.write_bytes(data)
    with suppress(UsageError):
        read_profile(path)


def test_other_columns_are_told(write: Write) -> None:
    profile = read_profile(write("time [s],current [A],note,voltage [V]\n0,1,x,3\n1,1,y,3\n"))
    assert profile.ignored == ["note", "voltage [V]"]


def test_a_sign_can_be_turned(write: Write) -> None:
    assert read_profile(write("time_s,current_A\n0,5\n1,0\n"), sign=-1.0).values == pytest.approx([-5])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "p.csv: is empty (the first row is a header"),
        ("time [s],current [A]\n0,1\n", "p.csv: has 1 rows of numbers (at least two"),
        ("time [s],current [A]\n0,1\n1,nan\n2,1\n", "p.csv: row 3: current: 'nan' is no number"),
        ("time [s],current [A]\n0,1\n1,inf\n2,1\n", "row 3: current: 'inf' is no number"),
        ("time [s],current [A]\n0,1\n1,\n2,1\n", "row 3: current: nothing is no number (fill it in"),
        (
            "time [s];current [A]\n0;1\n1;2,5\n",
            "row 3: current: '2,5' is no number (write decimals with a point)",
        ),
        (
            "time [s],current [A]\n0,1\n1,2,5\n",
            "row 3: has 3 fields, the header 2 (a number has a decimal point",
        ),
        ("time [s],current [A]\n0,1\n1\n", "row 3: has 1 fields, the header 2"),
        (
            "time [s],current [A]\n0,1\n5,1\n4,1\n",
            "row 4: time: goes back from 5 s to 4 s (each row is later",
        ),
        ("time [s],current [A]\n0,1\n5,1\n5,1\n", "row 4: time: stands still at 5 s"),
        (
            "time [s],current [V]\n0,1\n",
            "row 1: current [V]: has the unit 'V', which is none of current (write it as",
        ),
        ("time,current [A]\n0,1\n", "row 1: time: has no unit (write it as 'time [s]')"),
        (
            "time [s],voltage [V]\n0,1\n",
            "row 1: there is no column of current or power, only 'time [s]', 'voltage",
        ),
        ("current [A]\n0\n", "row 1: there is no column of time"),
        ("time [s],current [A],power [W]\n0,1,1\n", "row 1: has both current and power (keep the one"),
        ("time [s],time [h],current [A]\n0,0,1\n", "row 1: there are two columns of time (keep one)"),
        (
            f"time_s,current_A\n{EVEN}28,1\n",
            "row 22: time: a gap: 8 s are missing before it, rows are 1 s apart",
        ),
    ],
)
def test_a_mistake_is_told_with_place_and_remedy(write: Write, text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_profile(write(text))
    assert said in str(caught.value)
    assert "p.csv" in str(caught.value)


def test_a_gap_can_be_bridged(write: Write) -> None:
    profile = read_profile(write(f"time_s,current_A\n{EVEN}28,1\n"), gaps=True)
    assert profile.duration_s == 28.0


def test_uneven_steps_are_no_gap(write: Write) -> None:
    profile = read_profile(write("time_s,current_A\n" + "".join(f"{n * n},1\n" for n in range(15))))
    assert profile.duration_s == 196.0


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_bytes(b"time [s],current [A]\n0,\xff\xfe\n")
    with pytest.raises(UsageError, match="is not UTF-8 text"):
        read_profile(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.csv: cannot be read: No such file"):
        read_profile(tmp_path / "none.csv")


def test_only_the_wanted_kinds(write: Write) -> None:
    path = write("time [s],current [A]\n0,1\n1,1\n")
    with pytest.raises(UsageError, match=r"there is no column of power, .*name it 'power \[kW\]'"):
        read_profile(path, ("power",))
    assert isinstance(read_profile(path), Profile)
