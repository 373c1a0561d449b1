"""One participant of a virtual bus: its transmit queue and its error counters."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from hil.bus.frame import CLASSIC, Format, Frame, frame_of
from hil.errors import BusError

if TYPE_CHECKING:
    from hil.bus.medium import Medium

WARNING, PASSIVE, OFF = 96, 128, 256
QUEUE_LIMIT = 512  # frames that a node may have waiting

FrameHandler = Callable[[Frame], None]


class QueueFullError(BusError):
    """More frames of a node wait than it may have waiting."""


class Node:
    """One participant of a bus.

    Its queue is a controller's that sends its most urgent frame first, and equal identifiers in the
    order in which they came, so there is no priority inversion within a node.

    Attributes:
        on_frame: Called with each frame of the others at its end, and with each error frame.
        on_sent: Called with each of its own frames once it is through.
        enabled: Whether it is still attached.
        auto_recover: Whether it comes back by itself after bus-off, when the bus has been idle long
            enough.
        tec: Transmit error counter.
        rec: Receive error counter.
        bus_off: Whether it is off the bus: it neither sends nor hears.
        dropped: How many of its frames were lost because it was off the bus.
        pending: How many of its frames wait or are on the wire.
        suspended_until_ns: Before then it may not start a frame: it is error-passive and sent the
            last one.
    """

    def __init__(self, medium: Medium, name: str, on_frame: FrameHandler | None) -> None:
        self.name = name
        self.on_frame = on_frame
        self.on_sent: FrameHandler | None = None
        self.enabled = True
        self.auto_recover = True
        self.tec = 0
        self.rec = 0
        self.bus_off = False
        self.dropped = 0
        self.pending = 0
        self.suspended_until_ns = 0
        self._medium = medium

    @property
    def state(self) -> str:
        """``error-active``, ``error-passive`` or ``bus-off``."""
        if self.bus_off:
            return "bus-off"
        return "error-passive" if self.is_passive else "error-active"

    @property
    def is_passive(self) -> bool:
        """Whether a counter has reached 128: its error flags are recessive."""
        return self.tec >= PASSIVE or self.rec >= PASSIVE

    @property
    def is_warning(self) -> bool:
        """Whether a counter has reached 96, a sign of a heavily disturbed bus."""
        return self.tec >= WARNING or self.rec >= WARNING

    def send(
        self, identifier: int, data: bytes, extended: bool = False, format: Format = CLASSIC  # noqa: A002
    ) -> Frame:
        """Queue a data frame; its ``t_ns`` is set once it is through.

        While this node is off the bus, what it sends is lost, as in a controller.

        Raises:
            BusError: If this node has left the bus, its queue is full, or the bus cannot carry the frame.
        """
        if format:
            frame = frame_of(identifier, data, extended, format, self.name)
        else:
            frame = Frame(identifier, data, extended, self.name)
        if self.bus_off or self.pending >= QUEUE_LIMIT or not self.enabled:
            return self.send_frame(frame)
        self._medium.queue(self, frame)
        return frame

    def send_frame(self, frame: Frame) -> Frame:
        """Queue any frame; see :meth:`send`."""
        if self.bus_off:
            self.dropped += 1
        elif self.pending < QUEUE_LIMIT and self.enabled:
            self._medium.queue(self, frame)
        else:
            raise self._refusal()
        return frame

    def detach(self) -> None:
        """Leave the bus; what is still queued is dropped."""
        self._medium.detach(self)

    def _refusal(self) -> BusError:
        place = f"bus {self._medium.name}"
        if not self.enabled:
            return BusError(f"node {self.name} has left the bus", place=place)
        return QueueFullError(
            f"node {self.name} has {self.pending} frames waiting",
            place=place,
            remedy="the bus is overloaded or nobody acknowledges",
        )
