"""python-can's cyclic sender, with a thread for each message: ``DESCRIPTOR MESSAGES CYCLE_NS BUSY``.

Sends until its standard input ends. With ``BUSY`` 1 another thread of the same process computes all the time.
"""

from __future__ import annotations

import socket
import struct
import sys
import threading
from collections.abc import Sequence
from typing import Any

import can

from hil.clock import NS_PER_S

FIRST_ID = 0x200
_pack = struct.Struct("=IB3x8s").pack


class ThreadedBus(can.BusABC):
    """The other programs' local bus, for python-can."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._can_protocol = can.CanProtocol.CAN_20
        super().__init__(channel="local")

    def send(self, msg: can.Message, timeout: float | None = None) -> None:  # noqa: ARG002
        """Send; a frame without room is lost."""
        self._end.send(_pack(msg.arbitration_id, msg.dlc, bytes(msg.data)))

    def _recv_internal(self, timeout: float | None) -> tuple[can.Message | None, bool]:  # noqa: ARG002
        return None, True


def _compute() -> None:
    value = 1
    while True:
        value = value * 3 % 1_000_003


def main(arguments: Sequence[str]) -> int:
    """Send."""
    end = socket.socket(fileno=int(arguments[0]))
    messages, cycle_s = int(arguments[1]), int(arguments[2]) / NS_PER_S
    bus: Any = ThreadedBus(end)
    if arguments[3] == "1":
        threading.Thread(target=_compute, daemon=True).start()
    for number in range(messages):
        message = can.Message(arbitration_id=FIRST_ID + number, data=bytes(8), is_extended_id=False)
        bus.send_periodic(message, cycle_s)
    sys.stdin.read()
    bus.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
