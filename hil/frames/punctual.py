"""The restbus in real time: a slot that has passed is left out and counted, never made up for in a burst."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from heapq import heapreplace
from typing import Protocol

from simpy.events import Event

from hil.clock import VirtualClock
from hil.errors import BusError
from hil.frames.database import Message
from hil.frames.restbus import Entry, Restbus, Send
from hil.realtime.health import Punctuality


class PresentTime(Protocol):
    """A clock that knows how late it is.

    Attributes:
        seen_ns: The present as it was last looked at, which was when the event began, or later.
    """

    seen_ns: int

    @property
    def real_ns(self) -> int:
        """The present instant, whatever event is at work."""


class Helper(Protocol):
    """What sends some of the messages in the restbus's place."""

    def takes(self, entry: Entry) -> bool:
        """Whether the frame of the present slot is not the restbus's to send."""

    def stop(self) -> None:
        """Send nothing."""


class PunctualRestbus(Restbus):
    """Sends each message in its slot or, if that is no longer possible, not at all.

    A frame goes out up to half a cycle after its slot, so that two frames of one message are never nearer
    than half a cycle.

    Args:
        clock: The one time line, in real time.
        send: Puts a frame on the bus.
        entries: The messages; all must be cyclic.

    Attributes:
        punctuality: How the slots were kept; may be replaced at any time.
        refused: Frames that the bus did not take.
        helper: Sends some messages in its place; ``None``: nobody does.
    """

    def __init__(self, clock: VirtualClock, send: Send, entries: Iterable[Entry]) -> None:
        super().__init__(clock, send, entries)
        self.punctuality = Punctuality()
        self.refused = 0
        self.helper: Helper | None = None
        self._present: PresentTime = clock  # type: ignore[assignment]  # real time's clock has it

    @property
    def is_running(self) -> bool:
        """Whether it sends."""
        return self._alarm is not None

    def stop(self) -> None:
        """Send nothing any more."""
        super().stop()
        if self.helper is not None:
            self.helper.stop()

    def _ring(self, _event: Event) -> None:
        """Send all that is due now and can still be on time; wait for the next slot."""
        slots, alarm, present, helper = self._slots, self._alarm, self._present, self.helper
        now_ns = slots[0][0]
        try:
            while slots[0][0] == now_ns:
                _, order, cycle_ns, entry = slots[0]
                passed, late_ns = divmod(present.seen_ns - now_ns, cycle_ns)
                heapreplace(slots, (now_ns + (passed + 1) * cycle_ns, order, cycle_ns, entry))
                in_time = 2 * late_ns <= cycle_ns
                if helper is not None and helper.takes(entry):
                    continue
                if not entry.is_plain:
                    self._send_due(entry, now_ns + passed * cycle_ns, passed + (not in_time))
                elif entry.goes_out():
                    self.punctuality.missed += passed + (not in_time)
                    if in_time:
                        self._send_entry(entry, now_ns + passed * cycle_ns)
        finally:  # a message that cannot be packed keeps no other one off the bus
            if alarm is not None:
                self._clock.set_alarm(alarm, slots[0][0])

    def _send_due(self, entry: Entry, slot_ns: int, missed: int) -> None:
        """Send all frames of a slot; a look for a change that comes late has missed nothing."""
        if entry.changes is None and entry.hold == "normal" and not entry.idle:
            self.punctuality.missed += missed
            if missed:
                return
        for data in entry.due(slot_ns):
            self._lead(entry, bytes(data))
            if entry.detour is None:
                self.punctuality.keep(self._present.real_ns - slot_ns, entry.message.name)

    def _send_entry(self, entry: Entry, slot_ns: int) -> None:
        """Send a message; a bus that does not take it has that told by its medium."""
        message = entry.message
        if entry.detour is not None:  # what comes late on purpose is not counted as late
            entry.detour(bytes(entry.pack()), partial(self._put, message))
            return
        try:
            self._send(message.id, bytes(entry.pack()), message.extended, message.format)
        except BusError:
            self.refused += 1
            return
        self.punctuality.keep(self._present.real_ns - slot_ns, message.name)

    def _put(self, message: Message, data: bytes) -> None:
        """Put what has come by a detour on the bus, if the bus takes it."""
        try:
            super()._put(message, data)
        except BusError:
            self.refused += 1
