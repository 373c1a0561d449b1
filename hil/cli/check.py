"""``hil check RIG``: is the rig file right, and what is wired to what."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hil.frames.database import Message
    from hil.rig.hooks import Hooks
    from hil.rig.limits import Limit
    from hil.rig.reading import Reading
    from hil.rig.roles import Role
    from hil.rig.schema import BmsConfig, BusConfig, RigConfig
    from hil.rig.wire import Wire

_INDEX = re.compile(r"\[(\d+)\]")
Row = tuple[str, ...]


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "check",
        help="check a rig file and show what is wired to what",
        description="Check a rig file and all that it names, report every mistake, and show "
        "frames, wires, roles and limits. Nothing is switched on.",
    )
    parser.add_argument("rig", metavar="RIG", help="rig file, or name of a shipped rig (laptop)")
    parser.add_argument(
        "--ports",
        action="store_true",
        help="show each port that wires, faults and tests may name, with its unit and range, instead",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Check a rig file.

    Raises:
        HilError: All mistakes of the rig file.
    """
    from hil.rig.load import load_rig

    config = load_rig(arguments.rig)
    print("\n".join(_ports(config) if arguments.ports else _describe(config)))
    return 0


def _ports(config: RigConfig) -> Iterator[str]:
    """What the twins and nodes of this rig have to offer, members of an array as one."""
    from hil.rig.load import all_ports
    from hil.rig.mistakes import Mistakes
    from hil.units import say

    ports = all_ports(config.plant, config.nodes, Mistakes(config.path)) or {}
    to = {"out": "told", "in": "set"}
    wired = {wire.port for wire in config.wires}
    rows: list[Row] = [("port", "is", "unit", "from", "to", "wired")]
    in_order = sorted(ports.items(), key=lambda item: _INDEX.sub("", item[0]))  # of an array, as they stand
    for name, members in _arrays(in_order):
        first = members[0]
        ends = (say(end, first.unit) if isfinite(end) else "-" for end in (first.minimum, first.maximum))
        count = sum(port.name in wired for port in members)
        share = {0: "-", len(members): "yes"}.get(count, f"{count} of {len(members)}")
        rows.append((name, to[first.direction], first.unit or "-", *ends, share))
    yield from _section(f"Ports of {config.name}: told by the twins, or set by wires and tests", rows)


def _describe(config: RigConfig) -> Iterator[str]:
    from hil.rig.remarks import remarks

    yield from _summary(config)
    for bus in config.buses.values():
        yield from _frames(bus, config)
    yield from _section("Nodes on the buses", _nodes(config))
    to_bms = [wire for wire in config.wires if wire.direction == "out"]
    from_bms = [wire for wire in config.wires if wire.direction == "in"]
    yield from _section("The BMS hears", _wires(to_bms, "→"))
    yield from _section("Computed for the BMS", _computed(config))
    yield from _section("The BMS drives", _wires(from_bms, "←"))
    yield from _section("Sent, but wired to nothing", _idle(config))
    own = {name: role for name, role in config.requests.items() if config.manner(name).owns_signal}
    yield from _section("Asked of the BMS", _roles(own, config.buses))
    yield from _section("How it is asked", _manners(config))
    yield from _section("Said by the BMS", _roles(config.roles, config.buses))
    yield from _section("Promised by the BMS", _limits(config.limits.values()))
    yield from _section("Tests left out", config.suite.skip.items())
    found = [*remarks(config)]
    yield from _section("To look at: these leave tests out, or make them fail", ((line,) for line in found))
    yield f"\n{config.path.name}: no mistakes{f', {len(found)} to look at' if found else ''}"


def _summary(config: RigConfig) -> Iterator[str]:
    pack = config.plant.pack
    size = f"{pack.series} in series, {pack.parallel} in parallel, {pack.strings} string(s)"
    rows = (
        ("rig file", str(config.path)),
        ("time", config.time),
        ("pack", f"{pack.cell}: {size}; SOC {pack.soc:.0%}, {pack.temperature_degC:g} degC"),
        ("BMS", _bms(config.bms)),
        *_hooks(config.hooks),
    )
    yield f"{config.name}: {config.title}"
    yield from _table(rows)


def _bms(bms: BmsConfig) -> str:
    from hil.units import say

    every = f", every {say(bms.step_ns, 'ns')}" if bms.kind == "library" else ""
    return f"{bms.name}{every}, node {bms.node}"


def _hooks(hooks: Hooks | None) -> Iterator[Row]:
    from hil.units import say

    if hooks is not None:
        each = f"each within {say(hooks.within_ns, 'ns')}"
        yield "hooks", f"{', '.join(hooks.functions)}; {hooks.path.name}, {each}"


def _nodes(config: RigConfig) -> Iterator[Row]:
    for node in config.nodes:
        yield node.name, node.kind, f"on bus {node.bus}", f"as {node.sender}"


def _frames(bus: BusConfig, config: RigConfig) -> Iterator[str]:
    """Each message with who sends it, its cycle (in brackets: in a phase only), and its share of the bus."""
    from hil.frames.design import message_load

    messages = sorted(bus.database.messages.values(), key=lambda message: message.key)
    played = {name: f"nodes.{n.name}" for n in config.nodes if n.bus == bus.name for name in n.messages}
    loads = {m.name: message_load(m, bus.bitrate, bus.data_bitrate) for m in messages}
    rate = sum(
        1e9 / message.cycle_ns * message.frames_per_cycle for message in messages if message.cycle_ns
    )
    rows = [("id", "message", "sent by", "cycle", "load", "guarded by")]
    for message in messages:
        identifier = f"{message.id:08X}" if message.extended else f"{message.id:03X}"
        way = "BMS" if config.bms.node in message.senders else "rig"
        sender = f"{way} ({', '.join(message.senders)})" if way == "rig" else way
        sender = played.get(message.name, sender)
        guard = message.e2e.profile if message.e2e else "-"
        rows.append((identifier, message.name, sender, _when(message), f"{loads[message.name]:.1%}", guard))
    where = f"{bus.interface} {bus.channel}".rstrip()
    yield from _section(
        f"Bus {bus.name}: {where}, {_rates(bus)}, {len(messages)} messages, "
        f"{rate:.0f} frames/s, load about {sum(loads.values()):.0%}",
        rows,
    )


def _when(message: Message) -> str:
    """When a message is sent: each cycle (in brackets: in a phase only), or on a change."""
    from hil.units import say

    if message.active_cycle_ns:
        return f"({say(message.active_cycle_ns, 'ns')})"
    cycle = say(message.cycle_ns, "ns") if message.cycle_ns else ""
    groups = f", {len(message.mux_values)} groups" if message.all_groups else ""
    on_change = "on change" if message.on_change is not None else ""
    return (", ".join(filter(None, (on_change, cycle))) or "-") + groups


def _rates(bus: BusConfig) -> str:
    from hil.units import say

    data = f", CAN FD data {say(bus.data_bitrate, 'bit/s')}" if bus.data_bitrate else ""
    return f"{say(bus.bitrate, 'bit/s')}{data}"


def _wires(wires: Iterable[Wire], arrow: str) -> Iterator[Row]:
    for name, members in _arrays((wire.port, wire) for wire in wires):
        first, last = members[0], members[-1]
        scale = f"(× {first.scale:g})" if first.scale != 1 else ""
        yield name, arrow, _span(first.address, last.address), scale


def _computed(config: RigConfig) -> Iterator[Row]:
    for one in config.computed:
        scale = f"(× {one.scale:g})" if one.scale != 1 else ""
        yield f"{one.function}({', '.join(given.text for given in one.inputs)})", "→", one.address, scale


def _roles(roles: Mapping[str, Role], buses: Mapping[str, BusConfig]) -> Iterator[Row]:
    for name, members in _arrays(roles.items()):
        first, last = members[0], members[-1]
        layout = buses[first.bus].database.messages[first.message]
        where = " ".join((_span(first.address, last.address), *_read(first.reading, list(layout.signals))))
        own = {number: was for was, number in first.reading.numbers}  # as the BMS numbers them
        named = (first.values or {}).items()
        values = ", ".join(f"{own.get(number, number):g} {value}" for value, number in named)
        yield name, "=", where, first.unit, values


def _manners(config: RigConfig) -> Iterator[Row]:
    """Steps of requests, and what goes on while something is asked."""
    from hil.rig.address import written
    from hil.units import say

    for name, manner in config.manners.items():
        role = config.requests[name]
        for value, steps in manner.steps.items():
            for number, step in enumerate(steps, start=1):
                head = f"{name} = {role.name_of(value)}" if number == 1 else ""
                yield head, f"{number}", step.text
        kept = manner.keep_alive
        if kept is not None:
            values = ", ".join(f"{value:g}" for value in kept.values)
            where = written(kept.bus, kept.message, kept.signal)
            yield name, "", f"while asked, {where} is {values} in turn, every {say(kept.every_ns, 'ns')}"
        if manner.only_while_asked:
            yield name, "", f"{role.message} is sent only while asked"


def _read(reading: Reading, signals: Sequence[str]) -> Iterator[str]:
    """What there is to a role besides its signal; ``signals`` are those of its message."""
    if reading.others:
        yield f"with {', '.join(signals[index] for index in reading.others)}"
    if reading.mask:
        yield f"& 0x{reading.mask:X}"
    if reading.scale != 1:
        yield f"(× {reading.scale:g})"
    if reading.offset:
        yield f"({reading.offset:+g})"
    if reading.when:
        wanted = (f"{signals[index]} = {(low + high) / 2:g}" for index, low, high in reading.when)
        yield f"when {', '.join(wanted)}"


def _limits(limits: Iterable[Limit]) -> Iterator[Row]:
    from hil.units import say

    yield "limit", "warning", "derate", "opens", "release", "delay", "reaction", "more"
    for limit in limits:
        levels = (
            say(limit.numbers[name], limit.unit) if name in limit.numbers else "-"
            for name in ("warning", "derate", "threshold", "release")
        )
        times = (say(ns, "ns") if ns is not None else "-" for ns in (limit.delay_ns, limit.reaction_ns))
        yield limit.name, *levels, *times, ", ".join(_more(limit))


def _more(limit: Limit) -> Iterator[str]:
    from hil.units import say

    if limit.events is not None:
        yield f"delay of {limit.events} events"
    if limit.timeout_ns is not None:
        yield f"timeout {say(limit.timeout_ns, 'ns')}"
    if limit.has("tolerance"):
        yield f"± {say(limit.tolerance, limit.tolerance_unit)}"
    if limit.count is not None:
        yield f"{limit.count} times"
    if limit.clears != "reset":
        yield f"clears by {limit.clears}"
    yield from _lists(limit)
    yield from _tolerated(limit)


def _lists(limit: Limit) -> Iterator[str]:
    if limit.states:
        yield f"only in {', '.join(limit.states)}"
    if limit.curves:
        yield f"curves over {', '.join(limit.curves)}"
    if limit.messages:
        yield f"timeouts of {len(limit.messages)} messages"


def _tolerated(limit: Limit) -> Iterator[str]:
    """By how much its times may be missed, and why."""
    from hil.units import say

    times = (limit.delay_ns, limit.reaction_ns, limit.timeout_ns, *limit.messages.values())
    timing = next((time.timing for time in times if time is not None), None)
    if timing is not None and timing.tolerance_ns:
        yield f"times ± {say(timing.tolerance_ns, 'ns')}: {timing.reason}"


def _idle(config: RigConfig) -> Iterator[Row]:
    """Signals of the rig that nothing feeds: they keep their start value."""
    fed = {(w.bus, w.message, w.signal) for w in config.wires if w.direction == "out"}
    fed |= {(c.bus, c.message, c.signal) for c in config.constants}
    fed |= {(c.bus, c.message, c.signal) for c in config.computed}
    fed |= {(r.bus, r.message, r.signal) for r in config.asked.values()}
    kept = (manner.keep_alive for manner in config.manners.values())
    fed |= {(k.bus, k.message, k.signal) for k in kept if k is not None}
    for bus in config.buses.values():
        for message in bus.database.messages.values():
            if config.bms.node in message.senders or not message.is_sent:
                continue
            for signal in message.signals.values():
                own = signal.is_multiplexer or signal.e2e_role != "None"
                own = own or signal.minimum == signal.maximum  # a mark of the message
                if not own and (bus.name, message.name, signal.name) not in fed:
                    address = f"{bus.name}/{message.name}.{signal.name}"
                    yield address, f"always {signal.start_value:g} {signal.unit}".rstrip()


def _arrays(named: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, list[Any]]]:
    """Members of an array as one: ``cell.voltage[1…96]``."""
    arrays: dict[str, list[tuple[str, Any]]] = {}
    for name, member in named:
        arrays.setdefault(_INDEX.sub("[]", name), []).append((name, member))
    for pattern, members in arrays.items():
        ends = [_INDEX.search(name) for name in (members[0][0], members[-1][0])]
        span = "…".join(match[1] for match in ends if match)
        yield pattern.replace("[]", f"[{span}]"), [member for _, member in members]


def _span(first: str, last: str) -> str:
    return first if first == last else f"{first} … {last.partition('/')[2]}"


def _section(title: str, rows: Iterable[Row]) -> Iterator[str]:
    found = list(rows)
    if found:
        yield f"\n{title}"
        yield from _table(found)


def _table(rows: Iterable[Row]) -> Iterator[str]:
    """Rows with their columns aligned, indented by two."""
    found = list(rows)
    widths = [max(len(cell) for cell in column) for column in zip(*found, strict=True)]
    for row in found:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f"  {'  '.join(cells)}".rstrip()
