"""One bus and everything of the rig that hangs on it: restbus, received signals, wires both ways."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hil.bus.frame import Frame
from hil.bus.medium import Medium
from hil.bus.node import FrameHandler
from hil.clock import VirtualClock
from hil.errors import FrameError
from hil.frames.restbus import Entry, Restbus, Send, Source
from hil.host.exchange import Exchange
from hil.host.listener import Listener
from hil.responses.signals import Values
from hil.rig.schema import RigConfig
from hil.rig.wire import Wire
from twins.port import Port


class Station:
    """The rig's place on one bus.

    Args:
        rig: The rig file.
        name: The bus's name in it.
        medium: The wire.
        clock: The one time line.
        ports: The twins' ports by name.
        restbus: The kind of restbus: in real time one that leaves late slots out.
    """

    def __init__(
        self,
        rig: RigConfig,
        name: str,
        medium: Medium,
        clock: VirtualClock,
        ports: Mapping[str, Port],
        restbus: type[Restbus] = Restbus,
    ) -> None:
        self.name = name
        self.medium = medium
        self.database = rig.buses[name].database
        self.listener = listener = Listener(self.database, rig.bms.node)
        self.node = medium.attach("rig", on_frame=listener.signals.on_frame)
        self.node.on_sent = listener.on_own_frame
        medium.taps.append(listener.on_wire)
        send: Send = self.node.send
        self.exchange: Exchange | None = None
        if listener.parcels:
            messages = self.database.messages
            self.exchange = Exchange(clock, self.node, messages, rig.bms.node)
            self.node.on_frame = _both(self.exchange.hear, listener.signals.on_frame)
            send = self.exchange.send
        entries = self._entries(rig, ports)
        if self.exchange is not None:
            self.exchange.entries = {entry.message.id: entry for entry in entries if entry.message.in_parts}
        self.restbus = restbus(clock, send, entries)
        self._connect(rig, ports)

    def overhear(self, message: str, watch: Callable[[Frame, Values], None]) -> None:
        """Tell of each frame of a message that neither the BMS nor the rig sends: a node's of its own."""
        layout = self.database.messages[message]

        def take(frame: Frame) -> None:
            if frame.key != layout.key or frame.error or frame.remote:
                return
            try:
                values = layout.decode(frame.data)
            except FrameError:  # of somebody else with the same identifier
                return
            watch(frame, values)

        heard = self.node.on_frame
        self.node.on_frame = take if heard is None else _both(take, heard)

    def _entries(self, rig: RigConfig, ports: Mapping[str, Port]) -> list[Entry]:
        elsewhere = {name for node in rig.nodes if node.bus == self.name for name in node.messages}
        played = [
            message
            for message in self.database.messages.values()
            if rig.bms.node not in message.senders and message.is_sent and message.name not in elsewhere
        ]
        sources = {message.name: _constants(rig, self.name, message.name) for message in played}
        for wire in rig.wires:
            if wire.bus == self.name and wire.direction == "out" and wire.message in sources:
                sources[wire.message][wire.signal] = _source(wire, ports[wire.port])
        return [Entry(message, sources[message.name]) for message in played]

    def _connect(self, rig: RigConfig, ports: Mapping[str, Port]) -> None:
        """Let each received message write the twin ports that are wired to it."""
        inbound: dict[str, list[tuple[int, Callable[[float], None], float, float]]] = {}
        for wire in rig.wires:
            if wire.bus != self.name or wire.direction != "in":
                continue
            index = self.database.messages[wire.message].signals[wire.signal].index
            row = (index, ports[wire.port].write, wire.scale, wire.offset)
            inbound.setdefault(wire.message, []).append(row)
        for message, rows in inbound.items():
            reception = self.listener.signals.receptions.get(message)
            if reception is not None:
                reception.watchers.append(_writer(rows))


def _both(first: FrameHandler, second: FrameHandler) -> FrameHandler:
    def take(frame: Frame) -> None:
        first(frame)
        second(frame)

    return take


def _writer(
    rows: list[tuple[int, Callable[[float], None], float, float]],
) -> Callable[[Frame, Values], None]:
    def write(_frame: Frame, values: Values) -> None:
        for index, write_port, scale, offset in rows:
            value = values[index]
            if value is not None:
                write_port(value * scale + offset)

    return write


def _constants(rig: RigConfig, bus: str, message: str) -> dict[str, Source]:
    return {
        constant.signal: Source.constant(constant.value)
        for constant in rig.constants
        if constant.bus == bus and constant.message == message
    }


def _source(wire: Wire, port: Port) -> Source:
    return Source(port.values, port.index, wire.scale, wire.offset)
