"""The restbus: the frames of the nodes that are not there, on a static table of slots.

Every cyclic message has a phase within its cycle, so that the frames of many nodes do not bunch. At
its slot a message reads its sources, packs them, is protected and sent. Slots are absolute: there
is no drift.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, MutableSequence
from dataclasses import dataclass, field
from functools import partial
from heapq import heapify, heapreplace
from typing import Literal

from simpy.events import Event

from hil.bus.frame import Format
from hil.clock import NS_PER_MS, Alarm, VirtualClock
from hil.errors import FrameError
from hil.frames.codec import packer_of
from hil.frames.database import Message
from hil.frames.e2e import Protector
from hil.frames.sending import ChangeWatch
from hil.frames.transport import Copies
from twins.port import Computed

Send = Callable[[int, bytes, bool, Format], object]
Bend = Callable[[float], float]
Packer = Callable[[], bytearray]
Detour = Callable[[bytes, Callable[[bytes], None]], None]


@dataclass(frozen=True)
class Source:
    """Where a signal's value comes from: ``values[index]``, unscaled from port to signal.

    ``port = signal * scale + offset``, as wires say it.
    """

    values: MutableSequence[float]
    index: int
    scale: float = 1.0
    offset: float = 0.0

    @classmethod
    def constant(cls, value: float) -> Source:
        """A value that nothing changes."""
        return cls([value], 0)

    def bent(self, bend: Bend) -> Source:
        """What ``bend`` makes of this one's value, when it is read."""
        values, index = self.values, self.index
        return Source(Computed([lambda: bend(values[index])]), 0, self.scale, self.offset)


@dataclass
class Entry:
    """One message of the restbus.

    Attributes:
        hold: ``drop`` keeps the message off the bus; its slots pass.
        lost: Asked before each frame whether this one is lost; ``None``: none is.
        alterations: Change the bytes before protection, which is right for what they make of them.
        mutate: Changes the bytes after protection: a transmission fault.
        detour: Gets each frame, and what puts bytes on the bus, in place of the bus.
        copies: Of a long message, how often each of its packets comes; ``None``: once.
        saturated: How often a value was outside its signal's range and was sent as the nearest
            bound.
        is_plain: Whether each of its slots has one frame.
        changes: Of a message that is sent on a change: which of its groups are due.
        idle: Nobody wants it at present, so that it is not sent.
    """

    message: Message
    sources: dict[str, Source]
    hold: Literal["normal", "drop"] = "normal"
    lost: Callable[[], bool] | None = None
    alterations: dict[str, Callable[[bytearray], None]] = field(default_factory=dict)
    mutate: Callable[[bytearray], bytearray] | None = None
    detour: Detour | None = None
    copies: Copies | None = None
    saturated: int = 0
    idle: bool = False
    protector: Protector | None = field(init=False)
    changes: ChangeWatch | None = field(init=False)
    is_plain: bool = field(init=False)

    def __post_init__(self) -> None:
        self.protector = self.message.e2e.protector() if self.message.e2e else None
        self.changes = _changes(self.message)
        self.is_plain = self.changes is None and not self.message.all_groups
        self._turn = 0
        self._forced: dict[str, Source] = {}
        self._bends: dict[object, tuple[str, Bend]] = {}
        self._packers: list[Packer] = []
        self._packer: Packer | None = None  # the only one, once it is made

    def copies_of(self, number: int, again: bool) -> int:
        """How often a packet comes; ``again``: it has been sent before."""
        return 1 if self.copies is None else self.copies(number, again)

    def goes_out(self) -> bool:
        """Whether the frame of the present slot is sent."""
        return self.hold == "normal" and not self.idle and not (self.lost is not None and self.lost())

    @property
    def is_plain_sailing(self) -> bool:
        """Whether nothing is done to its frames one by one: whoever knows its content can send them."""
        protector = self.protector
        disturbed = self.lost or self.mutate or self.detour or (protector and protector.fault)
        return self.is_plain and self.hold == "normal" and not self.idle and not disturbed

    def content(self) -> bytearray:
        """What it carries now, not yet protected."""
        packer = self._packer
        return self._altered(packer() if packer is not None else self._next_packer()())

    def sequence(self, content: bytes) -> list[bytes]:
        """Its frames with this content, one for each value of its counter, from the next one on."""
        protector = self.protector
        count = 1 if protector is None else protector.modulus
        return [bytes(self._protected(bytearray(content))) for _ in range(count)]

    def follow(self, data: bytes) -> None:
        """Go on with the counter after that of a frame which somebody else has sent."""
        if self.protector is not None:
            self.protector.follow(data)

    def begin(self) -> None:
        """Begin to be sent; of a message that is sent on a change, what nothing feeds is known."""
        self._turn = 0
        if self.changes is not None:
            is_fed = bool(self.sources or self._bends or self._forced)
            self.changes.begin([] if is_fed else [bytes(data) for data in self._contents()])

    def due(self, now_ns: int) -> Iterator[bytearray]:
        """What goes out in the present slot, be it none or several frames."""
        if self.changes is None:
            for _ in self.message.mux_values or (None,):
                if self.goes_out():
                    yield self.pack()
            return
        if self.hold == "drop" or self.idle or not self.changes.is_open(now_ns):
            return
        contents = [bytes(data) for data in self._contents()]
        for group in self.changes.due(contents, now_ns):
            self.changes.sent(group, contents[group], now_ns)
            if self.goes_out():
                yield self._protected(bytearray(contents[group]))

    def _contents(self) -> Iterator[bytearray]:
        """What each group carries now, not yet protected."""
        return (self._altered(packer()) for packer in self._packers or self._compile())

    def connect(self, signal: str, source: Source) -> None:
        """Give a signal another source."""
        self.sources[signal] = source
        self._repack()

    def force(self, signal: str, value: float) -> None:
        """Let a signal carry this value, whatever its source says; NaN is "not available"."""
        self._forced[signal] = Source.constant(value)
        self._repack()

    @property
    def forced(self) -> dict[str, float]:
        """The signals that carry a value of their own, and which."""
        return {name: source.values[0] for name, source in self._forced.items()}

    def value_of(self, signal: str) -> float:
        """What a signal carries now, in its unit, before it is rounded; NaN is "not available"."""
        source = self._forced.get(signal) or self._bent().get(signal) or self.sources.get(signal)
        if source is None:
            return self.message.signals[signal].first_value
        return (source.values[source.index] - source.offset) / source.scale

    def release(self, signal: str) -> None:
        """Let a signal follow its source again."""
        self._forced.pop(signal, None)
        self._repack()

    def bend(self, key: object, signal: str, bend: Bend) -> None:
        """Let a signal carry what ``bend`` makes of its source's value; bends add up in their order.

        Args:
            key: Names it for :meth:`straighten`.
            signal: Name of the signal; one without a source stays as it is.
            bend: Called with the value in the source's unit, once per frame.
        """
        self._bends[key] = signal, bend
        self._repack()

    def straighten(self, key: object) -> None:
        """Take a bend away."""
        self._bends.pop(key, None)
        self._repack()

    def _repack(self) -> None:
        self._packers = []
        self._packer = None

    def pack(self) -> bytearray:
        """The message's bytes now; multiplexed messages carry their groups in turn."""
        packer = self._packer
        return self.finish(packer() if packer is not None else self._next_packer()())

    def finish(self, data: bytearray) -> bytearray:
        """What leaves of a message that is packed: altered, protected, mutated."""
        return self._protected(self._altered(data) if self.alterations else data)

    def _altered(self, data: bytearray) -> bytearray:
        for alter in self.alterations.values():
            alter(data)
        return data

    def _protected(self, data: bytearray) -> bytearray:
        protector = self.protector
        if protector is not None:
            protector.protect(data)
        return data if self.mutate is None else self.mutate(data)

    def _next_packer(self) -> Packer:
        packers = self._packers or self._compile()
        turn = self._turn
        self._turn = (turn + 1) % len(packers)
        if len(packers) == 1:
            self._packer = packers[0]
        return packers[turn]

    def _compile(self) -> list[Packer]:
        """One packer, or one per multiplexor value; the multiplexor itself needs no source."""
        message = self.message
        signals = message.signals.values()
        start = [signal.first_value for signal in signals]
        sources = self.sources | self._bent() | self._forced
        rows = [
            (signal, sources[signal.name])
            for signal in signals
            if signal.name in sources and not (signal.is_multiplexer and message.mux_values)
        ]
        self._packers = [
            packer_of(message, start, rows, self._saturate, group).pack
            for group in message.mux_values or (None,)
        ]
        return self._packers

    def _bent(self) -> dict[str, Source]:
        """The sources with bends."""
        sources: dict[str, Source] = {}
        for name, bend in self._bends.values():
            source = sources.get(name) or self.sources.get(name)
            if source is not None:
                sources[name] = source.bent(bend)
        return sources

    def _saturate(self, index: int, value: float) -> float:
        """A sensor at the end of its range says so; NaN is "not available"."""
        signal = list(self.message.signals.values())[index]
        if math.isnan(value):
            if signal.not_available is None:
                raise FrameError(
                    "has no value, and the DBC has no raw number for that",
                    place=self.message.name,
                    key=signal.name,
                    remedy="give the signal the attribute SigNotAvailable",
                )
            return signal.not_available
        if value == signal.not_available:
            return value
        self.saturated += 1
        return min(max(value, signal.minimum), signal.maximum)


class Restbus:
    """Sends the rig's messages in their slots.

    Args:
        clock: The one time line.
        send: Puts a frame on the bus.
        entries: The messages; all must be cyclic or sent on a change.
    """

    def __init__(self, clock: VirtualClock, send: Send, entries: Iterable[Entry]) -> None:
        self.entries = {entry.message.name: entry for entry in entries}
        self._clock = clock
        self._send = send
        self._slots: list[_Slot] = []
        self._alarm: Alarm | None = None

    def start(self, at_ns: int) -> None:
        """Begin to send; phases count from ``at_ns``.

        Raises:
            FrameError: If a message has no cycle time.
        """
        self.stop()
        for entry in self.entries.values():
            entry.begin()
        phases = spread_phases([entry.message for entry in self.entries.values()])
        self._slots = [
            (at_ns + phases[name], order, _slot_of(entry.message), entry)
            for order, (name, entry) in enumerate(self.entries.items())
        ]
        if self._slots:
            heapify(self._slots)
            self._alarm = Alarm(self._clock, self._ring)
            self._clock.set_alarm(self._alarm, self._slots[0][0])

    def stop(self) -> None:
        """Send nothing any more."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _ring(self, _event: Event) -> None:
        """Send all that is due now, in the order of the entries, and wait for the next slot."""
        slots, send, alarm = self._slots, self._send, self._alarm
        now_ns = slots[0][0]
        try:
            while slots[0][0] == now_ns:
                _, order, cycle_ns, entry = slots[0]
                heapreplace(slots, (now_ns + cycle_ns, order, cycle_ns, entry))
                message = entry.message
                if not entry.is_plain:
                    for data in entry.due(now_ns):
                        self._lead(entry, bytes(data))
                elif entry.goes_out():
                    if entry.detour is None:
                        send(message.id, bytes(entry.pack()), message.extended, message.format)
                    else:
                        entry.detour(bytes(entry.pack()), partial(self._put, message))
        finally:  # what cannot be packed ends a test, and keeps nothing of its safe state off the bus
            if alarm is not None:
                self._clock.set_alarm(alarm, slots[0][0])

    def _lead(self, entry: Entry, data: bytes) -> None:
        """Let a frame go its way, to the bus or by a detour."""
        if entry.detour is None:
            self._put(entry.message, data)
        else:
            entry.detour(data, partial(self._put, entry.message))

    def _put(self, message: Message, data: bytes) -> None:
        """Put what has come by a detour on the bus."""
        self._send(message.id, data, message.extended, message.format)


_Slot = tuple[int, int, int, Entry]  # due, order, time between slots, entry


def _changes(message: Message) -> ChangeWatch | None:
    rule = message.on_change
    return None if rule is None else ChangeWatch(rule, message.cycle_ns, all_at_once=message.all_groups)


def _slot_of(message: Message) -> int:
    if not message.slot_ns:
        raise FrameError(
            "has no cycle time, so the restbus cannot send it",
            place=message.name,
            remedy="give the message the attribute GenMsgCycleTime",
        )
    return message.slot_ns


def spread_phases(messages: Iterable[Message]) -> dict[str, int]:
    """A phase for each message: the DBC's, else spread evenly over those of one cycle time.

    Steps are whole milliseconds where there is room, so that traces are easy to read.
    """
    phases: dict[str, int] = {}
    by_cycle: dict[int, list[Message]] = {}
    for message in messages:
        by_cycle.setdefault(message.slot_ns or 0, []).append(message)
    for order, (cycle_ns, group) in enumerate(sorted(by_cycle.items())):
        step_ns = cycle_ns // max(1, len(group))
        if step_ns >= NS_PER_MS:
            step_ns -= step_ns % NS_PER_MS
        for place, message in enumerate(group):
            shift_ns = (place * step_ns + order * NS_PER_MS // 3) % max(1, cycle_ns)
            phases[message.name] = shift_ns if message.offset_ns is None else message.offset_ns
    return phases
