"""Finding rig files, DBC files and libraries."""

from pathlib import Path

import pytest

from hil.errors import RigFileError
from hil.rig.shipped import (
    LIBRARY_SUFFIX,
    find_dbc,
    find_library,
    find_rig,
    shipped_dbc,
    shipped_libraries,
    shipped_rigs,
)


def test_what_ships() -> None:
    assert "laptop" in shipped_rigs()
    assert {"bms.dbc", "cell_monitor.dbc"} <= set(shipped_dbc())
    dialects = {f"reference_bms_{name}" for name in ("fd", "modular", "storage", "truck")}
    assert {"reference_bms", *dialects} <= set(shipped_libraries())


def test_a_path_goes_before_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_rig("laptop") == shipped_rigs()["laptop"]
    (tmp_path / "laptop").write_text("")
    assert find_rig("laptop") == (tmp_path / "laptop").resolve()


@pytest.mark.parametrize(
    ("rig", "remedy"),
    [("labtop", "did you mean 'laptop'?"), ("rigs/labtop.toml", "did you mean 'laptop'?")],
)
def test_a_missing_rig_file_suggests_a_shipped_one(rig: str, remedy: str) -> None:
    with pytest.raises(RigFileError) as caught:
        find_rig(rig)
    assert str(caught.value) == f"{rig}: there is no such rig file ({remedy})"
    assert caught.value.exit_code == 2


def test_a_folder_is_no_rig_file(tmp_path: Path) -> None:
    with pytest.raises(RigFileError, match=r"is a folder without a rig\.toml"):
        find_rig(tmp_path)


def test_a_file_beside_the_rig_goes_before_a_shipped_one(tmp_path: Path) -> None:
    assert find_dbc("bms.dbc", tmp_path) == shipped_dbc()["bms.dbc"]
    (tmp_path / "bms.dbc").write_text("")
    assert find_dbc("bms.dbc", tmp_path) == tmp_path / "bms.dbc"
    assert find_dbc("none.dbc", tmp_path) is None


def test_a_library_by_path_and_by_name(tmp_path: Path) -> None:
    (tmp_path / "mine.so").write_text("")
    assert find_library("mine.so", tmp_path) == ((tmp_path / "mine.so").resolve(), [])
    assert find_library("./other.so", tmp_path)[0] is None
    found, looked = find_library("no_such_bms", tmp_path)
    assert found is None
    assert looked == [f"hil/rigs/no_such_bms/no_such_bms{LIBRARY_SUFFIX}"]


def test_a_folder_that_hil_new_made_is_named_by_itself(tmp_path: Path) -> None:
    (tmp_path / "rig.toml").write_text("")
    assert find_rig(tmp_path) == (tmp_path / "rig.toml").resolve()
