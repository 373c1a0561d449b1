"""What the rig can turn: the sensors' values that it sends to the BMS, in steps of the wire."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import ceil, copysign, floor
from typing import TYPE_CHECKING, Any

from hil.faults.catalogue import make_fault
from hil.faults.fault import Fault
from hil.frames.database import Message

if TYPE_CHECKING:
    from hil.rig.schema import RigConfig
    from hil.rig.wire import Wire
    from twins.port import Port

_MEMBER = re.compile(r"(.+)\[(\d+)\]")

CELLS = "cell voltage"
TEMPERATURE = "temperature"
PACK = "pack voltage"
AGAINST = "pack sensor against cells"

# what a number on a wire is, by the twins' port; all others that are numbers are turned under their own name
_QUANTITIES = {
    "cell_monitor.voltage": CELLS,
    "cell_monitor.temperature": TEMPERATURE,
    "current_sensor.current": "current",
    "current_sensor.voltage_pack": PACK,
    "current_sensor.voltage_link": "link voltage",
    "isolation.plus": "isolation of plus",
    "isolation.minus": "isolation of minus",
}
_PLACES = {"cell_monitor.voltage": "cell", "cell_monitor.temperature": "sensor"}


@dataclass(frozen=True)
class Lever:
    """One number that the rig sends, and may send something else for.

    Attributes:
        quantity: What it is: ``cell voltage``.
        place: Which one of several: ``cell 48``; empty if there is one only.
        bus: Where its message is sent, as are the next three.
        message: Name of the message that carries it.
        cycle_ns: Time between two frames that carry it.
        group: Members of one group are sent together; its message, and of a multiplexed one its page.
        unit: SI, or degC.
        lsb: What one raw step of its signal is, in ``unit``.
        base: Value of raw number 0.
        zero: What the port shows then; of a difference that is what it counts from.
        low: Lowest raw number that its sensor can show.
        high: Highest one.
        port: The twins' port that is held.
        followers: Ports that go with it, each by ``share`` of it rounded towards rest on a grid of ``grid``.
        fixed: Ports that are held where they are meanwhile, so that only this one moves.
    """

    quantity: str
    place: str
    bus: str
    message: str
    cycle_ns: int
    group: str
    unit: str
    lsb: float
    base: float
    zero: float
    low: int
    high: int
    port: str
    followers: tuple[str, ...] = ()
    share: float = 1.0
    grid: float = 1.0
    fixed: Mapping[str, float] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """In words, the place with it."""
        return f"{self.quantity}, {self.place}" if self.place else self.quantity

    @property
    def is_switch(self) -> bool:
        """Whether it is a yes or no, which has no level."""
        return self.high - self.low == 1

    def value(self, raw: int) -> float:
        """A raw number as a physical value."""
        return raw * self.lsb + self.base

    def neutral(self, rest: Mapping[str, float]) -> int:
        """The raw number at rest, from what every port shows then."""
        return min(max(self.at(rest[self.port]), self.low), self.high)

    def at(self, shown: float) -> int:
        """The raw number at which the port shows a value."""
        return round((shown - self.zero) / self.lsb)

    def held(self, raw: int, neutral: int) -> dict[str, float]:
        """What each port has to show so that the wire carries the raw number; the first is what shows it."""
        held = {self.port: raw * self.lsb + self.zero}
        inward = floor if raw >= neutral else ceil
        for port in self.followers:
            held[port] = inward(held[self.port] * self.share / self.grid + 1e-9 * (raw < neutral)) * self.grid
        return held | dict(self.fixed)

    def faults(self, raw: int, neutral: int) -> list[Fault]:
        """What to break for that."""
        return [
            make_fault("port", {"port": port, "value": float(value)})
            for port, value in self.held(raw, neutral).items()
        ]

    def still(self, neutral: int) -> list[Fault]:
        """What has to be held some time before it is turned."""
        return self.faults(neutral, neutral) if self.fixed else []


@dataclass(frozen=True)
class Trouble(Lever):
    """Something wrong with a message as a whole, which is there (1) or not (0).

    Attributes:
        fault: Its name in the catalogue of faults.
        how: What else that takes.
    """

    fault: str = ""
    how: Mapping[str, Any] = field(default_factory=dict)

    def neutral(self, rest: Mapping[str, float]) -> int:  # noqa: ARG002 - it is not measured
        """It is not there."""
        return 0

    def faults(self, raw: int, neutral: int) -> list[Fault]:
        """The fault, or none."""
        return [make_fault(self.fault, {"message": self.message, **self.how})] if raw != neutral else []


# of messages: what is wrong, how it is broken, and which messages that can be done to
_TROUBLES: tuple[tuple[str, str, dict[str, Any], Callable[[Message], bool]], ...] = (
    ("silence", "frame.missing", {}, lambda _: True),
    ("wrong checksum", "frame.crc", {}, lambda message: message.e2e is not None and message.e2e.has_checksum),
    (
        "frozen counter",
        "frame.counter",
        {"mode": "frozen"},
        lambda message: message.e2e is not None and message.e2e.counter_mask != 0,
    ),
)


def troubles(config: RigConfig) -> dict[str, list[Lever]]:
    """What can be wrong with the messages that the rig sends, by kind and family of messages."""
    played = {(node.bus, name) for node in config.nodes for name in node.messages}
    sent = [
        (bus, message)
        for bus, one in config.buses.items()
        for message in one.database.messages.values()
        if message.is_cyclic and config.bms.node not in message.senders and (bus, message.name) not in played
    ]
    found: dict[str, list[Lever]] = {}
    for words, fault, how, fits in _TROUBLES:
        for bus, message in sent:
            if fits(message):
                trouble = replace(_trouble(bus, message, words), fault=fault, how=how)
                found.setdefault(trouble.quantity, []).append(trouble)
    return found


def _trouble(bus: str, message: Message, words: str) -> Trouble:
    name = message.name
    family = name.rstrip("0123456789").rstrip("_")
    cycle_ns = message.cycle_ns or 0
    return Trouble(f"{words} of {family}", name, bus, name, cycle_ns, name, "", 1.0, 0.0, 0.0, 0, 1, "")


def levers(config: RigConfig, ports: Mapping[str, Port]) -> dict[str, list[Lever]]:
    """All that the rig can turn, by quantity; members of an array in their order.

    Args:
        config: The rig file; its limits are not looked at.
        ports: The twins' ports as they stand at rest.
    """
    found: dict[str, list[Lever]] = {}
    for wire in config.wires:
        if wire.direction == "out" and wire.port in ports:
            lever = _lever(config, wire, ports[wire.port])
            found.setdefault(lever.quantity, []).append(lever)
    for combined in _combined(config, found, ports):
        found[combined.quantity] = [combined]
    return found


def _lever(config: RigConfig, wire: Wire, port: Port) -> Lever:
    message = config.buses[wire.bus].database.messages[wire.message]
    signal = message.signals[wire.signal]
    array = _MEMBER.fullmatch(wire.port)
    name, number = (array[1], array[2]) if array else (wire.port, "")
    lsb, base = copysign(signal.step, signal.scale) * wire.scale, signal.offset * wire.scale + wire.offset
    ends = sorted(((port.minimum - base) / lsb, (port.maximum - base) / lsb))
    low, high = (ceil(ends[0]), floor(ends[1])) if signal.is_float else signal.raw_bounds
    page = f", page {' and '.join(map(str, signal.groups))}" if signal.groups else ""
    return Lever(
        _QUANTITIES.get(name, name),
        f"{_PLACES.get(name, name)} {number}" if number else "",
        wire.bus,
        wire.message,
        (message.slot_ns or 0) * message.turns_of(signal),
        f"{wire.message}{page}",
        port.unit,
        lsb,
        base,
        base,
        max(low, ceil(ends[0] - 1e-6)),
        min(high, floor(ends[1] + 1e-6)),
        wire.port,
    )


def _combined(
    config: RigConfig, found: Mapping[str, list[Lever]], ports: Mapping[str, Port]
) -> Iterator[Lever]:
    """The pack's sensor with its cells, as a real pack moves; and against them."""
    sensor, cells = found.get(PACK), found.get(CELLS)
    if not sensor or not cells:
        return
    alone, series = sensor[0], config.plant.pack.series
    names = tuple(cell.port for cell in cells)
    ends = (alone.at(cells[0].value(raw) * series) for raw in (cells[0].low, cells[0].high))
    low, high = sorted(ends)  # as far as cells can go with it
    yield replace(
        alone,
        followers=names,
        share=1 / series,
        grid=abs(cells[0].lsb),
        low=max(alone.low, low),
        high=min(alone.high, high),
    )
    mean = sum(ports[name].value for name in names) / len(names)
    even = round(mean / cells[0].lsb) * cells[0].lsb  # all alike, so that several strings agree too
    span = round(series * even / alone.lsb)
    yield replace(
        alone,
        quantity=AGAINST,
        zero=alone.zero + span * alone.lsb,
        low=alone.low - span,
        high=alone.high - span,
        fixed=dict.fromkeys(names, even),
    )
