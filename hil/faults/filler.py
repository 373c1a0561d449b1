"""A node that fills a virtual bus: to a share of its time, or whenever it gets the wire."""

from __future__ import annotations

import math

from hil.bus.frame import Frame
from hil.bus.medium import Medium
from hil.clock import NS_PER_MS, NS_PER_S, Alarm

_DATA = b"\x55" * 8
_LOOK_NS = 10 * NS_PER_MS  # after itself: it may have been driven off the bus


class Filler:
    """Sends frames of one identifier so that the wire is busy for a share of its time.

    Args:
        medium: The wire.
        name: The node's name.
        identifier: Of 11 bits; high: it gives way to the others.
        share: Of time that the wire is busy, the others' frames included; infinity: no frame waits for that.
    """

    def __init__(self, medium: Medium, name: str, identifier: int, share: float = math.inf) -> None:
        self._medium = medium
        self._identifier = identifier
        self._share = share
        self._node = medium.attach(name)
        self._node.on_sent = self._go_on
        self._begun_ns = medium.clock.now_ns
        self._busy_bits = medium.busy_bits
        self._waits = False  # until the wire has been idle for long enough
        self._due = Alarm(medium.clock, self._ring)
        self._watch = Alarm(medium.clock, self._look)
        self._look()

    def stop(self) -> None:
        """Leave the bus."""
        self._due.cancel()
        self._watch.cancel()
        self._node.on_sent = None  # a frame of its may be on the wire
        self._node.detach()

    def _look(self, _event: object = None) -> None:
        """See whether it still sends."""
        node, clock = self._node, self._medium.clock
        if not (self._waits or node.pending or node.bus_off):
            self._go_on()
        clock.set_alarm(self._watch, clock.now_ns + _LOOK_NS)

    def _ring(self, _event: object) -> None:
        self._waits = False
        self._go_on()

    def _go_on(self, _frame: Frame | None = None) -> None:
        """Send the next frame, now or when it is time."""
        spare_ns = self._spare_ns()
        if spare_ns <= 0:
            self._node.send(self._identifier, _DATA)
        else:
            self._waits = True
            clock = self._medium.clock
            clock.set_alarm(self._due, clock.now_ns + spare_ns)

    def _spare_ns(self) -> int:
        """How long the wire could be idle until it has been busy for the share of its time."""
        medium = self._medium
        if math.isinf(self._share):
            return 0
        busy_ns = (medium.busy_bits - self._busy_bits) * NS_PER_S / medium.bitrate
        return round(busy_ns / self._share) - (medium.clock.now_ns - self._begun_ns)
