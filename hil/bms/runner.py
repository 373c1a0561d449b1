"""Firmware behind ``bms.h`` in real time: a BMS as a program of its own, on any bus.

One thread waits for frames and for the next step, whose deadlines are absolute instants of CLOCK_MONOTONIC.
The firmware gets the deadline as the time of a step, and frames in the order of their stamps around it, so
that it lives as it does in virtual time; what the computer adds shows on the bus only.
"""

from __future__ import annotations

import select
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hil.bms.heartbeat import Heartbeat
from hil.bms.library import Firmware, wrong_with
from hil.bus.frame import Frame, format_of, frame_of
from hil.bus.link import Link, LinkFullError
from hil.clock import NS_PER_MS, NS_PER_S
from hil.errors import BusError
from hil.realtime.sleep import Lateness, Now, sleep_until

_BLIND_NS = NS_PER_MS  # buses without a descriptor are looked at this often
_LONGEST_WAIT_NS = 100 * NS_PER_MS  # so that a signal is answered soon
_RETRY_NS = NS_PER_S  # between two tries to open a bus that has gone
_NOTHING_STAMPED = -1

Wait = Callable[[Sequence[int], int], None]


def wait_for_frames(descriptors: Sequence[int], wait_ns: int) -> None:
    """Until a descriptor can be read or the time is over; a signal makes it no longer."""
    if descriptors:
        select.select(descriptors, (), (), wait_ns / NS_PER_S)
    else:
        sleep_until(time.monotonic_ns() + wait_ns)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - what a program tells its terminal


@dataclass(slots=True)
class Tally:
    """What a run has seen.

    Attributes:
        steps: Steps of the firmware.
        skipped: Steps left out, because their instant had passed when the computer woke.
        received: Frames given to the firmware.
        sent: Frames that the buses took.
        full: Tries to send that found no room.
        lost: Frames that never left: replaced by a newer one of their identifier, or the bus was gone.
        troubles: How often a bus went away.
    """

    steps: int = 0
    skipped: int = 0
    received: int = 0
    sent: int = 0
    full: int = 0
    lost: int = 0
    troubles: int = 0


class _Port:
    """One bus of the BMS: a mailbox for each identifier, as a CAN controller has them."""

    def __init__(self, link: Link, tally: Tally, say: Callable[[str], None], now: Now) -> None:
        self.link = link
        self._tally = tally
        self._say = say
        self._now = now
        self._mailboxes: dict[int, Frame] = {}
        self._gone_since: int | None = None
        self._retry_ns = 0

    @property
    def is_there(self) -> bool:
        """Whether the bus can be used, as far as is known."""
        return self._gone_since is None

    def send(self, frame: Frame) -> None:
        """Send, or keep it until there is room."""
        if not self.is_there:
            self._tally.lost += 1
            return
        if self._mailboxes:
            self._keep(frame)
            return
        try:
            self.link.send(frame)
            self._tally.sent += 1
        except LinkFullError:
            self._tally.full += 1
            self._keep(frame)
        except BusError as error:
            self._tally.lost += 1
            self._go(error)

    def _keep(self, frame: Frame) -> None:
        self._tally.lost += self._mailboxes.pop(frame.key, None) is not None
        self._mailboxes[frame.key] = frame

    def catch_up(self) -> None:
        """Send what waits, as far as there is room; look whether a bus that had gone is back."""
        if not self.is_there:
            self._look_again()
        waiting = list(self._mailboxes.values())
        self._mailboxes.clear()
        for frame in waiting:
            self.send(frame)

    def receive(self) -> Sequence[Frame]:
        """What has arrived: data frames of the others."""
        if not self.is_there:
            return ()
        try:
            frames = self.link.receive()
        except BusError as error:
            self._go(error)
            return ()
        return [f for f in frames if not (f.error or f.remote or f.sender)]

    def _go(self, error: BusError) -> None:
        self._tally.troubles += 1
        self._tally.lost += len(self._mailboxes)
        self._mailboxes.clear()
        self._gone_since = self._now()
        self._retry_ns = self._gone_since + _RETRY_NS
        self._say(f"bus {self.link.name} is gone: {error}")

    def _look_again(self) -> None:
        now_ns = self._now()
        if now_ns < self._retry_ns or self._gone_since is None:
            return
        self._retry_ns = now_ns + _RETRY_NS
        if self.link.reopen():
            self._say(f"bus {self.link.name} is back after {(now_ns - self._gone_since) / NS_PER_S:.1f} s")
            self._gone_since = None


class Runner:
    """Runs firmware on links until it is stopped.

    Args:
        firmware: The loaded library.
        links: The buses, in the order of their numbers in ``bms_frame``.
        step_ns: Time between two steps.
        cold: Start with an empty fault memory.
        now: CLOCK_MONOTONIC.
        wait: Waits for frames.
        say: Where troubles of a bus are told.

    Raises:
        FirmwareError: If a bus is CAN FD and the firmware knows none.

    Attributes:
        tally: What it has seen so far.
        lateness: How late each step began.
    """

    def __init__(  # noqa: PLR0913 - clock and wait are for tests
        self,
        firmware: Firmware,
        links: Sequence[Link],
        step_ns: int,
        *,
        cold: bool = True,
        now: Now = time.monotonic_ns,
        wait: Wait = wait_for_frames,
        say: Callable[[str], None] = _say,
    ) -> None:
        self.tally = Tally()
        self.lateness = Lateness()
        self._firmware = firmware
        self._step_ns = step_ns
        self._cold = cold
        self._now = now
        self._wait = wait
        for link in links:
            if link.data_bitrate:
                firmware.refuse_without_fd(link.name)
        self._ports = [_Port(link, self.tally, say, now) for link in links]
        self._arrived: deque[tuple[int, int, Frame]] = deque()
        self._told_ns = _NOTHING_STAMPED  # the last time that the firmware was told
        self._stopped = False
        self._calls = firmware.calls(Heartbeat())

    def stop(self) -> None:
        """End :meth:`run` within one step; may be called by a signal handler."""
        self._stopped = True

    def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Switch on, and step until stopped.

        Args:
            ready: Called once the BMS listens.

        Raises:
            FirmwareError: If the firmware reports an error.
        """
        deadline_ns = self._now()
        self._told_ns = deadline_ns
        result = self._firmware.init(deadline_ns, int(self._cold))
        if result != 0:
            raise self._firmware.trouble(f"bms_init returned {result}")
        for port in self._ports:
            port.receive()  # what came before power-on was never there
        ready()
        while not self._stopped:
            if self._listen_until(deadline_ns):
                deadline_ns = self._skip_missed(deadline_ns)
                self._deliver(deadline_ns)
                self._step(deadline_ns)
                deadline_ns += self._step_ns

    def _skip_missed(self, deadline_ns: int) -> int:
        """The latest deadline that has come: those before it are left out, not made up for."""
        missed = (self._now() - deadline_ns) // self._step_ns
        self.tally.skipped += missed
        return deadline_ns + missed * self._step_ns

    def _listen_until(self, deadline_ns: int) -> bool:
        """Give frames to the firmware as they come, or at the deadline; returns whether that has come."""
        while not self._stopped:
            self._collect()
            now_ns = self._now()
            left_ns = deadline_ns - now_ns
            if left_ns <= 0:
                return True
            self._deliver(now_ns)
            # stamped frames keep their time until the step; to wake for each of them costs more than they do
            awaited = [port.link for port in self._ports if port.is_there and port.link.stamps == "receive"]
            descriptors = [d for link in awaited if (d := link.fileno()) is not None]
            if len(descriptors) < len(awaited):
                left_ns = min(left_ns, _BLIND_NS)
            self._wait(descriptors, min(left_ns, _LONGEST_WAIT_NS))
        return False

    def _collect(self) -> None:
        """Fetch what has arrived; of several buses in the order of the stamps."""
        found = [
            (frame.t_ns, bus, frame)
            for bus, port in enumerate(self._ports)
            for frame in port.receive()
            if self._firmware.knows_fd or not format_of(frame)
        ]
        if len(self._ports) > 1:
            found.sort(key=lambda item: item[0])
        self._arrived.extend(found)

    def _deliver(self, until_ns: int) -> None:
        """Give the firmware what was on the wire at ``until_ns``; the rest belongs after the step."""
        arrived = self._arrived
        now_ns = self._now()
        while arrived and min(arrived[0][0], now_ns) <= until_ns:
            t_ns, bus, frame = arrived.popleft()
            # time never runs back, though a stamp may be older than the last step
            self._told_ns = max(self._told_ns, min(t_ns, now_ns))
            result = self._calls.receive(
                self._told_ns, frame.id, frame.extended, bus, format_of(frame), frame.data
            )
            if result != 0:
                raise self._firmware.trouble(f"bms_receive returned {result}")
            self.tally.received += 1

    def _step(self, deadline_ns: int) -> None:
        self.lateness.add(self._now() - deadline_ns)
        self.tally.steps += 1
        self._told_ns = max(self._told_ns, deadline_ns)
        sent = self._calls.step(self._told_ns)
        if isinstance(sent, int):
            raise self._firmware.trouble(f"bms_step returned {sent}")
        for port in self._ports:
            port.catch_up()
        for fields in sent:
            self._send(*fields)

    def _send(
        self, identifier: int, extended: int, length: int, bus: int, flags: int, data: bytes
    ) -> None:
        wrong = wrong_with(identifier, extended, length, flags)
        if wrong or bus >= len(self._ports):
            raise self._firmware.trouble(f"bms_step sent {wrong or f'a frame on bus {bus}'}")
        self._ports[bus].send(frame_of(identifier, data, bool(extended), flags))
