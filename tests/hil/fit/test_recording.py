"""A recording that is wrong is refused: file, row, column, reason, remedy."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hil.errors import UsageError
from hil.fit.recording import Recording, read_recording

HEADER = "time [s],voltage [V],current [A],temperature [degC]"


def rows(count: int = 200, step_s: float = 10.0) -> list[str]:
    return [f"{k * step_s:g},{3.3 - 0.01 * (k % 4):.3f},{10.0 * (k % 4):g},25" for k in range(count)]


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str, list[str]], Path]:
    def make(header: str, lines: list[str]) -> Path:
        path = tmp_path / "data.csv"
        path.write_text("\n".join([header, *lines]) + "\n", "utf-8")
        return path

    return make


def changed(index: int, line: str) -> list[str]:
    lines = rows()
    lines[index] = line
    return lines


BAD = {
    "nan": (HEADER, changed(5, "50,nan,10,25"), r"row 7: voltage \[V\]: 'nan' is no number"),
    "empty field": (HEADER, changed(5, "50,,10,25"), r"row 7: voltage \[V\]: nothing is no number"),
    "infinite": (HEADER, changed(5, "50,inf,10,25"), r"row 7: voltage \[V\]: 'inf' is no number"),
    "words": (HEADER, changed(5, "50,OVER,10,25"), "row 7: .*'OVER' is no number"),
    "decimal comma": (
        HEADER,
        changed(5, "50,3,3,10,25"),
        r"row 7: has 5 fields, the header 4 \(.*decimal point",
    ),
    "short row": (HEADER, changed(5, "50,3.3"), "row 7: has 2 fields, the header 4"),
    "time back": (
        HEADER,
        changed(5, "20,3.3,10,25"),
        r"row 7: time: goes back from 40 s to 20 s \(.*time within",
    ),
    "gap": (HEADER, rows()[:50] + rows()[90:], r"row 52: time: a gap: 410 s since .* rows are 10 s apart"),
    "no voltage": (HEADER.replace("voltage", "level"), rows(), r"row 1: there is no column of voltage, only"),
    "misspelt": (
        HEADER.replace("voltage", "votlage"),
        rows(),
        r"is 'votlage' meant\? name it 'voltage \[V\]'",
    ),
    "no unit": (
        "time,voltage [V],current [A],temperature [degC]",
        rows(),
        r"row 1: time: has no unit \(.*'time \[s\]'",
    ),
    "wrong unit": (
        HEADER.replace("[A]", "[V]"),
        rows(),
        r"row 1: current \[V\]: has the unit 'V', which is none of",
    ),
    "twice": (
        HEADER.replace("temperature [degC]", "U [V]"),
        rows(),
        r"two columns of voltage: 'voltage \[V\]' and",
    ),
    "too few": (HEADER, rows(20), "has 20 rows of numbers"),
    "too short": (HEADER, rows(step_s=0.1), r"is 19.9 s long \(.*unit of time"),
    "millivolts": (
        HEADER,
        [r.replace(",3.", ",33") for r in rows()],
        "row 2: voltage: 33[0-9]+ V is not -0.5 to 6 V",
    ),
    "volts under millivolts": (
        HEADER.replace("[V]", "[mV]"),
        rows(),
        r"voltage: is 0\.003[0-9]* V at most, which no cell has .*unit in the header right",
    ),
    "pack": (
        HEADER,
        [r.replace(",3.", ",48.") for r in rows()],
        "row 2: voltage: .*of one cell, not of a pack",
    ),
    "kelvin": (HEADER, [r[:-2] + "298" for r in rows()], "row 2: temperature: 298 degC is not -60 to 150"),
    "sign": (
        HEADER,
        [
            r.replace(",1", ",-1").replace(",2", ",-2").replace("-25", "25").replace(",30,", ",-30,")
            for r in rows()
        ],
        "current: voltage rises with current: .*--charge-positive",
    ),
    "no current": (HEADER, [re.sub(r",[0-9]+,25$", ",0,25", r) for r in rows()], "current: no current flows"),
    "empty": ("", [], "is empty"),
    "remark slip": (
        f"# strat: full\n{HEADER}",
        rows(),
        r"row 1: '# strat:' is not known \(did you mean 'start'",
    ),
    "remark unit": (f"# temperature: 25\n{HEADER}", rows(), "row 1: temperature: '25' has no unit"),
    "remark start": (f"# start: 120 %\n{HEADER}", rows(), "row 1: start: 120 % is not 0 % to 100 %"),
    "remark kind": (
        f"# test: quick\n{HEADER}",
        rows(),
        "row 1: test: 'quick' is no kind of test .*slow, dynamic",
    ),
    "remark range": (f"# soc: 95 % to 5 %\n{HEADER}", rows(), "row 1: soc: .*is no range"),
    "remark efficiency": (
        f"# charge efficiency: 20 %\n{HEADER}",
        rows(),
        "row 1: charge efficiency: 20 % is not",
    ),
    "remark capacity": (f"# capacity: -5 Ah\n{HEADER}", rows(), "row 1: capacity: must be positive"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_told(file: Callable[[str, list[str]], Path], name: str) -> None:
    header, lines, said = BAD[name]
    path = file(header, lines)
    with pytest.raises(UsageError) as raised:
        read_recording(path)
    assert str(raised.value).startswith(str(path))
    assert re.search(said, str(raised.value)), str(raised.value)


def test_a_file_that_is_not_there_and_one_that_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        read_recording(tmp_path / "none.csv")
    path = tmp_path / "x.csv"
    path.write_bytes(b"\xff\xfe\x00t")
    with pytest.raises(UsageError, match="is not UTF-8 text"):
        read_recording(path)


def test_a_file_without_temperature_needs_it_from_elsewhere(file: Callable[[str, list[str]], Path]) -> None:
    header, lines = "time [s],voltage [V],current [A]", [r.rsplit(",", 1)[0] for r in rows()]
    with pytest.raises(UsageError, match=r"says no temperature \(add a column"):
        read_recording(file(header, lines))
    assert read_recording(file(header, lines), temperature_degC=10.0).mean_degC == 10.0
    said = read_recording(file(f"# temperature: 15 degC\n{header}", lines), temperature_degC=10.0)
    assert said.mean_degC == 15.0


def test_units_and_names_as_testers_write_them(file: Callable[[str, list[str]], Path]) -> None:
    header = "Test Time (min);Cell_Voltage(mV);Current/mA;Temperature_degC;Step"
    lines = [f"{k / 6:.6f};{3300 - 10 * (k % 4)};{10_000 * (k % 4)};25;1" for k in range(200)]
    read = read_recording(file(header, lines))
    assert read.time_s[:3] == pytest.approx([0.0, 10.0, 20.0], abs=1e-3)
    assert read.voltage[1] == pytest.approx(3.29)
    assert read.current[:4] == pytest.approx([0.0, 10.0, 20.0, 30.0])


def test_charge_is_summed_up_or_taken_from_the_counters(file: Callable[[str, list[str]], Path]) -> None:
    plain = read_recording(file(HEADER, rows()))
    assert plain.taken_Ah[-1] == pytest.approx(10.0 * sum(10.0 * (k % 4) for k in range(199)) / 3600.0)
    assert not plain.put_Ah.any()
    header = f"{HEADER},Discharge_Capacity(Ah),Charge_Capacity(Ah)"
    counted = [f"{line},{k * 0.1:.1f},0" for k, line in enumerate(rows())]
    assert read_recording(file(header, counted)).taken_Ah[-1] == pytest.approx(19.9)
    counted[10] = counted[10].replace(",1.0,0", ",0.0,0")
    with pytest.raises(UsageError, match="row 12: discharged: the counter falls"):
        read_recording(file(header, counted))


def test_the_last_of_rows_with_one_time_counts(file: Callable[[str, list[str]], Path]) -> None:
    lines = rows()
    lines.insert(5, "50,3.9,-5,25")
    read: Recording = read_recording(file(HEADER, lines))
    assert read.repeated == 1
    assert len(read.time_s) == 200
    assert read.voltage.max() == pytest.approx(3.3)


def test_a_gap_at_rest_is_no_mistake(file: Callable[[str, list[str]], Path]) -> None:
    lines = rows(100)
    lines += [f"{float(line.split(',')[0]) + 5000:g},{line.split(',', 1)[1]}" for line in rows(100)]
    lines[99] = "990,3.3,0,25"
    read = read_recording(file(HEADER, lines))
    assert read.gaps == (100,)
    assert np.diff(read.time_s).max() == pytest.approx(4010.0)


def test_where_charging_is_positive(file: Callable[[str, list[str]], Path]) -> None:
    lines = [re.sub(r",([0-9]+),25$", r",-\1,25", line) for line in rows()]
    read = read_recording(file(HEADER, lines), sign=-1.0)
    assert read.current.max() == pytest.approx(30.0)
    assert read.taken_Ah[-1] > 0.0
