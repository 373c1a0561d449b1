"""A rig file with everything in it resolved: what the rest of the rig works with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from hil.errors import UsageError
from hil.frames.database import Database
from hil.nodes.kinds import NodeSpec
from hil.realtime.health import Budget
from hil.rig.computed import ComputedSignal
from hil.rig.hooks import Hooks
from hil.rig.limits import Limit
from hil.rig.requests import PLAIN, Manner
from hil.rig.roles import Role
from hil.rig.transitions import Transitions
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
        channel: The interface's own name of a real bus: ``can0``, ``/dev/ttyACM0``.
        data_bitrate: Of the data of CAN FD frames, in bit/s; 0 on a classic bus.
        options: What else a real bus's interface is given.
        receives_all: Whether frames are received that no DBC file has; else the interface leaves them out.
    """

    name: str
    interface: str
    bitrate: int
    dbc: tuple[Path, ...]
    database: Database
    channel: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    data_bitrate: int = 0
    receives_all: bool = True

    @property
    def link_options(self) -> dict[str, Any]:
        """What a real bus's interface is given besides channel and bit rate."""
        fd = {"fd": True, "data_bitrate": self.data_bitrate} if self.data_bitrate else {}
        return fd | dict(self.options)


@dataclass(frozen=True)
class BmsConfig:
    """The BMS under test.

    Attributes:
        kind: ``library``: stepped in virtual time; ``process``: started by the rig; ``external``: somebody
            else's.
        library: The firmware, built for this computer; of the other kinds only where the rig file names it.
        node: Which node of the DBC files it is: it sends that node's messages, the rig the others.
        step_ns: Time between two steps of the firmware.
        command: Of a process: program and arguments.
        ready: What a process prints once it listens; ``None``: it is ready when it runs.
        cold: Arguments for a start of the process with an empty fault memory.
        switch_on: Of an external one: program and arguments that switch its supply on.
        switch_off: The same for switching it off.
        heard_ns: In real time, how long after it is on its first frame may take; 0: it is not waited for.
    """

    kind: Literal["library", "process", "external"]
    library: Path | None
    node: str
    step_ns: int
    command: tuple[str, ...] = ()
    ready: str | None = None
    cold: tuple[str, ...] = ()
    switch_on: tuple[str, ...] = ()
    switch_off: tuple[str, ...] = ()
    heard_ns: int = 10_000_000_000

    @property
    def firmware(self) -> Path:
        """The library that is stepped in virtual time."""
        if self.library is None:
            raise AssertionError("a rig in virtual time has a library")
        return self.library

    @property
    def name(self) -> str:
        """What a message calls it."""
        if self.kind == "process":
            return " ".join(self.command)
        return str(self.library) if self.kind == "library" else "the BMS on the bus"


@dataclass(frozen=True)
class SafeState:
    """What is asked of the BMS before the rig switches off, and what is switched then.

    Attributes:
        requests: Physical value of each request.
        outputs: In real time, program and arguments of each command that switches something.
    """

    requests: dict[str, float] = field(default_factory=dict)
    outputs: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class HostConfig:
    """The process that runs the plant in real time.

    Attributes:
        lease_ns: A client that is silent for so long has lost the plant.
        real_time: Whether ``hil run`` asks the system for real-time rights.
    """

    lease_ns: int = 30_000_000_000
    real_time: bool = True


@dataclass(frozen=True)
class SuiteConfig:
    """Options of the suite.

    Attributes:
        skip: Test name, as a file name pattern, and the reason why it is left out.
        soak_ns: How long the soak test lasts.
    """

    skip: dict[str, str] = field(default_factory=dict)
    soak_ns: int = 300_000_000_000


@dataclass(frozen=True)
class RigConfig:
    """A whole rig.

    Attributes:
        requests: What the suite can ask of the BMS, and where.
        parts: Signals that only steps of requests send, by address.
        manners: How it is asked, of the requests that are more than a value of a signal.
        transitions: Which modes it follows in which state.
        roles: What the BMS says, and where; members of an array as ``cell.voltage[7]``.
        limits: What the BMS promises.
        computed: Signals that functions give.
        nodes: Devices on the buses that follow a protocol of their own.
        hooks: Functions beside the rig file for what is odd about the BMS.
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
    health: Budget = field(default_factory=Budget)
    host: HostConfig = HostConfig()
    nodes: tuple[NodeSpec, ...] = ()
    computed: tuple[ComputedSignal, ...] = ()
    parts: dict[str, Role] = field(default_factory=dict)
    manners: dict[str, Manner] = field(default_factory=dict)
    transitions: Transitions = field(default_factory=Transitions)
    hooks: Hooks | None = None

    @property
    def asked(self) -> dict[str, Role]:
        """All that a value can be sent for: requests with a signal of their own, and parts of others."""
        own = {name: role for name, role in self.requests.items() if self.manner(name).owns_signal}
        return own | self.parts

    def manner(self, request: str) -> Manner:
        """How a request is asked."""
        return self.manners.get(request, PLAIN)

    def wanted(self, values: Mapping[str, float]) -> dict[str, bool]:
        """Of the messages that are sent only while something is asked in them, whether that is so.

        Args:
            values: What is asked, by request or part; of one that is left out, its default.
        """
        only = {self.requests[name].message for name, how in self.manners.items() if how.only_while_asked}
        asked = self.asked.items()
        wanted = {role.message for name, role in asked if values.get(name, role.default) != role.default}
        return {message: message in wanted for message in only}

    def require_virtual(self, why: str) -> None:
        """For what cannot be done in real time.

        Raises:
            UsageError: If the rig is one in real time; ``why`` says what is against it.
        """
        if self.time != "virtual":
            raise UsageError(
                f'has time = "real": {why}',
                place=str(self.path),
                key="rig.time",
                remedy='needs virtual time: firmware built as a library, and time = "virtual"',
            )
