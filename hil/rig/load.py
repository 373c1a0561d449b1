"""From a rig file's name to a rig: all that it names found and checked, all mistakes at once."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import TypedDict

from hil.errors import HilError
from hil.frames.database import Database, load_database
from hil.nodes.kinds import DRIVEN, KINDS, NodeSpec, node_ports
from hil.realtime.health import Budget
from hil.rig.address import AddressBook
from hil.rig.checksums import load_checksums
from hil.rig.computed import ComputedReader, ComputedSignal
from hil.rig.file import BmsSection, BusSection, HealthSection, RigFile, read_file
from hil.rig.hooks import Hooks, load_hooks
from hil.rig.j1939 import with_addresses
from hil.rig.limits import Limit, limits_of
from hil.rig.mistakes import Mistakes, dotted, suggest
from hil.rig.nodes import charger_preset, nodes_of
from hil.rig.plant import PortLike, plant_config, ports_of
from hil.rig.requests import Manner, RequestReader
from hil.rig.roles import Role, RoleReader, check_roles
from hil.rig.schema import (
    BmsConfig,
    BusConfig,
    HostConfig,
    RigConfig,
    SafeState,
    SuiteConfig,
)
from hil.rig.sending import with_sending
from hil.rig.shipped import find_dbc, find_library, find_rig, shipped_dbc, shipped_libraries
from hil.rig.transitions import Transitions, transitions_of
from hil.rig.wire import Constant, Wire, Wiring, drafts
from twins.config import PlantConfig

_SHOWN = 12  # names of messages in one mistake


class _Signals(TypedDict):
    """The part of a ``RigConfig`` that is about signals."""

    wires: tuple[Wire, ...]
    computed: tuple[ComputedSignal, ...]
    constants: tuple[Constant, ...]
    requests: dict[str, Role]
    parts: dict[str, Role]
    manners: dict[str, Manner]
    transitions: Transitions
    roles: dict[str, Role]
    limits: dict[str, Limit]
    safe_state: SafeState


def load_rig(rig: str | Path) -> RigConfig:
    """Read a rig file, by path or by the name of a shipped one.

    Raises:
        RigFileError: If there is no such file, or it is no TOML.
        RigFileErrors: All mistakes in it and in what it names, each with file, key, reason, remedy.
    """
    path = find_rig(rig)
    mistakes = Mistakes(path)
    file = read_file(path, mistakes)
    buses = _buses(file, mistakes)
    plant = plant_config(file, mistakes, charger_preset(file))
    bms = _bms(file, buses, mistakes)
    databases = {name: bus.database for name, bus in buses.items()}
    nodes = nodes_of(file, databases, file.bms.node if file.bms is not None else "", mistakes)
    signals = _signals(file, databases, plant, nodes, mistakes)
    hooks = _hooks(file, mistakes)
    _check_requests({**signals["parts"], **signals["requests"]}, buses, mistakes)
    mistakes.check()
    if file.rig is None or plant is None or bms is None:
        raise AssertionError("a rig with a section left out has mistakes")
    return RigConfig(
        name=file.rig.name,
        title=file.rig.title or file.rig.name,
        path=path,
        time=file.rig.time,
        plant=plant,
        buses=buses,
        bms=bms,
        suite=SuiteConfig(dict(file.suite.skip), file.suite.soak),
        health=_health(file.health),
        host=HostConfig(file.host.lease, file.host.real_time),
        nodes=nodes,
        hooks=hooks,
        **signals,
    )


def _check_requests(
    requests: Mapping[str, Role], buses: Mapping[str, BusConfig], mistakes: Mistakes
) -> None:
    """The kernel would ask the BMS on and on, even of a plant that hangs: a silent one lets it open."""
    for name, role in requests.items():
        if buses[role.bus].database.messages[role.message].by_kernel:
            reason = f"{role.message} is left to the kernel, which would go on asking when the rig has failed"
            remedy = f"leave {role.message} to the rig, in [bus.{role.bus}.messages]"
            mistakes.add(dotted("requests", name), reason, remedy)


def _hooks(file: RigFile, mistakes: Mistakes) -> Hooks | None:
    if file.hooks is None:
        return None
    try:
        return load_hooks(mistakes.file_of("hooks.file").parent / file.hooks.file, file.hooks.within)
    except HilError as error:
        mistakes.take(error, "hooks.file")
        return None


def all_ports(
    plant: PlantConfig, nodes: tuple[NodeSpec, ...], mistakes: Mistakes
) -> Mapping[str, PortLike] | None:
    """What wires may name: the ports of twins and nodes; ``None`` if the plant cannot be built."""
    ports = ports_of(plant, mistakes)
    return ports and {**ports, **{port.name: port for spec in nodes for port in node_ports(spec)}}


def _signals(
    file: RigFile,
    databases: Mapping[str, Database],
    plant: PlantConfig | None,
    nodes: tuple[NodeSpec, ...],
    mistakes: Mistakes,
) -> _Signals:
    """All that says which signal is what: wires, constants, requests, roles, limits."""
    node = file.bms.node if file.bms is not None else "BMS"
    book = AddressBook(databases, mistakes)
    ports = all_ports(plant, nodes, mistakes) if plant is not None else None
    wiring = Wiring(book, ports, node, mistakes)
    for spec in nodes:
        driven = DRIVEN if KINDS[spec.kind].is_charger else ()
        wiring.give(dotted("nodes", spec.name), driven, ((spec.bus, name) for name in spec.messages))
    for draft in drafts(file, book, mistakes):
        wiring.add(draft)
    computed = ComputedReader(book, wiring, file.bus, mistakes).computed(file.wires)
    reader = RoleReader(book, wiring, mistakes)
    constants = [reader.constant(address, value) for address, value in file.constants.items()]
    roles = reader.roles(file.roles)
    check_roles(roles, mistakes)
    asking = RequestReader(book, wiring, (reader, roles), mistakes)
    asked = asking.requests(file.requests)
    safe_state = asking.wanted("safe_state.requests", file.safe_state.requests, file.requests)
    return {
        "wires": tuple(wiring.wires),
        "computed": computed,
        "constants": tuple(constant for constant in constants if constant is not None),
        "requests": asked.requests,
        "parts": asked.parts,
        "manners": asked.manners,
        "transitions": transitions_of(file.transitions, roles, asked.requests, mistakes),
        "roles": roles,
        "limits": limits_of(file.limits, databases, node, roles, mistakes, file.timing),
        "safe_state": SafeState(safe_state, _outputs(file, mistakes)),
    }


def _outputs(file: RigFile, mistakes: Mistakes) -> tuple[tuple[str, ...], ...]:
    """The commands that the safe state runs."""
    outputs = tuple(tuple(command) for command in file.safe_state.outputs)
    if outputs and (file.rig is None or file.rig.time == "virtual"):
        reason, remedy = "a rig in virtual time switches nothing", 'only one with time = "real" does'
        mistakes.add("safe_state.outputs", reason, remedy)
    return outputs


def _health(section: HealthSection) -> Budget:
    return Budget(
        frame_late_ns=section.frame_late,
        frame_late_p99_ns=section.frame_late_p99,
        step_late_ns=section.step_late,
        test_late_ns=section.test_late,
        bms_wait_ns=section.bms_wait,
        missed_frames=section.missed_frames,
        missed_steps=section.missed_steps,
        lost_frames=section.lost_frames,
        bus_errors=section.bus_errors,
        clock_jumps=section.clock_jumps,
        retries=section.retries,
        if_failed=section.if_failed,
    )


def _buses(file: RigFile, mistakes: Mistakes) -> dict[str, BusConfig]:
    buses = {}
    for name, bus in file.bus.items():
        if file.rig is None or file.rig.time == "virtual":
            _check_virtual(name, bus, mistakes)
        else:
            _check_real(name, bus, mistakes)
        _check_rates(name, bus, mistakes)
        _check_senders(name, bus, mistakes)
        database, paths = _database(name, bus, mistakes)
        if database is None:
            mistakes.broken.add(dotted("bus", name))
        else:
            channel = bus.channel or ""
            database = with_addresses(name, database, bus.j1939 or {}, mistakes)
            database = with_sending(name, database, bus.messages, mistakes)
            data_bitrate = (bus.data_bitrate or bus.bitrate) if bus.fd else 0
            _check_formats(name, database, bool(data_bitrate), mistakes)
            _check_filter(name, bus, database, mistakes)
            buses[name] = BusConfig(
                name, bus.interface, bus.bitrate, paths, database, channel, bus.options, data_bitrate,
                receives_all=bus.receive == "all",
            )
    _check_names(buses, mistakes)
    return buses


def _check_names(buses: Mapping[str, BusConfig], mistakes: Mistakes) -> None:
    """Faults, scripts and requests go by the name of a message, which must therefore be on one bus alone."""
    for one, other in combinations(buses.values(), 2):
        shared = sorted(_sound(one.database) & _sound(other.database))
        if shared:
            which = ", ".join(shared[:_SHOWN]) + (", …" if len(shared) > _SHOWN else "")
            reason = f"bus {one.name!r} has messages of the same name: {which}"
            remedy = "a name belongs to one bus only: give this bus a DBC file with other names"
            mistakes.add(dotted("bus", other.name, "dbc"), reason, remedy)


def _sound(database: Database) -> set[str]:
    return {message.name for message in database.messages.values() if not message.flaw}


def _check_rates(name: str, bus: BusSection, mistakes: Mistakes) -> None:
    key = dotted("bus", name, "data_bitrate")
    if bus.data_bitrate is None:
        return
    if not bus.fd:
        mistakes.add(key, "a classic bus has only one bit rate", "write fd = true for CAN FD")
    elif bus.data_bitrate < bus.bitrate or bus.data_bitrate % bus.bitrate:
        reason = f"{bus.data_bitrate} bit/s is no whole multiple of the bit rate, {bus.bitrate} bit/s"
        mistakes.add(key, reason, f'such as data_bitrate = "{4 * bus.bitrate // 1000} kbit/s"')


def _check_senders(name: str, bus: BusSection, mistakes: Mistakes) -> None:
    """Only SocketCAN's kernel sends by itself, and only real buses filter."""
    for message, section in bus.messages.items():
        if section.by == "kernel" and bus.interface != "socketcan":
            reason = f"interface {bus.interface!r} has no broadcast manager of the kernel"
            mistakes.add(dotted("bus", name, "messages", message, "by"), reason, "only socketcan has it")
    if bus.receive == "known" and bus.interface == "sim":
        mistakes.add(dotted("bus", name, "receive"), "the sim bus has no filters", "only real buses do")


def _check_filter(name: str, bus: BusSection, database: Database, mistakes: Mistakes) -> None:
    """A filter knows the identifiers of the DBC files, not a transport protocol's nor other addresses'."""
    parts = [message.name for message in database.messages.values() if message.may_be_long]
    if bus.receive == "known" and (parts or bus.j1939):
        what = f"{parts[0]} goes by a transport protocol" if parts else "J1939 nodes have own addresses"
        reason = f"{what}, whose frames have identifiers that no DBC file has"
        mistakes.add(dotted("bus", name, "receive"), reason, 'write receive = "all"')


def _check_formats(name: str, database: Database, fd: bool, mistakes: Mistakes) -> None:
    """A classic bus carries no CAN FD frame."""
    found = [message.name for message in database.messages.values() if message.format and not message.flaw]
    if found and not fd:
        which = f"{found[0]} and {len(found) - 1} more messages" if len(found) > 1 else f"message {found[0]}"
        reason = f"CAN FD frames do not run on a classic bus, as {which} would have to"
        mistakes.add(dotted("bus", name, "dbc"), reason, "give the bus fd = true and a data_bitrate")


def _check_virtual(name: str, bus: BusSection, mistakes: Mistakes) -> None:
    if bus.interface != "sim":
        mistakes.add(
            dotted("bus", name, "interface"),
            f"{bus.interface!r} is a real bus, but the rig's time is virtual",
            'use interface = "sim", or time = "real"',
        )
        return
    for key in ("channel", "options"):
        if getattr(bus, key):
            mistakes.add(dotted("bus", name, key), "the sim bus has none", "only real buses do")


_OF_THE_BUS = ("bitrate", "channel", "data_bitrate", "fd", "interface")


def _check_real(name: str, bus: BusSection, mistakes: Mistakes) -> None:
    if bus.interface == "sim":
        mistakes.add(
            dotted("bus", name, "interface"),
            "the sim bus exists in virtual time only, but the rig's time is real",
            'use socketcan (vcan0 needs no hardware), slcan, or a python-can interface; or time = "virtual"',
        )
    elif bus.channel is None:
        reason = f"is missing: which bus of interface {bus.interface!r} it is"
        mistakes.add(dotted("bus", name, "channel"), reason, 'such as channel = "can0"')
    for key in _OF_THE_BUS:
        if key in bus.options:
            key_there, key_here = dotted("bus", name, "options", key), dotted("bus", name, key)
            mistakes.add(key_there, "belongs to the bus, not to its interface", f"write it as {key_here}")


def _database(
    name: str, bus: BusSection, mistakes: Mistakes
) -> tuple[Database | None, tuple[Path, ...]]:
    beside = mistakes.file_of(dotted("bus", name, "dbc")).parent
    paths = []
    for number, dbc in enumerate(bus.dbc):
        path = find_dbc(dbc, beside)
        if path is None:
            there = [*(path.name for path in beside.glob("*.dbc")), *shipped_dbc()]
            hint = suggest(dbc, there, "DBC files")
            reason = f"there is no DBC file {dbc!r} beside the rig file, nor is one shipped"
            mistakes.add(dotted("bus", name, "dbc", number), reason, hint)
        else:
            paths.append(path)
    try:
        own = {} if bus.checksums is None else load_checksums(beside / bus.checksums)
        database = load_database(paths, own, j1939=bus.j1939 is not None)
    except HilError as error:
        mistakes.take(error, dotted("bus", name, "dbc"))
        return None, ()
    return (database if len(paths) == len(bus.dbc) else None), tuple(paths)


def _bms(file: RigFile, buses: Mapping[str, BusConfig], mistakes: Mistakes) -> BmsConfig | None:
    bms = file.bms
    if bms is None:
        return None
    _check_kind(bms, "real" if file.rig is not None and file.rig.time == "real" else "virtual", mistakes)
    messages = [m for bus in buses.values() for m in bus.database.messages.values()]
    senders = {sender for message in messages for sender in message.senders}
    if messages and bms.node not in senders:
        hint = suggest(bms.node, senders, "nodes that send")
        mistakes.add("bms.node", f"node {bms.node!r} sends no message in any DBC file", hint)
        mistakes.broken.add("bms.node")
    library = None
    if bms.library is not None:
        library, looked = find_library(bms.library, mistakes.file_of("bms.library").parent)
        if library is None:
            reason = f"there is no firmware library {bms.library!r}; looked for {', '.join(looked)}"
            mistakes.add("bms.library", reason, _how_to_build(bms.library))
            return None
    return BmsConfig(
        bms.kind,
        library,
        bms.node,
        bms.step,
        command=tuple(bms.command or ()),
        ready=bms.ready,
        cold=tuple(bms.cold),
        switch_on=tuple(bms.switch_on),
        switch_off=tuple(bms.switch_off),
        heard_ns=bms.heard,
    )


def _check_kind(bms: BmsSection, time: str, mistakes: Mistakes) -> None:
    """Time and keys suit the kind of BMS."""
    if time == "real" and bms.kind == "library":
        reason = "firmware as a library is stepped in virtual time"
        mistakes.add("bms.kind", reason, 'use kind = "process" or "external", or time = "virtual"')
    elif time == "virtual" and bms.kind != "library":
        reason = f"a BMS of kind {bms.kind!r} lives in real time"
        mistakes.add("bms.kind", reason, 'use kind = "library", or time = "real"')
    for kind, key, remedy in _NEEDED:
        if bms.kind == kind and getattr(bms, key) is None:
            mistakes.add(f"bms.{key}", f"is missing: a BMS of kind {kind!r} needs it", remedy)
    for kind, keys, reason in _OF_ONE_KIND:
        for key in keys:
            if bms.kind != kind and getattr(bms, key):
                mistakes.add(f"bms.{key}", f"a BMS of kind {bms.kind!r} {reason}")
    _check_switch(bms, mistakes)


def _check_switch(bms: BmsSection, mistakes: Mistakes) -> None:
    if bool(bms.switch_on) != bool(bms.switch_off):
        lacking = "switch_off" if bms.switch_on else "switch_on"
        mistakes.add(f"bms.{lacking}", "is missing: a supply is switched both ways")


_NEEDED = (
    ("library", "library", "docs/your-firmware.md says how to build one"),
    ("process", "command", 'such as "hil bms --interface socketcan --channel vcan0"'),
)
_OF_ONE_KIND = (
    ("process", ("command", "ready", "cold"), "is not started by the rig"),
    ("external", ("switch_on", "switch_off"), "has no supply to switch"),
)


def _how_to_build(library: str) -> str:
    near = difflib.get_close_matches(library, set(shipped_libraries()) - {library}, n=1, cutoff=0.7)
    if near:
        return f"did you mean {near[0]!r}?"
    return (
        "build it for this computer: the reference BMS by 'pip install .', "
        "your own as docs/your-firmware.md says"
    )
