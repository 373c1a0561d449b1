"""The shared wire of a virtual CAN bus: arbitration, frame times, errors, acknowledgement, bus-off.

A frame takes two events on the clock: its start, when all that wait arbitrate, and its end, when
all that listen have it. Between frames lies the intermission. The rules of error confinement are
those of ISO 11898-1: a transmitter in error adds 8 to its transmit counter, a receiver 1 to its
receive counter, each success takes 1 off; from 128 a node is error-passive, above 255 its
transmitter is off the bus until 128 x 11 recessive bits.

On a bus with a data bit rate there may be CAN FD frames besides classic ones: from the bit after the bit
rate switch to the CRC delimiter theirs are of that rate. Time is counted in bits of the faster rate there,
see :class:`Rates`.

What is simpler than the real thing: an error frame always has its longest form (flag, full echo,
delimiter); recovery from bus-off counts as on an idle bus; two nodes that send the same identifier
take turns and do not collide; there are no overload frames, no propagation delay and no clock
tolerance; every CAN FD frame says that its sender is error-active, and no node is too old to bear it.

Each frame of a rig passes here. A function that an attribute holds is fetched first and then called:
CPython specialises both steps, but not ``self.attribute()``, which it takes for a method.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from simpy.events import Event

from hil.bus.arbitration import arbitration_key
from hil.bus.field import ACK_SLOT, field_at
from hil.bus.frame import Cause, ErrorFrame, FdFrame, Frame
from hil.bus.node import OFF, PASSIVE, FrameHandler, Node
from hil.bus.rates import Rates
from hil.bus.wire_time import INTERMISSION_BITS, frame_bits
from hil.clock import NS_PER_S, Alarm, VirtualClock
from hil.errors import BusError

ERROR_BITS = 6 + 6 + 8  # error flag, its echo by the other nodes, error delimiter
SUSPEND_BITS = 8  # an error-passive transmitter waits this long after the intermission
RECOVERY_BITS = 128 * 11

_Entry = tuple[int, int, Frame, Node, int]  # arbitration key, order, frame, sender, its time in bits


@dataclass(eq=False)
class Disturbance:
    """Frames to destroy on the wire: those that match, ``count`` times (``None``: for ever).

    Attributes:
        at: Name of the only node that sees it, or ``None``: all do.
    """

    match: Callable[[Frame], bool] | None
    count: int | None
    at: str | None = None


class Medium:
    """The wire.

    Args:
        clock: The one time line.
        name: The bus's name, for messages.
        bitrate: Bits per second.
        data_bitrate: Of the data of CAN FD frames, a whole multiple of the other; 0: on a classic bus.
        seed: Of the bit positions at which errors strike.

    Attributes:
        taps: Called with every frame that was on the wire, error frames included, at its end.
        jams: How many faults keep frames from the wire for long. While there are any, a node's frame
            replaces one of the same identifier that waits, as in a controller with a mailbox per message.
    """

    def __init__(
        self,
        clock: VirtualClock,
        name: str = "bus",
        bitrate: int = 500_000,
        seed: int = 0,
        data_bitrate: int = 0,
    ) -> None:
        self._rates = rates = Rates(bitrate, data_bitrate, f"bus {name}")
        self.clock = clock
        self.name = name
        self.bitrate = bitrate
        self.data_bitrate = data_bitrate
        self.nodes: list[Node] = []
        self.taps: list[FrameHandler] = []
        self.frames = 0
        self.error_frames = 0
        self.jams = 0
        self._slow, self._intermission, self._bits_ns = rates.slow, rates.intermission, rates.ns
        self._busy = 0
        self._random = random.Random(seed)
        self._disturbances: list[Disturbance] = []
        self._waiting: list[_Entry] = []
        self._present: tuple[Node, ...] = ()  # those that acknowledge and hear
        self._sequence = 0
        self._active = False  # a frame is on the wire, or the next arbitration is set
        self._begin_ns = self._end_ns = clock.now_ns  # of the frame on the wire
        self._idle_ns = clock.now_ns  # end of the last intermission
        self._intermission_ns = self.bits_ns(INTERMISSION_BITS)
        self._current: _Entry | None = None
        self._fault: tuple[Cause, int, Node | None] = ("bit", 0, None)
        self._retry = True  # the frame on the wire, if it fails
        self._deaf: Node | None = None  # does not get the frame on the wire
        self._begin_alarm = Alarm(clock, self._begin)
        self._end_alarm = Alarm(clock, self._end)
        self._fail_alarm = Alarm(clock, self._fail)

    def attach(self, name: str, on_frame: FrameHandler | None = None) -> Node:
        """Put a node on the bus; ``on_frame`` gets every frame of the others at its end."""
        node = Node(self, name, on_frame)
        self.nodes.append(node)
        self._count_present()
        return node

    def detach(self, node: Node) -> None:
        """Take a node off; what it has queued is dropped."""
        node.enabled = False
        if node in self.nodes:
            self.nodes.remove(node)
            self.withdraw(node)
            self._count_present()

    def queue(self, node: Node, frame: Frame) -> None:
        """Let a frame take part in the next arbitration.

        Raises:
            BusError: If it is no frame that this bus can carry.
        """
        identifier, extended = frame.id, frame.extended
        try:
            if frame.__class__ is FdFrame:
                bits = self._rates.fd_time(frame)
            else:
                bits = frame_bits(identifier, extended, frame.data, frame.remote)
                if self._slow != 1:
                    bits *= self._slow
        except ValueError as error:
            raise BusError(str(error), place=f"bus {self.name}", key=node.name) from error
        self._sequence += 1
        if extended or frame.remote:
            key = arbitration_key(identifier, extended, frame.remote)
        else:
            key = identifier << 21  # the same, without the call
        if self.jams:
            self._replace(node, key)
        heappush(self._waiting, (key, self._sequence, frame, node, bits))
        node.pending += 1
        if not self._active:
            self._active = True
            self._begin_ns = begin_ns = max(self._idle_ns, self.clock.now_ns)
            self.clock.set_alarm(self._begin_alarm, begin_ns)

    @property
    def busy_bits(self) -> int:
        """Bits on the wire so far, intermissions included; fast ones as the part of a bit that they are."""
        return self._busy // self._slow

    def _replace(self, node: Node, key: int) -> None:
        """Drop what a node has waiting under an identifier."""
        kept = [entry for entry in self._waiting if entry[0] != key or entry[3] is not node]
        if len(kept) < len(self._waiting):
            replaced = len(self._waiting) - len(kept)
            node.pending -= replaced
            node.dropped += replaced
            heapify(kept)
            self._waiting[:] = kept

    def withdraw(self, node: Node, frame: Frame | None = None) -> None:
        """Drop what a node has waiting, or one frame of it.

        A frame that is on the wire goes on, but is not sent again if it fails.
        """
        current = self._current
        if current is not None and current[3] is node and frame in (None, current[2]):
            self._retry = False
        kept = []
        for entry in self._waiting:
            if entry[3] is node and frame in (None, entry[2]):
                node.pending -= 1
            else:
                kept.append(entry)
        heapify(kept)
        self._waiting[:] = kept

    def disturb(
        self,
        match: Callable[[Frame], bool] | None = None,
        count: int | None = 1,
        at: str | None = None,
    ) -> Disturbance:
        """Destroy the next ``count`` frames that match (all, if there is no match).

        With ``at``, only the node of that name sees wrong bits. If it is error-active its error
        flag destroys the frame for all; if it is error-passive, it alone misses the frame.

        Returns:
            The disturbance, for :meth:`calm`.
        """
        disturbance = Disturbance(match, count, at)
        self._disturbances.append(disturbance)
        return disturbance

    def calm(self, disturbance: Disturbance) -> None:
        """End a disturbance."""
        if disturbance in self._disturbances:
            self._disturbances.remove(disturbance)

    def load(self, bits_before: int, since_ns: int) -> float:
        """Share of the time since ``since_ns`` that the wire was busy (``busy_bits`` then)."""
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
        self._count_present()

    def _count_present(self) -> None:
        self._present = tuple(node for node in self.nodes if not node.bus_off)

    def _begin(self, _event: Event) -> None:
        """All who wait arbitrate; the winner's frame starts now."""
        waiting = self._waiting
        if not waiting:  # all withdrawn
            self._active = False
            return
        entry = heappop(waiting)
        if entry[3].suspended_until_ns > self._begin_ns:
            heappush(waiting, entry)
            allowed = self._winner()
            if allowed is None:
                return
            entry = allowed
        self._current = entry
        entry[2].start_ns = begin_ns = self._begin_ns
        if self._disturbances or len(self._present) < 2:
            self._put_at_risk(entry)
        else:
            self._end_ns = end_ns = begin_ns + self._bits_ns[entry[4] - self._intermission]
            self.clock.set_alarm(self._end_alarm, end_ns)

    def _winner(self) -> _Entry | None:
        """The best waiting frame whose node may send; if none may, the wire waits for the first."""
        now_ns = self._begin_ns
        held = []
        winner = None
        while self._waiting and winner is None:
            entry = heappop(self._waiting)
            if entry[3].suspended_until_ns > now_ns:
                held.append(entry)
            else:
                winner = entry
        for entry in held:
            heappush(self._waiting, entry)
        if winner is None:
            self._active = False  # whoever queues meanwhile may start at once
            self._at(min(entry[3].suspended_until_ns for entry in held), self._wake)
        return winner

    def _wake(self, _event: Event) -> None:
        """A suspension is over: arbitrate, unless others have begun meanwhile."""
        if self._waiting and not self._active:
            self._active = True
            self._begin_ns = self.clock.now_ns
            self._begin(_event)

    def _at(self, at_ns: int, callback: Callable[[Event], None]) -> None:
        self.clock.set_alarm(Alarm(self.clock, callback), at_ns)

    def _put_at_risk(self, entry: _Entry) -> None:
        """Let a frame meet the disturbances and a bus on which perhaps nobody acknowledges."""
        _, _, frame, sender, bits = entry
        body = self._rates.body(frame)
        self._retry = True
        disturbance = self._disturbance_of(frame)
        victim = self._node_named(disturbance.at) if disturbance is not None else None
        if disturbance is not None and (disturbance.at is None or victim is sender):
            self._strike("bit", self._random.randrange(body) + 1)
        elif victim is not None and not victim.is_passive:
            # its CRC check fails; its error flag follows the acknowledge delimiter
            self._strike("bit", body + 4, victim)
        elif not any(n is not sender and n is not victim for n in self._present):
            self._strike("ack", body + 2)
        else:
            self._deaf = victim
            self._end_ns = frame.start_ns + self._bits_ns[bits - self._intermission]
            self.clock.set_alarm(self._end_alarm, self._end_ns)

    def _strike(self, cause: Cause, bits: int, victim: Node | None = None) -> None:
        """An error frame begins ``bits`` after the start of the frame."""
        self._fault = cause, bits, victim
        frame = self._current[2]  # type: ignore[index]  # it is about to begin
        time = self._rates.time_of(frame, bits) + ERROR_BITS * self._slow
        self._end_ns = self._begin_ns + self._bits_ns[time]
        self.clock.set_alarm(self._fail_alarm, self._end_ns)

    def _node_named(self, name: str | None) -> Node | None:
        return next((node for node in self._present if node.name == name), None)

    def _disturbance_of(self, frame: Frame) -> Disturbance | None:
        for disturbance in self._disturbances:
            if disturbance.match is None or disturbance.match(frame):
                if disturbance.count is not None:
                    disturbance.count -= 1
                    if disturbance.count <= 0:
                        self._disturbances.remove(disturbance)
                return disturbance
        return None

    def _end(self, _event: Event) -> None:
        """The frame is through: the taps, the receivers and the sender have it."""
        _, _, frame, sender, bits = self._current  # type: ignore[misc]  # a frame is on the wire
        frame.t_ns = end_ns = self._end_ns
        self._idle_ns = end_ns + self._intermission_ns
        self.frames += 1
        self._busy += bits
        sender.pending -= 1
        if sender.tec or sender.rec:
            self._count_success(sender, end_ns)
        for tap in self.taps:
            tap(frame)
        self._deliver(frame, sender)
        on_sent = sender.on_sent
        if on_sent is not None:
            on_sent(frame)
        self._next()

    def _deliver(self, frame: Frame, sender: Node) -> None:
        deaf = self._deaf
        for node in self._present:
            if node is not sender and node is not deaf:
                if node.rec:
                    node.rec = min(node.rec, PASSIVE) - 1
                on_frame = node.on_frame
                if on_frame is not None:
                    on_frame(frame)
        if deaf is not None:
            deaf.rec += 1  # the error that it alone saw
            self._deaf = None

    def _count_success(self, sender: Node, end_ns: int) -> None:
        if sender.tec >= PASSIVE or sender.rec >= PASSIVE:
            self._suspend(sender, end_ns)
        if sender.tec:
            sender.tec -= 1

    def _suspend(self, node: Node, end_ns: int) -> None:
        node.suspended_until_ns = end_ns + self.bits_ns(INTERMISSION_BITS + SUSPEND_BITS)

    def _fail(self, _event: Event) -> None:
        """The frame was destroyed: an error frame, the counters, and another try."""
        entry: _Entry = self._current  # type: ignore[assignment]  # a frame is on the wire
        _, _, frame, sender, _ = entry
        cause, bits, victim = self._fault
        present = self._present
        field = ACK_SLOT if cause == "ack" else field_at(frame, bits - 1)
        wreck = ErrorFrame(frame, cause, bits - 1, field)
        wreck.t_ns = end_ns = self._end_ns
        self._idle_ns = end_ns + self._intermission_ns
        self.error_frames += 1
        self._busy += self._rates.time_of(frame, bits) + (ERROR_BITS + INTERMISSION_BITS) * self._slow
        self._count_error(sender, cause, victim)
        if self._retry:
            heappush(self._waiting, entry)
        else:
            sender.pending -= 1
            sender.dropped += sender.bus_off
        if sender.is_passive:
            self._suspend(sender, end_ns)
        wreck.tec, wreck.rec, wreck.bus_off = sender.tec, sender.rec, sender.bus_off
        for tap in self.taps:
            tap(wreck)
        for node in present:
            if node.on_frame is not None:
                node.on_frame(wreck)
        self._next()

    def _count_error(self, sender: Node, cause: Cause, victim: Node | None) -> None:
        """Error counters after a destroyed frame.

        An error-passive transmitter that only misses its acknowledgement stays where it is: a node
        alone on a bus never goes off it. A receiver that was the first to flag an error sees the
        others' echo after its own flag, and counts 8 more.
        """
        if cause != "ack" or sender.tec < PASSIVE:
            sender.tec += 8
        for node in self._present:
            if node is not sender:
                node.rec += 9 if node is victim else 1
        self._confine(sender)

    def _confine(self, node: Node) -> None:
        if node.tec >= OFF and not node.bus_off:
            node.bus_off = True
            waiting = node.pending
            self.withdraw(node)
            node.dropped += waiting - node.pending
            self._count_present()
            if node.auto_recover:
                back_ns = self.clock.now_ns + self.bits_ns(RECOVERY_BITS)
                self._at(back_ns, lambda _: self.recover(node))

    def _next(self) -> None:
        """After the intermission the next arbitration, if anyone waits."""
        if self._waiting:
            self._begin_ns = self._idle_ns
            self.clock.set_alarm(self._begin_alarm, self._idle_ns)
        else:
            self._active = False
