"""Who may import whom: the contracts of pyproject.toml hold, and the C parts share one header only."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parent.parent
_INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
_FREESTANDING = {"limits.h", "stdbool.h", "stddef.h", "stdint.h", "string.h"}


def _includes(folder: str) -> set[tuple[str, str]]:
    """Kind of quote and name of every header that the sources of a folder include."""
    sources = [path for path in (ROOT / folder).iterdir() if path.suffix in (".c", ".h")]
    assert sources, f"no C in {folder}"
    return {found for path in sources for found in _INCLUDE.findall(path.read_text("utf-8"))}


def _headers(folder: str) -> set[str]:
    return {path.name for path in (ROOT / folder).glob("*.h")}


def test_the_import_contracts_hold(capsys: pytest.CaptureFixture[str]) -> None:
    code = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_logo=True, no_cache=True)
    assert code == 0, capsys.readouterr().out


def test_every_module_has_its_layer() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    rows = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    layers = {name for row in rows for name in re.findall(r"[\w.]+", row)}
    modules = [path.with_suffix("").relative_to(ROOT) for path in (ROOT / "hil").rglob("*.py")]
    homeless = [
        ".".join(module.parts)
        for module in modules
        if module.name != "__init__"
        and not any(".".join(module.parts[:depth]) in layers for depth in range(1, len(module.parts) + 1))
    ]
    assert not homeless


def test_the_firmware_shares_only_its_interface() -> None:
    own = _headers("rigs/reference_bms")
    quoted = {name for quote, name in _includes("rigs/reference_bms") if quote == '"'}
    assert quoted - own == {"bms.h", "dialect.h"}  # the latter is another dialect's, in its own folder
    assert not own & (_headers("twins/cell") | _headers("hil/bms"))


def test_the_firmware_needs_no_operating_system() -> None:
    system = {name for quote, name in _includes("rigs/reference_bms") if quote == "<"}
    assert system <= _FREESTANDING


def test_the_interface_stands_alone() -> None:
    header = (ROOT / "hil/bms/bms.h").read_text("utf-8")
    assert {name for _, name in _INCLUDE.findall(header)} <= _FREESTANDING


def test_the_cell_core_knows_no_python() -> None:
    files = [path for path in sorted((ROOT / "twins/cell").glob("*.[ch]")) if path.name != "_cell.c"]
    core = "\n".join(path.read_text("utf-8") for path in files)
    own = {path.name for path in files if path.suffix == ".h"}
    used = {name for _, name in _INCLUDE.findall(core)} - own
    assert used == {"math.h", "stddef.h", "stdint.h", "string.h"}
