"""The others on local buses: what a BMS sends at a given rate, or an answer to each new request.

Run as a program with the rate and the descriptors of the buses. Takes all that the rig sends; at rate 0 it
answers requests. Sends between the lines ``go`` and ``stop``; says how much it was and ends when its standard
input ends. It runs at real-time priority, where it may, since a BMS in its own housing does not wait for this
computer's processor.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import time
from collections.abc import Sequence
from itertools import cycle

from hil.bench.realtime.local import FRAME_BYTES, LocalBus
from hil.bench.realtime.plant import REQUEST
from hil.bench.realtime.process import Process, descriptors, hear, start
from hil.bus.socketcan import pack_classic
from hil.clock import NS_PER_MS, NS_PER_S
from hil.frames.database import Database, Message
from hil.frames.restbus import Entry, Source
from hil.realtime.rights import rights
from hil.realtime.sleep import sleep_until
from hil.rig.load import load_rig

ANSWER = "BMS_Status"
_ANSWER_SIGNAL, _ANSWERS = "State", (1.0, 3.0)
_REQUEST_SIGNAL = "Mode"
_TICK_NS = NS_PER_MS


class _Bus:
    """One bus: the BMS's messages in turn, and what became of them."""

    def __init__(self, far: socket.socket, messages: Sequence[Message]) -> None:
        self.sent = self.refused = self.received = 0
        self._send, self._receive = far.send, far.recv
        self._entries = cycle([Entry(message, {}) for message in messages])

    def send_next(self) -> None:
        self.send(next(self._entries))

    def send(self, entry: Entry) -> bool:
        message = entry.message
        try:
            self._send(pack_classic(message.key, message.length, bytes(entry.pack())))
        except BlockingIOError:
            self.refused += 1
            return False
        self.sent += 1
        return True

    def take(self) -> bytes | None:
        try:
            data = self._receive(FRAME_BYTES)
        except BlockingIOError:
            return None
        self.received += 1
        return data


def _flood(buses: Sequence[_Bus], rate: int) -> None:
    """Take all the time; send at a rate from ``go`` to ``stop``, until the input ends."""
    ticks, going = _Ticks(rate), False
    while True:
        due = ticks.wait()
        for bus in buses:
            for _ in range(due if going else 0):
                bus.send_next()
            while bus.take() is not None:
                pass
        if select.select([sys.stdin], (), (), 0)[0]:
            line = sys.stdin.readline()
            if not line:
                return
            going = line == "go\n"


class _Ticks:
    """Waits from tick to tick, and knows how many frames of a rate are due at each."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._begun_ns, self._ticks = time.monotonic_ns(), 0

    def wait(self) -> int:
        """Wait for the next tick; how many frames are due then."""
        before = self._ticks * _TICK_NS * self._rate // NS_PER_S
        self._ticks += 1
        sleep_until(self._begun_ns + self._ticks * _TICK_NS)
        return self._ticks * _TICK_NS * self._rate // NS_PER_S - before


def _answer(bus: _Bus, far: socket.socket, database: Database) -> None:
    """Send the answer at once whenever a request says something else than the one before."""
    request = database.messages[REQUEST]
    index, asked = request.signals[_REQUEST_SIGNAL].index, None
    said = [_ANSWERS[0]]
    entry = Entry(database.messages[ANSWER], {_ANSWER_SIGNAL: Source(said, 0)})
    while not select.select([far, sys.stdin], (), ())[0].count(sys.stdin):
        while (data := bus.take()) is not None:
            if int.from_bytes(data[:4], "little") != request.key:
                continue
            now = request.decode(data[8:])[index]
            if now != asked:
                said[0] = _ANSWERS[said[0] == _ANSWERS[0]]
                if bus.send(entry):  # else the request comes again, and is answered then
                    asked = now


def main(arguments: Sequence[str]) -> int:
    """Send and take."""
    rate, *numbers = map(int, arguments)
    rig = load_rig("laptop")
    database = next(iter(rig.buses.values())).database
    messages = [message for message in database.messages.values() if rig.bms.node in message.senders]
    ends = [socket.socket(fileno=number) for number in numbers[1::2]]
    buses = [_Bus(end, messages) for end in ends]
    with rights():
        _say({"ready": True})
        if rate:
            _flood(buses, rate)
        else:
            _answer(buses[0], ends[0], database)
    _say({name: sum(getattr(bus, name) for bus in buses) for name in ("sent", "refused", "received")})
    return 0


def _say(message: dict[str, int]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def start_peer(rate: int, buses: Sequence[LocalBus]) -> Process:
    """Start it, and wait until it is at work.

    Args:
        rate: Frames per second on each bus; 0: it answers requests.
        buses: The buses that it is on.
    """
    process = start("peer", rate, *descriptors(buses), inherit=buses)
    hear(process)
    return process


def tell(process: Process, word: str) -> None:
    """Let it ``go`` or ``stop``."""
    assert process.stdin is not None
    process.stdin.write(f"{word}\n")
    process.stdin.flush()


def tally_of(process: Process) -> dict[str, int]:
    """Let it end; what it sent and took."""
    said, _ = process.communicate()
    tally: dict[str, int] = json.loads(said)
    return tally


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
