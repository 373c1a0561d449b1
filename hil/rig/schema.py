"""A rig file with everything in it resolved: what the rest of the rig works with."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from hil.frames.database import Database
from hil.rig.limits import Limit
from hil.rig.roles import Role
from hil.rig.wire import Constant, Wire
from twins.config import PlantConfig


@dataclass(frozen=True)
class BusConfig:
    """One bus.

    Attributes:
        interface: ``sim``, or any interface of python-can.
        bitrate: In bit/s.
        dbc: The DBC files, found.
        database: The messages of all of them.
    """

    name: str
    interface: str
    bitrate: int
    dbc: tuple[Path, ...]
    database: Database


@dataclass(frozen=True)
class BmsConfig:
    """The BMS under test.

    Attributes:
        library: The firmware, built for this computer.
        node: Which node of the DBC files it is: it sends that node's messages, the rig the others.
        step_ns: Time between two steps of the firmware.
    """

    kind: Literal["library"]
    library: Path
    node: str
    step_ns: int


@dataclass(frozen=True)
class SafeState:
    """What is asked of the BMS before the rig switches off.

    Attributes:
        requests: Physical value of each request.
    """

    requests: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class SuiteConfig:
    """Options of the suite.

    Attributes:
        skip: Test name, as a file name pattern, and the reason why it is left out.
    """

    skip: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RigConfig:
    """A whole rig.

    Attributes:
        requests: What the suite can ask of the BMS, and where.
        roles: What the BMS says, and where; members of an array as ``cell.voltage[7]``.
        limits: What the BMS promises.
    """

    name: str
    title: str
    path: Path
    time: Literal["virtual", "real"]
    plant: PlantConfig
    buses: dict[str, BusConfig]
    bms: BmsConfig
    wires: tuple[Wire, ...]
    constants: tuple[Constant, ...]
    requests: dict[str, Role]
    roles: dict[str, Role]
    limits: dict[str, Limit]
    safe_state: SafeState
    suite: SuiteConfig
