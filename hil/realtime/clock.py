"""Real time: the same queue of events, each waited for in a ``select`` over the buses' descriptors.

Deadlines are absolute on CLOCK_MONOTONIC, so there is no drift. An event keeps its own instant even
when it is late; how late it was is told to whoever asks. An arriving frame wakes the loop and is
handled at once, after the events that were due before it.
"""

from __future__ import annotations

import select
import sys
import time
from collections.abc import Callable, Sequence
from heapq import heappop

from hil.clock import NS_PER_MS, NS_PER_S, Alarm, VirtualClock

_DEAF_NS = NS_PER_MS // 2  # while events are due one after the other, frames wait no longer than this
_RESTLESS_NS = NS_PER_S  # a computer too slow for the plant gives it no rest, and lookers-on wait for it
_LONGEST_WAIT_NS = NS_PER_S  # so that Ctrl-C is answered even where nothing happens


class RealClock(VirtualClock):
    """The rig's clock in real time.

    Attributes:
        zero_ns: CLOCK_MONOTONIC at ``now_ns == 0``.
        heard_ns: What was there to be read before this instant has been handled, or is just now.
        seen_ns: The present as it was last looked at. Good for what begins now; to look again costs a system
            call where the kernel has no faster way.
        before_wait: Called each time that nothing is left to do, before the loop waits, and now and then if
            there is always something; gives how long it may wait at most, in ns. One that takes its time
            ends with a :meth:`look`.
    """

    def __init__(self, monotonic_ns: Callable[[], int] = time.monotonic_ns) -> None:
        super().__init__(0)
        self._monotonic_ns = monotonic_ns
        self.zero_ns = monotonic_ns()
        self._listened_ns = self._rested_ns = 0
        self.heard_ns = self.seen_ns = 0
        self.before_wait: Callable[[], int] | None = None
        self._watched: dict[int, Callable[[], None]] = {}

    @property
    def real_ns(self) -> int:
        """The present instant as the computer's clock has it; ``now_ns`` is that of the last event."""
        return self.look()

    def look(self) -> int:
        """Look at the computer's clock: the present instant, which is ``seen_ns`` from now on."""
        self.seen_ns = self._monotonic_ns() - self.zero_ns
        return self.seen_ns

    @property
    def late_ns(self) -> int:
        """How late the event that runs now was when it, or what it last looked at the clock for, began."""
        return self.seen_ns - self.now_ns

    def watch(self, descriptor: int, callback: Callable[[], None]) -> None:
        """Call ``callback`` whenever the descriptor can be read."""
        self._watched[descriptor] = callback

    def forget(self, descriptor: int) -> None:
        """Watch a descriptor no more."""
        self._watched.pop(descriptor, None)

    def run_until_any(self, instant_ns: int | None, found: Sequence[object]) -> bool:
        """Advance until something lies in ``found`` or the instant has come.

        Raises:
            ValueError: If the instant lies before the last event.
            RuntimeError: If called by an event, while time already advances.
        """
        if instant_ns is not None and instant_ns < self._now:
            raise ValueError(f"cannot run back from {self._now} ns to {instant_ns} ns")
        if self._advancing:
            raise RuntimeError("time already advances: an event cannot wait for another one")
        self._advancing = True
        end_ns = sys.maxsize if instant_ns is None else instant_ns
        try:
            while not found and self._advance(end_ns):
                pass
        finally:
            self._advancing = False
        if not found and instant_ns is not None:
            self._now = max(self._now, instant_ns)
        return bool(found)

    def _advance(self, end_ns: int) -> bool:
        """One event, or one look at what has arrived, or one wait; whether the end has not come yet."""
        queue = self._queue
        due_ns = int(queue[0][0]) if queue else sys.maxsize
        real_ns = self.look()
        if due_ns < end_ns and due_ns <= real_ns:
            if real_ns - self._listened_ns > _DEAF_NS:
                self._listen(0)
                if real_ns - self._rested_ns > _RESTLESS_NS:
                    self._rest()
            else:
                self._happen()
            return True
        if real_ns >= end_ns:
            self._listen(0)
            return False
        longest_ns = self._rest()
        real_ns = self.seen_ns
        self._listen(max(0, min(due_ns, end_ns, real_ns + min(longest_ns, _LONGEST_WAIT_NS)) - real_ns))
        return True

    def _rest(self) -> int:
        """What is done before a wait; how long that may be."""
        self._rested_ns = self.seen_ns
        return _LONGEST_WAIT_NS if self.before_wait is None else self.before_wait()

    def _happen(self) -> None:
        """The next event; alarms without SimPy's detour, as in virtual time."""
        event = self._queue[0][3]
        if event.__class__ is Alarm:
            self._now = heappop(self._queue)[0]
            event.ring(event)
        else:
            self.step()

    def _listen(self, wait_ns: int) -> None:
        """Wait for frames, and let those that came be handled."""
        asked_ns = self.seen_ns
        ready, _, _ = select.select(list(self._watched), (), (), wait_ns / NS_PER_S)
        self._listened_ns = self.look()
        # when nothing came, it was silent until now; else others may have come meanwhile
        self.heard_ns = asked_ns if ready else self._listened_ns
        if ready:
            self._handle(ready)

    def _handle(self, ready: Sequence[int]) -> None:
        queue = self._queue
        due_ns = int(queue[0][0]) if queue else sys.maxsize
        self._now = max(self._now, min(self._listened_ns, due_ns))
        for descriptor in ready:
            callback = self._watched.get(descriptor)
            if callback is not None:
                callback()
