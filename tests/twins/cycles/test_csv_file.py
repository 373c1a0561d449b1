"""Cycles from files: many ways to write one are read, what is wrong is told with file, row and remedy."""

from math import radians, tan
from pathlib import Path

import numpy as np
import pytest

from twins import cycles
from twins.cycles import CycleError

GOOD = {
    "brackets": "time [s],speed [km/h],grade [%],payload [t]\n0,0,2,1\n1,3.6,2,1\n2,7.2,2,1\n",
    "suffix": "time_s,speed_kmh,grade_pct,payload_t\n0,0,2,1\n1,3.6,2,1\n2,7.2,2,1\n",
    "round": "Time (s);Speed (m/s);Grade (1);Payload (kg)\n0;0;0,02;1000\n1;1,0;0,02;1000\n2;2,0;0,02;1000\n",
    "tabs": "t [s]\tv [mps]\tslope [%]\tload [kg]\n5\t0\t2\t1000\n6\t1\t2\t1000\n7\t2\t2\t1000\n",
    "comment": "# by hand\n\nt [ms],v [km/h],grade [%],payload [t]\n0,0,2,1\n1000,3.6,2,1\n2000,7.2,2,1\n",
    "bom": "\ufefftime [s],speed [km/h],grade [%],payload [t]\n0,0,2,1\n1,3.6,2,1\n2,7.2,2,1\n",
}


@pytest.mark.parametrize("case", GOOD)
def test_a_cycle_is_read_however_it_is_written(case: str, tmp_path: Path) -> None:
    path = tmp_path / "trip.csv"
    path.write_text(GOOD[case], "utf-8")
    cycle = cycles.load(path)
    assert cycle.name == "trip"
    assert cycle.time_s == pytest.approx([0, 1, 2])
    assert cycle.speed_mps == pytest.approx([0, 1, 2])
    assert cycle.grade == pytest.approx([0.02] * 3)
    assert cycle.payload_kg == pytest.approx([1000] * 3)


def test_the_names_of_the_laboratories_are_known_and_the_rest_is_named(tmp_path: Path) -> None:
    path = tmp_path / "lab.csv"
    path.write_text("cycSecs,cycMps,cycGrade,cycRoadType\n0,0,0,0\n1,2,0.01,0\n")
    cycle = cycles.load(str(path))
    assert cycle.ignored == ("cycRoadType",)
    assert cycle.payload_kg is None
    assert cycle.distance_m == pytest.approx(1.0)
    assert cycle.climb_m == pytest.approx(0.01, rel=1e-3)


def test_a_grade_may_be_an_angle(tmp_path: Path) -> None:
    path = tmp_path / "angle.csv"
    path.write_text("time [s],speed [m/s],grade [deg]\n0,0,3\n1,1,-3\n")
    assert cycles.load(path).grade == pytest.approx([tan(radians(3)), -tan(radians(3))])


HEAD = "time [s],speed [km/h],grade [%]\n"
BAD = {
    "empty": ("", "bad.csv: is empty"),
    "head only": (HEAD, "bad.csv: has no rows below its header"),
    "one row": (HEAD + "0,0,0\n", "bad.csv: has fewer than two points"),
    "no speed": (
        "time [s],rpm\n0,1\n1,1\n",
        "row 1: has no column of speed; name it in the header: 'speed [km/h]'",
    ),
    "no unit": ("time [s],speed\n0,0\n1,1\n", "row 1: column 'speed' has no unit; write one of m/s"),
    "wrong unit": ("time [s],speed [V]\n0,0\n1,1\n", "row 1: column 'speed [V]' has the unit 'v'"),
    "twice": ("time [s],speed [m/s],v [km/h]\n0,0,0\n", "row 1: has two columns of speed"),
    "text": (HEAD + "0,0,0\n1,fast,0\n", "row 3: speed is no number: 'fast'"),
    "hole": (HEAD + "0,0,0\n1,,0\n", "row 3: speed is missing; fill the gap or remove the row"),
    "short": (HEAD + "0,0,0\n1\n", "row 3: speed is missing"),
    "nan": (HEAD + "0,0,0\n1,nan,0\n2,0,0\n", "row 3: speed is nan"),
    "inf": (HEAD + "0,0,0\n1,0,inf\n", "row 3: grade is inf"),
    "backwards": (HEAD + "0,0,0\n2,1,0\n1,1,0\n", "row 4: time goes backwards; sort the rows by time"),
    "same": (HEAD + "0,0,0\n0,1,0\n", "row 3: time stands still"),
    "negative": (HEAD + "0,0,0\n1,-2,0\n", "row 3: speed is negative"),
    "fast": (HEAD + "0,0,0\n100,400,0\n", "row 3: speed is above 100 m/s; look at the unit"),
    "steep": (HEAD + "0,0,0\n1,1,60\n", "row 3: grade is beyond 50%; look at the unit"),
    "jump": ("time [s],speed [m/s]\n0,0\n1,40\n2,0\n", "row 3: speed changes by more than 15 m/s²"),
    "load": (
        "time [s],speed [m/s],payload [t]\n0,0,0\n1,1,0\n2,1,9\n",
        "row 4: payload changes while the vehicle moves; load and unload at a standstill",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_wrong_file_is_told_with_file_row_and_remedy(case: str, tmp_path: Path) -> None:
    text, said = BAD[case]
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(CycleError) as caught:
        cycles.load(path)
    assert said in str(caught.value)
    assert str(path) in caught.value.place
    assert caught.value.remedy


def recording(tmp_path: Path, times: list[float], speed: float, unit: str = "s") -> Path:
    path = tmp_path / "log.csv"
    rows = [f"{time},{speed if 0 < n < len(times) - 1 else 0}" for n, time in enumerate(times)]
    path.write_text(f"time [{unit}],speed [m/s]\n" + "\n".join(rows) + "\n")
    return path


def test_a_recording_with_a_gap_is_refused(tmp_path: Path) -> None:
    times = [float(n) for n in range(40) if not 20 <= n < 30]
    with pytest.raises(CycleError, match="row 22: a gap of 11 s while the vehicle moves; rows are 1 s apart"):
        cycles.load(recording(tmp_path, times, 5.0))


def test_a_recorder_may_sleep_at_a_standstill(tmp_path: Path) -> None:
    times = [float(n) for n in range(40) if not 20 <= n < 30]
    assert cycles.load(recording(tmp_path, times, 0.0)).duration_s == 39.0


def test_milliseconds_that_are_called_seconds_are_noticed(tmp_path: Path) -> None:
    with pytest.raises(CycleError, match=r"has a step of 1000 s between rows; .*are they ms"):
        cycles.load(recording(tmp_path, [1000.0 * n for n in range(40)], 5.0))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(CycleError, match=r"gone\.csv: cannot be read: No such file"):
        cycles.load(tmp_path / "gone.csv")
    binary = tmp_path / "photo.csv"
    binary.write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(CycleError, match="is no UTF-8 text"):
        cycles.load(binary)


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(CycleError, match="yord: there is no such cycle; did you mean 'yard'"):
        cycles.load("yord")


def test_arrays_are_checked_as_files_are() -> None:
    with pytest.raises(CycleError, match="mine: point 2: speed is no finite number"):
        cycles.Cycle("mine", np.array([0.0, 1.0]), np.array([0.0, np.nan]), np.zeros(2))
