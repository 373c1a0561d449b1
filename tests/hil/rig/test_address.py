"""Addresses of signals, and patterns of many."""

from pathlib import Path

import pytest

from hil.frames.database import load_database
from hil.rig.address import AddressBook, fields_of, fill, is_address
from hil.rig.mistakes import Mistakes, dotted, suggest

DATA = Path(__file__).parents[2] / "data" / "rigs"
DBC = Path(__file__).parents[3] / "dbc"


def book(*paths: Path) -> tuple[AddressBook, Mistakes]:
    mistakes = Mistakes(Path("rig.toml"))
    return AddressBook({"can0": load_database(paths)}, mistakes), mistakes


def test_a_signal_is_found_with_and_without_can() -> None:
    found, mistakes = book(DATA / "small.dbc")
    for address in ("can0/BMS_Status.Soc", "can:can0/BMS_Status.Soc"):
        place = found.find("key", address)
        assert place is not None
        assert place.text == "can0/BMS_Status.Soc"
    mistakes.check()


def test_frames_and_running_numbers() -> None:
    found, mistakes = book(DBC / "cell_monitor.dbc")
    address = ("can0", "CM_Voltages_{frame:02}", "Cell{index:03}")
    members = found.members("key", address, [1, 4, 5, 96])
    assert [place.text for _, place in members] == [
        "can0/CM_Voltages_01.Cell001",
        "can0/CM_Voltages_01.Cell004",
        "can0/CM_Voltages_02.Cell005",
        "can0/CM_Voltages_24.Cell096",
    ]
    mistakes.check()


def test_slots_count_anew_in_each_frame() -> None:
    found, mistakes = book(DATA / "small.dbc")
    members = found.members("key", ("can0", "CMU_Cells_{frame}", "V{slot}"), range(1, 5))
    assert [(i, place.message.name, place.signal.name) for i, place in members] == [
        (1, "CMU_Cells_1", "V1"),
        (2, "CMU_Cells_1", "V2"),
        (3, "CMU_Cells_2", "V1"),
        (4, "CMU_Cells_2", "V2"),
    ]
    mistakes.check()


def test_slots_have_any_number(tmp_path: Path) -> None:
    """Those above 63 were not found, though numbers may begin at 101, and long frames have room for more."""
    numbers = [1, 2, 3, 63, 64, 65, 101, 102]
    signals = "".join(f' SG_ T{n} : {place}|1@1+ (1,0) [0|1] "" A\n' for place, n in enumerate(numbers))
    (tmp_path / "a.dbc").write_text(
        'VERSION ""\nBS_:\nBU_: A\n' + "".join(f"BO_ {m} M_{m}: 8 A\n{signals}" for m in (1, 2))
    )
    found, mistakes = book(tmp_path / "a.dbc")
    members = found.members("key", ("can0", "M_{frame}", "T{slot}"), range(1, 17))
    assert [place.signal.name for _, place in members] == [f"T{n}" for n in numbers] * 2
    mistakes.check()


def test_an_unknown_placeholder_is_a_mistake() -> None:
    found, mistakes = book(DATA / "small.dbc")
    assert found.members("key", ("can0", "CMU_Cells_{fram}", "V{slot}"), [1]) == []
    assert [str(e) for e in mistakes.errors] == [
        "rig.toml: key: {fram} is no placeholder (did you mean 'frame'?)"
    ]


def test_names_of_a_pattern() -> None:
    found, _ = book(DATA / "small.dbc")
    places = found.named("key", ("can0", "BMS_Status", "Fault_{name}"))
    assert list(places) == ["CellOvervoltage", "E2E"]


@pytest.mark.parametrize("wrong", ["{1x}", "{index:99999999999999999999}", "{index:}", "{index", "{}"])
def test_an_ill_formed_placeholder_is_a_mistake(wrong: str) -> None:
    """Some of them ended in an error of Python's own."""
    found, mistakes = book(DATA / "small.dbc")
    assert found.members("key", ("can0", "CMU_Cells_{frame}", f"V{wrong}"), [1, 2]) == []
    assert found.named("key", ("can0", "BMS_Status", f"Fault_{{name}}{wrong}")) == {}
    remedy = "such as {index}, or {index:03} for three digits"
    assert [str(e) for e in mistakes.errors] == [
        f"rig.toml: key: {f'{pattern}{wrong}'!r} has braces that hold no placeholder ({remedy})"
        for pattern in ("CMU_Cells_{frame}.V", "Fault_{name}")
    ]


def test_a_placeholder_that_comes_again_stands_for_the_same(tmp_path: Path) -> None:
    bit = '1@1+ (1,0) [0|1] "" A\n'
    names = enumerate(("C_1_01", "C_1_02", "C_2_02"))
    frames = "".join(f"BO_ {n} {name}: 8 A\n SG_ T1_1 : 0|{bit}" for n, name in names)
    signals = "".join(f" SG_ {name} : {n}|{bit}" for n, name in enumerate(("FabF", "FabFab")))
    (tmp_path / "a.dbc").write_text(f'VERSION ""\nBS_:\nBU_: A\n{frames}BO_ 9 F: 8 A\n{signals}')
    found, mistakes = book(tmp_path / "a.dbc")
    members = found.members("key", ("can0", "C_{frame}_{frame:02}", "T{slot}_{slot}"), [1, 2])
    assert [place.message.name for _, place in members] == ["C_1_01", "C_2_02"]
    assert list(found.named("key", ("can0", "F", "F{name}F{name}"))) == ["ab"]
    mistakes.check()


def test_no_second_mistake_about_a_bus_that_is_broken() -> None:
    mistakes = Mistakes(Path("rig.toml"))
    mistakes.broken.add("bus.can0")
    assert AddressBook({}, mistakes).find("key", "can0/A.B") is None
    assert mistakes.errors == []


def test_small_helpers() -> None:
    assert is_address("can:x/y.z")
    assert not is_address("pack.voltage")
    assert fill("A{index:03}{frame}", index=7) == "A007{frame}"
    assert fields_of("A{index:03}{frame}") == {"index", "frame"}
    assert dotted("roles", "contactor.main_plus", "values") == 'roles."contactor.main_plus".values'
    assert dotted("wire", 0, "to") == "wire[1].to"


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("delya", "did you mean 'delay'?"),
        ("DELAY", "did you mean 'delay'?"),
        ("xyz", "keys: delay, threshold"),
    ],
)
def test_suggestions(name: str, remedy: str) -> None:
    assert suggest(name, ["threshold", "delay"], "keys") == remedy


def test_a_suggestion_where_there_is_nothing() -> None:
    assert suggest("x", [], "requests") == "there are no requests"
    assert suggest("q", [f"n{i}" for i in range(20)], "nodes").endswith(", …")
