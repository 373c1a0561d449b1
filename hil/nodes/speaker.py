"""What a node says and hears: messages of a DBC file by name, once or in a cycle."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial

from simpy.events import Event

from hil.bell import Bell
from hil.bus.frame import CLASSIC_BYTES, Frame
from hil.bus.medium import Medium
from hil.clock import Alarm, VirtualClock
from hil.errors import BusError, FrameError
from hil.frames.bits import unused_bits
from hil.frames.database import Database, Message, Signal
from hil.frames.j1939 import Parcel, parse
from hil.frames.restbus import Entry
from hil.frames.transport import Settings, Transport, once

Values = Mapping[str, float]



@dataclass(frozen=True)
class Heard:
    """The last message of a name that came in.

    Attributes:
        at_ns: When.
        count: How many there were.
    """

    values: Values
    at_ns: int
    count: int


@dataclass(frozen=True)
class Manners:
    """How a node speaks.

    Attributes:
        sender: Its node in the DBC files: it sends that node's messages and hears the others'.
        address: Its J1939 address; ``None``: its protocol is none of J1939's.
        fill: The value of bits that no signal uses, 0 or 1.
        shortest: Least length of a message that older editions of a protocol have shorter.
        transport: Of J1939's transport protocol.
    """

    sender: str
    address: int | None = None
    fill: int = 0
    shortest: Mapping[str, int] | None = None
    transport: Settings = field(default_factory=Settings)


class Speaker:
    """A node's place on a bus.

    Args:
        clock: The one time line.
        medium: The bus.
        database: The layouts of its messages.
        name: Of the node, in traces.
        manners: How it speaks.

    Attributes:
        bell: Rung with each message that it hears.
        muted: While true it says nothing, and what it would say is lost.
        deaf: While true it hears nothing.
        garbage: How many frames of its messages made no sense.
        lost: How many of its frames the bus did not take.
        on_heard: Called with the name of each message that came in, before the bell.
    """

    def __init__(
        self, clock: VirtualClock, medium: Medium, database: Database, name: str, manners: Manners
    ) -> None:
        self.bell = Bell(clock)
        self.muted = self.deaf = False
        self.garbage = self.lost = 0
        self.on_heard: Callable[[str], None] = _ignore
        self.node = medium.attach(name, on_frame=self._on_frame)
        self._clock = clock
        self._manners = manners
        self._layouts = {m.name: _Layout(m, manners.fill) for m in database.messages.values()}
        self._heard: dict[str, Heard] = {}
        self._cycles: dict[str, _Cycle] = {}
        self._entries: dict[str, Entry] = {}  # of those that a fault has ever been asked for
        ears = [m for m in database.messages.values() if manners.sender not in m.senders]
        self._by_key = {m.key: m for m in ears}
        self._by_group = {parse(m.id)[1::2]: m for m in ears if m.extended}  # (PGN, source)
        self._transport: Transport | None = None
        if manners.address is not None:
            self._transport = Transport(
                clock, manners.address, self._put, self._on_parcel, manners.transport
            )

    @property
    def address(self) -> int | None:
        """Its J1939 address, if it has one."""
        return self._manners.address

    # -- saying -------------------------------------------------------------------------------

    def say(self, message: str, values: Values | None = None) -> None:
        """Send a message once; a signal without a value has the DBC's start value.

        A value beyond its signal's range is sent as the nearest bound, NaN as "not available".
        """
        layout, entry = self._layouts[message], self._entries.get(message)
        if entry is None:
            self._send(layout.message, layout.pack(values or {}))
        elif entry.goes_out():
            data = bytes(entry.finish(bytearray(layout.pack({**(values or {}), **entry.forced}))))
            put = partial(self._send, layout.message)
            if entry.detour is None:
                put(data)
            else:
                entry.detour(data, put)

    def entry(self, message: str) -> Entry | None:
        """What faults of a message of its own act on; ``None``: it is not its own."""
        layout = self._layouts.get(message)
        if layout is None or self._manners.sender not in layout.message.senders:
            return None
        if message not in self._entries:
            self._entries[message] = Entry(layout.message, {})
            self._entries[message].protector = None  # a node protects nothing
        return self._entries[message]

    def repeat(self, message: str, values: Callable[[], Values] | None = None) -> None:
        """Send a message now, and again each cycle of the DBC file, until :meth:`cease`."""
        self.cease(message)
        self._cycles[message] = _Cycle(self._clock, self, self._layouts[message].message, values or dict)

    def cease(self, *messages: str) -> None:
        """Repeat these no more; without a name, nothing at all."""
        for message in messages or tuple(self._cycles):
            cycle = self._cycles.pop(message, None)
            if cycle is not None:
                cycle.stop()

    @property
    def saying(self) -> frozenset[str]:
        """What is being repeated."""
        return frozenset(self._cycles)

    def reset(self) -> None:
        """Say nothing, and forget what was heard."""
        self.cease()
        self._heard.clear()
        self.bell.forget()
        if self._transport is not None:
            self._transport.reset()

    # -- hearing ------------------------------------------------------------------------------

    def heard(self, message: str) -> Heard | None:
        """The last message of a name."""
        return self._heard.get(message)

    def value(self, message: str, signal: str, default: float = math.nan) -> float:
        """What a message said last of a signal."""
        heard = self._heard.get(message)
        return default if heard is None else heard.values.get(signal, default)

    def since(self, message: str, instant_ns: int) -> bool:
        """Whether a message has come at or after an instant."""
        heard = self._heard.get(message)
        return heard is not None and heard.at_ns >= instant_ns

    def forget(self, *messages: str) -> None:
        """As if these had never been heard."""
        for message in messages:
            self._heard.pop(message, None)

    # -- the bus ------------------------------------------------------------------------------

    def _send(self, message: Message, data: bytes) -> None:
        """In a frame of its own, or by J1939's transport protocol."""
        if len(data) <= CLASSIC_BYTES:
            self._put(message.id, data, extended=message.extended)
        elif self._transport is not None and not self.muted:
            _, group, destination, _ = parse(message.id)
            entry = self._entries.get(message.name)
            copies = once if entry is None else entry.copies_of
            self._transport.send(group, data, destination, copies=copies)

    def _put(self, identifier: int, data: bytes, *, extended: bool = True) -> None:
        if self.muted:
            return
        try:
            self.node.send(identifier, bytes(data), extended)
        except BusError:  # it is away or full: the next cycle may find it back
            self.lost += 1

    def _on_frame(self, frame: Frame) -> None:
        if frame.error or frame.remote or self.deaf:
            return
        message = self._by_key.get(frame.key)
        if message is None and frame.extended and self._transport is not None:
            if self._transport.hear(frame.id, frame.data):
                return
            _, group, destination, source = parse(frame.id)
            message = self._by_group.get((group, source))
            if message is not None and parse(message.id)[2] != destination:
                return  # to somebody else
        if message is not None:
            self._take(message, frame.data)

    def _on_parcel(self, parcel: Parcel) -> None:
        message = self._by_group.get((parcel.pgn, parcel.source))
        if message is not None:
            self._take(message, parcel.data)

    def _take(self, message: Message, data: bytes) -> None:
        shortest = (self._manners.shortest or {}).get(message.name, message.length)
        if len(data) < shortest:
            self.garbage += 1
            return
        # editions of a protocol add at the end: what is beyond is not ours, what lacks is not available
        data = bytes(data[: message.length]).ljust(message.length, b"\xff")
        try:
            values = message.decode_dict(data)
        except FrameError:
            self.garbage += 1
            return
        before = self._heard.get(message.name)
        count = 1 if before is None else before.count + 1
        self._heard[message.name] = Heard(values, self._clock.now_ns, count)
        self.on_heard(message.name)
        self.bell.ring()


class _Layout:
    """A message that can be packed."""

    def __init__(self, message: Message, fill: int) -> None:
        self.message = message
        self._fill = fill

    def pack(self, values: Values) -> bytes:
        message = self.message
        row = [_fit(signal, values.get(name, signal.start_value)) for name, signal in message.signals.items()]
        data = message.encode(row)
        if not self._fill:
            return bytes(data)
        return (int.from_bytes(data, "little") | self._unused).to_bytes(message.length, "little")

    @cached_property
    def _unused(self) -> int:
        """The bits that no signal has."""
        return int.from_bytes(unused_bits(self.message), "little")


def _fit(signal: Signal, value: float) -> float:
    if math.isnan(value):
        return signal.maximum if signal.not_available is None else signal.not_available
    if signal.is_absent(value):
        return value
    return min(max(value, signal.minimum), signal.maximum)


class _Cycle:
    """A message that is sent again and again, at absolute instants; late ones are left out."""

    def __init__(
        self, clock: VirtualClock, speaker: Speaker, message: Message, values: Callable[[], Values]
    ) -> None:
        self._clock = clock
        self._speaker = speaker
        self._name = message.name
        self._values = values
        self._cycle_ns = message.active_cycle_ns or message.cycle_ns or 0
        self._due_ns = clock.now_ns
        self._alarm = Alarm(clock, self._ring)
        self._ring(self._alarm)

    def stop(self) -> None:
        self._alarm.cancel()

    def _ring(self, _event: Event) -> None:
        now_ns = self._clock.now_ns
        self._speaker.say(self._name, self._values())
        if self._cycle_ns:
            self._due_ns += self._cycle_ns * (1 + max(0, now_ns - self._due_ns) // self._cycle_ns)
            self._clock.set_alarm(self._alarm, self._due_ns)


def _ignore(_message: str) -> None:
    """Nobody is told."""
