"""A CAN adapter on a serial line that speaks slcan, as Lawicel made it and many have copied it.

Not python-can's reader: that one dies of corrupt digits and non-ASCII bytes, takes torn lines for
frames, and ignores refusals and the adapter's stamps. Here garbage is counted and the next good
line found.

Adapters acknowledge a frame when they take it, not when it is through, so the moment of an own
frame is that of the acknowledgement. Those that never acknowledge are found out: then it is the
moment of writing. Whether the bus is well they tell when asked, about once a second.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Iterable, Sequence

from hil.bus.frame import FdFrame, Frame, as_fd
from hil.bus.link import LinkCounters, LinkFullError, Stamps, echo_of
from hil.bus.serial_port import SerialPort
from hil.bus.slcan_lines import (
    CR,
    STAMP_WRAP_MS,
    Splitter,
    format_frame,
    parse_frame,
    parse_trouble,
    torn_tail,
)
from hil.bus.slcan_options import SlcanOptions
from hil.bus.stamps import DeviceClock
from hil.clock import NS_PER_MS, NS_PER_S
from hil.errors import BusError, FrameError

_ANSWER_NS = 300 * NS_PER_MS  # an adapter answers a command within that time
_TRIES = 3  # some start only when the port is opened
_ACKNOWLEDGED_NS = NS_PER_S // 2  # a frame is acknowledged within that time


class SlcanLink:
    """An adapter on a serial line.

    Args:
        name: The bus's name.
        channel: The serial port; ``/dev/serial/by-id/…`` stays the same when plugged in again.
        bitrate: Bits per second on the bus.
        options: The rest.

    Attributes:
        version: What the adapter calls itself; empty if it does not say.

    Raises:
        RigFileError: If slcan has no such bit rate.
        BusError: If the port cannot be opened or the adapter refuses.
    """

    def __init__(
        self,
        name: str,
        channel: str,
        bitrate: int = 500_000,
        options: SlcanOptions | None = None,
    ) -> None:
        options = options or SlcanOptions()
        self.name = name
        self.channel = channel
        self.bitrate = bitrate
        self.data_bitrate = options.data_bitrate if options.fd else 0
        self.stamps: Stamps = "receive"
        self.precision_ns = NS_PER_MS  # both of the adapter's stamp and of a quiet computer
        self.counters = LinkCounters()
        self.version = ""
        self._options = options
        self._bit_timing = options.bit_timing(name, bitrate)
        self._status_ns = options.status_ms * NS_PER_MS
        self._allowed: set[int] | None = None
        self._acknowledges: bool | None = None  # not known yet
        self._port: SerialPort | None = None
        self._echoes: list[Frame] = []
        self._outgoing = b""
        self._open()

    def fileno(self) -> int | None:
        """The port's descriptor; ``None`` while the adapter is gone, or on Windows."""
        return self._port.fileno() if self._port is not None else None

    def send(self, frame: Frame) -> None:
        """Write a frame to the line; see :class:`hil.bus.link.Link`."""
        now_ns = time.monotonic_ns()
        if self._outgoing:
            self._flush()
        if self._outgoing or len(self._unacknowledged) >= self._options.window:
            raise self._full()
        line = self._line(frame)
        written = self._write(line)
        if not written:
            raise self._full()
        self._outgoing = line[written:]
        self.counters.sent += 1
        if self._acknowledges is False:
            self._through(frame, now_ns, self._echoes)
        else:
            self._unacknowledged.append((frame, now_ns))

    def receive(self) -> Sequence[Frame]:
        """All frames that have come, and own ones that were taken; see :class:`hil.bus.link.Link`."""
        if self._outgoing:
            self._flush()
        data = self._read()
        now_ns = time.monotonic_ns()
        frames: list[Frame] = []
        for line, refused in self._splitter.feed(data):
            if line[:1] in b"tTrR" and line:
                self._take(line, now_ns, frames)
            elif line or not refused:
                self._told(line, now_ns, frames)
            if refused:
                self._refused()
        if self._splitter.torn:
            self._garbage(self._splitter.torn, "a line without an end")
            self._splitter.torn = 0
        self._keep_up(now_ns)  # last: what a program that stood still asks for may have come long ago
        echoes, self._echoes = self._echoes, []
        return echoes + frames if echoes else frames

    def set_filters(self, identifiers: Iterable[tuple[int, bool]] | None) -> None:
        """Receive only these identifiers; the rest is read and dropped."""
        if identifiers is None:
            self._allowed = None
        else:
            self._allowed = {Frame(i, b"", extended).key for i, extended in identifiers}

    def reopen(self) -> bool:
        """Open the port again, if it is there and the adapter is willing."""
        self._drop_port()
        try:
            self._open()
        except BusError as error:
            self.counters.last_error = error.reason
            return False
        self.counters.restarts += 1
        self.counters.state = "error-active"
        return True

    def close(self) -> None:
        """Leave the bus and close the port."""
        if self._port is not None:
            with contextlib.suppress(BusError):
                self._port.write(b"C\r")
        self._drop_port()

    # opening: the only time at which this waits

    def _open(self) -> None:
        self._splitter = Splitter()
        self._unacknowledged: deque[tuple[Frame, int]] = deque()
        self._echoes = []
        self._outgoing = b""
        self._asked_ns = 0  # for the status; 0: no answer awaited
        self._tells_status = False  # has answered that question
        self._in_doubt = False  # whether an acknowledgement may have been in what was no line
        self._told_ns = time.monotonic_ns()
        self._clock = DeviceClock(STAMP_WRAP_MS * NS_PER_MS)
        self._port = SerialPort(self.channel, self._options.tty_baudrate)
        try:
            self._set_up()
        except BusError:
            self._drop_port()
            raise

    def _set_up(self) -> None:
        answers = any(self._greet() for _ in range(_TRIES))
        if not answers:
            self.counters.last_error = "the adapter does not answer commands"
        for command in self._bit_timing:
            rate = f"CAN FD data at {self.data_bitrate}" if command[:1] == b"Y" else f"{self.bitrate}"
            self._command(command, answers, f"refuses {rate} bit/s")
        self._command(b"X1", answers)  # send frames without being asked; old ones only
        want_stamps = self._options.timestamps
        stamped = self._command(b"Z1" if want_stamps else b"Z0", answers)
        self._stamped = None if stamped is None else want_stamps and stamped
        self.stamps = "hardware" if self._stamped else "receive"
        command = b"L" if self._options.listen_only else b"O"
        self._command(command, answers, "refuses to go on the bus")

    def _greet(self) -> bool:
        """Clear the line, leave the bus, and see whether somebody answers."""
        self._write(b"\r\r\rC\rV\r")
        for line, _ in self._lines():
            if line[:1] == b"V":
                self.version = line[1:].decode("ascii", "replace")
                return True
        return False

    def _command(self, command: bytes, answers: bool, refusal: str = "") -> bool | None:
        """Whether the adapter obeys; ``None`` if it does not say."""
        self._write(command + CR)
        if not answers:
            return None
        for line, refused in self._lines():
            if refused and refusal:
                raise BusError(f"the adapter {refusal}", place=self._place)
            if refused or not line:
                return not refused
        return None

    def _lines(self) -> Iterable[tuple[bytes, bool]]:
        """The lines that come while an answer is due."""
        until_ns = time.monotonic_ns() + _ANSWER_NS
        port = self._alive()
        while (left_ns := until_ns - time.monotonic_ns()) > 0:
            port.wait(left_ns / NS_PER_S)
            yield from self._splitter.feed(self._read())

    # what comes

    def _take(self, line: bytes, now_ns: int, frames: list[Frame]) -> None:
        """A line that should be a frame."""
        parsed = parse_frame(line, self._stamped)
        if parsed is None:
            self._garbage(1, f"not a frame: {line[:40]!r}")
            tail = torn_tail(line)
            parsed = parse_frame(tail, self._stamped) if tail else None
            if parsed is None:
                return
        frame, stamp = parsed
        if self._allowed is not None and frame.key not in self._allowed:
            return
        frame.t_ns = now_ns
        if stamp >= 0:
            frame.t_ns = self._clock.monotonic_ns(stamp * NS_PER_MS, now_ns)
        self.counters.received += 1
        frames.append(frame)

    def _told(self, line: bytes, now_ns: int, frames: list[Frame]) -> None:
        """A line that is no classic frame."""
        if line in (b"", b"z", b"Z"):
            self._acknowledged(now_ns, frames)
        elif line[:1] in b"dDbB" or torn_tail(line):
            self._take(line, now_ns, frames)
        elif trouble := parse_trouble(line):
            if line[:1] == b"F":
                self._answered()
            self._count_trouble(trouble, now_ns, frames)
        elif line[:1] not in b"VvN":
            self._garbage(1, f"not a line of slcan: {line[:40]!r}")

    def _count_trouble(self, trouble: Frame, now_ns: int, frames: list[Frame]) -> None:
        if not trouble.id:  # a status, and all is well
            self.counters.state = "error-active"
            return
        trouble.t_ns = now_ns
        self.counters.count_error(trouble)
        frames.append(trouble)

    def _acknowledged(self, now_ns: int, frames: list[Frame]) -> None:
        if self._unacknowledged:
            frame, _ = self._unacknowledged.popleft()
            self._acknowledges = True
            self._through(frame, now_ns, frames)

    def _through(self, frame: Frame, at_ns: int, frames: list[Frame]) -> None:
        """An own frame is on its way, as far as the adapter tells."""
        self.counters.own_echoes += 1
        frames.append(echo_of(frame, at_ns))

    def _refused(self) -> None:
        """A bell: of the question for the status, or of the frame that was written before it."""
        waiting = self._unacknowledged
        if self._asked_ns and not (waiting and waiting[0][1] < self._asked_ns):
            self._asked_ns = 0
            if not self._tells_status:
                self._status_ns = 0  # it does not know the question
        elif waiting:
            self.counters.given_up.append(waiting.popleft()[0])
            self._acknowledges = True
            self.counters.tx_full += 1
            self.counters.last_error = "the adapter refused a frame"

    def _keep_up(self, now_ns: int) -> None:
        """What is due from time to time."""
        waiting = self._unacknowledged
        if waiting and now_ns - waiting[0][1] > _ACKNOWLEDGED_NS:
            self._give_up_waiting(now_ns)
        due = now_ns - self._told_ns > self._status_ns
        asks = due or (self._in_doubt and not 0 < now_ns - self._asked_ns < _ANSWER_NS)
        if asks and self._status_ns and not self._outgoing:
            self._told_ns = self._asked_ns = now_ns
            self._outgoing = b"F\r"
            self._flush()

    def _answered(self) -> None:
        """The status has come, and before it what was answered to the frames written before the question.

        One whose acknowledgement was lost would otherwise take that of the next one, and so on, until
        the bus has rested and it is given up: in whatever test that is. Adapters are taken to answer in
        order, as Lawicel's do; so this is only asked where noise may have taken something.
        """
        waiting = self._unacknowledged
        if self._in_doubt and self._acknowledges:
            self._in_doubt = False
            while waiting and waiting[0][1] < self._asked_ns:
                self._unconfirmed()
        self._tells_status = True
        self._asked_ns = 0

    def _give_up_waiting(self, now_ns: int) -> None:
        """Frames were never acknowledged: lost, or the adapter never does it."""
        waiting = self._unacknowledged
        if self._acknowledges:
            while waiting and now_ns - waiting[0][1] > _ACKNOWLEDGED_NS:
                self._unconfirmed()
        else:
            self._acknowledges = False
            while waiting:
                self._through(*waiting.popleft(), self._echoes)

    def _unconfirmed(self) -> None:
        self.counters.given_up.append(self._unacknowledged.popleft()[0])
        self.counters.unconfirmed += 1
        self.counters.last_error = "the adapter did not acknowledge a frame"

    def _garbage(self, count: int, text: str) -> None:
        self._in_doubt = self._in_doubt or bool(self._unacknowledged)
        self.counters.garbage += count
        self.counters.last_error = text

    # the port

    def _line(self, frame: Frame) -> bytes:
        if self.data_bitrate and (len(frame.data) > 8 or isinstance(frame, FdFrame)):
            frame = as_fd(frame)
        try:
            if isinstance(frame, FdFrame) and not self.data_bitrate:
                raise ValueError("the bus is classic CAN, the frame is CAN FD")  # noqa: TRY301
            return format_frame(frame)
        except ValueError as error:
            raise FrameError(str(error), place=self._place) from error

    def _flush(self) -> None:
        self._outgoing = self._outgoing[self._write(self._outgoing) :]

    def _read(self) -> bytes:
        try:
            return self._alive().read()
        except BusError as error:
            self._lose(error)
            raise

    def _write(self, data: bytes) -> int:
        try:
            return self._alive().write(data)
        except BusError as error:
            self._lose(error)
            raise

    def _alive(self) -> SerialPort:
        if self._port is None:
            raise BusError("the adapter is gone", place=self._place, remedy="plug it in again")
        return self._port

    def _lose(self, error: BusError) -> None:
        self.counters.last_error = error.reason
        self._drop_port()

    def _drop_port(self) -> None:
        if self._port is not None:
            self._port.close()
        self._port = None

    def _full(self) -> LinkFullError:
        self.counters.tx_full += 1
        self.counters.last_error = "no room to send"
        return LinkFullError(
            "the adapter has no room for a frame",
            place=self._place,
            remedy="the line is slower than the bus, or nobody acknowledges",
        )

    @property
    def _place(self) -> str:
        return f"adapter {self.channel}"
