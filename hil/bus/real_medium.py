"""A real bus with the face of :class:`hil.bus.medium.Medium`, so that the rig does not ask which.

Frames come when the clock finds the link readable; they bear the link's stamps on the rig's time
line. A frame that was sent is the same object from ``send`` to its echo, which gives it its
instant. What a real bus cannot do is not here: disturb frames, drive a node off the bus.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol, cast

from simpy.events import Event

from hil.bus.frame import CLASSIC, FAST, FdFrame, Format, Frame
from hil.bus.link import OWN, Link, LinkCounters, LinkFullError
from hil.bus.node import PASSIVE, WARNING, FrameHandler
from hil.bus.wire_time import INTERMISSION_BITS, frame_bits, wire_s
from hil.clock import NS_PER_MS, NS_PER_S, Alarm, VirtualClock
from hil.errors import BusError

_WAITING = 64  # frames of one identifier at most that wait for their echo
_LOOK_NS = 100 * NS_PER_MS  # links want to be asked now and then
_BLIND_LOOK_NS = NS_PER_MS  # one without a descriptor often
_STALE = 1_000  # calls at most to empty a link's queue of what came before the rig
_ERROR_BITS = 20


class Clock(Protocol):
    """What is needed of the real clock."""

    zero_ns: int

    @property
    def now_ns(self) -> int:
        """The present instant."""

    def watch(self, descriptor: int, callback: Callable[[], None]) -> None:
        """Call ``callback`` whenever the descriptor can be read."""

    def forget(self, descriptor: int) -> None:
        """Watch a descriptor no more."""

    def set_alarm(self, alarm: Alarm, at_ns: int) -> None:
        """Let an alarm ring."""


class RealNode:
    """A participant of this program on a real bus; it shares the link's controller.

    Attributes:
        on_frame: Called with each frame of the others, and with each error frame.
        on_sent: Called with each of its own frames once it is through.
        enabled: Whether it is still attached.
        pending: How many of its frames wait for their echo.
        dropped: How many of its frames were not sent for want of room, or never came back.
    """

    def __init__(self, medium: RealMedium, name: str, on_frame: FrameHandler | None) -> None:
        self.name = name
        self.on_frame = on_frame
        self.on_sent: FrameHandler | None = None
        self.enabled = True
        self.pending = 0
        self.dropped = 0
        self._medium = medium

    @property
    def tec(self) -> int:
        """The controller's transmit error counter, as last told."""
        return self._medium.counters.tec

    @property
    def rec(self) -> int:
        """The controller's receive error counter, as last told."""
        return self._medium.counters.rec

    @property
    def bus_off(self) -> bool:
        """Whether the controller is off the bus."""
        return self._medium.counters.state == "bus-off"

    @property
    def state(self) -> str:
        """``error-active``, ``error-passive`` or ``bus-off``."""
        state = self._medium.counters.state
        return "error-active" if state == "error-warning" else state

    @property
    def is_passive(self) -> bool:
        """Whether the controller is error-passive."""
        return self.state == "error-passive" or max(self.tec, self.rec) >= PASSIVE

    @property
    def is_warning(self) -> bool:
        """Whether the controller sees a heavily disturbed bus."""
        return self.state != "error-active" or max(self.tec, self.rec) >= WARNING

    def send(
        self, identifier: int, data: bytes, extended: bool = False, format: Format = CLASSIC  # noqa: A002
    ) -> Frame:
        """Send a data frame; its ``t_ns`` is set once it is through.

        Without room it is dropped and counted: the next one of a cycle may find some.

        Raises:
            BusError: If the bus is down or the adapter gone.
            FrameError: If this bus cannot carry such a frame.
        """
        if not format and len(data) <= 8:
            return self.send_frame(Frame(identifier, data, extended, self.name))
        fast = not format or bool(format & FAST)
        return self.send_frame(FdFrame(identifier, data, extended, self.name, fast))

    def send_frame(self, frame: Frame) -> Frame:
        """Send any frame; see :meth:`send`."""
        self._medium.send(self, frame)
        return frame

    def detach(self) -> None:
        """Leave the bus."""
        self._medium.detach(self)


_NOTHING: deque[tuple[Frame, RealNode]] = deque()


class RealMedium:
    """The wire behind a link.

    Args:
        clock: The real clock; it watches the link.
        link: The bus.

    Attributes:
        taps: Called with every frame, error frames included.
        frames: Frames so far, own ones included.
        error_frames: Error frames so far.
        busy_bits: Bits on the wire so far by their length, intermissions included. A frame that had
            to be repeated counts once.
        is_up: False from the first trouble until the bus is opened again: meanwhile nothing comes.
        intruders: How many frames with an identifier that this program sends came from others, by
            key (:attr:`hil.bus.frame.Frame.key`).
        claimed: Keys of what is sent for this program by somebody else, such as the kernel.
    """

    def __init__(self, clock: Clock, link: Link) -> None:
        self.clock = clock
        self.link = link
        self.name = link.name
        self.bitrate, self.data_bitrate = link.bitrate, link.data_bitrate
        self.nodes: list[RealNode] = []
        self.taps: list[FrameHandler] = []
        self.frames = 0
        self.error_frames = 0
        self.busy_bits = 0
        self.is_up = True
        self.intruders: dict[int, int] = {}
        self.claimed: set[int] = set()
        self._sent: dict[int, deque[tuple[Frame, RealNode]]] = {}  # by key, until their echo
        self._watched: int | None = None
        for _ in range(_STALE):
            if not link.receive():
                break
        self._alarm = Alarm(cast("VirtualClock", clock), self._look)
        self._watch()
        self._set_alarm()

    @property
    def counters(self) -> LinkCounters:
        """What the link has seen."""
        return self.link.counters

    def attach(self, name: str, on_frame: FrameHandler | None = None) -> RealNode:
        """Put a node on the bus; ``on_frame`` gets every frame of the others."""
        node = RealNode(self, name, on_frame)
        self.nodes.append(node)
        return node

    def detach(self, node: RealNode) -> None:
        """Take a node off; what it sent already may still go out."""
        node.enabled = False
        if node in self.nodes:
            self.nodes.remove(node)

    def send(self, node: RealNode, frame: Frame) -> None:
        """Hand a node's frame to the link; see :meth:`RealNode.send`."""
        try:
            self.link.send(frame)
        except LinkFullError:
            node.dropped += 1
            return
        except BusError:
            self._go_down()
            raise
        waiting = self._sent.get(frame.key)
        if waiting is None:
            waiting = self._sent[frame.key] = deque()
        waiting.append((frame, node))
        node.pending += 1
        if len(waiting) > _WAITING:
            self._give_up(waiting, 1)

    def poll(self) -> None:
        """Deliver what the link has.

        Raises:
            BusError: If the bus is down or the adapter gone.
        """
        zero_ns = self.clock.zero_ns
        try:
            frames = self.link.receive()
        except BusError:
            self._go_down()
            raise
        while self.counters.given_up:
            self._drop(self.counters.given_up.popleft())
        for frame in frames:
            frame.t_ns = max(1, frame.t_ns - zero_ns)
            if frame.error:
                self._deliver_error(frame)
            elif frame.sender == OWN:
                self._deliver_own(frame)
            else:
                self._deliver(frame)

    def load(self, bits_before: int, since_ns: int) -> float:
        """Share of the time since ``since_ns`` that the wire was busy (``busy_bits`` then)."""
        span_ns = self.clock.now_ns - since_ns
        return self.bits_ns(self.busy_bits - bits_before) / span_ns if span_ns > 0 else 0.0

    def bits_ns(self, bits: int) -> int:
        """How long bits take on this wire."""
        return bits * NS_PER_S // self.bitrate

    def reopen(self) -> bool:
        """Try to get the bus back after trouble; whether it is."""
        self._forget()
        for waiting in self._sent.values():
            self._give_up(waiting, len(waiting))
        self.is_up = self.link.reopen()
        if self.is_up:
            self._watch()
        return self.is_up

    def close(self) -> None:
        """Leave the bus."""
        self._alarm.cancel()
        self._forget()
        self.link.close()

    def complaints(self) -> list[str]:
        """What is wrong with this bus, in sentences; nothing if it is well."""
        found = self.counters.complaints()
        for key, count in sorted(self.intruders.items()):
            found.append(f"somebody else sends identifier {key & 0x1FFFFFFF:X} too ({count} frames)")
        return found

    def _look(self, _event: Event) -> None:
        """Ask the link now and then, whether or not it seems to have something."""
        self._set_alarm()
        if self.is_up:
            self.poll()

    def _set_alarm(self) -> None:
        period_ns = _BLIND_LOOK_NS if self._watched is None else _LOOK_NS
        self.clock.set_alarm(self._alarm, self.clock.now_ns + period_ns)

    def _go_down(self) -> None:
        """Trouble is told once; a descriptor that is closed must not be waited for."""
        self._forget()
        self.is_up = False

    def _watch(self) -> None:
        self._watched = self.link.fileno()
        if self._watched is not None:
            self.clock.watch(self._watched, self.poll)

    def _forget(self) -> None:
        if self._watched is not None:
            self.clock.forget(self._watched)
        self._watched = None

    def _deliver(self, frame: Frame) -> None:
        self._measure(frame)
        key = frame.key
        if key in self._sent or key in self.claimed:
            self.intruders[key] = self.intruders.get(key, 0) + 1
        for tap in self.taps:
            tap(frame)
        for node in self.nodes:
            if node.on_frame is not None:
                node.on_frame(frame)

    def _deliver_own(self, echo: Frame) -> None:
        """An own frame is through: its sender has it told, the other nodes of this program hear it."""
        self._measure(echo)
        frame, sender = self._of_echo(echo)
        for tap in self.taps:
            tap(frame)
        for node in self.nodes:
            if node is not sender and node.on_frame is not None:
                node.on_frame(frame)
        if sender is not None and sender.on_sent is not None:
            sender.on_sent(frame)

    def _of_echo(self, echo: Frame) -> tuple[Frame, RealNode | None]:
        """The frame that an echo is of; the echo itself, of the first node, if it is not known."""
        waiting = self._sent.get(echo.key, _NOTHING)
        for place, (frame, node) in enumerate(waiting):
            if echo.data[: len(frame.data)] == frame.data:  # CAN FD fills up to a length that exists
                self._give_up(waiting, place)
                waiting.popleft()
                node.pending -= 1
                frame.t_ns, frame.start_ns = echo.t_ns, echo.start_ns
                return frame, node
        return echo, self.nodes[0] if self.nodes else None

    def _drop(self, lost: Frame) -> None:
        """The link has counted a frame as lost: no echo of a like one is its own."""
        waiting = self._sent.get(lost.key, _NOTHING)
        for place, (frame, node) in enumerate(waiting):
            if frame is lost:
                del waiting[place]
                node.pending -= 1
                node.dropped += 1
                return

    def _give_up(self, waiting: deque[tuple[Frame, RealNode]], count: int) -> None:
        """The echoes of the oldest frames never came."""
        for _ in range(count):
            _, node = waiting.popleft()
            node.pending -= 1
            node.dropped += 1
            self.counters.unconfirmed += 1

    def _deliver_error(self, frame: Frame) -> None:
        self.error_frames += 1
        self.busy_bits += _ERROR_BITS + INTERMISSION_BITS
        if self.counters.state == "bus-off":
            for waiting in self._sent.values():
                self._give_up(waiting, len(waiting))
        for tap in self.taps:
            tap(frame)
        for node in self.nodes:
            if node.on_frame is not None:
                node.on_frame(frame)

    def _measure(self, frame: Frame) -> None:
        """Count a frame's bits; with them, its start follows from its end."""
        self.frames += 1
        if isinstance(frame, FdFrame):
            bits = round(wire_s(frame, self.bitrate, self.link.data_bitrate) * self.bitrate)
        else:
            bits = frame_bits(frame.id, frame.extended, frame.data, frame.remote)
        self.busy_bits += bits
        frame.start_ns = max(0, frame.t_ns - self.bits_ns(bits - INTERMISSION_BITS))
