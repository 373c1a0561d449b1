"""The contract of a fault: two methods and where it shows; and the bench that faults act on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from hil.bus.frame import Frame
from hil.bus.medium import Medium
from hil.clock import VirtualClock
from hil.frames.database import Message
from hil.frames.restbus import Entry, Restbus
from hil.host.stimulus import Carrier
from hil.nodes.machine import Machine
from twins.plant import Plant
from twins.port import Port


class Bench(Protocol):
    """What a fault can reach."""

    plant: Plant
    clock: VirtualClock

    @property
    def restbus(self) -> type[Restbus]:
        """The kind of restbus on its buses."""

    def port(self, name: str) -> Port:
        """A port of the twins."""

    def node(self, name: str) -> Machine:
        """A node on a bus, by its name in the rig file."""

    def entry(self, message: str) -> Entry:
        """What acts on a message that the restbus or a node of the rig sends."""

    def bus_of(self, message: str) -> str:
        """The bus that a message is on."""

    def layout(self, message: str) -> Message:
        """The layout of a message on any bus."""

    def wire(self, bus: str = "") -> Medium:
        """The wire of a bus; without a name that of the only one."""

    def stands_for(self, bus: str) -> frozenset[str]:
        """The nodes in whose place the restbus sends on a bus."""

    def last_frame(self, message: str) -> Frame | None:
        """The last frame of a message on the wire, if it is still remembered."""

    def signals_of_port(self, port: str) -> tuple[tuple[str, str], ...]:
        """Message and signal of each wire from a twin port to the bus."""

    def carriers_of_port(self, port: str, value: float | None) -> tuple[Carrier, ...]:
        """Where a twin port shows on the wire once it has a value."""

    def carrier_of_signal(self, message: str, signal: str, value: float | None) -> tuple[Carrier, ...]:
        """Where a signal shows on the wire once it has a value; ``None`` or NaN: not available.

        Raises:
            NotOfferedError: If its DBC has no raw number for that.
        """

    def carrier_of_message(
        self, message: str, shows: Callable[[Message, Frame], bool]
    ) -> tuple[Carrier, ...]:
        """Where a message shows on the wire; nowhere, if it takes several frames."""


class Fault(Protocol):
    """Something broken on purpose."""

    @property
    def name(self) -> str:
        """As the test calls it."""

    @property
    def target(self) -> str:
        """The place that it breaks: of two faults in one place the later one counts while it lasts."""

    @property
    def text(self) -> str:
        """In words, for the record."""

    @property
    def value(self) -> float | None:
        """The number forced, if there is one."""

    @property
    def unit(self) -> str:
        """What ``value`` is in."""

    def apply(self, bench: Bench) -> tuple[Carrier, ...]:
        """Break it; returns where that shows on the wire (nothing: by its consequences only)."""

    def clear(self, bench: Bench) -> None:
        """Mend it."""


Maker = Callable[..., Fault]
