"""The long messages of a J1939 bus, put together by somebody who says nothing himself.

What goes over a bus can be put together by whoever hears it, no matter who sends it to whom: what is asked
for and acknowledged is the affair of :mod:`hil.frames.transport`. Of one that breaks off it is told why.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from hil.bus.frame import CLASSIC_BYTES
from hil.frames.j1939 import (
    ABORT,
    BAM,
    CONTROL_PGN,
    CTS,
    DATA_PGN,
    END,
    EVERYBODY,
    RTS,
    Parcel,
    is_sound,
    packet_count,
    parse,
    reason_of,
)
from hil.frames.transport import Settings

_KEPT = 10_000  # messages that broke off


@dataclass(frozen=True)
class Broken:
    """A long message that did not get through.

    Attributes:
        t_ns: When it was over.
        reason: Why, in words.
    """

    t_ns: int
    pgn: int
    source: int
    destination: int
    reason: str


@dataclass
class _UnderWay:
    """A message of which not all packets have come."""

    pgn: int
    source: int
    destination: int
    size: int
    patience_ns: int
    last_ns: int
    packets: dict[int, bytes] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return packet_count(self.size)

    @property
    def missing(self) -> int:
        """The first packet that has not come."""
        return next(number for number in range(1, self.count + 2) if number not in self.packets)

    @property
    def silence(self) -> str:
        ms = self.patience_ns // 1_000_000
        return f"packet {self.missing} of {self.count} did not come within {ms} ms"

    def take(self, number: int, piece: bytes) -> str:
        """Keep a packet; why that cannot be, if it cannot."""
        if not 1 <= number <= self.count:
            return f"packet {number} of {self.count} came"
        if self.destination == EVERYBODY and number != self.missing:
            return f"packet {number} came where {self.missing} of {self.count} was due"
        self.packets[number] = piece
        return ""

    def whole(self) -> bytes | None:
        """All of it, once it is there."""
        if len(self.packets) < self.count:
            return None
        return b"".join(self.packets[number] for number in range(1, self.count + 1))[: self.size]


class Overhearer:
    """Puts the long messages of one bus together.

    Args:
        settings: The times after which one is given up; default: those of the standard.

    Attributes:
        broken: Those that did not get through, oldest first.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.broken: deque[Broken] = deque(maxlen=_KEPT)
        self._under_way: dict[tuple[int, int], _UnderWay] = {}  # by source and destination
        self._settings = settings or Settings()

    def hear(self, frame_id: int, data: bytes, t_ns: int) -> Parcel | None:
        """Take a frame with an identifier of 29 bits; the message whose last packet it was, if it was one."""
        _, pgn, destination, source = parse(frame_id)
        if pgn not in (CONTROL_PGN, DATA_PGN) or len(data) != CLASSIC_BYTES:
            return None
        self.settle(t_ns)
        if pgn == DATA_PGN:
            return self._hear_data(source, destination, data, t_ns)
        self._hear_control(source, destination, data, t_ns)
        return None

    def settle(self, now_ns: int) -> None:
        """Give those up of which nothing has come for too long."""
        for message in list(self._under_way.values()):
            if now_ns - message.last_ns > message.patience_ns:
                self._break(message, message.last_ns + message.patience_ns, message.silence)

    def _hear_data(self, source: int, destination: int, data: bytes, t_ns: int) -> Parcel | None:
        message = self._under_way.get((source, destination))
        if message is None:
            return None
        message.last_ns = t_ns
        wrong = message.take(data[0], data[1:])
        if wrong:
            self._break(message, t_ns, wrong)
            return None
        whole = message.whole()
        if whole is None:
            return None
        del self._under_way[source, destination]
        return Parcel(message.pgn, source, destination, whole, t_ns)

    def _hear_control(self, source: int, destination: int, data: bytes, t_ns: int) -> None:
        kind, pgn = data[0], int.from_bytes(data[5:8], "little")
        if kind == (BAM if destination == EVERYBODY else RTS):
            self._open(_UnderWay(pgn, source, destination, 0, 0, t_ns), data)
        elif kind in (CTS, END):  # of the receiver
            message = self._of(destination, source, pgn)
            if message is not None and kind == CTS:
                message.last_ns = t_ns
            elif message is not None:
                reason = f"acknowledged without packet {message.missing} of {message.count}"
                self._break(message, t_ns, reason)
        elif kind == ABORT:
            for message in (self._of(source, destination, pgn), self._of(destination, source, pgn)):
                if message is not None:
                    self._break(message, t_ns, f"aborted by 0x{source:02X}: {reason_of(data[1])}")

    def _open(self, message: _UnderWay, announcement: bytes) -> None:
        """A new message takes the place of the one that is under way."""
        before = self._under_way.get((message.source, message.destination))
        if before is not None:
            reason = f"another one began before packet {before.missing} of {before.count}"
            self._break(before, message.last_ns, reason)
        message.size = int.from_bytes(announcement[1:3], "little")
        if not is_sound(announcement):
            reason = f"announced with {message.size} bytes in {announcement[3]} packets"
            self._break(message, message.last_ns, reason)
            return
        times = self._settings
        to_one_ns = max(times.t2_ns, times.t3_ns)
        message.patience_ns = times.t1_ns if message.destination == EVERYBODY else to_one_ns
        self._under_way[message.source, message.destination] = message

    def _of(self, source: int, destination: int, pgn: int) -> _UnderWay | None:
        message = self._under_way.get((source, destination))
        return message if message is not None and message.pgn == pgn else None

    def _break(self, message: _UnderWay, t_ns: int, reason: str) -> None:
        self._under_way.pop((message.source, message.destination), None)
        self.broken.append(Broken(t_ns, message.pgn, message.source, message.destination, reason))
