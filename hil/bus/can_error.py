"""What an error frame says, as SocketCAN tells it: ``linux/can/error.h``.

The identifier holds the error classes, the eight data bytes their details. Drivers fill in what
their controller knows; whatever is missing or new is told as such and never an error here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["error-active", "error-warning", "error-passive", "bus-off"]

# classes, in the identifier
TX_TIMEOUT, LOST_ARBITRATION, CONTROLLER, PROTOCOL, TRANSCEIVER = 0x1, 0x2, 0x4, 0x8, 0x10
NO_ACK, BUS_OFF, BUS_ERROR, RESTARTED, COUNTERS = 0x20, 0x40, 0x80, 0x100, 0x200
# details of the controller, data[1]
RX_OVERFLOW, TX_OVERFLOW, RX_WARNING, TX_WARNING = 0x1, 0x2, 0x4, 0x8
RX_PASSIVE, TX_PASSIVE, ACTIVE = 0x10, 0x20, 0x40
# details of the protocol, data[2]
BIT, FORM, STUFF, BIT_0, BIT_1, OVERLOAD, ANNOUNCED, IN_TRANSMISSION = (1 << n for n in range(8))

_CONTROLLER = {
    RX_OVERFLOW: "its receive buffer overflowed",
    TX_OVERFLOW: "its transmit buffer overflowed",
    RX_WARNING: "receive errors at warning level",
    TX_WARNING: "transmit errors at warning level",
    RX_PASSIVE: "error-passive by receive errors",
    TX_PASSIVE: "error-passive by transmit errors",
    ACTIVE: "error-active again",
}
_PROTOCOL = {
    BIT: "bit error",
    FORM: "form error",
    STUFF: "stuff error",
    BIT_0: "dominant bit not sent",
    BIT_1: "recessive bit not sent",
    OVERLOAD: "overload",
    ANNOUNCED: "error announced",
}
_FIELDS = {
    0x03: "start of frame",
    0x02: "identifier bits 28 to 21", 0x06: "identifier bits 20 to 18", 0x04: "SRR bit",
    0x05: "IDE bit", 0x07: "identifier bits 17 to 13", 0x0F: "identifier bits 12 to 5",
    0x0E: "identifier bits 4 to 0", 0x0C: "RTR bit", 0x0D: "reserved bit 1",
    0x09: "reserved bit 0", 0x0B: "length code", 0x0A: "data", 0x08: "CRC", 0x18: "CRC delimiter",
    0x19: "acknowledge slot", 0x1B: "acknowledge delimiter", 0x1A: "end of frame",
    0x12: "intermission",
}  # fmt: skip
_TRANSCEIVER = {
    0x04: "CAN-H has no wire", 0x05: "CAN-H is shorted to the battery",
    0x06: "CAN-H is shorted to the supply", 0x07: "CAN-H is shorted to ground",
    0x40: "CAN-L has no wire", 0x50: "CAN-L is shorted to the battery",
    0x60: "CAN-L is shorted to the supply", 0x70: "CAN-L is shorted to ground",
    0x80: "CAN-L is shorted to CAN-H",
}  # fmt: skip


@dataclass(frozen=True)
class CanError:
    """An error frame in words and numbers.

    Attributes:
        text: What happened, for people.
        state: The controller's state after it, where the frame says so.
        restarted: Whether the controller is back from bus-off.
        rx_overflow: Whether the controller lost received frames.
        tec: Transmit error counter, 0 to 255, where the driver tells it.
        rec: Receive error counter, 0 to 255, where the driver tells it.
    """

    text: str
    state: State | None
    restarted: bool
    rx_overflow: bool
    tec: int | None
    rec: int | None


def decode_error(identifier: int, data: bytes) -> CanError:
    """Decode an error frame; flags in the identifier's upper bits are ignored.

    Args:
        identifier: Error classes.
        data: Details; bytes that are missing count as zero.
    """
    data = data.ljust(8, b"\0")
    counted = bool(identifier & COUNTERS)
    words = [*_of_frame(identifier, data), *_of_controller(identifier, data)]
    if counted:
        words.append(f"counters {data[6]} transmit, {data[7]} receive")
    return CanError(
        text=", ".join(words) or f"unknown error 0x{identifier & 0x1FFFFFFF:X}",
        state=_state(identifier, data[1]),
        restarted=bool(identifier & RESTARTED),
        rx_overflow=bool(identifier & CONTROLLER and data[1] & RX_OVERFLOW),
        tec=data[6] if counted else None,
        rec=data[7] if counted else None,
    )


def _of_frame(identifier: int, data: bytes) -> list[str]:
    """What befell a frame."""
    words = []
    if identifier & TX_TIMEOUT:
        words.append("transmission timed out")
    if identifier & LOST_ARBITRATION:
        words.append(f"lost arbitration at bit {data[0]}" if data[0] else "lost arbitration")
    if identifier & PROTOCOL:
        words.append(_protocol(data[2], data[3]))
    if identifier & NO_ACK:
        words.append("nobody acknowledged")
    if identifier & BUS_ERROR and not identifier & (PROTOCOL | NO_ACK):
        words.append("bus error")
    return words


def _of_controller(identifier: int, data: bytes) -> list[str]:
    """What befell controller and transceiver."""
    words = []
    if identifier & BUS_OFF:
        words.append("bus-off")
    if identifier & RESTARTED:
        words.append("restarted after bus-off")
    if identifier & CONTROLLER:
        told = [text for bit, text in _CONTROLLER.items() if data[1] & bit]
        words.append("controller: " + (" and ".join(told) or "unspecified"))
    if identifier & TRANSCEIVER:
        halves = (data[4] & 0x0F, data[4] & 0xF0)
        told = [_TRANSCEIVER[half] for half in halves if half in _TRANSCEIVER]
        words.append("transceiver: " + (" and ".join(told) or "unspecified"))
    return words


def _protocol(kinds: int, place: int) -> str:
    told = [text for bit, text in _PROTOCOL.items() if kinds & bit] or ["protocol error"]
    text = " and ".join(told)
    if place in _FIELDS:
        text += f" in the {_FIELDS[place]}"
    return text + (" while sending" if kinds & IN_TRANSMISSION else "")


def _state(identifier: int, controller: int) -> State | None:
    if identifier & BUS_OFF:
        return "bus-off"
    if identifier & CONTROLLER:
        if controller & (RX_PASSIVE | TX_PASSIVE):
            return "error-passive"
        if controller & (RX_WARNING | TX_WARNING):
            return "error-warning"
        if controller & ACTIVE:
            return "error-active"
    return "error-active" if identifier & RESTARTED else None
