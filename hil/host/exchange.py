"""The rig's addresses on a bus of J1939: long messages go out from there, those to it are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hil.bus.frame import CLASSIC_BYTES, Format, Frame
from hil.bus.node import Node
from hil.clock import VirtualClock
from hil.errors import BusError
from hil.frames.database import Message
from hil.frames.j1939 import CONTROL_PGN, DATA_PGN, EVERYBODY, Parcel, parse
from hil.frames.restbus import Entry
from hil.frames.transport import Transport, once


class Exchange:
    """Speaks the transport protocol for the nodes that are not there.

    Args:
        clock: The one time line.
        node: The rig on the bus.
        messages: All of the bus.
        bms: Name of the node under test.

    Attributes:
        addresses: Those that it speaks for.
        lost: How many of its frames the bus did not take.
        entries: What faults act on of its messages, by identifier.
    """

    def __init__(
        self,
        clock: VirtualClock,
        node: Node,
        messages: Mapping[str, Message],
        bms: str,
    ) -> None:
        self.lost = 0
        self.entries: Mapping[int, Entry] = {}
        self._clock = clock
        self._node = node
        self._spacing = {message.id: message.spacing_ns for message in messages.values() if message.in_parts}
        self.addresses = frozenset(_addresses(messages.values(), bms))
        self._transports: dict[int, Transport] = {}

    def send(self, identifier: int, data: bytes, extended: bool, format: Format) -> Frame | None:  # noqa: A002
        """Send a message of the restbus, in a frame of its own or in packets."""
        if len(data) <= CLASSIC_BYTES or format:
            return self._node.send(identifier, data, extended, format)
        _, pgn, destination, source = parse(identifier)
        entry = self.entries.get(identifier)
        copies = once if entry is None else entry.copies_of
        self._transport(source).send(pgn, data, destination, self._spacing.get(identifier), copies)
        return None

    def hear(self, frame: Frame) -> None:
        """Take a frame from the bus."""
        if not frame.extended or frame.error or frame.remote:
            return
        _, pgn, destination, _ = parse(frame.id)
        if pgn in (CONTROL_PGN, DATA_PGN) and destination in self.addresses:
            self._transport(destination).hear(frame.id, frame.data)

    def reset(self) -> None:
        """Forget what is under way, without a word on the bus."""
        for transport in self._transports.values():
            transport.reset()

    def _transport(self, address: int) -> Transport:
        if address not in self._transports:
            self._transports[address] = Transport(self._clock, address, self._put, _is_overheard)
        return self._transports[address]

    def _put(self, identifier: int, data: bytes) -> None:
        try:
            self._node.send(identifier, data, extended=True)
        except BusError:  # it is away or full: the receiver asks for it again
            self.lost += 1


def _addresses(messages: Iterable[Message], bms: str) -> Iterable[int]:
    """Those that the rig's messages come from, and those that the BMS's go to."""
    for message in messages:
        if message.extended:
            _, _, destination, source = parse(message.id)
            address = destination if bms in message.senders else source
            if address != EVERYBODY:
                yield address


def _is_overheard(_parcel: Parcel) -> None:
    """What has come in whole is put together by whoever listens to the bus."""
