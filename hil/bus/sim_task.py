"""Periodic sending on the clock: what ``SimBus.send_periodic`` returns."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import can
from can.broadcastmanager import (
    LimitedDurationCyclicSendTaskABC,
    ModifiableCyclicTaskABC,
    RestartableCyclicTaskABC,
)
from simpy.events import Event

from hil.clock import NS_PER_S, Alarm, VirtualClock


class SimCyclicTask(
    LimitedDurationCyclicSendTaskABC, ModifiableCyclicTaskABC, RestartableCyclicTaskABC
):
    """Sends messages in turn, at absolute instants ``period`` apart.

    A send that the bus refuses (off the bus, queue full) is counted, not repeated, and ends
    nothing.

    Args:
        send: Puts a message on the bus.
        clock: The one time line.
        messages: Sent in turn; all of one identifier.
        period: Seconds.
        duration: For how many seconds to send, or ``None``.
        autostart: Whether to begin at once.
        modify: May change a message before it is sent.

    Raises:
        ValueError: If the period is below a nanosecond, or the messages are of several identifiers.

    Attributes:
        refused: How many sends the bus refused.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - python-can's own arguments
        self,
        send: Callable[[can.Message], None],
        clock: VirtualClock,
        messages: Sequence[can.Message] | can.Message,
        period: float,
        duration: float | None,
        autostart: bool,
        modify: Callable[[can.Message], None] | None,
    ) -> None:
        super().__init__(messages, period, duration)
        if self.period_ns <= 0:
            raise ValueError(f"period {period} s is not above 0")
        self.refused = 0
        self._send = send
        self._clock = clock
        self._modify = modify
        self._alarm: Alarm | None = None
        if autostart:
            self.start()

    def start(self) -> None:
        """Begin, or begin anew, with the first message now."""
        self.stop()
        self._turn = 0
        self._due_ns = self._clock.now_ns
        self.end_time = None
        if self.duration is not None:
            self.end_time = (self._due_ns + round(self.duration * NS_PER_S)) / NS_PER_S
        self._alarm = Alarm(self._clock, self._ring)
        self._clock.set_alarm(self._alarm, self._due_ns)

    def stop(self) -> None:
        """Send nothing any more; what is queued already still goes out."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _ring(self, _event: Event) -> None:
        alarm = self._alarm
        if alarm is None or (self.end_time is not None and self._due_ns >= self.end_time *
        NS_PER_S):
            return
        message = self.messages[self._turn]
        self._turn = (self._turn + 1) % len(self.messages)
        if self._modify is not None:
            self._modify(message)
        try:
            self._send(message)
        except can.CanOperationError:
            self.refused += 1
        if self._alarm is alarm:  # not stopped by what was called just now
            self._due_ns += self.period_ns
            self._clock.set_alarm(alarm, self._due_ns)
