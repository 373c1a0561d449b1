"""Wires: twin port ↔ signal, arrays spread out one by one; and whether each carries its values."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from hil.frames.database import Message
from hil.rig.address import AddressBook, Place, is_address, written
from hil.rig.file import PortSection, RigFile
from hil.rig.mistakes import Mistakes, dotted, suggest
from hil.rig.plant import PortLike
from hil.units import scale_between

Direction = Literal["out", "in"]
_ARRAY = re.compile(r"(.+)\[(\*|(\d+)\.\.(\d+))\](.*)")
_FILLED_BY_RIG = "is filled in by the rig itself"


@dataclass(frozen=True)
class Wire:
    """One twin port on one signal: port = signal * scale + offset.

    Attributes:
        direction: ``out``: the port is sent to the BMS; ``in``: the BMS writes the port.
        unit: Of the port.
    """

    port: str
    bus: str
    message: str
    signal: str
    direction: Direction
    scale: float = 1.0
    offset: float = 0.0
    unit: str = ""

    @property
    def address(self) -> str:
        """Where the signal is, as the rig file writes it."""
        return written(self.bus, self.message, self.signal)


@dataclass(frozen=True)
class Constant:
    """A signal that the rig sends with a fixed physical value."""

    bus: str
    message: str
    signal: str
    value: float


@dataclass(frozen=True)
class Draft:
    """A wire as written, before arrays are spread out; no direction: by who sends the message."""

    key: str
    port: str
    address: tuple[str, str, str]
    direction: Direction | None
    scale: float | None
    offset: float | None


def drafts(file: RigFile, book: AddressBook, mistakes: Mistakes) -> Iterator[Draft]:
    """All wires as written, of ``[[wire]]`` and of ``[wires.BUS.MESSAGE]``."""
    for number, wire in enumerate(file.wire):
        if wire is None:
            continue
        key = dotted("wire", number)
        if is_address(wire.from_) == is_address(wire.to):
            hint = "one end is a twin's port, the other 'can:bus/Message.Signal'"
            mistakes.add(key, f"{wire.from_!r} to {wire.to!r} joins no port to a signal", hint)
            continue
        to_bms = is_address(wire.to)
        port, where = (wire.from_, wire.to) if to_bms else (wire.to, wire.from_)
        address = book.split(dotted("wire", number, "to" if to_bms else "from"), where)
        if address:
            direction: Direction = "out" if to_bms else "in"
            yield Draft(key, port, address, direction, wire.scale, wire.offset)
    yield from _short_drafts(file, mistakes)


def _short_drafts(file: RigFile, mistakes: Mistakes) -> Iterator[Draft]:
    """Those of ``[wires.BUS.MESSAGE]``, but what a function gives."""
    for address, end in ends_of(file.wires):
        key = dotted("wires", *address)
        if bool(end.port) == bool(end.function):
            reason = "has both a port and a function" if end.port else "has neither port nor function"
            mistakes.add(key, reason, 'such as { port = "pack.voltage" }')
        elif end.of and not end.function:
            mistakes.add(f"{key}.of", "is of a function, and there is none")
        elif end.port:
            yield Draft(key, end.port, address, None, end.scale, end.offset)


def ends_of(
    wires: Mapping[str, Mapping[str, Mapping[str, PortSection]]],
) -> Iterator[tuple[tuple[str, str, str], PortSection]]:
    """Bus, message and signal of each wire of ``[wires.BUS.MESSAGE]``, and what is at its other end."""
    for bus, messages in wires.items():
        for message, signals in messages.items():
            for signal, end in signals.items():
                yield (bus, message, signal), end


class Wiring:
    """Spreads wires out and checks each.

    Args:
        book: Finds signals.
        ports: The twins' ports; ``None`` if the plant itself is wrong: only signals are checked.
        node: The BMS.
        mistakes: Where mistakes go.
    """

    def __init__(
        self,
        book: AddressBook,
        ports: Mapping[str, PortLike] | None,
        node: str,
        mistakes: Mistakes,
    ) -> None:
        self._book = book
        self._ports = ports
        self._node = node
        self._mistakes = mistakes
        self._taken: dict[tuple[str, ...], str] = {}
        self._played: dict[tuple[str, ...], str] = {}
        self.wires: list[Wire] = []

    def add(self, draft: Draft) -> None:
        """Spread one wire out, check it, and keep what is right."""
        array = _ARRAY.fullmatch(draft.port)
        if array is None:
            place = self._book.place(draft.key, *draft.address)
            if place is not None:
                self._join(draft, draft.port, place)
            return
        for index, place in self._members(draft, array):
            if not self._join(draft, f"{array[1]}[{index}]{array[5]}", place):
                return  # its neighbours are wrong in the same way

    def give(self, key: str, ports: Iterable[str], messages: Iterable[tuple[str, str]]) -> None:
        """Let somebody else have these ports and send these messages (bus and name)."""
        for port in ports:
            self._taken["port", port] = key
        for message in messages:
            self._played[message] = key

    def claim(self, key: str, place: Place, owner: str = "") -> bool:
        """Take a signal of the rig; it can have one source only: the ``owner``, by default the key."""
        owner = owner or key
        other = self._taken.setdefault(("signal", *place.key), owner)
        if other != owner:
            self._mistakes.add(key, f"{place.text} is fed twice, also by {other}", "remove one")
        return other == owner

    def port(self, key: str, name: str) -> PortLike | None:
        """A port that tests can set; ``None`` and a mistake if there is none."""
        found = self._ports.get(name) if self._ports is not None else None
        if found is None and self._ports is not None:
            self._mistakes.add(key, f"the twins have no port {name!r}", self._near(name))
        elif found is not None and found.direction == "out":
            hint = suggest(name, self._set_points(), "set points")
            self._mistakes.add(key, f"port {name} is measured: nothing can be written to it", hint)
            return None
        return found

    def bms_sends(self, message: Message) -> bool:
        """Whether a message is the BMS's; if its node is a mistake of its own, any may be."""
        return self._node in message.senders or "bms.node" in self._mistakes.broken

    def rig_sends(self, key: str, place: Place, what: str) -> bool:
        """Whether a signal is one that the rig can send a value in."""
        message, signal = place.message, place.signal
        reason, remedy = "", ""
        if self._node in message.senders:
            reason = f"{what} {place.text}, but {message.name} is sent by the BMS"
            remedy = "what the BMS sends can only be heard"
        elif place.key[:2] in self._played:
            reason = f"{what} {place.text}, but {self._played[place.key[:2]]} sends {message.name}"
        elif not message.is_sent:
            reason = f"{message.name} has no cycle time, so the rig never sends it"
            remedy = f"give it GenMsgCycleTime in {message.file}, or a cycle in [bus.{place.key[0]}.messages]"
        elif signal.is_derived:
            reason = f"{place.text} is made out of trouble codes, which only a BMS sends"
        elif signal.is_multiplexer or signal.e2e_role != "None":
            kind = "multiplexor" if signal.is_multiplexer else signal.e2e_role.lower()
            reason = f"{place.text} is a {kind}, which {_FILLED_BY_RIG}"
        if reason:
            self._mistakes.add(key, reason, remedy)
        return not reason

    def is_finite(self, key: str, offset: float | None) -> bool:
        """Whether an offset, if there is one, is a number; ``inf`` and ``nan`` of TOML are none."""
        if offset is None or math.isfinite(offset):
            return True
        self._mistakes.add(key, f"offset {offset:g} carries nothing")
        return False

    def unit_of(self, port: str) -> str:
        """The unit of a port that is there."""
        return (self._ports or {})[port].unit

    def members(self, key: str, text: str) -> tuple[str, ...]:
        """The port of that name, or all of an array; none and a mistake if there is no such port."""
        array = _ARRAY.fullmatch(text)
        if array is not None:
            names = tuple(f"{array[1]}[{index}]{array[5]}" for index in self._indices(array))
        else:
            names = (text,) if text in (self._ports or {}) else ()
        if not names and self._ports is not None:
            self._mistakes.add(key, f"the twins have no port {text!r}", self._near(text))
        return names

    def _indices(self, array: re.Match[str]) -> list[int]:
        """The numbers of the members of an array that there are."""
        member = re.compile(re.escape(array[1]) + r"\[(\d+)\]" + re.escape(array[5]))
        there = sorted(int(m[1]) for m in map(member.fullmatch, self._ports or ()) if m)
        if array[3] is None:
            return there
        return [i for i in there if int(array[3]) <= i <= int(array[4])]

    def _members(self, draft: Draft, array: re.Match[str]) -> list[tuple[int, Place]]:
        if self._ports is None:
            return []
        there = self._indices(array)
        if not there:
            self._no_port(draft)
            return []
        members = self._book.members(draft.key, draft.address, there)
        if members and self._direction(draft, members[0][1]) == "in":
            return members  # one command may be for all
        return members if self._book.distinct(draft.key, members) else []

    def _direction(self, draft: Draft, place: Place) -> Direction:
        return draft.direction or ("in" if self._node in place.message.senders else "out")

    def _join(self, draft: Draft, port: str, place: Place) -> bool:
        direction = self._direction(draft, place)
        if not self._direction_fits(draft.key, port, direction, place):
            return False
        found = self._ports.get(port) if self._ports is not None else None
        if found is None:
            if self._ports is not None:
                self._no_port(draft)
            return False
        scale = self._scale(draft, found, place)
        if scale is None or not self.is_finite(draft.key, draft.offset):
            return False
        if not self._range_fits(draft, port, found, place, scale):
            return False
        taken = self.claim(draft.key, place) if direction == "out" else self._claim_port(draft, port)
        if taken:
            self.wires.append(Wire(port, *place.key, direction, scale, draft.offset or 0.0, found.unit))
        return taken

    def _direction_fits(self, key: str, port: str, direction: Direction, place: Place) -> bool:
        if direction == "out":
            return self.rig_sends(key, place, f"{port} goes to")
        if not self.bms_sends(place.message):
            reason = f"{port} hears {place.text}, but the BMS does not send it"
            self._mistakes.add(key, reason, f"senders: {', '.join(place.message.senders) or 'none'}")
            return False
        found = self._ports.get(port) if self._ports is not None else None
        if found is not None and found.direction == "out":
            hint = suggest(port, self._set_points(), "set points")
            self._mistakes.add(key, f"port {port} is measured: nothing can be written to it", hint)
            return False
        return True

    def _claim_port(self, draft: Draft, port: str) -> bool:
        other = self._taken.setdefault(("port", port), draft.key)
        if other != draft.key:
            self._mistakes.add(draft.key, f"port {port} is written twice, also by {other}", "remove one")
        return other == draft.key

    def _set_points(self) -> list[str]:
        return [name for name, port in (self._ports or {}).items() if port.direction == "in"]

    def _no_port(self, draft: Draft) -> None:
        self._mistakes.add(draft.key, f"the twins have no port {draft.port!r}", self._near(draft.port))

    def _near(self, port: str) -> str:
        names = {re.sub(r"\[\d+\]", "[*]", name) for name in self._ports or ()}
        hint = suggest(port, names, "ports")  # there may be more than can be told here
        return "hil check laptop --ports shows those of a rig" if hint.endswith("…") else hint

    def _scale(self, draft: Draft, port: PortLike, place: Place) -> float | None:
        if draft.scale is not None:
            if draft.scale == 0 or not math.isfinite(draft.scale):
                self._mistakes.add(draft.key, f"scale {draft.scale:g} carries nothing")
                return None
            return draft.scale
        scale = scale_between(place.signal.unit, port.unit)
        if scale is None:
            reason = f"{place.text} is in {place.signal.unit!r}, port {draft.port} in {port.unit!r}"
            self._mistakes.add(draft.key, reason, "say scale: port = signal * scale + offset")
        return scale

    def _range_fits(self, draft: Draft, name: str, port: PortLike, place: Place, scale: float) -> bool:
        """A signal must hold all that a sensor can show; of a set point, some part is enough."""
        signal, offset = place.signal, draft.offset or 0.0
        ends = sorted(((port.minimum - offset) / scale, (port.maximum - offset) / scale))
        if port.direction == "out":
            slack = abs(signal.scale) / 2
            low, high = signal.minimum - slack, signal.maximum + slack
            fits = all(low <= end <= high for end in ends if math.isfinite(end))
        else:
            fits = max(ends[0], signal.minimum) < min(ends[1], signal.maximum)
        if not fits:
            unit = f" {signal.unit}" if signal.unit else ""
            self._mistakes.add(
                draft.key,
                f"{place.text} holds {signal.minimum:g} to {signal.maximum:g}{unit}, but {name} "
                f"needs {ends[0]:g} to {ends[1]:g}{unit}",
                _remedy(name, port),
            )
        return fits


_RANGES = {  # begin of a port's name -> keys of the sensor's range
    "cell_monitor.voltage[": "cell_max",
    "cell_monitor.temperature[": "temperature_min, temperature_max",
    "current_sensor.current": "current_max",
    "current_sensor.voltage": "voltage_min, voltage_max",
    "isolation.": "isolation_max",
}


def _remedy(name: str, port: PortLike) -> str:
    """What to do where a signal does not hold what a port shows, or takes."""
    told = "correct the scale, or the signal's range in the DBC"
    if port.direction != "out":
        return told
    keys = next((keys for begin, keys in _RANGES.items() if name.startswith(begin)), "")
    if keys:
        return f"{told}; or give the sensor a range that it holds: [sensors] {keys}"
    return f'{told}; or {{ function = "max", of = "{name}" }}, which sends the bound where it is beyond'
