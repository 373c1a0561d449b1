"""Writes a guess as a commented rig file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hil.frames.database import Database
from hil.new.guess import Guess, Where, cells_of
from hil.new.rules import FAULTS, kind_of

BUS = "pack"
_USUAL = "100 ms"  # between two frames of a message
_MOST = 200  # signals without a meaning that are listed
_NEEDED = ("state", "contactor.main_plus", "contactor.main_minus", "soc", "fault.cell_overvoltage")
_SIGNED = {  # what has a sign that no DBC file tells
    "current_sensor.current": "  # TODO: > 0 must discharge the pack; if not: { port = …, scale = -1 }",
    "measured.current": "  # TODO: > 0 must discharge the pack; if not: { signal = …, scale = -1 }",
}
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_INDEXED = re.compile(r"^(.*)\[(\d+)\]$")
_LAST_NUMBER = re.compile(r"^(.*?)(\d+)(\D*)$")


@dataclass(frozen=True)
class Source:
    """What a rig file is made from."""

    name: str
    files: Sequence[str]
    database: Database
    guess: Guess


def rig_text(source: Source) -> str:
    """The rig file; what could not be guessed is marked with TODO."""
    parts = [_head(source), _sending(source), _bms(source), _wires(source), _requests(source), _roles(source)]
    return "\n".join([*parts, _limits(source.guess), _rest(source)])


def _head(source: Source) -> str:
    cells = cells_of(source.guess)
    series = f"series = {cells}" if cells else "series = 1          # TODO: no cell voltages were found"
    dbc = ", ".join(f'"{file}"' for file in source.files)
    return f"""\
# Made by `hil new` from names, units and value tables of DBC files: read it all before you trust it.
# What it could not know is marked TODO; what is wrong is told by: hil check rig.toml
# Every section and key: docs/rig-file.md

[rig]
name = "{source.name}"
title = "{source.guess.bms or "BMS"}, {cells} cells in series"
time = "virtual"

[bus.{BUS}]
interface = "sim"
bitrate = "500 kbit/s"  # TODO: a DBC file does not say; another bus has a [bus.…] of its own
dbc = [{dbc}]

[pack]
cell = "winston-lyp-100"  # TODO: hil sim --list shows those that ship; hil fit-cell makes one from tests
{series}
soc = "60 %"
{_sensors(source)}"""


def _sensors(source: Source) -> str:
    """As many temperature sensors as there are signals; no voltage that its signal cannot show."""
    ports = source.guess.ports
    count = sum(port.startswith("cell_monitor.temperature[") for port in ports.values())
    volts = [
        source.database.messages[message].signals[signal].minimum
        for (message, signal), port in ports.items()
        if port.startswith("current_sensor.voltage")
    ]
    lines = [f"temperature_count = {count}"] if count else []
    lines += ['voltage_min = "0 V"  # their signals have no sign'] if any(low >= 0.0 for low in volts) else []
    return "\n".join(["\n[sensors]", *lines, ""]) if lines else ""


def _sending(source: Source) -> str:
    """When messages go out that the rig would have to send, where the DBC files do not say it."""
    lacking = [name for name in _fed(source) if not source.database.messages[name].is_sent]
    if not lacking:
        return ""
    lines = [f"[bus.{BUS}.messages]  # TODO: the DBC files give these no cycle time; or send = \"on-change\""]
    lines += [f'{_key(name)} = {{ cycle = "{_USUAL}" }}' for name in lacking]
    return "\n".join([*lines, ""])


def _fed(source: Source) -> list[str]:
    """The messages to the BMS in which something was recognised, and that are sent in one frame."""
    found = source.guess
    where = [*found.ports, *(place for place, _ in found.requests.values())]
    names = dict.fromkeys(message for message, _ in where)
    layouts = (source.database.messages[name] for name in names)
    own = (layout for layout in layouts if found.bms not in layout.senders)
    return [layout.name for layout in own if not layout.in_parts and not layout.active_cycle_ns]


def _bms(source: Source) -> str:
    node = source.guess.bms
    said = "by its name" if node else "TODO: which node of the DBC files is it?"
    return f"""\
[bms]
node = "{node or "BMS"}"  # {said}
library = "my_firmware"  # TODO: docs/your-firmware.md; or kind = "external" with [rig] time = "real"
"""


def _wires(source: Source) -> str:
    """One table per message; arrays as one line where their numbers allow it."""
    by_message: dict[str, list[tuple[str, str]]] = {}
    short, rest = _arrays(source.guess.ports)
    for (message, signal), port in [*short, *rest.items()]:
        by_message.setdefault(message, []).append((signal, port))
    lines = ["# -- wires: signal = port; who sends the message decides the direction", ""]
    for message, pairs in by_message.items():
        lines.append(f"[wires.{BUS}.{_key(message)}]")
        lines += [f'{_key(signal)} = "{port}"{_SIGNED.get(port, "")}' for signal, port in pairs]
        lines.append("")
    return "\n".join(lines)


def _arrays(ports: Mapping[Where, str]) -> tuple[list[tuple[Where, str]], dict[Where, str]]:
    """Arrays that one pattern writes, and all other wires."""
    members: dict[str, list[tuple[int, Where]]] = {}
    for where, port in ports.items():
        if found := _INDEXED.match(port):
            members.setdefault(found[1], []).append((int(found[2]), where))
    rest, short = dict(ports), []
    for array, numbered in members.items():
        pattern = _pattern(sorted(numbered))
        if pattern is None:
            continue
        short.append((pattern, f"{array}[*]"))
        for _, where in numbered:
            del rest[where]
    return short, rest


def _pattern(numbered: Sequence[tuple[int, Where]]) -> Where | None:
    """Message and signal with ``{frame}`` and ``{index}`` for numbers; ``None`` where that fits not all."""
    if len(numbered) < 2 or [number for number, _ in numbered] != list(range(1, len(numbered) + 1)):
        return None
    messages = sorted({message for _, (message, _) in numbered})
    signal = _common([signal for _, (_, signal) in numbered], "index")
    message = messages[0] if len(messages) == 1 else _common(messages, "frame")
    return (message, signal) if message and signal else None


def _common(names: Sequence[str], what: str) -> str | None:
    """Names that differ by their last number only, as a pattern."""
    found = [_LAST_NUMBER.match(name) for name in names]
    if not all(found):
        return None
    matches = [match for match in found if match]
    if len({(match[1], match[3]) for match in matches}) > 1:
        return None
    padded = any(match[2].startswith("0") for match in matches)
    widths = {len(match[2]) for match in matches}
    if padded and len(widths) > 1:
        return None
    width = f":0{widths.pop()}" if padded else ""
    return f"{matches[0][1]}{{{what}{width}}}{matches[0][3]}"


def _requests(source: Source) -> str:
    lines = ["# -- what is asked of the BMS", "", "[requests]"]
    requests = source.guess.requests
    for name, ((message, signal), values) in requests.items():
        default = ', default = "standby"' if "standby" in values else ""
        lines.append(f'{name} = {{ signal = "{BUS}/{message}.{signal}"{_values(values)}{default} }}')
    if "mode" not in requests:
        lines.append("# TODO: mode = { signal = …, values = { standby = 0, operate = 1, charge = 2 } }")
    if "reset" not in requests:
        lines.append("# TODO: reset = { signal = … }, its rising edge resets faults")
    if "mode" in requests:
        lines += ["", "[safe_state]", 'requests = { mode = "standby" }']
    return "\n".join([*lines, ""])


def _roles(source: Source) -> str:
    lines = ["# -- what the BMS says", "", "[roles]"]
    roles = {where: role for role, (where, _) in source.guess.roles.items()}
    short, rest = _arrays(roles)
    for (message, signal), array in short:
        name = array.removesuffix("[*]")
        count = sum(role.startswith(f"{name}[") for role in roles.values())
        lines.append(f'"{name}" = {{ signal = "{BUS}/{message}.{signal}", count = {count} }}')
    for (message, signal), role in rest.items():
        values = _values(source.guess.roles[role][1])
        text = f'"{BUS}/{message}.{signal}"'
        line = f'"{role}" = {{ signal = {text}{values} }}' if values else f'"{role}" = {text}'
        lines.append(line + _SIGNED.get(role, ""))
    found = {_INDEXED.sub(r"\1", role) for role in roles.values()}
    lines += [f'# TODO: "{role}" = …' for role in _NEEDED if role not in found]
    return "\n".join([*lines, ""])


def _limits(found: Guess) -> str:
    """What must come from the BMS's specification: nothing is guessed here."""
    names = [role.removeprefix("fault.") for role in found.roles if role.startswith("fault.")]
    lines = [
        "# -- what the BMS promises: TODO, from its specification; without a number its test is skipped",
        "",
        "[limits]",
        *(f'# {name} = {{ threshold = "…", release = "…", delay = "…", reaction = "…" }}'
          for name in FAULTS if name in names),
        "",
    ]  # fmt: skip
    return "\n".join(lines)


def _rest(source: Source) -> str:
    unknown = source.guess.unknown
    lines = [f"# -- {len(unknown)} signals of which nothing was understood" if unknown else ""]
    lines += [f"# {line}" for line in _listed(source.database, unknown[:_MOST])]
    if len(unknown) > _MOST:
        lines.append(f"# … and {len(unknown) - _MOST} more")
    return "\n".join([*lines, ""])


def _listed(database: Database, unknown: Sequence[Where]) -> Iterator[str]:
    for message, signal in unknown:
        found = database.messages[message].signals[signal]
        unit = found.unit or kind_of(found)
        sender = ", ".join(database.messages[message].senders) or "nobody"
        yield f"{BUS}/{message}.{signal}{f' [{unit}]' if unit else ''}, sent by {sender}"


def _values(values: Mapping[str, int]) -> str:
    if not values:
        return ""
    return f", values = {{ {', '.join(f'{name} = {number}' for name, number in values.items())} }}"


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else f'"{name}"'
