"""SAE J1939-21: the transport protocol for messages of 9 to 1785 bytes.

Two ways: to everybody without any answer (BAM), and to one with flow control (RTS/CTS)::

    originator                          responder
        RTS   size, packets, PGN   ──►
        ◄──   CTS   how many, from which      (0 packets: hold the line)
        DT 1 … DT n                ──►
        ◄──   CTS …  or  EndOfMsgACK
        either side: abort, with a reason

A lost packet is asked for again by the next CTS, twice at most; then the connection is aborted.
Timeouts: T1 750 ms between packets, T2 1250 ms from a CTS to its first packet, T3 1250 ms from the
last packet to the answer, T4 1050 ms from a CTS that holds to the next, Th 500 ms between those, and
50 ms between the packets of a broadcast (J1939-21; the numbers also in can-j1939 and in Linux's
``net/can/j1939``). Tr, 200 ms to answer, is kept by answering at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

from simpy.events import Event

from hil.bell import Bell, Steps
from hil.clock import NS_PER_MS, VirtualClock
from hil.errors import FrameError
from hil.frames.j1939 import (
    ABORT,
    BAM,
    CONTROL_PGN,
    CTS,
    DATA_PGN,
    END,
    EVERYBODY,
    LONGEST,
    PACKET,
    RTS,
    SHORTEST,
    Abort,
    Parcel,
    identifier,
    is_sound,
    packet_count,
    packets_of,
    parse,
    reason_of,
)

Copies = Callable[[int, bool], int]
"""How often a packet comes: of its number, and whether it is sent again because it was asked for."""


def once(_number: int, _again: bool) -> int:
    """Each packet comes as often as it is asked for."""
    return 1


@dataclass(frozen=True)
class Settings:
    """All times of the protocol, in ns, and what else may be chosen.

    Attributes:
        gap_ns: Between the packets to one receiver; the standard has no least time, real chargers 10 ms.
        priority: Of its frames.
        window: Packets asked for at once.
        retransmissions: How often a message's packets may be asked for again.
    """

    t1_ns: int = 750 * NS_PER_MS
    t2_ns: int = 1250 * NS_PER_MS
    t3_ns: int = 1250 * NS_PER_MS
    t4_ns: int = 1050 * NS_PER_MS
    th_ns: int = 500 * NS_PER_MS
    bam_gap_ns: int = 50 * NS_PER_MS
    gap_ns: int = 10 * NS_PER_MS
    priority: int = 7
    window: int = 255
    retransmissions: int = 2


class _Broken(Exception):
    """A connection has failed; the peer is told why, unless it is who said so."""

    def __init__(self, abort: Abort | None, reason: str = "") -> None:
        super().__init__(reason or reason_of(abort or 0))
        self.abort = abort


class Transfer(Event):
    """A long message on its way; succeeds in any case, then :attr:`ok` and :attr:`reason` tell.

    Attributes:
        gap_ns: Time between its packets.
        copies: How often each of its packets comes: a disturbed line.
        reason: Why it failed; empty while it has not.
    """

    def __init__(self, clock: VirtualClock, parcel: Parcel, gap_ns: int, copies: Copies = once) -> None:
        super().__init__(clock)
        self.parcel = parcel
        self.gap_ns = gap_ns
        self.copies = copies
        self.reason = ""

    @property
    def arrived(self) -> bool:
        """Whether it is over and went well."""
        return self.triggered and not self.reason

    def end(self, reason: str = "") -> None:
        """It is over."""
        if not self.triggered:
            self.reason = reason
            self.succeed()


@dataclass
class _Session:
    """One connection; its process takes control and data frames from ``inbox``."""

    peer: int
    pgn: int
    bell: Bell
    inbox: deque[tuple[int, bytes]] = field(default_factory=deque)

    def put(self, kind: int, data: bytes) -> None:
        self.inbox.append((kind, data))
        self.bell.ring()

    def get(self, until_ns: int) -> Generator[Event, Any, tuple[int, bytes] | None]:
        """The next frame, or ``None`` at the deadline."""
        arrived = yield from self.bell.until(lambda: bool(self.inbox), until_ns)
        return self.inbox.popleft() if arrived else None


_DATA = -1  # kind of a data frame in an inbox


def _check_end(frame: bytes, size: int, count: int, unsent: set[int]) -> None:
    """Whether the receiver has what it says to have: all of it, and as much as was sent.

    Raises:
        _Broken: If it has not.
    """
    if unsent:
        raise _Broken(None, f"acknowledged without packet {min(unsent)} of {count}")
    told_size, told_count = int.from_bytes(frame[1:3], "little"), frame[3]
    if (told_size, told_count) != (size, count):
        sent, told = f"{size} bytes in {count} packets", f"{told_size} bytes in {told_count}"
        raise _Broken(None, f"acknowledged as {told}, sent as {sent}")


class Transport:
    """The transport protocol of one address.

    Args:
        clock: The one time line.
        address: Of this node.
        emit: Puts a frame on the bus: identifier and data.
        deliver: Takes each long message that has come in whole, for this address or for everybody.
        settings: The protocol's times.

    Attributes:
        holding: While true, senders are asked to wait.
        failures: How many messages did not come in whole.
    """

    def __init__(
        self,
        clock: VirtualClock,
        address: int,
        emit: Callable[[int, bytes], None],
        deliver: Callable[[Parcel], None],
        settings: Settings = Settings(),
    ) -> None:
        self.holding = False
        self.failures = 0
        self._clock = clock
        self._address = address
        self._emit = emit
        self._deliver = deliver
        self._settings = settings
        self.reset()

    def reset(self) -> None:
        """Forget everything that is under way, without a word on the bus."""
        self._epoch = object()  # processes of an earlier one end when they wake
        self._outgoing: dict[int, _Session] = {}
        self._incoming: dict[tuple[int, bool], _Session] = {}  # by source, and whether it is a BAM
        self._queues: dict[int, deque[Transfer]] = {}

    @property
    def idle(self) -> bool:
        """Whether no message is under way."""
        return not (self._outgoing or self._incoming or any(self._queues.values()))

    # -- outwards -----------------------------------------------------------------------------

    def send(
        self,
        pgn: int,
        data: bytes,
        destination: int,
        gap_ns: int | None = None,
        copies: Copies = once,
    ) -> Transfer:
        """Send a long message; those to one destination go one after the other.

        A message that still waits is replaced by a newer one of its PGN.

        Args:
            pgn: Its parameter group.
            data: All of it.
            destination: An address, or :data:`~hil.frames.j1939.EVERYBODY`.
            gap_ns: Between its packets; default: as the settings say.
            copies: How often each packet comes, if not once: a disturbed line.

        Raises:
            FrameError: If it has not 9 to 1785 bytes.
        """
        if not SHORTEST <= len(data) <= LONGEST:
            raise FrameError(f"{len(data)} bytes: the transport protocol carries {SHORTEST} to {LONGEST}")
        if gap_ns is None:
            gap_ns = self._settings.bam_gap_ns if destination == EVERYBODY else self._settings.gap_ns
        parcel = Parcel(pgn, self._address, destination, bytes(data))
        transfer = Transfer(self._clock, parcel, gap_ns, copies)
        queue = self._queues.get(destination)
        if queue is None:
            queue = self._queues[destination] = deque()
            queue.append(transfer)
            self._clock.process(self._work(destination, queue, self._epoch))
            return transfer
        for older in [waiting for waiting in list(queue)[1:] if waiting.parcel.pgn == pgn]:
            queue.remove(older)
            older.end("replaced by a newer one")
        queue.append(transfer)
        return transfer

    def _work(self, destination: int, queue: deque[Transfer], epoch: object) -> Steps:
        """Send what waits for one destination."""
        while queue and epoch is self._epoch:
            transfer = queue[0]
            try:
                if destination == EVERYBODY:
                    yield from self._broadcast(transfer, epoch)
                else:
                    yield from self._hand_over(transfer, epoch)
                transfer.end()
            except _Broken as broken:
                if broken.abort is not None and epoch is self._epoch:
                    self._abort(destination, transfer.parcel.pgn, broken.abort)
                transfer.end(str(broken))
            queue.popleft()
        if epoch is self._epoch:
            del self._queues[destination]

    def _broadcast(self, transfer: Transfer, epoch: object) -> Steps:
        parcel = transfer.parcel
        packets = packets_of(parcel.data)
        size = len(parcel.data).to_bytes(2, "little")
        self._control(EVERYBODY, BAM, [*size, len(packets), 0xFF], parcel.pgn)
        for packet in packets:
            yield from self._pause(transfer.gap_ns, epoch)
            for _ in range(transfer.copies(packet[0], False)):
                self._data(EVERYBODY, packet)

    def _hand_over(self, transfer: Transfer, epoch: object) -> Steps:
        """RTS/CTS as originator."""
        parcel, peer = transfer.parcel, transfer.parcel.destination
        session = self._outgoing[peer] = _Session(peer, parcel.pgn, Bell(self._clock))
        try:
            yield from self._converse(session, transfer, epoch)
        finally:
            if epoch is self._epoch:
                del self._outgoing[peer]

    def _converse(self, session: _Session, transfer: Transfer, epoch: object) -> Steps:
        data = transfer.parcel.data
        packets = packets_of(data)
        size = len(data).to_bytes(2, "little")
        self._control(session.peer, RTS, [*size, len(packets), 0xFF], session.pgn)
        patience_ns, reached, repeats = self._settings.t3_ns, 1, 0
        unsent = set(range(1, len(packets) + 1))
        while True:
            kind, frame = yield from self._answer_of(session, patience_ns, epoch)
            if kind == END:
                _check_end(frame, len(data), len(packets), unsent)
                return
            count, first = frame[1], frame[2]
            if count == 0:
                patience_ns = self._settings.t4_ns
                continue
            if first < 1 or first + count - 1 > len(packets):
                raise _Broken(Abort.BAD_SEQUENCE)
            repeats += first < reached
            if repeats > self._settings.retransmissions:
                raise _Broken(Abort.TOO_MANY_RETRANSMISSIONS)
            reached = first + count
            block = packets[first - 1 : reached - 1]
            unsent -= yield from self._block(session, block, transfer, unsent, epoch)
            patience_ns = self._settings.t3_ns

    def _answer_of(
        self, session: _Session, patience_ns: int, epoch: object
    ) -> Generator[Event, Any, tuple[int, bytes]]:
        """The responder's next CTS or end."""
        heard = yield from session.get(self._clock.now_ns + patience_ns)
        if epoch is not self._epoch:
            raise _Broken(None, "given up")
        if heard is None:
            raise _Broken(Abort.TIMEOUT)
        if heard[0] == ABORT:
            raise _Broken(None, f"aborted by {session.peer:02X}: {reason_of(heard[1][1])}")
        return heard

    def _block(
        self,
        session: _Session,
        packets: list[bytes],
        transfer: Transfer,
        unsent: set[int],
        epoch: object,
    ) -> Generator[Event, Any, set[int]]:
        """Send the packets that a CTS asked for; the numbers of those that were sent."""
        sent: set[int] = set()
        for packet in packets:
            if sent:
                yield from self._pause(transfer.gap_ns, epoch)
            if session.inbox and session.inbox[0][0] == CTS:
                raise _Broken(Abort.CTS_WHILE_SENDING)
            if session.inbox:
                break  # an abort or an early end: what follows looks at it
            for _ in range(transfer.copies(packet[0], packet[0] not in unsent)):
                self._data(session.peer, packet)
            sent.add(packet[0])
        return sent

    def _pause(self, gap_ns: int, epoch: object) -> Steps:
        yield self._clock.timeout(gap_ns)
        if epoch is not self._epoch:
            raise _Broken(None, "given up")

    # -- inwards ------------------------------------------------------------------------------

    def hear(self, identifier: int, data: bytes) -> bool:
        """Take a frame; whether it was one of the transport protocol."""
        _, pgn, destination, source = parse(identifier)
        if pgn not in (CONTROL_PGN, DATA_PGN):
            return False
        if len(data) == 8 and destination in (self._address, EVERYBODY):
            if pgn == DATA_PGN:
                session = self._incoming.get((source, destination == EVERYBODY))
                if session is not None:
                    session.put(_DATA, data)
            else:
                self._hear_control(source, destination, data)
        return True

    def _hear_control(self, source: int, destination: int, data: bytes) -> None:
        kind, pgn = data[0], int.from_bytes(data[5:8], "little")
        if kind == BAM and destination == EVERYBODY:
            if is_sound(data):
                self._open(source, pgn, data, broadcast=True)
        elif destination == EVERYBODY:
            return
        elif kind == RTS:
            if is_sound(data):
                self._open(source, pgn, data, broadcast=False)
            else:
                self._abort(source, pgn, Abort.OTHER)
        elif kind in (CTS, END, ABORT):
            self._to_sessions(source, pgn, kind, data)

    def _to_sessions(self, source: int, pgn: int, kind: int, data: bytes) -> None:
        """An answer goes to the connection that it is of; an abort may be of either direction."""
        sessions = [self._outgoing.get(source)]
        if kind == ABORT:
            sessions.append(self._incoming.get((source, False)))
        for session in sessions:
            if session is not None and session.pgn == pgn:
                session.put(kind, data)

    def _open(self, source: int, pgn: int, announcement: bytes, *, broadcast: bool) -> None:
        """A new connection from a source takes the place of its last one, as the standard has it."""
        session = _Session(source, pgn, Bell(self._clock))
        self._incoming[source, broadcast] = session
        size = int.from_bytes(announcement[1:3], "little")
        steps = self._overhear(session, size) if broadcast else self._answer(session, size, announcement[4])
        self._clock.process(steps)

    def _is_current(self, session: _Session, *, broadcast: bool) -> bool:
        return self._incoming.get((session.peer, broadcast)) is session

    def _overhear(self, session: _Session, size: int) -> Steps:
        """A broadcast: whole and in order, or not at all."""
        data = bytearray()
        expected = 1
        while len(data) < size:
            heard = yield from session.get(self._clock.now_ns + self._settings.t1_ns)
            if not self._is_current(session, broadcast=True):
                return
            if heard is None or heard[1][0] != expected:
                self._close(session, None, broadcast=True)
                return
            data += heard[1][1:]
            expected += 1
        self._close(session, Parcel(session.pgn, session.peer, EVERYBODY, bytes(data[:size])), broadcast=True)

    def _answer(self, session: _Session, size: int, at_once: int) -> Steps:
        """RTS/CTS as responder."""
        try:
            data = yield from self._ask(session, size, at_once)
        except _Broken as broken:
            if self._is_current(session, broadcast=False):
                if broken.abort is not None:
                    self._abort(session.peer, session.pgn, broken.abort)
                self._close(session, None, broadcast=False)
            return
        total = packet_count(size)
        self._control(session.peer, END, [*size.to_bytes(2, "little"), total, 0xFF], session.pgn)
        self._close(session, Parcel(session.pgn, session.peer, self._address, data), broadcast=False)

    def _ask(self, session: _Session, size: int, at_once: int) -> Generator[Event, Any, bytes]:
        """Ask for packets until all are there."""
        total = packet_count(size)
        data = bytearray()
        repeats = 0
        while len(data) < size:
            yield from self._hold(session)
            first = len(data) // PACKET + 1
            count = min(self._settings.window, at_once or 255, total - first + 1)
            self._control(session.peer, CTS, [count, first, 0xFF, 0xFF], session.pgn)
            yield from self._collect(session, data, first, count)
            repeats += len(data) < PACKET * (first + count - 1)
            if repeats > self._settings.retransmissions:
                raise _Broken(Abort.TOO_MANY_RETRANSMISSIONS)
        return bytes(data[:size])

    def _hold(self, session: _Session) -> Steps:
        while self.holding:
            self._control(session.peer, CTS, [0, 0xFF, 0xFF, 0xFF], session.pgn)
            yield from self._packet_of(session, self._settings.th_ns)

    def _packet_of(self, session: _Session, patience_ns: int) -> Generator[Event, Any, bytes | None]:
        """The next packet, or ``None`` if none came in time."""
        heard = yield from session.get(self._clock.now_ns + patience_ns)
        if not self._is_current(session, broadcast=False):
            raise _Broken(None, "given up")
        if heard is None:
            return None
        if heard[0] == ABORT:
            raise _Broken(None, f"aborted by {session.peer:02X}: {reason_of(heard[1][1])}")
        return heard[1]

    def _collect(self, session: _Session, data: bytearray, first: int, count: int) -> Steps:
        """Take the packets of one CTS, as far as they are in order."""
        last, expected = first + count - 1, first
        packet = yield from self._packet_of(session, self._settings.t2_ns)
        if packet is None:  # nothing came at all: the peer is gone
            raise _Broken(Abort.TIMEOUT)
        while packet is not None:  # else ask for what is missing
            number = packet[0]
            if number > last:
                raise _Broken(Abort.BAD_SEQUENCE)
            if number == expected:
                data += packet[1:]
                expected += 1
            if number == last:
                return
            packet = yield from self._packet_of(session, self._settings.t1_ns)

    def _close(self, session: _Session, parcel: Parcel | None, *, broadcast: bool) -> None:
        if self._is_current(session, broadcast=broadcast):
            del self._incoming[session.peer, broadcast]
        if parcel is None:
            self.failures += 1
        else:
            self._deliver(parcel)

    # -- frames -------------------------------------------------------------------------------

    def _abort(self, peer: int, pgn: int, reason: Abort) -> str:
        self._control(peer, ABORT, [reason, 0xFF, 0xFF, 0xFF], pgn)
        return reason_of(reason)

    def _control(self, destination: int, kind: int, rest: list[int], pgn: int) -> None:
        where = identifier(self._settings.priority, CONTROL_PGN, destination, self._address)
        self._emit(where, bytes([kind, *rest]) + pgn.to_bytes(3, "little"))

    def _data(self, destination: int, packet: bytes) -> None:
        self._emit(identifier(self._settings.priority, DATA_PGN, destination, self._address), packet)
