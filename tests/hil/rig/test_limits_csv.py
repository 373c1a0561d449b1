"""Limits from a CSV file of a requirements tool."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hil.errors import RigFileErrors
from hil.rig.load import load_rig
from hil.rig.schema import RigConfig

Loader = Callable[..., RigConfig]
# a table's own header would end [limits], so the file stands before the small rig's limits
NAMED = ("[limits.cell_overvoltage]", '[limits]\nfile = "limits.csv"\n\n[limits.cell_overvoltage]')
HEAD = "name,key,value,requirement,source\n"


def _write(folder: Path, text: str, encoding: str = "utf-8") -> None:
    (folder / "limits.csv").write_text(text, encoding)


def _mistakes(load: Loader) -> str:
    with pytest.raises(RigFileErrors) as caught:
        load("", NAMED)
    return str(caught.value)


def test_rows_become_limits(load: Loader, tmp_path: Path) -> None:
    _write(
        tmp_path,
        HEAD + "cell_undervoltage,threshold,2.5 V,BMS-17,spec 4.2\n"
        "cell_undervoltage,release,2.9 V,BMS-18,spec 4.2\n"
        "# a note\n\n"
        "cell_undervoltage,delay,500 ms,BMS-17,\n"
        "cell_undervoltage,states,operate,,\n"
        "retries,count,3,,\n"
        "retries,above,no,,\n"
        "retries,extra.done,95 %,,\n"
        "frame_timeout,messages.CMU_*,250 ms,,\n",
    )
    limits = load("", NAMED).limits
    low = limits["cell_undervoltage"]
    assert (low.threshold, low.release, low.delay, low.above) == (2.5, 2.9, 500_000_000, False)
    assert (low.states, low.requirement, low.source) == (("operate",), "BMS-17, BMS-18", "spec 4.2")
    assert (limits["retries"].count, limits["retries"].above) == (3, False)
    assert limits["retries"].number("done") == 0.95
    assert limits["frame_timeout"].messages["CMU_Pack"] == 250_000_000


def test_a_count_of_thousands_of_digits_is_told(load: Loader, tmp_path: Path) -> None:
    _write(tmp_path, f"{HEAD}retries,count,{'9' * 5000},,\n")
    assert "row 2, column value: '999" in _mistakes(load)


def test_a_name_that_no_file_has_is_told(load: Loader) -> None:
    strange = (NAMED[0], NAMED[1].replace("limits.csv", "l\\u0000.csv"))
    with pytest.raises(RigFileErrors, match=r"limits\.file: '.*l\\x00.csv' cannot be read: embedded null"):
        load("", strange)


def test_counts_curves_and_tolerances(load: Loader, tmp_path: Path) -> None:
    _write(
        tmp_path,
        HEAD + "interlock,events,5,R-1,\n"
        "interlock,period,CMU_Pack,R-1,\n"
        "interlock,timing,20 ms: a task of 10 ms samples it,R-2,\n"
        "charge_current,threshold,160 A,,\n"
        'charge_current,curve.soc,"95 %: 100 %; 100 %: 16 A",R-3,\n'
        "charge_current,curve.tolerance,2 %,R-3,\n",
    )
    limits = load("", NAMED).limits
    assert (limits["interlock"].delay, limits["interlock"].delay.latest) == (500_000_000, 520_000_000)
    assert limits["interlock"].delay.timing.reason == "a task of 10 ms samples it"
    assert limits["interlock"].requirement == "R-1, R-2"
    curve = limits["charge_current"].curve("soc")
    assert (curve.points, curve.tolerance) == (((0.95, 160.0), (1.0, 16.0)), pytest.approx(3.2))


def test_the_rig_file_goes_first(load: Loader, tmp_path: Path) -> None:
    _write(tmp_path, HEAD + "cell_overvoltage,threshold,4.2 V,,\ncell_overvoltage,reaction,100 ms,R-1,\n")
    limit = load("", NAMED).limits["cell_overvoltage"]
    assert (limit.threshold, limit.reaction, limit.requirement) == (3.65, 100_000_000, "R-1")


def test_as_a_german_spreadsheet_saves_it(load: Loader, tmp_path: Path) -> None:
    text = "Name;Status;Key;Value;Unit\nlow;approved;threshold;2,5;V\nlow;approved;release;2,9;V\n"
    _write(tmp_path, text, "utf-8-sig")
    assert load("", NAMED).limits["low"].threshold == 2.5


def test_a_csv_of_an_extending_file_goes_before_what_it_extends(load: Loader, tmp_path: Path) -> None:
    load()
    _write(tmp_path, HEAD + "cell_overvoltage,threshold,3.6 V,,\ncell_overvoltage,delay,1 s,,\n")
    own = 'extends = "rig.toml"\n[limits]\nfile = "limits.csv"\ncell_overvoltage.delay = "2 s"\n'
    (tmp_path / "own.toml").write_text(own, "utf-8")
    limit = load_rig(tmp_path / "own.toml").limits["cell_overvoltage"]
    assert (limit.threshold, limit.delay, limit.release) == (3.6, 2_000_000_000, 3.45)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ("low,threshold,2.5,,", "row 2, column value: '2.5' has no unit"),
        ("low,timing,20 ms,,", "row 2, column value: is a tolerance without a reason"),
        ("low,events,some,,", "row 2, column value: 'some' should be a valid integer"),
        ("low,curve.soc,95 %,,", "row 2, column value: '95 %' is no list of points"),
        ("low,curve.warmth,95 %,,", "row 2, column key: unknown key 'curve.warmth'"),
        ("low,threshold,2.5 Q,,", "row 2, column value: '2.5 Q' has an unknown unit 'Q'"),
        ("low,treshold,2.5 V,,", "row 2, column key: unknown key 'treshold' (did you mean 'threshold'?)"),
        ("low,extra,5 V,,", "row 2, column key: unknown key 'extra'"),
        ("low,,2.5 V,,", "row 2, column key: is empty"),
        ("low,count,0,,", "row 2, column value: '0'"),
        ("low,clears,never,,", "row 2, column value: 'never'"),
        ("low,delay,1 s,,\nlow,delay,2 s,,", "row 3, column key: low.delay is in row 2 already"),
        ("low,delay,1 s,,,,", "row 2: has 7 cells, the first row 5"),
        ("low,threshold,2.5 V,,\nlow,release,2 s,,", "row 3, column value: '2 s' is of kind time"),
        ("low,states,driving,,", "row 2, column value: there is no state 'driving'"),
        ("low,messages.NO_*,1 s,,", "row 2, column value: no message to the BMS is called so"),
        ("x,threshold,2 V,,\nx,warning,3 V,,\nx,release,1 V,,", "row 4, column value: '1 V' is beyond"),
    ],
)
def test_mistakes_name_file_row_and_column(load: Loader, tmp_path: Path, rows: str, told: str) -> None:
    _write(tmp_path, HEAD + rows + "\n")
    assert f"{tmp_path / 'limits.csv'}: {told}" in _mistakes(load)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "holds no rows"),
        ("name,key\n", "row 1: column 'value' is missing; there are name, key"),
        ("name,key,value,requirment\n", "row 1, column requirment: unknown column (did you mean"),
        ("name,key,value,key\n", "row 1, column key: is there twice"),
    ],
)
def test_a_wrong_head_is_told(load: Loader, tmp_path: Path, text: str, told: str) -> None:
    _write(tmp_path, text)
    assert told in _mistakes(load)


def test_other_files_are_told(load: Loader, tmp_path: Path) -> None:
    assert "limits.file: " in (told := _mistakes(load))
    assert "cannot be read" in told
    _write(tmp_path, "name;key;value\nt;threshold;50 °C\n", "cp1252")
    assert "limits.csv: is not UTF-8 text (save it as CSV UTF-8)" in _mistakes(load)
