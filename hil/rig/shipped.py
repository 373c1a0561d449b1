"""Where rig files, DBC files and firmware libraries are: the path as given, or what ships.

Shipped files are looked for only through ``importlib.resources``, so that a wheel and an editable
install, where the tree and the built library lie in different places, behave alike. The current
directory only counts for paths that the user types.
"""

from __future__ import annotations

import difflib
import sys
from importlib.resources import files
from pathlib import Path

from hil.errors import RigFileError

LIBRARY_SUFFIX = {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")
_ANY_SUFFIX = (LIBRARY_SUFFIX, ".so", ".dylib", ".dll")  # CMake modules are .so on macOS too


def shipped_rigs() -> dict[str, Path]:
    """The rig files that ship with ``hil``, by name."""
    return {path.stem: path for path in _entries("rigs") if path.suffix == ".toml"}


def shipped_dbc() -> dict[str, Path]:
    """The DBC files that ship with ``hil``, by file name."""
    return {path.name: path for path in _entries("dbc") if path.suffix == ".dbc"}


def shipped_libraries() -> list[str]:
    """Names of the firmware that ships with ``hil``, built or not."""
    root = files("hil") / "rigs"
    return sorted(entry.name for entry in root.iterdir() if entry.is_dir()) if root.is_dir() else []


def shipped_sources() -> list[Path]:
    """The C sources of the reference BMS, and ``bms.h``: an example, and what mutants are made of."""
    sources = [p for p in _entries("rigs/reference_bms") if p.suffix in (".c", ".h")]
    return sources + [p for p in _entries("bms") if p.suffix == ".h"]


def find_rig(rig: str | Path) -> Path:
    """A rig file by path, by the folder that holds it as ``rig.toml``, or by the name of a shipped one.

    Raises:
        RigFileError: If there is none.
    """
    path = Path(rig)
    if path.is_file():
        return path.resolve()
    if (path / "rig.toml").is_file():
        return (path / "rig.toml").resolve()
    shipped = shipped_rigs()
    if str(rig) in shipped:
        return shipped[str(rig)]
    if path.is_dir():
        raise RigFileError("is a folder without a rig.toml", place=str(rig), remedy="name the rig file")
    near = difflib.get_close_matches(path.stem, shipped, n=1)
    names = ", ".join(sorted(shipped)) or "none"
    raise RigFileError(
        "there is no such rig file",
        place=str(rig),
        remedy=f"did you mean {near[0]!r}?" if near else f"shipped rigs: {names}",
    )


def find_dbc(name: str, beside: Path) -> Path | None:
    """A DBC file beside the rig file, or a shipped one of that name."""
    path = beside / name
    return path if path.is_file() else shipped_dbc().get(name)


def find_library(name: str, beside: Path) -> tuple[Path | None, list[str]]:
    """A firmware library beside the rig file, or a shipped one; and where it was looked for."""
    path = beside / name
    if path.is_file():
        return path.resolve(), []
    looked = [str(path)]
    if not any(mark in name for mark in "/\\."):
        wanted = [f"{name}{suffix}" for suffix in dict.fromkeys(_ANY_SUFFIX)]
        built = {entry.name: entry for entry in _entries(f"rigs/{name}")}
        looked = [f"hil/rigs/{name}/{wanted[0]}"]
        path = next((built[file] for file in wanted if file in built), path)
    return (path if path.is_file() else None), looked


def _entries(folder: str) -> list[Path]:
    """The files of a shipped folder; in an editable install of both the tree and what was built."""
    root = files("hil")
    for part in folder.split("/"):
        root = root / part
    if not root.is_dir():
        return []
    return sorted(Path(str(entry)) for entry in root.iterdir() if entry.is_file())
