"""SAE J1939-21: identifiers, and what the frames of its transport protocol say."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

EVERYBODY = 0xFF
CONTROL_PGN = 0xEC00  # TP.CM
DATA_PGN = 0xEB00  # TP.DT
SHORTEST, LONGEST = 9, 1785  # bytes of a long message: 255 packets of 7
PACKET = 7  # bytes
RTS, CTS, END, BAM, ABORT = 16, 17, 19, 32, 255  # first byte of a control frame


class Abort(IntEnum):
    """Why a connection was given up, as on the wire."""

    BUSY = 1
    RESOURCES = 2
    TIMEOUT = 3
    CTS_WHILE_SENDING = 4
    TOO_MANY_RETRANSMISSIONS = 5
    UNEXPECTED_DATA = 6
    BAD_SEQUENCE = 7
    DUPLICATE_SEQUENCE = 8
    OTHER = 250


@dataclass(frozen=True)
class Parcel:
    """One message as it came in or goes out.

    Attributes:
        pgn: Parameter group; of a destination-specific one without the destination.
        t_ns: When its last packet came; 0 where that does not matter.
    """

    pgn: int
    source: int
    destination: int
    data: bytes
    t_ns: int = field(default=0, compare=False)


def identifier(priority: int, pgn: int, destination: int, source: int) -> int:
    """The 29-bit identifier; the destination counts where the PGN is destination-specific."""
    specific = (pgn >> 8 & 0xFF) < 0xF0
    return priority << 26 | (pgn | destination if specific else pgn) << 8 | source


def parse(identifier: int) -> tuple[int, int, int, int]:
    """Priority, PGN, destination (or :data:`EVERYBODY`) and source of a 29-bit identifier."""
    pgn = identifier >> 8 & 0x3FFFF
    destination = EVERYBODY
    if (pgn >> 8 & 0xFF) < 0xF0:
        pgn, destination = pgn & 0x3FF00, pgn & 0xFF
    return identifier >> 26 & 7, pgn, destination, identifier & 0xFF


def packet_count(size: int) -> int:
    """Packets that so many bytes take."""
    return -(-size // PACKET)


def is_sound(announcement: bytes) -> bool:
    """Whether the size and the number of packets of a RTS or BAM fit."""
    size = int.from_bytes(announcement[1:3], "little")
    return SHORTEST <= size <= LONGEST and announcement[3] == packet_count(size)


def packets_of(data: bytes) -> list[bytes]:
    """The data in numbered packets; the last one is filled up with FF."""
    pieces = [data[start : start + PACKET] for start in range(0, len(data), PACKET)]
    return [bytes([number]) + piece.ljust(PACKET, b"\xff") for number, piece in enumerate(pieces, 1)]


def reason_of(code: int) -> str:
    """The reason of an abort in words."""
    try:
        return Abort(code).name.lower().replace("_", " ")
    except ValueError:
        return f"reason {code}"
