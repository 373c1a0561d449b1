"""The restbus: the frames of the nodes that are not there, on a static table of slots.

Every cyclic message has a phase within its cycle, so that the frames of many nodes do not bunch. At
its slot a message reads its sources, packs them, is protected and sent. Slots are absolute: there
is no drift.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, MutableSequence
from dataclasses import dataclass, field
from heapq import heapify, heapreplace
from typing import Literal

from simpy.events import Event

from hil.bus.frame import Frame
from hil.clock import NS_PER_MS, VirtualClock
from hil.errors import FrameError
from hil.frames.database import Message, Signal
from hil.frames.e2e import Protector

Send = Callable[[int, bytes, bool], Frame]


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


@dataclass
class Entry:
    """One message of the restbus.

    Attributes:
        hold: ``drop`` keeps the message off the bus; its slots pass.
        mutate: Changes the bytes after protection: a masquerade or a transmission fault.
        saturated: How often a value was outside its signal's range and was sent as the nearest
            bound.
    """

    message: Message
    sources: dict[str, Source]
    hold: Literal["normal", "drop"] = "normal"
    mutate: Callable[[bytearray], bytearray] | None = None
    saturated: int = 0
    protector: Protector | None = field(init=False)

    def __post_init__(self) -> None:
        self.protector = self.message.e2e.protector() if self.message.e2e else None
        self._turn = 0
        self._compile()

    def connect(self, signal: str, source: Source) -> None:
        """Give a signal another source."""
        self.sources[signal] = source
        self._compile()

    def _compile(self) -> None:
        """Static parts once: start values, and per multiplexor value the sources to read."""
        signals = self.message.signals.values()
        self._values = [_start(signal) for signal in signals]
        self._multiplexor = next((s.index for s in signals if s.is_multiplexer), None)
        rows = [(s, self.sources[s.name]) for s in signals if s.name in self.sources]
        self._reads = [
            [(s.index, r, s) for s, r in rows if s.mux_value in (None, value)]
            for value in self.message.mux_values or (None,)
        ]

    def pack(self) -> bytearray:
        """The message's bytes now; multiplexed messages carry their groups in turn."""
        values = self._values
        reads = self._reads[0]
        if self._multiplexor is not None and self.message.mux_values:
            self._turn = (self._turn + 1) % len(self._reads)
            reads = self._reads[self._turn]
            values[self._multiplexor] = self.message.mux_values[self._turn]
        for index, source, signal in reads:
            value = (source.values[source.index] - source.offset) / source.scale
            if not signal.minimum <= value <= signal.maximum:
                value = self._saturate(signal, value)
            values[index] = value
        data = self.message.encode(values)
        if self.protector is not None:
            self.protector.protect(data)
        return data if self.mutate is None else self.mutate(data)

    def _saturate(self, signal: Signal, value: float) -> float:
        """A sensor at the end of its range says so; NaN is "not available"."""
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


def _start(signal: Signal) -> float:
    if signal.is_multiplexer or signal.e2e_role != "None":
        return signal.minimum
    return min(max(signal.start_value, signal.minimum), signal.maximum)


class Restbus:
    """Sends the rig's messages in their slots.

    Args:
        clock: The one time line.
        send: Puts a frame on the bus.
        entries: The messages; all must be cyclic.
    """

    def __init__(self, clock: VirtualClock, send: Send, entries: Iterable[Entry]) -> None:
        self.entries = {entry.message.name: entry for entry in entries}
        self._clock = clock
        self._send = send
        self._running = False

    def start(self, at_ns: int) -> None:
        """Begin to send; phases count from ``at_ns``."""
        self._running = True
        phases = spread_phases([entry.message for entry in self.entries.values()])
        self._slots = [
            (at_ns + phases[name], order, entry)
            for order, (name, entry) in enumerate(self.entries.items())
        ]
        if self._slots:
            heapify(self._slots)
            self._clock.process(self._run())

    def stop(self) -> None:
        """Send nothing any more."""
        self._running = False

    def _run(self) -> Generator[Event, None, None]:
        clock, slots = self._clock, self._slots
        while self._running:
            due_ns, order, entry = slots[0]
            if due_ns > clock.now_ns:
                yield clock.timeout(due_ns - clock.now_ns)
                continue
            message = entry.message
            if entry.hold == "normal":
                self._send(message.id, bytes(entry.pack()), message.extended)
            cycle_ns = message.cycle_ns
            assert cycle_ns is not None
            heapreplace(slots, (due_ns + cycle_ns, order, entry))


def spread_phases(messages: Iterable[Message]) -> dict[str, int]:
    """A phase for each message: the DBC's, else spread evenly over those of one cycle time.

    Steps are whole milliseconds where there is room, so that traces are easy to read.
    """
    phases: dict[str, int] = {}
    by_cycle: dict[int, list[Message]] = {}
    for message in messages:
        by_cycle.setdefault(message.cycle_ns or 0, []).append(message)
    for order, (cycle_ns, group) in enumerate(sorted(by_cycle.items())):
        step_ns = cycle_ns // max(1, len(group))
        if step_ns >= NS_PER_MS:
            step_ns -= step_ns % NS_PER_MS
        for place, message in enumerate(group):
            shift_ns = (place * step_ns + order * NS_PER_MS // 3) % max(1, cycle_ns)
            phases[message.name] = shift_ns if message.offset_ns is None else message.offset_ns
    return phases
