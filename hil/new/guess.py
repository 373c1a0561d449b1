"""Goes through the messages of DBC files and gathers what the rules find."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from hil.frames.database import Database, Message, Signal
from hil.frames.names import parts_of
from hil.frames.unguarded import unguarded
from hil.new.numbering import numbers_of
from hil.new.rules import COMMANDS, PORTS, REQUESTS, ROLES, fault_of, match
from hil.new.words import words_of

_BMS = ("bms", "bmu", "bcu", "battery", "ecu")
_TELLING = {"state", "fault", "warning", "soc", "limit"}
_SWITCH = {
    "open": "open off no aus offen inactive 0 de deenergized deenergised",
    "closed": "closed close on yes ein zu active 1 energized energised",
}
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
        port_members: Arrays of ports, with the signals that may be their members.
        role_members: The same of roles.
    """

    bms: str
    ports: dict[Where, str] = field(default_factory=dict)
    requests: dict[str, tuple[Where, dict[str, float]]] = field(default_factory=dict)
    roles: dict[str, tuple[Where, dict[str, float]]] = field(default_factory=dict)
    unknown: list[Where] = field(default_factory=list)
    port_members: dict[str, list[Where]] = field(default_factory=dict)
    role_members: dict[str, list[Where]] = field(default_factory=dict)


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
    found = Guess(bms)
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
    _number_arrays(found)
    _in_order_of(database, found)
    return found


def _number_arrays(found: Guess) -> None:
    """Give the members of arrays their numbers."""
    taken = set(found.ports.values())
    for name, where in _numbered(found.port_members):
        if name not in taken:
            found.ports[where] = name
            taken.add(name)
    for name, where in _numbered(found.role_members):
        found.roles.setdefault(name, (where, {}))
    known = found.ports.keys() | {where for where, _ in found.roles.values()}
    members = [*found.port_members.values(), *found.role_members.values()]
    found.unknown += dict.fromkeys(where for where in chain(*members) if where not in known)


def _in_order_of(database: Database, found: Guess) -> None:
    """Sort all as the DBC files have it."""
    layouts = database.messages.values()
    order = [(message.name, signal) for message in layouts for signal in message.signals]
    rank = {where: place for place, where in enumerate(order)}
    found.unknown.sort(key=rank.__getitem__)
    found.ports = dict(sorted(found.ports.items(), key=lambda port: rank[port[0]]))
    found.roles = dict(sorted(found.roles.items(), key=lambda role: rank[role[1][0]]))


def _numbered(arrays: Mapping[str, Sequence[Where]]) -> Iterator[tuple[str, Where]]:
    """Names of members and their signals; arrays that a DBC file counts from 0 begin with 1, as rigs do."""
    for array, places in arrays.items():
        numbers = numbers_of(places)
        first = int(0 in numbers.values())
        for where, number in numbers.items():
            yield array.replace("*", str(number + first)), where


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
    if target is None or target in _ASKED or target in found.ports.values():
        return False
    if target.endswith("[*]"):
        found.port_members.setdefault(target, []).append(where)
    else:
        found.ports[where] = target
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
    if role.endswith("[*]"):
        found.role_members.setdefault(role, []).append(where)
    else:
        found.roles[role] = where, names
    return True


def _role(found: Guess, message: Message, signal: Signal) -> tuple[str | None, dict[str, float]]:
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
    return match(ROLES, message, signal), {}


def _fault_or_warning(message: Message, signal: Signal) -> str | None:
    """The role of a flag of a fault or a warning."""
    said = words_of(signal.name) | words_of(message.name)
    name = fault_of(signal) if said & {"fault", "warning"} else None
    if name is None:
        return None
    return f"{'warning' if 'warning' in said and 'fault' not in words_of(signal.name) else 'fault'}.{name}"


def _switch(signal: Signal) -> dict[str, float]:
    return contacts_of(signal) or {"open": 0.0, "closed": 1.0}


def contacts_of(signal: Signal) -> dict[str, float]:
    """The numbers of open and of closed contacts, by its value table; empty: that has no words for both."""
    names = _names(signal, _SWITCH)
    return names if len(names) == len(_SWITCH) else {}


def speaks_of_states(signal: Signal) -> bool:
    """Whether its value table has names of states."""
    return len(_names(signal, _STATES)) > 1


def _is_switch(signal: Signal) -> bool:
    """Whether it is open or closed: one bit, no value table, or one with both words."""
    return signal.length == 1 or not signal.choices or bool(contacts_of(signal))


def _names(signal: Signal, wanted: Mapping[str, str]) -> dict[str, float]:
    """The numbers of a value table, decoded as the signal is, under the names that the suite knows."""
    found: dict[str, float] = {}
    taken: set[float] = set()
    for name, texts in wanted.items():
        for value, text in signal.value_names.items():
            if value not in taken and name not in found and set(parts_of(text)) & set(texts.split()):
                found[name] = value
                taken.add(value)
    return {name: found[name] for name in sorted(found, key=lambda name: found[name])}


def cells_of(found: Guess) -> int:
    """How many cells the messages to the BMS carry, or those of the BMS."""
    return max(members_of(found, array) for array in ("cell_monitor.voltage", "cell.voltage"))


def members_of(found: Guess, array: str) -> int:
    """How many members of an array of ports or roles were found."""
    return sum(name.startswith(f"{array}[") for name in (*found.ports.values(), *found.roles))
