"""The DBC files of each bus, and what they say of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hil.errors import UsageError
from hil.frames.database import Database, load_database
from hil.new.guess import Guess

_KBIT = 10_000  # a rate below it is in kbit/s
_RATE = r'^BA_{} +"{}" +(\d+)'


@dataclass(frozen=True)
class Bus:
    """One bus of a rig: its DBC files by name, their messages, and the bit rates (bit/s) that they tell."""

    files: Sequence[str]
    database: Database
    bitrate: int | None = None
    data_bitrate: int | None = None


@dataclass(frozen=True)
class Source:
    """What a rig file is made from.

    Attributes:
        name: Of the rig.
        buses: By name.
        database: The messages of all of them, which have one name each.
        guess: What their signals probably are.
    """

    name: str
    buses: Mapping[str, Bus]
    database: Database
    guess: Guess

    def bus_of(self, message: str) -> str:
        """The bus that a message is on."""
        return next(name for name, bus in self.buses.items() if message in bus.database.messages)

    def address(self, message: str, signal: str) -> str:
        """Where a signal is, as a rig file has it."""
        return f"{self.bus_of(message)}/{message}.{signal}"


def read_buses(files: Mapping[str, Sequence[Path]]) -> dict[str, Bus]:
    """The buses, with their files by name.

    Raises:
        HilError: If a file is wrong or not there.
    """
    return {
        name: Bus(
            [path.name for path in paths],
            load_database(paths, j1939=True),
            _rate(paths, "Baudrate"),
            _rate(paths, "BaudrateCANFD"),
        )
        for name, paths in files.items()
    }


def _rate(paths: Sequence[Path], attribute: str) -> int | None:
    """A bit rate in bit/s, if an attribute of a DBC file says it; a value goes before a default."""
    rate = next((rate for kind in ("", "DEF_DEF_") for rate in _rates(paths, attribute, kind) if rate), None)
    return rate * 1000 if rate is not None and rate < _KBIT else rate


def _rates(paths: Sequence[Path], attribute: str, kind: str) -> Iterator[int]:
    """The numbers that lines of a kind give an attribute; 0 is none that was ever filled in."""
    for path in paths:
        text = path.read_text("latin-1")
        yield from map(int, re.findall(_RATE.format(kind, attribute), text, re.MULTILINE))


def together(buses: Mapping[str, Bus]) -> Database:
    """The messages of all buses, but those that no bus carries.

    Raises:
        UsageError: If two buses have a message of the same name: faults and scripts go by names.
    """
    place: dict[str, str] = {}
    for name, bus in buses.items():
        for message in bus.database.messages:
            if message in place:
                reason = f"message {message} is on bus {place[message]!r} and on bus {name!r}"
                raise UsageError(reason, key="--bus", remedy="give it another name in one of the DBC files")
            place[message] = name
    databases = [bus.database for bus in buses.values()]
    return Database(
        {m.name: m for database in databases for m in database.messages.values() if m.flaw is None},
        {path: digest for database in databases for path, digest in database.sha256.items()},
        {key: message for database in databases for key, message in database.by_key.items()},
    )
