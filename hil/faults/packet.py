"""A fault of a long message's packets: the transport protocol of J1939 loses one, or brings one twice."""

from __future__ import annotations

from dataclasses import dataclass

from hil.errors import NotOfferedError, UsageError
from hil.faults.fault import Bench
from hil.frames.j1939 import EVERYBODY, packet_count, parse
from hil.host.stimulus import Carrier

_MODES = {
    "lost": "lost, and there when it is asked for again",
    "never": "lost, however often it is asked for",
    "repeat": "twice in a row",
}


@dataclass(frozen=True, eq=False)
class PacketFault:
    """One packet of each long message of a name is wrong on the bus."""

    message: str
    number: int = 1
    mode: str = "lost"
    name: str = "frame.packet"
    unit: str = ""

    def __post_init__(self) -> None:
        if self.mode not in _MODES:
            modes = f"modes: {', '.join(_MODES)}"
            raise UsageError(f"fault {self.name!r}: there is no mode {self.mode!r}", remedy=modes)

    @property
    def value(self) -> float | None:
        """Which packet."""
        return float(self.number)

    @property
    def target(self) -> str:
        """The packets of the message."""
        return f"{self.message}: packets"

    @property
    def text(self) -> str:
        """The fault in words."""
        return f"{self.message}: packet {self.number} {_MODES[self.mode]}"

    def apply(self, bench: Bench) -> tuple[Carrier, ...]:
        """Begin with the packets that come next; of a message no frame shows that.

        Raises:
            NotOfferedError: If the message goes in one frame.
            UsageError: If it has no packet of this number.
        """
        entry = bench.entry(self.message)
        if not entry.message.in_parts:
            raise NotOfferedError(f"message {self.message} goes in one frame, it has no packets")
        count = packet_count(entry.message.length)
        if not 1 <= self.number <= count:
            reason = f"fault {self.name!r}: {self.message} has no packet {self.number}, they are 1 to {count}"
            raise UsageError(reason)
        entry.copies = self._copies
        return ()

    def silences(self, bench: Bench) -> tuple[str, ...]:
        """The message, if it cannot arrive whole: nobody asks for a packet of a broadcast again."""
        to_all = parse(bench.layout(self.message).id)[2] == EVERYBODY
        is_gone = self.mode == "never" or (self.mode == "lost" and to_all)
        return (self.message,) if is_gone else ()

    def clear(self, bench: Bench) -> None:
        """Send each packet as often as it is asked for."""
        bench.entry(self.message).copies = None

    def _copies(self, number: int, again: bool) -> int:
        """How often a packet comes; ``again``: it has been sent before."""
        if number != self.number:
            return 1
        if self.mode == "repeat":
            return 2
        return int(again and self.mode == "lost")
