"""A masquerade: another node sends a message too, with a counter and a checksum of its own."""

from __future__ import annotations

from dataclasses import dataclass, field

from hil.bus.frame import Frame
from hil.bus.node import Node
from hil.errors import FrameError, UsageError
from hil.faults.content import settable
from hil.faults.fault import Bench
from hil.frames.database import Message
from hil.frames.restbus import Entry, Restbus
from hil.host.stimulus import Carrier

_NODE = "intruder"


@dataclass(frozen=True, eq=False)
class Masquerade:
    """A second sender of a message: all as the true one has it, but for one signal."""

    message: str
    signal: str
    value: float
    name: str = "frame.masquerade"
    unit: str = ""
    _here: list[tuple[Node, Restbus]] = field(default_factory=list, init=False, repr=False)

    @property
    def target(self) -> str:
        """A place of its own: there may be several such nodes."""
        return f"{self.message}: sender {id(self)}"

    @property
    def text(self) -> str:
        """The fault in words."""
        return f"another node sends {self.message} too, with {self.signal} = {self.value:.6g}"

    def apply(self, bench: Bench) -> tuple[Carrier, ...]:
        """Let the other node begin, half a cycle from now.

        Raises:
            UsageError: If there is no such signal, the rig fills it in itself, or it cannot hold the value.
        """
        true = bench.entry(self.message)
        message = true.message
        signal = settable(self.name, message, self.signal)
        if not signal.in_range(self.value):
            raise UsageError(f"fault {self.name!r}: {message.name}.{signal.name} cannot hold {self.value:g}")
        self.clear(bench)
        entry = Entry(message, dict(true.sources))
        entry.force(signal.name, self.value)
        node = bench.wire(bench.bus_of(self.message)).attach(_NODE)
        restbus = bench.restbus(bench.clock, node.send, [entry])
        restbus.start(bench.clock.now_ns + (message.cycle_ns or 0) // 2)
        self._here.append((node, restbus))
        return bench.carrier_of_message(self.message, self._shows)

    def _shows(self, message: Message, frame: Frame) -> bool:
        try:
            seen = message.decode_dict(frame.data).get(self.signal)
        except FrameError:  # another fault has broken the frame
            return False
        scale = message.signals[self.signal].scale
        return seen is not None and abs(seen - self.value) <= 0.51 * abs(scale)

    def clear(self, bench: Bench) -> None:  # noqa: ARG002 - the contract's
        """The other node leaves the bus."""
        for node, restbus in self._here:
            restbus.stop()
            node.detach()
        self._here.clear()
