"""The messages of the buses as a test asks for them: who sends what, how often, and when it came."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from hil.bus.frame import CLASSIC_BYTES, FD_LENGTHS
from hil.errors import NotOfferedError, UsageError
from hil.rig.mistakes import suggest

if TYPE_CHECKING:
    from hil.frames.database import Message
    from hil.host.contract import Host
    from hil.responses.signals import Sample
    from hil.rig.schema import RigConfig


class Messages:
    """The messages of all buses of a rig.

    Args:
        config: The rig file.
        host: Where the buses run.
    """

    def __init__(self, config: RigConfig, host: Host) -> None:
        self._config = config
        self._host = host

    def of_bms(self) -> dict[str, int]:
        """The cyclic messages that the DBC gives the BMS, with cycle time in ns; none sent on a change."""
        return self._cyclic(of_bms=True)

    def of_rig(self) -> dict[str, int]:
        """The cyclic messages that the rig sends in place of the other nodes, with cycle time in ns.

        Of one that is sent on a change, the time after which it is sent without one, if there is any.
        """
        return self._cyclic(of_bms=False)

    def cycle_ns(self, message: str) -> int:
        """The cycle time of a message that the rig sends.

        Raises:
            NotOfferedError: If it has none.
        """
        cycle_ns = self.of_rig().get(message)
        if cycle_ns is None:
            raise NotOfferedError(f"the rig sends {message} in no cycle")
        return cycle_ns

    def carrying(self, port: str) -> str:
        """The message in which the rig sends a twin port.

        Raises:
            NotOfferedError: If the port is not wired.
        """
        return self.place_of(port)[0]

    def place_of(self, port: str) -> tuple[str, str]:
        """Message and signal in which the rig sends a twin port.

        Raises:
            NotOfferedError: If the port is not wired.
        """
        for wire in self._config.wires:
            if wire.port == port and wire.direction == "out":
                return wire.message, wire.signal
        raise NotOfferedError(f"the rig file wires no signal to {port!r}")

    def shorter(self, message: str) -> list[int]:
        """The lengths in bytes that a frame could have in place of a message's own, and that are less.

        Raises:
            UsageError: If no DBC file has the message.
        """
        own = self._layout(message)[1].length
        return [length for length in FD_LENGTHS if length < own]

    def longer(self, message: str) -> list[int]:
        """The lengths in bytes that a frame could have in place of a message's own, and that are more.

        Raises:
            UsageError: If no DBC file has the message.
        """
        layout = self._layout(message)[1]
        most = FD_LENGTHS[-1] if layout.format else CLASSIC_BYTES
        return [length for length in FD_LENGTHS if layout.length < length <= most]

    def has_checksum(self, message: str) -> bool:
        """Whether a message is protected by more than a counter."""
        return any(
            layout.e2e is not None and layout.e2e.has_checksum
            for layout in self._all()
            if layout.name == message
        )

    def arrivals(self, message: str, since_ns: int = 0) -> list[int]:
        """Bus timestamps in ns of a message of the BMS since an instant, frames good or bad."""
        return self._host.arrivals(message, since_ns)

    def samples(self, message: str, since_ns: int = 0) -> list[Sample]:
        """Bus timestamp in ns and decoded values of each good frame since an instant, whoever sends it.

        Raises:
            UsageError: If no DBC file has the message.
        """
        return self._host.history(self._layout(message)[0], message, since_ns)

    def broken_off(self, message: str, since_ns: int = 0) -> list[tuple[int, str]]:
        """When, as bus timestamp in ns, and why a long message of J1939 did not get through since an instant.

        Of the BMS's and of the rig's own: that the BMS aborted one, asked for too little of it, or
        acknowledged what it cannot have. Oldest first.

        Raises:
            UsageError: If no DBC file has the message.
        """
        return self._host.broken(self._layout(message)[0], message, since_ns)

    def groups(self, message: str, since_ns: int = 0) -> dict[int, list[int]]:
        """Bus timestamps in ns of each multiplexed group of a message of the BMS since an instant.

        Groups that did not come are there too; a message without a multiplexor has none.
        """
        bus, layout = self._layout(message)
        groups: dict[int, list[int]] = {value: [] for value in layout.mux_values}
        chooser = next((signal.index for signal in layout.signals.values() if signal.is_multiplexer), None)
        if chooser is not None:
            for t_ns, values in self._host.history(bus, message, since_ns):
                chosen = values[chooser]
                if chosen is not None:
                    groups.setdefault(int(chosen), []).append(t_ns)
        return groups

    def _layout(self, message: str) -> tuple[str, Message]:
        """Bus and layout of a message.

        Raises:
            UsageError: If no DBC file has it.
        """
        for name, bus in self._config.buses.items():
            if message in bus.database.messages:
                return name, bus.database.messages[message]
        known = [layout.name for layout in self._all()]
        raise UsageError(f"no DBC file has a message {message!r}", remedy=suggest(message, known, "messages"))

    def _cyclic(self, *, of_bms: bool) -> dict[str, int]:
        node = self._config.bms.node
        return {
            message.name: message.cycle_ns
            for message in self._all()
            if message.cycle_ns and (node in message.senders) is of_bms and (message.is_cyclic or not of_bms)
        }

    def _all(self) -> Iterator[Message]:
        for bus in self._config.buses.values():
            yield from bus.database.messages.values()
