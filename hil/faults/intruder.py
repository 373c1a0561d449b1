"""A masquerade: another node sends a message too, with a counter and a checksum of its own."""

from __future__ import annotations

from dataclasses import dataclass, field

from hil.bus.node import Node
from hil.errors import NotOfferedError
from hil.faults.arguments import Measure, in_words
from hil.faults.content import settable_to
from hil.faults.fault import Bench
from hil.frames.restbus import Entry, Restbus
from hil.host.stimulus import Carrier

_NODE = "intruder"


@dataclass(frozen=True, eq=False)
class Masquerade:
    """A second sender of a message: all as the true one has it, but for one signal."""

    message: str
    signal: str
    said: Measure
    name: str = "frame.masquerade"
    unit: str = ""
    _here: list[tuple[Node, Restbus]] = field(default_factory=list, init=False, repr=False)
    _found: list[float] = field(default_factory=list, init=False, repr=False)

    @property
    def value(self) -> float | None:
        """The value in the signal's unit, once it is there."""
        return self._found[0] if self._found else None

    @property
    def target(self) -> str:
        """A place of its own: there may be several such nodes."""
        return f"{self.message}: sender {id(self)}"

    @property
    def text(self) -> str:
        """The fault in words."""
        return f"another node sends {self.message} too, with {self.signal} = {in_words(self.said)}"

    def apply(self, bench: Bench) -> tuple[Carrier, ...]:
        """Let the other node begin, half a cycle from now.

        Raises:
            UsageError: If there is no such signal, the rig fills it in itself, or it cannot hold the value.
            NotOfferedError: If the message has no cycle, or takes several frames.
        """
        true = bench.entry(self.message)
        message = true.message
        if not message.is_cyclic or message.in_parts:
            raise NotOfferedError(f"{self.message} does not come in a cycle, each time in one frame")
        signal, value = settable_to(self.name, message, self.signal, self.said)
        self.clear(bench)
        self._found[:] = [value]
        entry = Entry(message, dict(true.sources))
        entry.force(signal.name, value)
        node = bench.wire(bench.bus_of(self.message)).attach(_NODE)
        restbus = bench.restbus(bench.clock, node.send, [entry])
        restbus.start(bench.clock.now_ns + (message.cycle_ns or 0) // 2)
        self._here.append((node, restbus))
        return bench.carrier_of_signal(self.message, self.signal, value)

    def clear(self, bench: Bench) -> None:  # noqa: ARG002 - the contract's
        """The other node leaves the bus."""
        for node, restbus in self._here:
            restbus.stop()
            node.detach()
        self._here.clear()
