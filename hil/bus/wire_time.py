"""How long a classic CAN frame is on the wire, exactly, stuff bits included.

A stuff bit follows five equal bits from start of frame to the end of the CRC (ISO 11898-1). Walking bit by
bit is slow, so the walk is tabled per byte: one table advances the CRC-15, another the run of equal bits.
"""

from __future__ import annotations

from functools import lru_cache

CRC_POLYNOMIAL = 0x4599  # x^15+x^14+x^10+x^8+x^7+x^4+x^3+1, ISO 11898-1
TAIL_BITS = 1 + 1 + 1 + 7  # CRC delimiter, ACK slot, ACK delimiter, end of frame
INTERMISSION_BITS = 3
CRC_BITS = 15


def _step(state: int, bit: int) -> tuple[int, int]:
    """One bit through the stuffing rule; a state is ``last bit * 5 + run length - 1``.

    Returns the next state and how many stuff bits were added (0 or 1). A stuff bit is the opposite bit and
    begins a run of its own.
    """
    last, run = divmod(state, 5)
    run = run + 2 if bit == last else 1
    if run == 5:
        return (1 - bit) * 5, 1
    return bit * 5 + run - 1, 0


def _walk(state: int, bits: int, width: int) -> tuple[int, int]:
    stuffed = 0
    for position in range(width - 1, -1, -1):
        state, added = _step(state, bits >> position & 1)
        stuffed += added
    return state, stuffed


def _crc_bits(crc: int, bits: int, width: int) -> int:
    for position in range(width - 1, -1, -1):
        feedback = (crc >> 14 ^ bits >> position) & 1
        crc = crc << 1 & 0x7FFF
        if feedback:
            crc ^= CRC_POLYNOMIAL
    return crc


_CRC_OF_BYTE = [_crc_bits(0, byte, 8) for byte in range(256)]
# [state << 8 | byte] -> stuff bits << 4 | next state
_STUFF_OF_BYTE = [
    stuffed << 4 | after
    for state in range(10)
    for after, stuffed in (_walk(state, byte, 8) for byte in range(256))
]
# the CRC's 15 bits: the high 7 of them first, then the low 8 by the table above
_STUFF_OF_7 = [
    stuffed << 4 | after
    for state in range(10)
    for after, stuffed in (_walk(state, bits, 7) for bits in range(128))
]


@lru_cache(maxsize=4096)
def _header(identifier: int, extended: bool, remote: bool, length: int) -> tuple[int, int, int]:
    """CRC, stuffing state and stuff bits after the header, from SOF to DLC."""
    if extended:
        base, low = identifier >> 18, identifier & 0x3FFFF
        bits = (base << 2 | 0b11) << 18 | low
        bits, width = (bits << 3 | remote << 2) << 4 | length, 39
    else:
        bits, width = (identifier << 3 | remote << 2) << 4 | length, 19
    crc = _crc_bits(0, bits, width)
    state, stuffed = _walk(0, bits, width - 1)  # SOF, a dominant bit, is the first of the run
    return crc, state, stuffed


def frame_bits(identifier: int, extended: bool, data: bytes, remote: bool = False) -> int:
    """Bits from start of frame to the end of the intermission.

    Args:
        identifier: 11 or 29 bits.
        extended: Whether it has 29.
        data: Payload; of a remote frame only its length counts.
        remote: A remote frame carries no data.
    """
    crc, state, stuffed = _header(identifier, extended, remote, len(data))
    bits = (39 if extended else 19) + CRC_BITS + TAIL_BITS + INTERMISSION_BITS
    if not remote:
        bits += len(data) << 3
        for byte in data:
            entry = _STUFF_OF_BYTE[state << 8 | byte]
            stuffed += entry >> 4
            state = entry & 15
            crc = (crc << 8 & 0x7FFF) ^ _CRC_OF_BYTE[crc >> 7 ^ byte]
    entry = _STUFF_OF_7[state << 7 | crc >> 8]
    last = _STUFF_OF_BYTE[(entry & 15) << 8 | crc & 255]
    return bits + stuffed + (entry >> 4) + (last >> 4)
