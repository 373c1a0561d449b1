"""A recorded trace on a real bus, with the timing of its recording.

Each frame is due at an absolute instant, so that no error adds up. None is left out and none is sent in a
burst: after a stall the rest of the trace moves back, and that is counted.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TextIO

import can

from hil.bus.frame import FD_LENGTHS, FdFrame, Frame, from_can_message
from hil.bus.link import Link, LinkFullError
from hil.clock import NS_PER_MS, NS_PER_S
from hil.errors import BusError, FrameError, UsageError
from hil.realtime.sleep import Lateness, Now, SleepUntil, sleep_until

LATE_NS = NS_PER_MS  # a frame later than this is counted as late
STALL_NS = 10 * NS_PER_MS  # later than this, the rest moves back
_FULL_WAIT_NS = NS_PER_MS // 4  # about one frame at 500 kbit/s
_FULL_LONGEST_NS = NS_PER_S  # a bus that takes nothing for so long is dead
_SPARE_NS = 3 * NS_PER_MS // 10  # with more time than this until the next frame, the file is read ahead
_AHEAD = 20_000  # frames

Direction = Literal["both", "rx", "tx"]


@dataclass
class Trace:
    """A file to send.

    Attributes:
        path: The file; its suffix tells what it is.
        channel: Only frames of this channel; ``None``: that of the first frame.
        direction: Only frames that the recorder received, or sent itself, where the file tells.
        fd: Whether the bus carries CAN FD.
        others: How many frames were on other channels.
        unfit: Frames that nobody sends: error frames, and what no bus carries.
        fd_left_out: CAN FD frames that were left out, because the bus is classic CAN.
        backward: How often time ran back in the file; such a frame is sent with its predecessor.
        cut_off: Whether the file says of itself that it is longer than it is.
    """

    path: Path
    channel: str | None = None
    direction: Direction = "both"
    fd: bool = False
    others: int = 0
    unfit: int = 0
    fd_left_out: int = 0
    backward: int = 0
    cut_off: bool = False

    def __post_init__(self) -> None:
        if not self.path.is_file():
            reason = "is a folder" if self.path.is_dir() else "there is no such file"
            raise self._trouble(reason)

    def frames(self) -> Iterator[tuple[int, Frame]]:
        """What is to be sent, with its time after the first frame of the file in nanoseconds.

        Raises:
            UsageError: If the file cannot be read, or has nothing to send.
        """
        count, latest_ns = 0, 0
        zero: float | None = None
        for message in self._messages():
            zero = message.timestamp if zero is None else zero
            frame = self._frame(message)
            if frame is None or not self._is_wanted(message):
                continue
            at_ns = round((message.timestamp - zero) * NS_PER_S)
            self.backward += at_ns < latest_ns
            latest_ns = max(latest_ns, at_ns)
            count += 1
            yield latest_ns, frame
        if not count:
            why = f"{self.others} of other channels, {self.fd_left_out} CAN FD, {self.unfit} error frames"
            raise self._trouble("holds no frame to send", why)

    def _frame(self, message: can.Message) -> Frame | None:
        """The frame, if the bus carries it; else it is counted."""
        if message.is_fd and not self.fd:
            self.fd_left_out += 1
            return None
        try:
            return _fd_frame(message) if message.is_fd else from_can_message(message)
        except FrameError:
            self.unfit += 1
            return None

    def _messages(self) -> Iterator[can.Message]:
        read = 0
        try:
            with self._reader() as messages:
                for message in messages:
                    yield message
                    read += 1
        except Exception as error:  # python-can's readers raise whatever their parsers meet
            where = f"cannot be read after {read} frames" if read else "is not a trace that can be read"
            detail = str(error) if isinstance(error, _BadLineError) else f"{type(error).__name__}: {error}"
            raise self._trouble(where, detail.strip().partition("\n")[0].rstrip(": ")) from error

    @contextmanager
    def _reader(self) -> Iterator[Iterator[can.Message]]:
        suffix = self.path.suffix.lower()
        if suffix == ".log":
            with self.path.open(encoding="ascii") as text:
                yield _candump_lines(text)
        elif suffix == ".blf":  # python-can leaves a file open that turns out to be none
            with self.path.open("rb") as binary:
                reader = can.BLFReader(binary)
                self.cut_off = reader.file_size > self.path.stat().st_size
                yield iter(reader)
        else:
            with can.LogReader(self.path) as other:
                yield iter(other)

    def _is_wanted(self, message: can.Message) -> bool:
        channel = "" if message.channel is None else str(message.channel)
        if self.channel is None:
            self.channel = channel
        if channel != self.channel:
            self.others += 1
            return False
        return self.direction == "both" or message.is_rx == (self.direction == "rx")

    def _trouble(self, reason: str, detail: str = "") -> UsageError:
        remedy = detail or "a blf, asc or log file"
        return UsageError(reason, place=str(self.path), remedy=remedy)


def _fd_frame(message: can.Message) -> FdFrame:
    """A CAN FD frame, with the bit rate switch of its recording.

    Raises:
        FrameError: If it is none: an identifier that does not fit, or more than 64 bytes.
    """
    bits = 29 if message.is_extended_id else 11
    if not 0 <= message.arbitration_id < 1 << bits or len(message.data) > FD_LENGTHS[-1]:
        raise FrameError("is no CAN FD frame", place=f"message 0x{message.arbitration_id:X}")
    fast, extended = bool(message.bitrate_switch), bool(message.is_extended_id)
    return FdFrame(message.arbitration_id, bytes(message.data), extended, fast=fast)


_LINE = re.compile(
    r"\((\d+\.\d+)\)\s+(\S+)\s+([0-9A-Fa-f]{3}|[0-9A-Fa-f]{8})#"
    r"(?:(?:#([0-9A-Fa-f]))?((?:[0-9A-Fa-f]{2})*)|([Rr]\d?))(?:\s+([RrTt]))?\s*"
)
_ERROR_FLAG = 0x20000000  # CAN_ERR_FLAG of linux/can.h
_FD_BRS, _FD_ESI = 0x1, 0x2  # CANFD_BRS, CANFD_ESI of linux/can.h


class _BadLineError(Exception):
    """A line that is none of candump's."""


def _candump_lines(text: TextIO) -> Iterator[can.Message]:
    """What ``candump -L`` has written.

    python-can's reader takes error frames of several kinds for data frames, which would then be sent.
    """
    for number, line in enumerate(text, 1):
        match = _LINE.fullmatch(line)
        if match is not None:
            yield _candump_message(match)
        elif line.strip():
            raise _BadLineError(f"line {number} is not as candump -L writes it")


def _candump_message(match: re.Match[str]) -> can.Message:
    seconds, channel, identifier, fd, data, remote, direction = match.groups()
    number, flags = int(identifier, 16), int(fd or "0", 16)
    return can.Message(
        timestamp=float(seconds),
        channel=channel,
        arbitration_id=number & ~_ERROR_FLAG,
        is_extended_id=len(identifier) > 3,
        is_error_frame=bool(number & _ERROR_FLAG) and len(identifier) > 3,
        is_fd=fd is not None,
        bitrate_switch=bool(flags & _FD_BRS),
        error_state_indicator=bool(flags & _FD_ESI),
        is_remote_frame=remote is not None,
        is_rx=direction not in ("T", "t"),
        data=bytes.fromhex(data) if data else None,
        dlc=int(remote[1:] or 0) if remote else len(data) // 2,
    )


@dataclass
class Outcome:
    """What came of it.

    Attributes:
        sent: Frames that the bus took.
        late: Those among them that left more than a millisecond late.
        full: Tries to send that found no room.
        stalls: How often the rest of the trace had to move back.
        moved_ns: By how much in all.
        turns: How often the trace was sent to its end.
        lateness: How late each frame was handed over.
    """

    sent: int = 0
    late: int = 0
    full: int = 0
    stalls: int = 0
    moved_ns: int = 0
    turns: int = 0
    lateness: Lateness = field(default_factory=Lateness)

    def __str__(self) -> str:
        parts = [f"{self.sent} frames sent, {self.late} late ({self.lateness})"]
        if self.full:
            parts.append(f"{self.full} times no room on the bus")
        if self.stalls:
            parts.append(f"moved back {self.stalls} times, by {self.moved_ns / NS_PER_S:.3f} s in all")
        return "; ".join(parts)


class Replay:
    """Sends a trace.

    Args:
        trace: What to send.
        link: Where.
        speed: 2 sends twice as fast.
        loop: Begin again at the end, until interrupted.
        now: CLOCK_MONOTONIC.
        sleep: Waits until an instant of it.

    Attributes:
        outcome: What has come of it so far; valid after an interrupt, too.
    """

    def __init__(
        self,
        trace: Trace,
        link: Link,
        *,
        speed: float = 1.0,
        loop: bool = False,
        now: Now = time.monotonic_ns,
        sleep: SleepUntil = sleep_until,
    ) -> None:
        self.outcome = Outcome()
        self._trace = trace
        self._link = link
        self._speed = speed
        self._loop = loop
        self._now = now
        self._sleep = sleep
        self._ahead: deque[tuple[int, Frame]] = deque()

    def run(self) -> None:
        """Send all of it.

        Raises:
            UsageError: If the file is no good.
            BusError: If the bus goes away, or takes nothing for a second.
        """
        start_ns: int | None = None
        while True:
            frames = self._trace.frames()
            self._fill(frames, _AHEAD)  # before the first is due, and so that a bad file sends nothing
            start_ns = self._now() if start_ns is None else start_ns
            start_ns = self._send_all(frames, start_ns)
            self.outcome.turns += 1
            if not self._loop:
                return

    def _send_all(self, frames: Iterator[tuple[int, Frame]], start_ns: int) -> int:
        """Send one turn; returns when the next is to begin: one distance of frames after the last."""
        last_ns = gap_ns = 0
        while self._ahead:
            at_ns, frame = self._ahead.popleft()
            due_ns = start_ns + round(at_ns / self._speed)
            self._wait(due_ns, frames)
            self._send(frame)
            late_ns = self._now() - due_ns
            self.outcome.lateness.add(late_ns)
            self.outcome.late += late_ns > LATE_NS
            if late_ns > STALL_NS:
                self.outcome.stalls += 1
                self.outcome.moved_ns += late_ns
                start_ns += late_ns
            gap_ns = at_ns - last_ns or gap_ns
            last_ns = at_ns
            if not self._ahead:
                self._fill(frames, 1)
        return start_ns + round((last_ns + max(gap_ns, NS_PER_MS)) / self._speed)

    def _wait(self, due_ns: int, frames: Iterator[tuple[int, Frame]]) -> None:
        """Until a frame is due; spare time goes into reading ahead and emptying the receive queue."""
        if due_ns - self._now() > _SPARE_NS:
            self._link.receive()
        while due_ns - self._now() > _SPARE_NS and len(self._ahead) < _AHEAD:
            if not self._fill(frames, 1):
                break
        self._sleep(due_ns)

    def _fill(self, frames: Iterator[tuple[int, Frame]], count: int) -> bool:
        """Read some frames; whether there were any."""
        before = len(self._ahead)
        for _ in range(count):
            item = next(frames, None)
            if item is None:
                break
            self._ahead.append(item)
        return len(self._ahead) > before

    def _send(self, frame: Frame) -> None:
        end_ns = self._now() + _FULL_LONGEST_NS
        while True:
            try:
                self._link.send(frame)
            except LinkFullError:
                self.outcome.full += 1
                if self._now() > end_ns:
                    raise BusError(
                        f"takes no frame for {_FULL_LONGEST_NS / NS_PER_S:g} s",
                        place=self._link.name,
                        remedy="is another node on the bus, at this bit rate?",
                    ) from None
                self._link.receive()
                self._sleep(self._now() + _FULL_WAIT_NS)
            else:
                self.outcome.sent += 1
                return
