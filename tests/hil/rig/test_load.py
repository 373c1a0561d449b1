"""Rig files: right ones load, and each wrong one in tests/data says exactly what is wrong."""

import contextlib
import copy
import os
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.errors import HilError, RigFileError, RigFileErrors
from hil.rig import load as load_module
from hil.rig.file import RigFile, read_file
from hil.rig.load import load_rig
from hil.rig.mistakes import Mistakes
from hil.rig.shipped import LIBRARY_SUFFIX

DATA = Path(__file__).parents[2] / "data" / "rigs"
GOOD = DATA / "small.toml"
BAD = sorted(path for path in DATA.glob("*.toml") if path != GOOD)


def test_the_small_rig_loads() -> None:
    rig = load_rig(GOOD)
    assert (rig.name, rig.title, rig.time, rig.path) == ("small", "small", "virtual", GOOD)
    assert rig.buses["can0"].bitrate == 500_000
    assert rig.buses["can0"].interface == "sim"
    assert rig.plant.pack.series == 4
    assert (rig.bms.node, rig.bms.step_ns) == ("BMS", 10_000_000)
    assert rig.bms.library == DATA / "firmware.bin"
    assert rig.requests["mode"].value_of("operate") == 1.0
    assert rig.safe_state.requests == {}


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_each_mistake_is_reported_with_key_reason_and_remedy(path: Path) -> None:
    """The comments at the top of each file are the errors, word by word."""
    text = path.read_bytes().decode("utf-8", "replace")
    expected = [line[2:] for line in text.splitlines() if line.startswith("# ")]
    with pytest.raises(HilError) as caught:
        load_rig(path)
    assert caught.value.exit_code == 2
    errors = getattr(caught.value, "errors", (caught.value,))
    said = [str(error).replace(f"{path}: ", "").replace(f"{DATA}{os.sep}", "") for error in errors]
    assert [line.replace(LIBRARY_SUFFIX, ".so").replace(os.sep, "/") for line in said] == expected
    assert all(str(error).startswith(str(DATA)) for error in errors)


def test_all_mistakes_come_at_once() -> None:
    with pytest.raises(RigFileErrors) as caught:
        load_rig(DATA / "many_mistakes.toml")
    assert len(str(caught.value).splitlines()) == len(caught.value.errors) == 6


def test_a_name_of_a_message_is_on_one_bus_only(load: Callable[..., object], tmp_path: Path) -> None:
    """A request to the second bus went out on the first."""
    second = '[bus.b]\nbitrate = "500 kbit/s"\ndbc = ["b.dbc"]\n'
    small = (DATA / "small.dbc").read_text("utf-8")
    (tmp_path / "b.dbc").write_text(small.replace("VCU_Request", "Other_Request"), "utf-8")
    of_both = "BMS_Status, CMU_Cells_1, CMU_Cells_2, CMU_Event, CMU_Pack"
    with pytest.raises(RigFileErrors) as caught:
        load(second.replace("b.dbc", "small.dbc"), ("can0/VCU_Request.Mode", "b/VCU_Request.Mode"))
    assert str(caught.value).endswith(
        f"rig.toml: bus.b.dbc: bus 'can0' has messages of the same name: {of_both}, VCU_Request "
        "(a name belongs to one bus only: give this bus a DBC file with other names)"
    )
    with pytest.raises(RigFileErrors, match=f"of the same name: {of_both} "):
        load(second)


@pytest.mark.parametrize(
    ("was", "bare", "key"),
    [
        ('delay = "500 ms"', "delay = 500", "limits.cell_overvoltage.delay: 500"),
        ('delay = "500 ms"', "reaction = -100", "limits.cell_overvoltage.reaction: -100"),
        ('delay = "500 ms"', "delay = 0", "limits.cell_overvoltage.delay: 0"),
        ('delay = "500 ms"', "messages = { X = 300 }", "limits.cell_overvoltage.messages.X: 300"),
        ("[bms]", "[bms]\nstep = 10", "bms.step: 10"),
        ("[bms]", "[contactors]\nclosing = 30\n[bms]", "contactors.closing: 30"),
        ("[bms]", "[charger]\nrise = 3\n[bms]", "charger.rise: 3"),
        ("[bms]", "[health]\nframe_late = 5\n[bms]", "health.frame_late: 5"),
        ("[bms]", "[suite]\nsoak = 3\n[bms]", "suite.soak: 3"),
    ],
)
def test_a_bare_number_is_no_time(load: Callable[..., object], was: str, bare: str, key: str) -> None:
    """It was taken as nanoseconds."""
    with pytest.raises(RigFileErrors) as caught:
        load("", (was, bare))
    assert str(caught.value).endswith(f"rig.toml: {key} has no unit (expected a time such as '500 ms')")


@pytest.mark.parametrize(
    "text", ['tolerance = "-5 mV"', 'curve = { soc = [["0 %", "0 A"], ["9 %", "9 A"]], tolerance = "-5 mV" }']
)
def test_a_tolerance_is_not_negative(load: Callable[..., object], text: str) -> None:
    with pytest.raises(RigFileErrors, match="tolerance: '-5 mV' is negative"):
        load(f"{text}\n")


@pytest.mark.parametrize("name", ["../x", "a/b", "a\\\\b", "..", ".", "a\\u0000", "a\\n"])
def test_a_name_is_that_of_a_folder(load: Callable[..., object], name: str) -> None:
    """The folder of the results was made elsewhere."""
    with pytest.raises(RigFileErrors, match=r"rig\.name: '.*' is no name for a folder \(no slashes"):
        load("", ('name = "small"', f'name = "{name}"'))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("series = " + "9" * 5000, "holds a whole number of more than 64 bits"),
        ("series = 0x" + "9" * 5000, "holds a whole number of more than 64 bits"),
        ("series = 4\nspread = { seed = [" + "9" * 20 + "] }", "holds a whole number of more than 64 bits"),
        ("series = " + "[" * 3000 + "]" * 3000, "is nested too deeply"),
    ],
)
def test_what_python_cannot_read_is_told(load: Callable[..., object], text: str, said: str) -> None:
    with pytest.raises(RigFileError) as caught:
        load("", ("series = 4", text))
    assert str(caught.value).endswith(f"rig.toml: {said}")


def test_the_current_folder_does_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_rig(GOOD).buses["can0"].dbc == (DATA / "small.dbc",)


def test_a_relative_path_is_that_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(DATA)
    assert load_rig("small.toml").path == GOOD


def _leaves(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = data.items() if isinstance(data, dict) else enumerate(data)
    return [path] * bool(path) + [
        leaf
        for key, value in items
        for leaf in (_leaves(value, (*path, key)) if isinstance(value, dict | list) else [(*path, key)])
    ]


DATA_OF_GOOD = tomllib.loads(GOOD.read_text("utf-8"))
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**12), 10**12),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["-1 V", "5 %", "1e400 V", "can0/BMS_Status.Soc", "a/b.c", "{index}/{x}.{y}"]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2),
)


@settings(max_examples=150, deadline=None)
@given(where=st.sampled_from(_leaves(DATA_OF_GOOD)), junk=JUNK)
def test_any_value_anywhere_is_read_or_reported(where: tuple[Any, ...], junk: Any) -> None:
    """Whatever stands in place of a value, the only exceptions are the project's own."""
    data = copy.deepcopy(DATA_OF_GOOD)
    here = data
    for part in where[:-1]:
        here = here[part]
    if junk is None:
        del here[where[-1]]
    else:
        here[where[-1]] = junk
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(load_module, "read_file", lambda _, mistakes: _read(data, mistakes))
        with contextlib.suppress(HilError):
            load_rig(GOOD)


def _read(data: dict[str, Any], mistakes: Mistakes) -> RigFile:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hil.rig.file.parse_toml", lambda _: data)
        return read_file(GOOD, mistakes)


def test_a_dbc_file_in_a_rig_files_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.dbc").write_bytes(b'VERSION ""')
    with pytest.raises(HilError, match=r"is a DBC file, no rig file \(hil new DIR --dbc a.dbc makes"):
        load_rig(tmp_path / "a.dbc")
