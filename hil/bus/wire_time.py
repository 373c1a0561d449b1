"""How long a CAN frame is on the wire, exactly, stuff bits included.

A stuff bit follows five equal bits from start of frame to the end of the CRC (ISO 11898-1); in CAN FD to
the end of the data, and the checksum has stuff bits at fixed places.
:func:`frame_bits` counts in C, byte by byte; :func:`stuffed_bits` walks bit by bit, for those who
must know where, and as the oracle of the tests.
"""

from __future__ import annotations

from hil.bus import _wire
from hil.bus.frame import FD_LENGTHS, FdFrame, Frame

CRC_POLYNOMIAL = 0x4599  # x^15+x^14+x^10+x^8+x^7+x^4+x^3+1, ISO 11898-1
TAIL_BITS = 1 + 1 + 1 + 7  # CRC delimiter, ACK slot, ACK delimiter, end of frame
INTERMISSION_BITS = 3
CRC_BITS = 15
STANDARD_HEADER_BITS = 19  # start of frame to length code
EXTENDED_HEADER_BITS = 39
FD_TAIL_BITS = TAIL_BITS - 1 + INTERMISSION_BITS  # after the CRC delimiter, at the slow rate

# (identifier, extended, data, remote=False) -> bits from start of frame to the end of the intermission;
# ValueError if the identifier or the data does not fit into a classic frame. Without a call in between.
frame_bits = _wire.frame_bits

# (identifier, extended, data, fast) -> bits up to the bit rate switch, and from there to the CRC delimiter,
# which a fast frame has at the data bit rate; FD_TAIL_BITS follow. The rate is taken to switch at the end of
# these two bits, where in truth it does so within them. ValueError if the identifier does not fit, or no
# CAN FD frame is so long.
fd_frame_bits = _wire.fd_frame_bits


def wire_s(frame: Frame, bitrate: int, data_bitrate: int = 0) -> float:
    """How long a frame takes on a bus, intermission included, in seconds.

    Args:
        frame: Classic or CAN FD.
        bitrate: In bit/s.
        data_bitrate: Of the fast part of CAN FD frames; 0: there is none.

    Raises:
        ValueError: If there is no such frame.
    """
    if not isinstance(frame, FdFrame):
        return frame_bits(frame.id, frame.extended, frame.data, frame.remote) / bitrate
    slow, fast = fd_frame_bits(frame.id, frame.extended, frame.data, frame.fast)
    rate = data_bitrate if frame.fast and data_bitrate else bitrate
    return (slow + FD_TAIL_BITS) / bitrate + fast / rate


def stuffed_bits(identifier: int, extended: bool, data: bytes, remote: bool = False) -> list[int]:
    """For each bit from start of frame to the end of the CRC, whether a stuff bit (1) follows it.

    Args:
        identifier: 11 or 29 bits.
        extended: Whether it has 29.
        data: Payload, up to 8 bytes; of a remote frame only its length counts.
        remote: A remote frame carries no data.
    """
    bits, width = _header_bits(identifier, extended, remote, len(data))
    if not remote:
        bits, width = bits << 8 * len(data) | int.from_bytes(data, "big"), width + 8 * len(data)
    bits, width = bits << CRC_BITS | _crc(bits, width), width + CRC_BITS
    return _stuffed(bits, width)


def fd_stuffed_bits(frame: FdFrame) -> list[int]:
    """The same for each bit of a CAN FD frame up to the end of its data, and for those of its checksum."""
    bits, width = _header_bits(frame.id, frame.extended, False, 0)
    cut = 6 if frame.extended else 5  # reserved bits and length code of a classic frame
    code = FD_LENGTHS.index(len(frame.data))
    control = 1 << 7 | frame.fast << 5 | code  # FDF, a reserved bit, BRS, ESI (error-active), length code
    bits, width = bits >> cut << 8 | control, width - cut + 8
    bits = bits << 8 * len(frame.data) | int.from_bytes(frame.data, "big")
    added = _stuffed(bits, width + 8 * len(frame.data))
    added[-1] = 1  # the first fixed one, whether a stuff bit is due or not
    return added + [int(place % 4 == 3) for place in range(4 + (17 if len(frame.data) <= 16 else 21))]


def _stuffed(bits: int, width: int) -> list[int]:
    last, run, added = 0, 1, [0]  # SOF, a dominant bit, is the first of the run
    for position in range(width - 2, -1, -1):
        bit = bits >> position & 1
        run = run + 1 if bit == last else 1
        last = bit
        added.append(int(run == 5))
        if run == 5:  # the stuff bit is the opposite one, and begins a run of its own
            last, run = 1 - bit, 1
    return added


def _crc(bits: int, width: int) -> int:
    crc = 0
    for position in range(width - 1, -1, -1):
        feedback = (crc >> 14 ^ bits >> position) & 1
        crc = crc << 1 & 0x7FFF
        if feedback:
            crc ^= CRC_POLYNOMIAL
    return crc


def _header_bits(identifier: int, extended: bool, remote: bool, length: int) -> tuple[int, int]:
    """The bits from start of frame to the length code, and how many they are."""
    if not extended:
        return (identifier << 3 | remote << 2) << 4 | length, STANDARD_HEADER_BITS
    base, low = identifier >> 18, identifier & 0x3FFFF
    bits = (base << 2 | 0b11) << 18 | low
    return (bits << 3 | remote << 2) << 4 | length, EXTENDED_HEADER_BITS
