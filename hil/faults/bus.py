"""Faults of a bus as such: errors on the wire, nodes off the bus, too much traffic, a short.

All need the ``sim`` bus: a real one gives no program such power over its wire.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from hil.bus.frame import Frame
from hil.bus.medium import Disturbance, Medium
from hil.bus.node import Node
from hil.clock import Alarm
from hil.errors import NotOfferedError, UsageError
from hil.faults.fault import Bench
from hil.faults.filler import Filler
from hil.host.stimulus import Carrier

_HIGHEST_ID = 0x7FF


def _virtual(bench: Bench, fault: str, bus: str) -> Medium:
    """The wire of a bus, which must be virtual."""
    medium: object = bench.wire(bus)
    if not isinstance(medium, Medium):
        raise NotOfferedError(f"fault {fault!r} needs a bus of interface 'sim': this one is real")
    return medium


def _node(medium: Medium, fault: str, name: str) -> Node:
    names = [node.name for node in medium.nodes]
    if name not in names:
        raise UsageError(
            f"fault {fault!r}: there is no node {name!r} on bus {medium.name}",
            remedy=f"nodes: {', '.join(names)}",
        )
    return medium.nodes[names.index(name)]


def _own_place(fault: object) -> str:
    """A target that no other fault has."""
    return f"bus fault {id(fault)}"


def _checked_id(fault: str, identifier: int) -> None:
    if not 0 <= identifier <= _HIGHEST_ID:
        raise UsageError(f"fault {fault!r}: identifier {identifier:#x} is not of 11 bits")


@dataclass(frozen=True, eq=False)
class BusErrors:
    """The next ``count`` frames are destroyed on the wire: of one message, or whichever they are."""

    count: int
    message: str = ""
    bus: str = ""
    name: str = "bus.errors"
    unit: str = ""
    _active: list[Disturbance] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.count < 1:
            raise UsageError(f"fault {self.name!r}: count {self.count} is not above 0")

    @property
    def value(self) -> float | None:
        """How many frames."""
        return float(self.count)

    @property
    def target(self) -> str:
        """A place of its own: it adds to others of its kind."""
        return _own_place(self)

    @property
    def text(self) -> str:
        """The fault in words."""
        return f"the next {self.count} frames{self.message and f' of {self.message}'} destroyed by errors"

    def apply(self, bench: Bench) -> tuple[Carrier, ...]:
        """Begin to destroy frames.

        Raises:
            NotOfferedError: If the bus is real.
            UsageError: If there is no such bus or message.
        """
        medium = _virtual(bench, self.name, bench.bus_of(self.message) if self.message else self.bus)
        self._active.append(medium.disturb(self._match(bench), self.count))
        return ()

    def _match(self, bench: Bench) -> Callable[[Frame], bool] | None:
        if not self.message:
            return None
        key = bench.layout(self.message).key
        return lambda frame: frame.key == key

    def clear(self, bench: Bench) -> None:
        """Destroy no more."""
        medium = bench.wire(bench.bus_of(self.message) if self.message else self.bus)
        while self._active:
            medium.calm(self._active.pop())


@dataclass(frozen=True, eq=False)
class BusNoise:
    """A share of all frames is destroyed by a chance that the same seed repeats; they are sent again."""

    share: float
    bus: str = ""
    seed: int = 1
    name: str = "bus.noise"
    unit: str = ""
    _active: list[Disturbance] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        if not 0.0 < self.share < 1.0:
            raise UsageError(f"fault {self.name!r}: share {self.share:g} is not between 0 and 1")

    @property
    def value(self) -> float | None:
        """The share."""
        return self.share

    @property
    def target(self) -> str:
        """A place of its own: it adds to others of its kind."""
        return _own_place(self)

    @property
    def text(self) -> str:
        """The fault in words."""
        return f"{self.share:.0%} of the frames destroyed by errors"

    def apply(self, bench: Bench) -> tuple[Carrier, ...]:
        """Begin to destroy frames.

        Raises:
            NotOfferedError: If the bus is real.
            UsageError: If there is no such bus.
        """
        medium = _virtual(bench, self.name, self.bus)
        self.clear(bench)
        chance = random.Random(self.seed)
        self._active.append(medium.disturb(lambda _: chance.random() < self.share, None))
        return ()

    def clear(self, bench: Bench) -> None:
        """Let all through again."""
        while self._active:
            bench.wire(self.bus).calm(self._active.pop())


@dataclass(frozen=True, eq=False)
class BusOff:
    """A node is driven off the bus; back after ``recovery_ns``, or (0) as soon as ISO 11898-1 lets it."""

    node: str
    recovery_ns: int = 0
    bus: str = ""
    name: str = "bus.off"
    value: float | None = None
    unit: str = ""
    _alarms: list[Alarm] = field(default_factory=list, init=False, repr=False)

    @property
    def target(self) -> str:
        """A place of its own: it adds to others of its kind."""
        return _own_place(self)

    @property
    def text(self) -> str:
        """The fault in words."""
        after = f", back after {self.recovery_ns / 1e6:g} ms" if self.recovery_ns else ""
        return f"{self.node} driven off the bus{after}"

    def apply(self, bench: Bench) -> tuple[Carrier, ...]:
        """Drive it off.

        Raises:
            NotOfferedError: If the bus is real.
            UsageError: If there is no such bus, or no such node on it.
        """
        medium = _virtual(bench, self.name, self.bus)
        node = _node(medium, self.name, self.node)
        node.auto_recover = not self.recovery_ns
        medium.force_bus_off(node)
        if self.recovery_ns:
            alarm = Alarm(bench.clock, lambda _: medium.recover(node))
            self._alarms.append(alarm)
            bench.clock.set_alarm(alarm, bench.clock.now_ns + self.recovery_ns)
        return ()

    def clear(self, bench: Bench) -> None:
        """Bring it back at once, if it is to be slow; else it comes by itself."""
        medium = bench.wire(self.bus)
        node = _node(medium, self.name, self.node)
        while self._alarms:
            self._alarms.pop().cancel()
        if not node.auto_recover:
            node.auto_recover = True
            if node.bus_off:
                medium.recover(node)


@dataclass(frozen=True, eq=False)
class BusLoad:
    """The bus is busy for a share of its time: another node adds what is missing, with one identifier."""

    share: float
    identifier: int = _HIGHEST_ID
    bus: str = ""
    name: str = "bus.load"
    unit: str = ""
    _fillers: list[Filler] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        if not 0.0 < self.share <= 1.0:
            raise UsageError(f"fault {self.name!r}: share {self.share:g} is not above 0 and up to 1")
        _checked_id(self.name, self.identifier)

    @property
    def value(self) -> float | None:
        """The share."""
        return self.share

    @property
    def target(self) -> str:
        """A place of its own: it adds to others of its kind."""
        return _own_place(self)

    @property
    def text(self) -> str:
        """The fault in words."""
        return f"bus load of {self.share:.0%}, filled up with identifier {self.identifier:#x}"

    def apply(self, bench: Bench) -> tuple[Carrier, ...]:
        """Fill the bus.

        Raises:
            NotOfferedError: If the bus is real.
            UsageError: If there is no such bus.
        """
        medium = _virtual(bench, self.name, self.bus)
        self.clear(bench)
        self._fillers.append(Filler(medium, "load", self.identifier, self.share))
        return ()

    def clear(self, bench: Bench) -> None:  # noqa: ARG002 - the contract's
        """The other node leaves the bus."""
        while self._fillers:
            self._fillers.pop().stop()


@dataclass(frozen=True, eq=False)
class BabblingNode:
    """A node sends without pause; whoever has a higher identifier never gets the wire."""

    identifier: int = 0
    bus: str = ""
    name: str = "bus.babbling"
    value: float | None = None
    unit: str = ""
    _fillers: list[tuple[Medium, Filler]] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        _checked_id(self.name, self.identifier)

    @property
    def target(self) -> str:
        """A place of its own: it adds to others of its kind."""
        return _own_place(self)

    @property
    def text(self) -> str:
        """The fault in words."""
        return f"a node sends identifier {self.identifier:#x} without pause"

    def apply(self, bench: Bench) -> tuple[Carrier, ...]:
        """Let it babble.

        Raises:
            NotOfferedError: If the bus is real.
            UsageError: If there is no such bus.
        """
        medium = _virtual(bench, self.name, self.bus)
        self.clear(bench)
        medium.jams += 1
        self._fillers.append((medium, Filler(medium, "babbling", self.identifier)))
        return ()

    def clear(self, bench: Bench) -> None:  # noqa: ARG002 - the contract's
        """It leaves the bus."""
        while self._fillers:
            medium, filler = self._fillers.pop()
            filler.stop()
            medium.jams -= 1


@dataclass(frozen=True, eq=False)
class BusShort:
    """CAN-H and CAN-L touch: no frame passes, and whoever sends goes off the bus again and again."""

    bus: str = ""
    name: str = "bus.short"
    value: float | None = None
    unit: str = ""
    _active: list[tuple[Medium, Disturbance]] = field(default_factory=list, init=False, repr=False)

    @property
    def target(self) -> str:
        """A place of its own: it adds to others of its kind."""
        return _own_place(self)

    @property
    def text(self) -> str:
        """The fault in words."""
        return "the bus's two wires shorted"

    def apply(self, bench: Bench) -> tuple[Carrier, ...]:
        """Short the wires.

        Raises:
            NotOfferedError: If the bus is real.
            UsageError: If there is no such bus.
        """
        medium = _virtual(bench, self.name, self.bus)
        self.clear(bench)
        medium.jams += 1
        self._active.append((medium, medium.disturb(None, None)))
        return ()

    def clear(self, bench: Bench) -> None:  # noqa: ARG002 - the contract's
        """Part the wires; who is off the bus comes back by itself."""
        while self._active:
            medium, disturbance = self._active.pop()
            medium.calm(disturbance)
            medium.jams -= 1
