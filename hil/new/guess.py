"""Goes through the messages of DBC files and gathers what the rules find."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hil.frames.database import Database, Message, Signal
from hil.frames.names import parts_of
from hil.frames.unguarded import unguarded
from hil.new.numbering import counted_through
from hil.new.rules import COMMANDS, PORTS, REQUESTS, ROLES, fault_of, match
from hil.new.words import number_of, words_of

_BMS = ("bms", "bmu", "bcu", "battery", "ecu")
_TELLING = {"state", "fault", "warning", "soc", "limit"}
_SWITCH = {"open": "open off no aus offen inactive 0", "closed": "closed close on yes ein zu active 1"}
_STATES = {  # state of the suite -> what value tables call it
    "fault": "fault error failure fehler stoerung alarm",
    "precharge": "precharge precharging prechg vorladung vorladen",
    "charge": "charge charging laden ladebetrieb chg",
    "operate": "operate operating drive driving normal run running on active discharging fahren fahrbetrieb "
    "ready",
    "standby": "standby idle sleep off wait ready bereit bereitschaft",
    "init": "init initialization start startup boot",
}
_CONTROL = {"charge": "charge start on enable", "stop": "stop off disable"}
_MODES = {"operate": _STATES["operate"], "charge": _STATES["charge"], "standby": _STATES["standby"]}
_ASKED = ("reset", "crash")  # flags; the mode is known by its values
Where = tuple[str, str]  # message and signal


@dataclass
class Guess:
    """What was found in one bus's DBC files.

    Attributes:
        bms: The node that is the BMS.
        ports: Signal -> port that it carries to or from the BMS.
        requests: What is asked of the BMS -> signal, and names of its numbers.
        roles: What the BMS says -> signal, and names of its numbers.
        unknown: Signals of which nothing is known.
        counted: Numbers of members of arrays that are not those in their names.
    """

    bms: str
    ports: dict[Where, str] = field(default_factory=dict)
    requests: dict[str, tuple[Where, dict[str, int]]] = field(default_factory=dict)
    roles: dict[str, tuple[Where, dict[str, int]]] = field(default_factory=dict)
    unknown: list[Where] = field(default_factory=list)
    counted: Mapping[Where, int] = field(default_factory=dict)


def bms_node(database: Database) -> str:
    """The node whose name says that it is the BMS; else the one that says most of states and faults."""
    telling = _telling(database)
    for word in _BMS:
        named = [node for node in telling if _says(node, word)]
        if named:
            return max(named, key=lambda node: (node.lower() == word, telling[node]))
    most = max(telling, key=telling.__getitem__, default="")
    return most if telling.get(most) else ""


def _says(node: str, word: str) -> bool:
    within = word != "ecu" and word in node.lower()  # which is in SECURITY, too
    return within or word in parts_of(node)


def _telling(database: Database) -> dict[str, int]:
    """How many signals of states, faults and the like each node sends."""
    found: dict[str, int] = {}
    for message in database.messages.values():
        count = sum(bool(words_of(name) & _TELLING) for name in message.signals)
        for sender in message.senders:
            found[sender] = found.get(sender, 0) + count
    return found


def guess(database: Database, bms: str) -> Guess:
    """What the signals of a bus probably are."""
    found = Guess(bms, counted=counted_through(database.messages.values()))
    for message in database.messages.values():
        guards = unguarded(message)
        for signal in message.signals.values():
            if is_protection(message, signal) or signal.is_multiplexer or signal.name in guards:
                continue
            if bms in message.senders:
                known = _of_bms(found, message, signal)
            else:
                known = _to_bms(found, message, signal)
            if not known:
                found.unknown.append((message.name, signal.name))
    found.ports = _from_one(found.ports)
    roles = _from_one({where: role for role, (where, _) in found.roles.items()})
    by_place = dict(found.roles.values())
    found.roles = {role: (where, by_place[where]) for where, role in roles.items()}
    return found


def _from_one(members: Mapping[Where, str]) -> dict[Where, str]:
    """Arrays that a DBC file counts from 0, as rigs do: from 1."""
    from_zero = {name.removesuffix("[0]") for name in members.values() if name.endswith("[0]")}

    def shifted(name: str) -> str:
        array, _, number = name.rstrip("]").rpartition("[")
        return f"{array}[{int(number) + 1}]" if array in from_zero else name

    return {where: shifted(name) for where, name in members.items()}


def is_protection(message: Message, signal: Signal) -> bool:
    """Counters and checksums: the rig fills them in."""
    by_name = words_of(signal.name) & {"crc", "checksum", "counter", "alive", "rolling", "msg"}
    return signal.e2e_role.startswith(("Counter", "Checksum")) or (message.e2e is not None and bool(by_name))


def _to_bms(found: Guess, message: Message, signal: Signal) -> bool:
    where = (message.name, signal.name)
    modes = _names(signal, _MODES)
    if (
        "mode" not in found.requests
        and {"standby", "operate"} <= modes.keys()
        and "state" not in where[1].lower()
    ):
        found.requests["mode"] = where, modes
        return True
    target = match(REQUESTS, message, signal)
    if target in _ASKED and target not in found.requests:
        found.requests[target] = where, {}
        return True
    return _port(found, where, match(PORTS, message, signal) or target)


def _port(found: Guess, where: Where, target: str | None) -> bool:
    member = None if target in _ASKED else _member(found, target, where)
    if member is None or member in found.ports.values():
        return False
    found.ports[where] = member
    return True


def _of_bms(found: Guess, message: Message, signal: Signal) -> bool:
    where = (message.name, signal.name)
    command = match(COMMANDS, message, signal)
    if command is not None and command.startswith("contactor.") and not _is_switch(signal):
        command = None  # how far it is, not what it does
    known = _port(found, where, command)
    role, names = _role(found, message, signal)
    if role is None or role in found.roles:
        return known
    found.roles[role] = where, names
    return True


def _role(found: Guess, message: Message, signal: Signal) -> tuple[str | None, dict[str, int]]:
    """The role of a signal, and names of its numbers."""
    port = found.ports.get((message.name, signal.name), "")
    if port.startswith("contactor."):
        return port.removesuffix(".command"), _switch(signal)
    if port == "charger.control" and (control := _names(signal, _CONTROL)):
        return port, control
    states = _names(signal, _STATES)
    if {"fault"} <= states.keys() and len(states) > 2 and "state" not in found.roles:
        return "state", states
    if signal.length <= 2 and (named := _fault_or_warning(message, signal)):
        return named, {}
    return _member(found, match(ROLES, message, signal), (message.name, signal.name)), {}


def _member(found: Guess, target: str | None, where: Where) -> str | None:
    """An array's member by its number, if it has one; anything else as it is."""
    if target is None or not target.endswith("[*]"):
        return target
    number = found.counted.get(where, number_of(where[1]))
    return None if number is None else target.replace("*", str(number))


def _fault_or_warning(message: Message, signal: Signal) -> str | None:
    """The role of a flag of a fault or a warning."""
    said = words_of(signal.name) | words_of(message.name)
    name = fault_of(signal) if said & {"fault", "warning"} else None
    if name is None:
        return None
    return f"{'warning' if 'warning' in said and 'fault' not in words_of(signal.name) else 'fault'}.{name}"


def _switch(signal: Signal) -> dict[str, int]:
    names = _names(signal, _SWITCH)
    return names if len(names) == len(_SWITCH) else {"open": 0, "closed": 1}


def speaks_of_states(signal: Signal) -> bool:
    """Whether its value table has names of states."""
    return len(_names(signal, _STATES)) > 1


def _is_switch(signal: Signal) -> bool:
    """Whether it is open or closed: one bit, no value table, or one with both words."""
    return signal.length == 1 or not signal.choices or len(_names(signal, _SWITCH)) == len(_SWITCH)


def _names(signal: Signal, wanted: Mapping[str, str]) -> dict[str, int]:
    """The numbers of a value table under the names that the suite knows."""
    found: dict[str, int] = {}
    taken: set[int] = set()
    for name, texts in wanted.items():
        for raw, text in (signal.choices or {}).items():
            if raw not in taken and name not in found and set(parts_of(text)) & set(texts.split()):
                found[name] = raw
                taken.add(raw)
    return {name: found[name] for name in sorted(found, key=lambda name: found[name])}


def cells_of(found: Guess) -> int:
    """How many cells the messages to the BMS carry, or those of the BMS."""
    names = [*found.ports.values(), *found.roles]
    arrays = ("cell_monitor.voltage[", "cell.voltage[")
    return max((sum(name.startswith(array) for name in names) for array in arrays), default=0)
