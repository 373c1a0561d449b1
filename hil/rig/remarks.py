"""What is no mistake in a rig file, but leaves tests out without the rig file saying so."""

from __future__ import annotations

from collections.abc import Iterator

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
