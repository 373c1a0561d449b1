"""``hil new DIR --dbc FILE…``: a first rig file for a BMS of which there are DBC files."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hil.frames.database import Database
    from hil.new.guess import Guess

_RIG = "rig.toml"
_NAME = re.compile(r"[A-Za-z0-9_-]+")  # of a bus, which stands in addresses


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "new",
        help="begin a rig file from DBC files",
        description="Read DBC files, guess what is wired to what and where the BMS says what, and write a "
        "commented rig file beside copies of them. What could not be guessed is marked TODO. Nothing is "
        "overwritten.",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="new folder for the rig")
    parser.add_argument(
        "--dbc", type=Path, nargs="+", default=[], metavar="FILE", help="of the BMS's bus, if it has one"
    )
    parser.add_argument(
        "--bus",
        nargs="+",
        action="append",
        default=[],
        metavar=("NAME=FILE", "FILE"),
        help="of one of several buses; once for each",
    )
    parser.add_argument("--node", metavar="NODE", help="the BMS's node; default: guessed")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the folder.

    Raises:
        HilError: If a DBC file is wrong or not there, the node is none of them, or there is a rig already.
    """
    from hil.errors import UsageError
    from hil.new.guess import bms_node, guess
    from hil.new.sources import Source, read_buses, together
    from hil.new.write import rig_text

    folder, by_bus = arguments.folder, _files(arguments)
    files = [file for each in by_bus.values() for file in each]
    _check_free(folder, files)
    buses = read_buses(by_bus)
    database = together(buses)
    nodes = sorted({sender for message in database.messages.values() for sender in message.senders})
    bms = arguments.node or bms_node(database)
    if arguments.node and bms not in nodes:
        raise UsageError(
            f"no node {bms!r} sends a message", key="--node", remedy=f"one of {', '.join(nodes)}"
        )
    found = guess(database, bms)
    source = Source(folder.resolve().name or "rig", buses, database, found)
    _write(folder, files, rig_text(source))
    _tell(folder / _RIG, found, nodes, [bus.database for bus in buses.values()])
    return 0


def _files(arguments: argparse.Namespace) -> dict[str, list[Path]]:
    """The DBC files of each bus.

    Raises:
        UsageError: If there are none, or a bus has no name or is there twice.
    """
    from hil.errors import UsageError

    found: dict[str, list[Path]] = {"pack": arguments.dbc} if arguments.dbc else {}
    for first, *others in arguments.bus:
        name, is_named, file = first.partition("=")
        if not (is_named and name and file):
            raise UsageError(f"{first!r} names no bus", key="--bus", remedy="--bus pack=bms.dbc cells.dbc")
        if not _NAME.fullmatch(name):
            raise UsageError(f"{name!r} is no name of a bus", key="--bus", remedy="letters, digits, _ and -")
        if name in found:
            raise UsageError(f"bus {name!r} is there twice", key="--bus", remedy="name all its files at once")
        found[name] = [Path(file), *map(Path, others)]
    if not found:
        remedy = "--dbc FILE…, or --bus NAME=FILE… for each bus"
        raise UsageError("no DBC file is named", key="--dbc", remedy=remedy)
    return found


def _check_free(folder: Path, files: list[Path]) -> None:
    """Nothing that is there is lost."""
    from hil.errors import UsageError

    if folder.exists() and not folder.is_dir():
        raise UsageError("is a file", place=str(folder), remedy="name a folder, new or there already")
    for name in (_RIG, *(file.name for file in files)):
        there = folder / name
        if there.exists() and not any(there.resolve() == file.resolve() for file in files):
            raise UsageError(
                "is there already", place=str(there), remedy="name another folder, or move it away"
            )
    names = [file.name for file in files]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"two DBC files are called {name}", key="--dbc", remedy="rename one of them")


def _write(folder: Path, files: list[Path], text: str) -> None:
    from hil.errors import OutputError
    from hil.run.output import write_whole

    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            if (folder / file.name).resolve() != file.resolve():
                (folder / file.name).write_bytes(file.read_bytes())
        write_whole(folder / _RIG, text)
    except OSError as error:
        raise OutputError(
            f"cannot be written: {error.strerror or error}",
            place=str(folder),
            remedy="name a folder that you may write to, on a disk with room",
        ) from error


def _tell(path: Path, found: Guess, nodes: list[str], databases: list[Database]) -> None:
    from hil.new.guess import cells_of

    others = ", ".join(node for node in nodes if node != found.bms) or "nobody"
    print(f"the BMS is {found.bms or 'not known'}; the rig plays {others}")
    counts = f"{len(found.ports)} wires, {len(found.roles)} roles, {len(found.requests)} requests"
    print(f"{counts}, {cells_of(found)} cells")
    print(f"{len(found.unknown)} signals not understood: they are listed at the end of the file")
    for database in databases:
        for message in database.messages.values():
            if message.flaw is not None:
                print(f"{message.name} is left out: {message.flaw[0]} ({message.flaw[1]})")
    print(f"\nwritten: {path}\nnext:    look for TODO in it, then: hil check {path}")
