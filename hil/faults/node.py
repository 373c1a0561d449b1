"""Faults of a node on the bus: it falls silent, or is in a state in which it should not be."""

from __future__ import annotations

from dataclasses import dataclass

from hil.faults.fault import Bench
from hil.host.stimulus import Carrier


@dataclass(frozen=True, eq=False)
class SilentNode:
    """The node says nothing any more, and goes on otherwise."""

    node: str
    name: str = "node.silent"
    value: float | None = None
    unit: str = ""

    @property
    def target(self) -> str:
        """Whether the node speaks."""
        return f"node {self.node}: voice"

    @property
    def text(self) -> str:
        """The fault in words."""
        return f"node {self.node} silent"

    def silences(self, bench: Bench) -> tuple[str, ...]:
        """The messages that are no longer there; what it repeats, from the last that came."""
        return tuple(bench.node(self.node).speaker.saying)

    def apply(self, bench: Bench) -> tuple[Carrier, ...]:
        """Silence it; no frame shows that."""
        bench.node(self.node).silence(True)
        return ()

    def clear(self, bench: Bench) -> None:
        """Let it speak again."""
        bench.node(self.node).silence(False)


@dataclass(frozen=True, eq=False)
class WrongState:
    """The node is in a state whatever the others do, and says what is said in it."""

    node: str
    state: str
    name: str = "node.state"
    value: float | None = None
    unit: str = ""

    @property
    def target(self) -> str:
        """Where the node is."""
        return f"node {self.node}: state"

    @property
    def text(self) -> str:
        """The fault in words."""
        return f"node {self.node} in state {self.state}"

    def apply(self, bench: Bench) -> tuple[Carrier, ...]:
        """Put it there; it shows by the first message of that state.

        Raises:
            UsageError: If the node has no such state.
        """
        node = bench.node(self.node)
        node.hold(self.state)
        first = sorted(node.speaker.saying)
        return tuple(c for name in first for c in bench.carrier_of_message(name, lambda *_: True))

    def clear(self, bench: Bench) -> None:
        """Let it begin anew."""
        bench.node(self.node).hold(None)
