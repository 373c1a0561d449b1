"""What ships: the wheel's contents, its metadata, and what ``pip`` makes of them."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from email.parser import Parser
from importlib.metadata import entry_points, version
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel of this tree, built without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--no-deps", "--no-build-isolation", "--no-index", "-w", str(folder)]
    build = ["--config-settings", f"build-dir={folder}/build"]
    command = [sys.executable, "-P", "-m", "pip", "wheel", "-q", *options, *build, str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return zipfile.ZipFile(next(folder.glob("*.whl")))


@pytest.fixture(scope="module")
def names(wheel: zipfile.ZipFile) -> set[str]:
    return set(wheel.namelist())


def _tree(*patterns: str) -> set[str]:
    found = {path.relative_to(ROOT).as_posix() for pattern in patterns for path in ROOT.glob(pattern)}
    assert found
    return found


def test_all_python_ships(names: set[str]) -> None:
    assert _tree("hil/**/*.py", "twins/**/*.py") <= names


def test_data_that_lies_in_the_packages_ships(names: set[str]) -> None:
    assert _tree("hil/report/templates/*", "hil/sim/templates/*", "twins/cell/*.pyi") <= names
    assert _tree("twins/cell/parameters/*.toml", "twins/vehicle/parameters/*.toml") <= names
    assert _tree("twins/cycles/parameters/*.toml") <= names
    assert {"hil/bms/bms.h", "hil/suite/pytest.ini", "hil/py.typed", "twins/py.typed"} <= names


def test_rigs_and_dbc_ship_inside_the_package(names: set[str]) -> None:
    moved = {f"hil/{path}" for path in _tree("dbc/*.dbc", "rigs/*.toml", "rigs/reference_bms*/*.[ch]")}
    assert moved <= names


def test_the_built_parts_ship(names: set[str]) -> None:
    suffixes = (".so", ".pyd", ".dylib", ".dll")
    built = {name.rpartition("/")[0] for name in names if name.endswith(suffixes)}
    dialects = {f"hil/rigs/{path.name}" for path in (ROOT / "rigs").glob("reference_bms*")}
    assert len(dialects) > 1
    twins = {"twins/cell", "twins/drive", "twins/vehicle"}
    assert built == {*twins, "hil/bms", "hil/bus", "hil/frames", *dialects}


def test_nothing_else_ships(names: set[str]) -> None:
    tops = {name.partition("/")[0] for name in names}
    assert tops == {"hil", "twins", f"bms_hil-{PROJECT['version']}.dist-info"}
    twins_c = {name for name in names if name.startswith("twins/") and name.endswith((".c", ".h", ".txt"))}
    assert not twins_c
    assert not {name for name in names if "__pycache__" in name or name.startswith("hil/hil")}


def test_one_wheel_serves_all_pythons(wheel: zipfile.ZipFile) -> None:
    tags = {name.rpartition("/")[2] for name in wheel.namelist() if ".abi3." in name or name.endswith(".pyd")}
    modules = {"_cell", "_drive", "_vehicle", "_calls", "_wire", "_codec"}
    assert {tag.partition(".")[0] for tag in tags} == modules
    text = wheel.read(f"bms_hil-{PROJECT['version']}.dist-info/WHEEL").decode()
    assert "Tag: cp311-abi3-" in text


def test_the_metadata(wheel: zipfile.ZipFile) -> None:
    text = wheel.read(f"bms_hil-{PROJECT['version']}.dist-info/METADATA").decode()
    metadata = Parser().parsestr(text)
    assert metadata["Name"] == "bms-hil"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"
    assert "hil run laptop" in str(metadata.get_payload())


def test_the_version_is_written_once() -> None:
    assert version("bms-hil") == PROJECT["version"]
    lines = (ROOT / "CHANGELOG.md").read_text("utf-8").splitlines()
    heading = next(line for line in lines if line.startswith("## "))
    assert heading.split()[1] == PROJECT["version"]


@pytest.mark.parametrize(
    ("group", "name", "target"),
    [
        ("console_scripts", "hil", "hil.cli:main"),
        ("pytest11", "hil", "hil.pytest_plugin"),
        ("can.interface", "sim", "hil.bus.sim:SimBus"),
    ],
)
def test_the_entry_points_lead_somewhere(group: str, name: str, target: str) -> None:
    (found,) = entry_points(group=group, name=name)
    assert found.value == target
    assert found.load() is not None
