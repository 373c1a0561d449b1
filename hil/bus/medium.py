"""The shared wire of a virtual CAN bus: arbitration, true frame times, errors, acknowledgement, bus-off.

A frame takes two events on the clock: its start, when all that wait arbitrate, and its end, when all that
listen have it. Between frames lies the intermission. The rules of error confinement are those of ISO 11898-1:
a transmitter in error adds 8 to its transmit counter, a receiver 1 to its receive counter, each success takes
1 off; from 128 a node is error-passive, above 255 its transmitter is off the bus until 128 x 11 recessive bits.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush

from simpy.events import Event, Timeout

from hil.bus.arbitration import arbitration_key
from hil.bus.frame import Frame
from hil.bus.wire_time import INTERMISSION_BITS, TAIL_BITS, frame_bits
from hil.clock import NS_PER_S, VirtualClock
from hil.errors import BusError

ERROR_BITS = 6 + 6 + 8  # error flag, its echo by the other nodes, error delimiter
SUSPEND_BITS = 8  # an error-passive transmitter waits this long after the intermission
RECOVERY_BITS = 128 * 11
WARNING, PASSIVE, OFF = 96, 128, 256
QUEUE_LIMIT = 512  # frames that a node may have waiting

FrameHandler = Callable[[Frame], None]


@dataclass
class Disturbance:
    """Frames to destroy on the wire: those that match, ``count`` times (``None``: for ever)."""

    match: Callable[[Frame], bool] | None
    count: int | None


class Node:
    """One participant of a bus, with its transmit queue and error counters."""

    def __init__(self, medium: Medium, name: str, on_frame: FrameHandler | None) -> None:
        self.name = name
        self.on_frame = on_frame
        self.on_sent: FrameHandler | None = None
        self.enabled = True
        self.auto_recover = True
        self.tec = 0
        self.rec = 0
        self.bus_off = False
        self.pending = 0
        self.suspended_until_ns = 0
        self._medium = medium

    @property
    def state(self) -> str:
        """``error-active``, ``error-passive`` or ``bus-off``."""
        if self.bus_off:
            return "bus-off"
        return "error-passive" if max(self.tec, self.rec) >= PASSIVE else "error-active"

    def send(self, identifier: int, data: bytes, extended: bool = False) -> Frame:
        """Queue a data frame; its ``t_ns`` is set once it is through.

        Raises:
            BusError: If this node is off the bus, or its queue is full.
        """
        return self.send_frame(Frame(identifier, data, extended, self.name))

    def send_frame(self, frame: Frame) -> Frame:
        """Queue any frame.

        Raises:
            BusError: If this node is off the bus, or its queue is full.
        """
        if self.bus_off:
            raise BusError(f"node {self.name} is off the bus", place=f"bus {self._medium.name}")
        if self.pending >= QUEUE_LIMIT:
            raise BusError(
                f"node {self.name} has {self.pending} frames waiting",
                place=f"bus {self._medium.name}",
                remedy="the bus is overloaded or nobody acknowledges",
            )
        self._medium.queue(self, frame)
        return frame

    def detach(self) -> None:
        """Leave the bus; what is still queued is dropped."""
        self._medium.detach(self)


class Medium:
    """The wire.

    Args:
        clock: The one time line.
        name: The bus's name, for messages.
        bitrate: Bits per second.
        seed: Of the bit positions at which errors strike.

    Attributes:
        taps: Called with every frame that was on the wire, error frames included, at its end.
        busy_bits: Bits on the wire so far, intermissions included.
    """

    def __init__(
        self, clock: VirtualClock, name: str = "bus", bitrate: int = 500_000, seed: int = 0
    ) -> None:
        self.clock = clock
        self.name = name
        self.bitrate = bitrate
        self.nodes: list[Node] = []
        self.taps: list[FrameHandler] = []
        self.frames = 0
        self.error_frames = 0
        self.busy_bits = 0
        self._random = random.Random(seed)
        self._disturbances: list[Disturbance] = []
        self._waiting: list[tuple[int, int, Frame, Node]] = []
        self._sequence = 0
        self._active = False
        self._idle_ns = clock.now_ns

    def attach(self, name: str, on_frame: FrameHandler | None = None) -> Node:
        """Put a node on the bus; ``on_frame`` gets every frame of the others at its end."""
        node = Node(self, name, on_frame)
        self.nodes.append(node)
        return node

    def detach(self, node: Node) -> None:
        """Take a node off; what it has queued is dropped."""
        node.enabled = False
        if node in self.nodes:
            self.nodes.remove(node)

    def queue(self, node: Node, frame: Frame) -> None:
        """Let a frame take part in the next arbitration."""
        self._sequence += 1
        key = arbitration_key(frame.id, frame.extended, frame.remote)
        heappush(self._waiting, (key, self._sequence, frame, node))
        node.pending += 1
        if not self._active:
            self._active = True
            self._after(max(0, self._idle_ns - self.clock.now_ns), self._begin)

    def disturb(
        self, match: Callable[[Frame], bool] | None = None, count: int | None = 1
    ) -> Disturbance:
        """Destroy the next ``count`` frames that match (all, if there is no match).

        Returns:
            The disturbance, for :meth:`calm`.
        """
        disturbance = Disturbance(match, count)
        self._disturbances.append(disturbance)
        return disturbance

    def calm(self, disturbance: Disturbance) -> None:
        """End a disturbance."""
        if disturbance in self._disturbances:
            self._disturbances.remove(disturbance)

    def load(self, bits_before: int, since_ns: int) -> float:
        """Share of the time since ``since_ns`` that the wire was busy (``busy_bits`` then given)."""
        span_ns = self.clock.now_ns - since_ns
        return self.bits_ns(self.busy_bits - bits_before) / span_ns if span_ns > 0 else 0.0

    def bits_ns(self, bits: int) -> int:
        """How long bits take on this wire."""
        return bits * NS_PER_S // self.bitrate

    def force_bus_off(self, node: Node) -> None:
        """Drive a node off the bus, as a long burst of errors would."""
        node.tec = OFF
        self._confine(node)

    def recover(self, node: Node) -> None:
        """Bring a node back with its counters at zero."""
        node.bus_off = False
        node.tec = node.rec = 0

    def _after(self, delay_ns: int, callback: Callable[[Event], None]) -> None:
        callbacks = Timeout(self.clock, delay_ns).callbacks
        assert callbacks is not None  # noqa: S101 - a timeout just made has callbacks
        callbacks.append(callback)

    def _begin(self, _event: Event) -> None:
        """All who wait arbitrate; the winner's frame starts now."""
        entry = self._winner()
        if entry is None:
            return
        _, _, frame, node = entry
        frame.start_ns = self.clock.now_ns
        bits = frame_bits(frame.id, frame.extended, frame.data, frame.remote)
        if self._disturbances and self._is_disturbed(frame):
            struck = self._random.randrange(1, bits - TAIL_BITS - INTERMISSION_BITS) + ERROR_BITS
            self._after(self.bits_ns(struck), lambda _: self._fail(entry, struck))
        elif not self._acknowledged(node):
            struck = bits - TAIL_BITS - INTERMISSION_BITS + 2 + ERROR_BITS
            self._after(self.bits_ns(struck), lambda _: self._fail(entry, struck))
        else:
            end = bits - INTERMISSION_BITS
            self._after(self.bits_ns(end), lambda _: self._end(frame, node, bits))

    def _winner(self) -> tuple[int, int, Frame, Node] | None:
        """The waiting frame that wins; suspended nodes wait, those that left are dropped."""
        now = self.clock.now_ns
        held: list[tuple[int, int, Frame, Node]] = []
        winner = None
        while self._waiting and winner is None:
            entry = heappop(self._waiting)
            node = entry[3]
            if not node.enabled or node.bus_off:
                node.pending -= 1
            elif node.suspended_until_ns > now:
                held.append(entry)
            else:
                winner = entry
        for entry in held:
            heappush(self._waiting, entry)
        if winner is None:
            self._active = bool(held)
            if held:
                first = min(entry[3].suspended_until_ns for entry in held)
                self._after(first - now, self._begin)
        return winner

    def _acknowledged(self, sender: Node) -> bool:
        return any(n is not sender and n.enabled and not n.bus_off for n in self.nodes)

    def _is_disturbed(self, frame: Frame) -> bool:
        for disturbance in self._disturbances:
            if disturbance.match is None or disturbance.match(frame):
                if disturbance.count is not None:
                    disturbance.count -= 1
                    if disturbance.count <= 0:
                        self._disturbances.remove(disturbance)
                return True
        return False

    def _end(self, frame: Frame, sender: Node, bits: int) -> None:
        """The frame is through: the taps, the receivers and the sender have it."""
        frame.t_ns = self.clock.now_ns
        self.frames += 1
        self.busy_bits += bits
        sender.pending -= 1
        if sender.tec:
            sender.tec -= 1
        self._next()
        for tap in self.taps:
            tap(frame)
        for node in self.nodes:
            if node is not sender and node.enabled and not node.bus_off:
                if node.rec:
                    node.rec = min(node.rec, PASSIVE) - 1
                if node.on_frame is not None:
                    node.on_frame(frame)
        if sender.on_sent is not None:
            sender.on_sent(frame)

    def _fail(self, entry: tuple[int, int, Frame, Node], bits: int) -> None:
        """The frame was destroyed: an error frame, the counters, and another try."""
        _, _, frame, sender = entry
        self.error_frames += 1
        self.busy_bits += bits + INTERMISSION_BITS
        self._count_error(sender)
        if not sender.bus_off:
            heappush(self._waiting, entry)
        self._next()
        wreck = Frame(frame.id, frame.data, frame.extended, frame.sender)
        wreck.error, wreck.start_ns, wreck.t_ns = True, frame.start_ns, self.clock.now_ns
        for tap in self.taps:
            tap(wreck)
        for node in self.nodes:
            if node.on_frame is not None and node.enabled and not node.bus_off:
                node.on_frame(wreck)

    def _count_error(self, sender: Node) -> None:
        """Error counters after a destroyed frame.

        An error-passive transmitter that only misses its acknowledgement stays where it is: a node alone on
        a bus never goes off it.
        """
        alone = not self._acknowledged(sender)
        if not (alone and sender.tec >= PASSIVE):
            sender.tec += 8
        for node in self.nodes:
            if node is not sender and node.enabled and not node.bus_off:
                node.rec += 1
        self._confine(sender)

    def _confine(self, node: Node) -> None:
        if node.tec >= OFF:
            node.bus_off = True
            if node.auto_recover:
                self._after(self.bits_ns(RECOVERY_BITS), lambda _: self.recover(node))
        elif node.tec >= PASSIVE:
            wait = self.bits_ns(INTERMISSION_BITS + SUSPEND_BITS)
            node.suspended_until_ns = self.clock.now_ns + wait

    def _next(self) -> None:
        """The intermission, then the next arbitration if anyone waits."""
        intermission_ns = self.bits_ns(INTERMISSION_BITS)
        self._idle_ns = self.clock.now_ns + intermission_ns
        self._active = bool(self._waiting)
        if self._active:
            self._after(intermission_ns, self._begin)
