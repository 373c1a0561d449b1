"""Writes a guess as a commented rig file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hil.frames.database import Database
from hil.new.guess import Guess, Where, cells_of
from hil.new.hints import guards_text, rest_text, states_hint, unwired_text
from hil.new.rules import FAULTS, guessed_unit
from hil.new.sensors import holds_less, sensors_text
from hil.new.words import number_of

_USUAL = "100 ms"  # between two frames of a message
_NEEDED = ("state", "contactor.main_plus", "contactor.main_minus", "soc", "fault.cell_overvoltage")
_SIGNED = {  # what has a sign that no DBC file tells
    "current_sensor.current": "  # TODO: > 0 must discharge the pack; if not: { port = …, scale = -1 }",
    "measured.current": "  # TODO: > 0 must discharge the pack; if not: { signal = …, scale = -1 }",
}
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_INDEXED = re.compile(r"^(.*)\[(\d+)\]$")
_RANGE = re.compile(r"\[\d+\.\.\d+\]$")
_PART = 3  # members of an array: fewer are written one by one
_LAST_NUMBER = re.compile(r"^(.*?)(\d+)(\D*)$")


@dataclass(frozen=True)
class Bus:
    """One bus of a rig: its DBC files by name, their messages, and the bit rates that they tell."""

    files: Sequence[str]
    database: Database
    bitrate: int | None = None
    data_bitrate: int | None = None


@dataclass(frozen=True)
class Source:
    """What a rig file is made from.

    Attributes:
        buses: By name.
        database: The messages of all of them, which have one name each.
    """

    name: str
    buses: Mapping[str, Bus]
    database: Database
    guess: Guess

    def bus_of(self, message: str) -> str:
        """The bus that a message is on; of a pattern that of the first that it fits."""
        begin = message.partition("{")[0]
        return next(
            name
            for name, bus in self.buses.items()
            for there in bus.database.messages
            if there == message or ("{" in message and there.startswith(begin))
        )

    def address(self, message: str, signal: str) -> str:
        """Where a signal is, as a rig file has it."""
        return f"{self.bus_of(message)}/{message}.{signal}"


def rig_text(source: Source) -> str:
    """The rig file; what could not be guessed is marked with TODO."""
    parts = [_head(source), _sending(source), _bms(source), guards_text(source), _wires(source)]
    parts += [unwired_text(source), _requests(source), _roles(source), _limits(source.guess)]
    return "\n".join([*(part for part in parts if part), rest_text(source)])


def _head(source: Source) -> str:
    cells = cells_of(source.guess)
    series = f"series = {cells}" if cells else "series = 1          # TODO: no cell voltages were found"
    return f"""\
# Made by `hil new` from names, units and value tables of DBC files: read it all before you trust it.
# What it could not know is marked TODO; what is wrong is told by: hil check rig.toml
# Every section and key: docs/rig-file.md

[rig]
name = "{source.name}"
title = "{source.guess.bms or "BMS"}, {cells} cells in series"
time = "virtual"

{_buses(source)}
[pack]
cell = "winston-lyp-100"  # TODO: hil sim --list shows those that ship; hil fit-cell makes one from tests
{series}
soc = "60 %"
{sensors_text(source.guess, source.database)}"""


def _buses(source: Source) -> str:
    lines = []
    for name, bus in source.buses.items():
        rate = "# as the DBC file says" if bus.bitrate else "# TODO: the DBC files do not say"
        lines += [f"[bus.{_key(name)}]", 'interface = "sim"', f"bitrate = {bus.bitrate or 500_000:_}  {rate}"]
        if any(message.format for message in bus.database.messages.values()):
            data = "# as the DBC file says" if bus.data_bitrate else "# TODO: the DBC files do not say"
            lines += ["fd = true  # it has messages of CAN FD"]
            lines += [f"data_bitrate = {bus.data_bitrate or 2_000_000:_}  {data}"]
        files = ", ".join(f'"{file}"' for file in bus.files)
        lines += [f"dbc = [{files}]", ""]
        if any(message.may_be_long for message in bus.database.messages.values()):
            told = "it has long messages; TODO: the addresses of who sends, if the DBC files have other ones"
            lines += [f"[bus.{_key(name)}.j1939]  # {told}", ""]
    return "\n".join(lines)


def _sending(source: Source) -> str:
    """When messages go out that the rig would have to send, where the DBC files do not say it."""
    lacking = [name for name in _fed(source) if not source.database.messages[name].is_sent]
    if not lacking:
        return ""
    lines = []
    for bus in source.buses:
        here = [name for name in lacking if source.bus_of(name) == bus]
        told = 'TODO: the DBC files give these no cycle time; or send = "on-change"'
        lines += [f"[bus.{_key(bus)}.messages]  # {told}"] if here else []
        lines += [f'{_key(name)} = {{ cycle = "{_USUAL}" }}' for name in here]
    return "\n".join([*lines, ""])


def _fed(source: Source) -> list[str]:
    """The messages to the BMS in which something was recognised, and that are sent in one frame."""
    found = source.guess
    where = [*found.ports, *(place for place, _ in found.requests.values())]
    names = dict.fromkeys(message for message, _ in where)
    layouts = (source.database.messages[name] for name in names)
    own = (layout for layout in layouts if found.bms not in layout.senders)
    return [layout.name for layout in own if layout.flaw is None and not layout.active_cycle_ns]


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
    units = _guessed_units(source, source.guess.ports)
    whole, rest = _arrays(source.guess.ports)
    parts, rest = _parts(rest)
    for (message, signal), port in [*whole, *parts, *rest.items()]:
        by_message.setdefault(message, []).append((signal, port))
    lines = ["# -- wires: signal = port; who sends the message decides the direction", ""]
    for message, pairs in by_message.items():
        lines.append(f"[wires.{_key(source.bus_of(message))}.{_key(message)}]")
        layout = source.database.messages.get(message)  # none: a pattern of several
        signals = layout.signals if layout is not None else {}
        for signal, port in pairs:
            if signal in signals and holds_less(signals[signal], port):
                lines.append(_bounded(signal, port))
            else:
                lines.append(_wire(signal, port, units.get(_RANGE.sub("[*]", port), "")))
        lines.append("")
    return "\n".join(lines)


def _wire(signal: str, port: str, unit: str) -> str:
    """One line; where the DBC file has no unit, with the one that was guessed."""
    if not unit:
        return f'{_key(signal)} = "{port}"{_SIGNED.get(port, "")}'
    scale = _SCALES.get(unit)
    end = f'{{ port = "{port}", scale = {scale} }}' if scale else f'"{port}"'
    return f"{_key(signal)} = {end}{_SIGNED.get(port, '')}{_guessed(unit)}"


def _bounded(signal: str, port: str) -> str:
    """One line for a signal that holds less than the port shows."""
    told = "  # TODO: it holds less than the twin shows, and gets the bound beyond that"
    return f'{_key(signal)} = {{ function = "max", of = "{port}" }}{told}'


def _guessed(unit: str) -> str:
    return f"  # TODO: no unit in the DBC file, {unit} is a guess"


_SCALES = {"mV": "0.001", "mA": "0.001", "kOhm": "1000"}  # to what twins and suite have


def _guessed_units(source: Source, named: Mapping[Where, str]) -> dict[str, str]:
    """Units that no DBC file has, by port or role; of an array also by its name as a whole."""
    found: dict[str, str] = {}
    for (message, signal), name in named.items():
        unit = guessed_unit(source.database.messages[message].signals[signal])
        if unit:
            found[name] = found[_INDEXED.sub(r"\1[*]", name)] = unit
    return found


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


def _parts(ports: Mapping[Where, str]) -> tuple[list[tuple[Where, str]], dict[Where, str]]:
    """Parts of arrays, a message each, that one pattern writes, and all other wires."""
    members: dict[tuple[str, str], list[tuple[int, Where]]] = {}
    for where, port in ports.items():
        if found := _INDEXED.match(port):
            members.setdefault((found[1], where[0]), []).append((int(found[2]), where))
    rest, short = dict(ports), []
    for (array, message), numbered in members.items():
        numbers = sorted(number for number, _ in numbered)
        gaps = len(numbered) < _PART or numbers != list(range(numbers[0], numbers[-1] + 1))
        named = all(_counts(number, where[1]) for number, where in numbered)
        signal = _common([where[1] for _, where in sorted(numbered)], _counted(sorted(numbered)))
        if gaps or not named or signal is None:
            continue
        short.append(((message, signal), f"{array}[{numbers[0]}..{numbers[-1]}]"))
        for _, where in numbered:
            del rest[where]
    return short, rest


def _counts(number: int, signal: str) -> bool:
    """Whether a signal's name has its member's number, from 1 or from 0."""
    return number_of(signal) in (number, number - 1)


def _pattern(numbered: Sequence[tuple[int, Where]]) -> Where | None:
    """Message and signal with ``{frame}`` and ``{index}`` for numbers; ``None`` where that fits not all."""
    if len(numbered) < 2 or [number for number, _ in numbered] != list(range(1, len(numbered) + 1)):
        return None
    messages = sorted({message for _, (message, _) in numbered})
    signal = _common([signal for _, (_, signal) in numbered], _counted(numbered))
    message = messages[0] if len(messages) == 1 else _common(messages, "frame")
    return (message, signal) if message and signal else None


def _counted(numbered: Sequence[tuple[int, Where]]) -> str:
    """Whether the names of an array's signals count from 0, or as its members are counted."""
    first, (_, signal) = numbered[0]
    return "index0" if number_of(signal) == first - 1 else "index"


def _common(names: Sequence[str], what: str) -> str | None:
    """Names that differ by their last number only, as a pattern."""
    found = [_LAST_NUMBER.match(name) for name in names]
    if not all(found):
        return None
    matches = [match for match in found if match]
    if len({(match[1], match[3]) for match in matches}) > 1:
        return None
    padded = any(match[2].startswith("0") and match[2] != "0" for match in matches)
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
        lines.append(f'{name} = {{ signal = "{source.address(message, signal)}"{_values(values)}{default} }}')
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
    units = _guessed_units(source, roles)
    short, rest = _arrays(roles)
    for (message, signal), array in short:
        name = array.removesuffix("[*]")
        count = sum(role.startswith(f"{name}[") for role in roles.values())
        scale, told = _scale(units.get(array, ""))
        where = source.address(message, signal)
        lines.append(f'"{name}" = {{ signal = "{where}", count = {count}{scale} }}{told}')
    for (message, signal), role in rest.items():
        values = _values(source.guess.roles[role][1])
        text = f'"{source.address(message, signal)}"'
        scale, told = _scale(units.get(role, ""))
        more = values or scale
        line = f'"{role}" = {{ signal = {text}{more} }}' if more else f'"{role}" = {text}'
        seen = states_hint(source) if role == "state" else _SIGNED.get(role, "")
        lines.append(line + seen + told)
    found = {_INDEXED.sub(r"\1", role) for role in roles.values()}
    lines += [f'# TODO: "{role}" = …' for role in _NEEDED if role not in found]
    return "\n".join([*lines, ""])


def _scale(unit: str) -> tuple[str, str]:
    """What a role has besides its signal where the DBC file has no unit: its scale, and a remark."""
    if not unit:
        return "", ""
    scale = f", scale = {_SCALES[unit]}" if unit in _SCALES else ""
    return scale, _guessed(unit)


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


def _values(values: Mapping[str, int]) -> str:
    if not values:
        return ""
    return f", values = {{ {', '.join(f'{name} = {number}' for name, number in values.items())} }}"


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else f'"{name}"'
