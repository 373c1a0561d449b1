"""Faults of a bus as such: errors on the wire, nodes off the bus, too much traffic, a short.

All need the ``sim`` bus: a real one gives no program such power over its wire.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from hil.bus.frame import Frame
from hil.bus.medium import Medium
from hil.bus.node import Node
from hil.clock import Alarm
from hil.errors import NotOfferedError, UsageError
from hil.faults.arguments import check_part
from hil.faults.fault import Bench
from hil.faults.filler import Filler
from hil.host.stimulus import Carrier

_HIGHEST_ID = 0x7FF
_RIG = "rig"  # the node of the restbus
_A_PAIR = 2


@dataclass(frozen=True, eq=False, kw_only=True)
class _BusFault:
    """What all have in common: a wire, which must be virtual, and what mends it.

    Attributes:
        bus: Its name; empty: the only one.
    """

    bus: str = ""
    unit: str = ""
    _mends: list[Callable[[], None]] = field(default_factory=list, init=False, repr=False)

    @property
    def name(self) -> str:
        """As the test calls it."""
        raise NotImplementedError

    @property
    def target(self) -> str:
        """A place of its own: it adds to others of its kind."""
        return f"{self.name} {id(self)}"

    def apply(self, bench: Bench) -> tuple[Carrier, ...]:
        """Break the bus; that shows by its consequences only.

        Raises:
            NotOfferedError: If the bus is real.
            UsageError: If there is no such bus, node or message.
        """
        medium: object = bench.wire(self._bus(bench))
        if not isinstance(medium, Medium):
            raise NotOfferedError(f"fault {self.name!r} needs a bus of interface 'sim': this one is real")
        self.clear(bench)
        self._mends.append(self._break(bench, medium))
        return ()

    def _bus(self, bench: Bench) -> str:  # noqa: ARG002 - others ask it where a message is
        return self.bus

    def _break(self, bench: Bench, medium: Medium) -> Callable[[], None]:
        """Break it; returns what mends it."""
        raise NotImplementedError

    def clear(self, bench: Bench) -> None:  # noqa: ARG002 - the contract's
        """Mend it; who is off the bus by then comes back by itself."""
        while self._mends:
            self._mends.pop()()


@dataclass(frozen=True, eq=False)
class BusErrors(_BusFault):
    """The next ``count`` frames are destroyed on the wire: of one message, or whichever they are."""

    count: int
    message: str = ""
    name: str = "bus.errors"

    def __post_init__(self) -> None:
        if self.count < 1:
            raise UsageError(f"fault {self.name!r}: count {self.count} is not above 0")

    @property
    def value(self) -> float | None:
        """How many frames."""
        return float(self.count)

    @property
    def text(self) -> str:
        """The fault in words."""
        return f"the next {self.count} frames{self.message and f' of {self.message}'} destroyed by errors"

    def _bus(self, bench: Bench) -> str:
        return bench.bus_of(self.message) if self.message else self.bus

    def _break(self, bench: Bench, medium: Medium) -> Callable[[], None]:
        disturbance = medium.disturb(self._match(bench), self.count)
        return lambda: medium.calm(disturbance)

    def _match(self, bench: Bench) -> Callable[[Frame], bool] | None:
        if not self.message:
            return None
        key = bench.layout(self.message).key
        return lambda frame: frame.key == key


@dataclass(frozen=True, eq=False)
class BusNoise(_BusFault):
    """A share of all frames is destroyed by a chance that the same seed repeats; they are sent again."""

    share: float
    seed: int = 1
    name: str = "bus.noise"

    def __post_init__(self) -> None:
        check_part(self.name, self.share)

    @property
    def value(self) -> float | None:
        """The share."""
        return self.share

    @property
    def text(self) -> str:
        """The fault in words."""
        return f"{self.share:.0%} of the frames destroyed by errors"

    def _break(self, bench: Bench, medium: Medium) -> Callable[[], None]:  # noqa: ARG002
        chance = random.Random(self.seed)
        disturbance = medium.disturb(lambda _: chance.random() < self.share, None)
        return lambda: medium.calm(disturbance)


@dataclass(frozen=True, eq=False)
class BusOff(_BusFault):
    """A node is driven off the bus; back after ``recovery_ns``, or (0) as soon as ISO 11898-1 lets it.

    Mended before that, a slow one is back at once. The nodes in whose place the rig sends acknowledge each
    other's frames meanwhile, so that what the node misses is lost to it.
    """

    node: str
    recovery_ns: int = 0
    name: str = "bus.off"
    value: float | None = None

    @property
    def text(self) -> str:
        """The fault in words."""
        after = f", back after {self.recovery_ns / 1e6:g} ms" if self.recovery_ns else ""
        return f"{self.node} driven off the bus{after}"

    def _break(self, bench: Bench, medium: Medium) -> Callable[[], None]:
        node = self._node(medium)
        alone = len(bench.stands_for(medium.name)) < _A_PAIR
        other = None if alone or node.name == _RIG else medium.attach("acknowledging")
        back = self._drive_off(bench, medium, node)

        def mend() -> None:
            back()
            if other is not None:
                other.detach()

        return mend

    def _drive_off(self, bench: Bench, medium: Medium, node: Node) -> Callable[[], None]:
        """Drive it off; returns what brings a slow one back before its time."""
        node.auto_recover = not self.recovery_ns
        medium.force_bus_off(node)
        if node.auto_recover:
            return lambda: None
        alarm = Alarm(bench.clock, lambda _: medium.recover(node))
        bench.clock.set_alarm(alarm, bench.clock.now_ns + self.recovery_ns)

        def recover() -> None:
            alarm.cancel()
            node.auto_recover = True
            if node.bus_off:
                medium.recover(node)

        return recover

    def _node(self, medium: Medium) -> Node:
        nodes = {node.name: node for node in medium.nodes}
        if self.node not in nodes:
            raise UsageError(
                f"fault {self.name!r}: there is no node {self.node!r} on bus {medium.name}",
                remedy=f"nodes: {', '.join(nodes)}",
            )
        return nodes[self.node]


@dataclass(frozen=True, eq=False)
class BusLoad(_BusFault):
    """The bus is busy for a share of its time: another node adds what is missing, with one identifier."""

    share: float
    identifier: int = _HIGHEST_ID
    name: str = "bus.load"

    def __post_init__(self) -> None:
        if not 0.0 < self.share <= 1.0:
            raise UsageError(f"fault {self.name!r}: share {self.share:g} is not above 0 and up to 1")
        _check_identifier(self.name, self.identifier)

    @property
    def value(self) -> float | None:
        """The share."""
        return self.share

    @property
    def text(self) -> str:
        """The fault in words."""
        return f"bus load of {self.share:.0%}, filled up with identifier {self.identifier:#x}"

    def _break(self, bench: Bench, medium: Medium) -> Callable[[], None]:  # noqa: ARG002
        filler = Filler(medium, "load", self.identifier, self.share)
        if self.share < 1.0 or self.identifier == _HIGHEST_ID:
            return filler.stop
        return _jamming(medium, filler.stop)


@dataclass(frozen=True, eq=False)
class BabblingNode(_BusFault):
    """A node sends without pause; whoever has a higher identifier never gets the wire."""

    identifier: int = 0
    name: str = "bus.babbling"
    value: float | None = None

    def __post_init__(self) -> None:
        _check_identifier(self.name, self.identifier)

    @property
    def text(self) -> str:
        """The fault in words."""
        return f"a node sends identifier {self.identifier:#x} without pause"

    def _break(self, bench: Bench, medium: Medium) -> Callable[[], None]:  # noqa: ARG002
        return _jamming(medium, Filler(medium, "babbling", self.identifier).stop)


@dataclass(frozen=True, eq=False)
class BusShort(_BusFault):
    """CAN-H and CAN-L touch: no frame passes, and whoever sends goes off the bus again and again."""

    name: str = "bus.short"
    value: float | None = None

    @property
    def text(self) -> str:
        """The fault in words."""
        return "the bus's two wires shorted"

    def _break(self, bench: Bench, medium: Medium) -> Callable[[], None]:  # noqa: ARG002
        disturbance = medium.disturb(None, None)
        return _jamming(medium, lambda: medium.calm(disturbance))


def _jamming(medium: Medium, mend: Callable[[], None]) -> Callable[[], None]:
    """Frames wait for long until it is mended: nobody is to queue them up meanwhile."""
    medium.jams += 1

    def unjam() -> None:
        mend()
        medium.jams -= 1

    return unjam


def _check_identifier(fault: str, identifier: int) -> None:
    if not 0 <= identifier <= _HIGHEST_ID:
        raise UsageError(f"fault {fault!r}: identifier {identifier:#x} is not of 11 bits")
