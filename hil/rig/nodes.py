"""The nodes of a rig file: ``[nodes.NAME]``, checked against buses and DBC files."""

from __future__ import annotations

from collections.abc import Mapping

from hil.frames.database import Database
from hil.nodes.kinds import KINDS, Kind, NodeSpec, sender_of
from hil.rig.file import NodeSection, RigFile
from hil.rig.mistakes import Mistakes, dotted, suggest
from hil.units import say
from twins.charger_presets import PRESETS

_OF_VEHICLES = ("max_voltage", "max_cell_voltage", "max_current", "end_current", "end_soc")
_OF_STATIONS = ("insulation_test",)
_OF_INVERTERS = ("rated_power",)
_VEHICLE = "gbt27930-vehicle"


def nodes_of(
    file: RigFile, databases: Mapping[str, Database], bms: str, mistakes: Mistakes
) -> tuple[NodeSpec, ...]:
    """All nodes of a rig file that are right.

    Args:
        file: The rig file.
        databases: The layouts of each bus.
        bms: The BMS's node in the DBC files.
        mistakes: Where mistakes go.
    """
    found: dict[str, NodeSpec] = {}
    for name, section in file.nodes.items():
        key = dotted("nodes", name)
        kind = KINDS[section.kind]
        _check_keys(key, section, mistakes)
        _check_preset(key, section, kind, mistakes)
        database = _database(key, section, databases, mistakes)
        if database is None or not _suits(key, section, kind, file, database, mistakes):
            continue
        spec = _spec(name, section, sender_of(kind, database), database)
        if _is_alone(key, spec, found, bms, mistakes):
            found[name] = spec
    return tuple(found.values())


def charger_preset(file: RigFile) -> str | None:
    """The charger's preset that a node names, if one does and ``[charger]`` does not."""
    if "preset" in file.charger:
        return None
    named = (node.preset for node in file.nodes.values())
    return next((preset for preset in named if preset in PRESETS), None)


def _spec(name: str, section: NodeSection, sender: str, database: Database) -> NodeSpec:
    own = frozenset(m.name for m in database.messages.values() if sender in m.senders)
    return NodeSpec(
        name,
        section.kind,
        section.bus,
        sender,
        own,
        insulation_ns=section.insulation_test,
        max_V=section.max_voltage,
        max_cell_V=section.max_cell_voltage,
        max_A=section.max_current,
        end_A=section.end_current,
        end_soc=section.end_soc,
        rated_W=section.rated_power,
    )


def _check_keys(key: str, section: NodeSection, mistakes: Mistakes) -> None:
    """Keys suit the kind."""
    kinds = {
        "gbt27930": _OF_STATIONS,
        "chademo": _OF_STATIONS,
        _VEHICLE: _OF_VEHICLES,
        "pylontech": _OF_INVERTERS,
        "sma-victron": _OF_INVERTERS,
    }
    for other in (*_OF_VEHICLES, *_OF_STATIONS, *_OF_INVERTERS):
        if getattr(section, other) is not None and other not in kinds.get(section.kind, ()):
            mistakes.add(f"{key}.{other}", f"a node of kind {section.kind!r} has none")


def _check_preset(key: str, section: NodeSection, kind: Kind, mistakes: Mistakes) -> None:
    if section.preset is None:
        return
    if not kind.is_charger:
        mistakes.add(f"{key}.preset", f"a node of kind {section.kind!r} has none")
    elif section.preset not in PRESETS:
        hint = suggest(section.preset, PRESETS, "presets")
        mistakes.add(f"{key}.preset", f"there is no charger preset {section.preset!r}", hint)


def _database(
    key: str, section: NodeSection, databases: Mapping[str, Database], mistakes: Mistakes
) -> Database | None:
    database = databases.get(section.bus)
    if database is None and dotted("bus", section.bus) not in mistakes.broken:
        hint = suggest(section.bus, databases, "buses")
        mistakes.add(f"{key}.bus", f"there is no bus {section.bus!r}", hint)
    return database


def _suits(
    key: str, section: NodeSection, kind: Kind, file: RigFile, database: Database, mistakes: Mistakes
) -> bool:
    """Whether a bus is one for this kind of node."""
    needed = dict.fromkeys((kind.says, *kind.needs))
    lacking = [name for name in needed if name not in database.messages]
    if lacking:
        reason = f"bus {section.bus!r} has no message {', '.join(lacking[:3])} that {section.kind!r} needs"
        mistakes.add(key, reason, f"add {kind.dbc!r} to bus.{section.bus}.dbc")
    elif not sender_of(kind, database):
        mistakes.add(key, f"nobody sends {kind.says} in the DBC files", f"take it from {kind.dbc!r}")
        return False
    bitrate = file.bus[section.bus].bitrate
    if bitrate not in kind.bitrates:
        known = " or ".join(say(rate, "bit/s") for rate in kind.bitrates)
        reason = f"bus {section.bus!r} runs at {say(bitrate, 'bit/s')}, but {section.kind!r} has {known}"
        mistakes.add(f"{key}.bus", reason, "give it a bus of its own")
    return not lacking


def _is_alone(
    key: str, spec: NodeSpec, others: Mapping[str, NodeSpec], bms: str, mistakes: Mistakes
) -> bool:
    """There is one charger in the plant, and one node sends a message."""
    is_charger = KINDS[spec.kind].is_charger
    if is_charger and spec.sender == bms:
        reason = f"it would send what node {bms!r} of the DBC files sends, and that is the BMS"
        mistakes.add(key, reason, "bms.node names the BMS's node")
        return False
    for other in others.values():
        if is_charger and KINDS[other.kind].is_charger:
            mistakes.add(key, f"drives the charger, as nodes.{other.name} does", "the plant has one charger")
            return False
        if (other.bus, other.sender) == (spec.bus, spec.sender):
            mistakes.add(key, f"sends the same messages as nodes.{other.name}", "remove one")
            return False
    return True
