"""What is no mistake in a rig file, but leaves tests out without the rig file saying so."""

from __future__ import annotations

from collections.abc import Iterator

from hil.frames.unguarded import unguarded
from hil.rig.known import EXTRA, LIMITS, ROLES, array_of, is_strange
from hil.rig.mistakes import suggest
from hil.rig.schema import RigConfig

_TOLD = 5  # messages of a bus
_NEEDED = {  # what most of the suite stands on
    "state": "no test can be run without it, as none knows what the BMS does",
    "contactor.main_plus": "no test can see the contactors open",
}


def remarks(rig: RigConfig) -> Iterator[str]:
    """A line for each."""
    yield from _flawed(rig)
    yield from _missing(rig)
    yield from _unguarded(rig)
    yield from _strangers(rig)


def _flawed(rig: RigConfig) -> Iterator[str]:
    """Messages that no bus carries: nobody uses them, else it would be a mistake."""
    for bus in rig.buses.values():
        flawed = [message for message in bus.database.messages.values() if message.flaw is not None]
        for message in flawed[:_TOLD]:
            reason, remedy = message.flaw or ("", "")
            yield f"bus.{bus.name}: {message.name} in {message.file} is left out: {reason} ({remedy})"
        if len(flawed) > _TOLD:
            yield f"bus.{bus.name}: {len(flawed) - _TOLD} more messages are left out"


def _missing(rig: RigConfig) -> Iterator[str]:
    for name, without in _NEEDED.items():
        if name not in rig.roles:
            yield f"roles: {name!r} is missing: {without}"
    if "mode" not in rig.requests:
        yield "requests: 'mode' is missing: no test can ask the BMS to operate"
    if not any(wire.port.startswith("cell_monitor.voltage[") for wire in rig.wires):
        yield "wires: no cell voltage is wired: the BMS sees no cells"
    commanded = {wire.port for wire in rig.wires if wire.direction == "in"}
    for name in ("contactor.main_plus", "contactor.main_minus"):
        if name in rig.roles and f"{name}.command" not in commanded:
            yield f"wires: '{name}.command' is wired to nothing: in the twin that contactor stays open"


def _unguarded(rig: RigConfig) -> Iterator[str]:
    """Counters and checksums that nothing fills in, in messages to the BMS."""
    fed = {(wire.bus, wire.message, wire.signal) for wire in rig.wires}
    fed |= {(constant.bus, constant.message, constant.signal) for constant in rig.constants}
    for bus in rig.buses.values():
        for message in bus.database.messages.values():
            names = [name for name in unguarded(message) if (bus.name, message.name, name) not in fed]
            if names and rig.bms.node not in message.senders and message.is_sent:
                told = f"{bus.name}/{message.name}: nothing fills in {' and '.join(names)}"
                remedy = "E2EProfile in the DBC file, or a number in [constants] if it does not look"
                yield f"{told}, the BMS may refuse it ({remedy})"


def _strangers(rig: RigConfig) -> Iterator[str]:
    for name in dict.fromkeys(map(array_of, rig.roles)):
        if is_strange(name):
            yield f"roles.{_quoted(name)}: the suite knows no such role ({suggest(name, ROLES, 'it knows')})"
    for name in rig.limits:
        if name not in LIMITS:
            yield f"limits.{name}: the suite knows no such limit ({suggest(name, LIMITS, 'it knows')})"
    yield from _unread(rig)


def _unread(rig: RigConfig) -> Iterator[str]:
    """Numbers of limits that the suite knows, which it does not read."""
    for name, limit in rig.limits.items():
        for field in limit.extra if name in LIMITS else ():
            known = EXTRA.get(name, ())
            if field not in known:
                hint = f" ({suggest(field, known, 'it reads')})" if known else ""
                yield f"limits.{name}.extra.{field}: no test of the suite reads it{hint}"


def _quoted(name: str) -> str:
    return f'"{name}"' if "." in name else name
