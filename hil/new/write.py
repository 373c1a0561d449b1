"""Writes a guess as a commented rig file."""

from __future__ import annotations

from collections.abc import Mapping

from hil.frames.database import Signal
from hil.new.arrays import Entry, array_of, entries
from hil.new.guess import Guess, Where, cells_of, contacts_of, members_of
from hil.new.hints import guards_text, rest_text, states_hint, unwired_text
from hil.new.rules import FAULTS, guessed_unit
from hil.new.sensors import holds_less, sensors_text
from hil.new.sources import Source
from hil.new.toml import key, remark, text

_CELLS = "cell_monitor.voltage"
_USUAL = "100 ms"  # between two frames of a message
_NEEDED = ("state", "contactor.main_plus", "contactor.main_minus", "soc", "fault.cell_overvoltage")
_SIGNED = {  # what has a sign that no DBC file tells
    "current_sensor.current": "  # TODO: > 0 must discharge the pack; if not: { port = …, scale = -1 }",
    "measured.current": "  # TODO: > 0 must discharge the pack; if not: { signal = …, scale = -1 }",
}
_SCALES = {"mV": "0.001", "mA": "0.001", "kOhm": "1000"}  # to what twins and suite have


def rig_text(source: Source) -> str:
    """The rig file; what could not be guessed is marked with TODO."""
    parts = [_head(source), _sending(source), _bms(source), guards_text(source), _wires(source)]
    parts += [unwired_text(source), _requests(source), _roles(source), _limits(source.guess)]
    return "\n".join([*(part for part in parts if part), rest_text(source)])


def _head(source: Source) -> str:
    cells = cells_of(source.guess)
    series = f"series = {cells}" if cells else "series = 1          # TODO: no cell voltages were found"
    title = f"{source.guess.bms or 'BMS'}{f', {cells} cells in series' if cells else ''}"
    return f"""\
# Made by `hil new` from names, units and value tables of DBC files: read it all before you trust it.
# What it could not know is marked TODO; what is wrong is told by: hil check rig.toml
# Every section and key: docs/rig-file.md

[rig]
name = {text(source.name)}
title = {text(title)}
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
        lines += [f"[bus.{key(name)}]", 'interface = "sim"', f"bitrate = {bus.bitrate or 500_000:_}  {rate}"]
        if any(message.format for message in bus.database.messages.values()):
            data = "# as the DBC file says" if bus.data_bitrate else "# TODO: the DBC files do not say"
            lines += ["fd = true  # it has messages of CAN FD"]
            lines += [f"data_bitrate = {bus.data_bitrate or 2_000_000:_}  {data}"]
        files = ", ".join(map(text, bus.files))
        lines += [f"dbc = [{files}]", ""]
        if any(message.may_be_long for message in bus.database.messages.values()):
            told = "it has long messages; TODO: the addresses of who sends, if the DBC files have other ones"
            lines += [f"[bus.{key(name)}.j1939]  # {told}", ""]
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
        lines += [f"[bus.{key(bus)}.messages]  # {told}"] if here else []
        lines += [f'{key(name)} = {{ cycle = "{_USUAL}" }}' for name in here]
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
    said = "the rig plays all others" if node else "TODO: which node of the DBC files is it?"
    return f"""\
[bms]
node = "{node or "BMS"}"  # {said}
library = "my_firmware"  # TODO: docs/your-firmware.md; or kind = "external" with [rig] time = "real"
"""


def _wires(source: Source) -> str:
    """One table per message; arrays as one line where their numbers allow it."""
    by_message: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries(source.guess.ports, source.bus_of, parts=True):
        by_message.setdefault((entry.bus, entry.message), []).append(entry)
    units = _guessed_units(source, source.guess.ports)
    lines = ["# -- wires: signal = port; who sends the message decides the direction", ""]
    for (bus, message), of_message in by_message.items():
        lines.append(f"[wires.{key(bus)}.{key(message)}]")
        lines += [_wire(source, entry, units.get(array_of(entry.name), "")) for entry in of_message]
        lines.append("")
    return "\n".join(lines)


def _wire(source: Source, entry: Entry, unit: str) -> str:
    """One line; where the DBC file has no unit, with the one that was guessed."""
    layout = source.database.messages.get(entry.message)  # none: a pattern of several
    signal = layout.signals.get(entry.signal) if layout is not None else None
    if signal is not None and entry.name.startswith("contactor."):
        return _contact(signal, entry.name)
    if signal is not None and holds_less(signal, entry.name, cells_of(source.guess)):
        return _bounded(entry.signal, entry.name)
    scale = _SCALES.get(unit)
    end = f'{{ port = "{entry.name}", scale = {scale} }}' if scale else f'"{entry.name}"'
    told = _SIGNED.get(entry.name, "") or _too_few(source.guess, entry.name)
    return f"{key(entry.signal)} = {end}{told}{_guessed(unit)}"


def _too_few(found: Guess, name: str) -> str:
    """A remark where the messages to the BMS carry fewer cells than it tells of itself."""
    wired, cells = members_of(found, _CELLS), cells_of(found)
    if name != f"{_CELLS}[*]" or wired >= cells:
        return ""
    told = "if several nodes send it, give their addresses in [bus.NAME.j1939]"
    return f"  # TODO: {wired} of {cells} cells; {told}"


def _contact(signal: Signal, port: str) -> str:
    """One line of a contactor, which is 0 open and 1 closed in the twin, whatever its value table has."""
    numbers = contacts_of(signal)
    opened, closed = numbers.get("open", 0.0), numbers.get("closed", 1.0)
    scale = 1.0 / (closed - opened)
    straight = (opened, closed) == (0.0, 1.0)
    end = f'{{ port = "{port}", scale = {_say(scale)}, offset = {_say(-opened * scale)} }}'
    return f"{key(signal.name)} = {text(port) if straight else end}{_unsure(signal)}"


def _unsure(signal: Signal) -> str:
    """A remark where a value table does not tell which number is a closed contactor."""
    if not signal.choices or contacts_of(signal):
        return ""
    table = ", ".join(f"{_say(value)} {said}" for value, said in signal.value_names.items())
    return f"  # TODO: that 1 is closed is a guess; the DBC file has {remark(table)}"


def _bounded(signal: str, port: str) -> str:
    """One line for a signal that holds less than the port shows."""
    told = "  # TODO: it holds less than the twin shows, and gets the bound beyond that"
    return f'{key(signal)} = {{ function = "max", of = "{port}" }}{told}'


def _guessed(unit: str) -> str:
    return f"  # TODO: no unit in the DBC file, {unit} is a guess" if unit else ""


def _guessed_units(source: Source, named: Mapping[Where, str]) -> dict[str, str]:
    """Units that no DBC file has, by port or role; of an array's members by the array."""
    found: dict[str, str] = {}
    for (message, signal), name in named.items():
        unit = guessed_unit(source.database.messages[message].signals[signal])
        if unit:
            found[array_of(name)] = unit
    return found


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
    lines += [
        _role(source, entry, units.get(array_of(entry.name), ""))
        for entry in entries(roles, source.bus_of, parts=False)
    ]
    lines += [f'# TODO: "{role}" = …' for role in _NEEDED if role not in source.guess.roles]
    return "\n".join([*lines, ""])


def _role(source: Source, entry: Entry, unit: str) -> str:
    """One line; where the DBC file has no unit, with the one that was guessed."""
    name, is_array, _ = entry.name.partition("[*]")
    if is_array:
        more = f", count = {sum(role.startswith(f'{name}[') for role in source.guess.roles)}"
    else:
        more = _values(source.guess.roles[name][1])
    if unit in _SCALES:
        more += f", scale = {_SCALES[unit]}"
    where = text(entry.address)
    if name.startswith("contactor."):
        seen = _unsure(source.database.messages[entry.message].signals[entry.signal])
    else:
        seen = states_hint(source) if name == "state" else _SIGNED.get(name, "")
    return f'"{name}" = {f"{{ signal = {where}{more} }}" if more else where}{seen}{_guessed(unit)}'


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


def _values(values: Mapping[str, float]) -> str:
    if not values:
        return ""
    return f", values = {{ {', '.join(f'{name} = {_say(number)}' for name, number in values.items())} }}"


def _say(number: float) -> str:
    """A number without what a multiplication by 0.1 leaves behind it."""
    return f"{number + 0.0:.12g}"  # never -0
