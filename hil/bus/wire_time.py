"""How long a classic CAN frame is on the wire, exactly, stuff bits included.

A stuff bit follows five equal bits from start of frame to the end of the CRC (ISO 11898-1). Walking
bit by bit is slow, so the walk is tabled: one pair of tables takes a byte, the other two bytes at
once. Of each pair one advances the CRC-15, the other the run of equal bits.
"""

from __future__ import annotations

import struct
from array import array
from functools import lru_cache

CRC_POLYNOMIAL = 0x4599  # x^15+x^14+x^10+x^8+x^7+x^4+x^3+1, ISO 11898-1
TAIL_BITS = 1 + 1 + 1 + 7  # CRC delimiter, ACK slot, ACK delimiter, end of frame
INTERMISSION_BITS = 3
CRC_BITS = 15
STANDARD_HEADER_BITS = 19  # start of frame to length code
EXTENDED_HEADER_BITS = 39
_FIXED_BITS = CRC_BITS + TAIL_BITS + INTERMISSION_BITS


def _step(state: int, bit: int) -> tuple[int, int]:
    """One bit through the stuffing rule; a state is ``last bit * 5 + run length - 1``.

    Returns the next state and how many stuff bits were added (0 or 1). A stuff bit is the opposite
    bit and begins a run of its own.
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


def _crc_of_words(of_byte: list[int]) -> array[int]:
    """Twice the CRC after 16 bits from CRC 0, by those bits.

    Twice, because that is what the next 16 bits are added to.
    """
    return array(
        "H",
        (
            ((high << 8 & 0x7FFF) ^ of_byte[high >> 7 ^ low]) << 1
            for high in of_byte
            for low in range(256)
        ),
    )


def _stuff_of_words(of_byte: list[bytes]) -> list[bytes]:
    """The walk over 16 bits, made of two walks over 8: the second's counts go up by the first's."""
    plus = [bytes(min(entry + (count << 4), 255) for entry in range(256)) for count in range(3)]
    return [
        b"".join(of_byte[entry & 15].translate(plus[entry >> 4]) for entry in row)
        for row in of_byte
    ]


_CRC_OF_BYTE = [_crc_bits(0, byte, 8) for byte in range(256)]
_TWICE_CRC_OF_WORD = _crc_of_words(_CRC_OF_BYTE)
# [state][bits] -> stuff bits << 4 | next state
_STUFF_OF_BYTE = [
    bytes(count << 4 | state for state, count in (_walk(state, byte, 8) for byte in range(256)))
    for state in range(10)
]
# the same for 16 bits, and again for each count of the entry before, so that an entry is an index
_STUFF_OF_WORD = [*_stuff_of_words(_STUFF_OF_BYTE), *[b""] * 6] * 5
_FOUR_WORDS = struct.Struct(">4H").unpack


def _header_bits(identifier: int, extended: bool, remote: bool, length: int) -> tuple[int, int]:
    """The bits from start of frame to the length code, and how many they are."""
    if not extended:
        return (identifier << 3 | remote << 2) << 4 | length, STANDARD_HEADER_BITS
    base, low = identifier >> 18, identifier & 0x3FFFF
    bits = (base << 2 | 0b11) << 18 | low
    return (bits << 3 | remote << 2) << 4 | length, EXTENDED_HEADER_BITS


def _header(identifier: int, extended: bool, remote: bool, length: int) -> _Header:
    """What is known before the data.

    Raises:
        ValueError: If the identifier or the length does not fit into a classic frame.
    """
    if not 0 <= identifier < 1 << (29 if extended else 11):
        raise ValueError(f"identifier 0x{identifier:X} does not fit into its bits")
    if length > 8:
        raise ValueError(f"{length} data bytes do not fit into a classic frame")
    bits, width = _header_bits(identifier, extended, remote, length)
    crc = _crc_bits(0, bits, width)
    state, stuffed = _walk(0, bits, width - 1)  # SOF, a dominant bit, is the first of the run
    data_bits = 0 if remote else length << 3
    return crc << 1, state, width + data_bits + _FIXED_BITS + stuffed


_Header = tuple[int, int, int]  # twice the CRC so far, stuffing state, all bits that are not data's
_any_header = lru_cache(maxsize=4096)(_header)


class _Headers(dict[int, _Header]):
    """Headers of frames of 8 bytes by identifier."""

    def __init__(self, extended: bool) -> None:
        super().__init__()
        self._extended = extended

    def __missing__(self, identifier: int) -> _Header:
        if len(self) > _HEADERS_KEPT:
            self.clear()
        header = self[identifier] = _header(identifier, self._extended, remote=False, length=8)
        return header


_HEADERS_KEPT = 4096
_STANDARD_8, _EXTENDED_8 = _Headers(extended=False), _Headers(extended=True)


def frame_bits(identifier: int, extended: bool, data: bytes, remote: bool = False) -> int:
    """Bits from start of frame to the end of the intermission.

    Args:
        identifier: 11 or 29 bits.
        extended: Whether it has 29.
        data: Payload; of a remote frame only its length counts.
        remote: A remote frame carries no data.

    Raises:
        ValueError: If the identifier or the data does not fit into a classic frame.
    """
    if len(data) == 8 and not remote:  # most frames: unrolled
        twice, state, bits = (_EXTENDED_8 if extended else _STANDARD_8)[identifier]
        a, b, c, d = _FOUR_WORDS(data)
        stuff, crcs = _STUFF_OF_WORD, _TWICE_CRC_OF_WORD
        first = stuff[state][a]
        second = stuff[first][b]
        third = stuff[second][c]
        state = stuff[third][d]
        bits += (first >> 4) + (second >> 4) + (third >> 4) + (state >> 4)
        twice = crcs[crcs[crcs[crcs[twice ^ a] ^ b] ^ c] ^ d]
    else:
        twice, state, bits = _any_header(identifier, extended, remote, len(data))
        for byte in b"" if remote else data:
            state = _STUFF_OF_BYTE[state & 15][byte]
            bits += state >> 4
            twice = (twice << 8 & 0xFFFF) ^ _CRC_OF_BYTE[twice >> 8 ^ byte] << 1
    # the CRC's 15 bits and one more, unlike the last, that cannot add a stuff bit
    return bits + (_STUFF_OF_WORD[state][twice | ~twice >> 1 & 1] >> 4)


def stuffed_bits(identifier: int, extended: bool, data: bytes, remote: bool = False) -> list[int]:
    """For each bit from start of frame to the end of the CRC, whether a stuff bit (1) follows it.

    The slow walk, for those who must know where; :func:`frame_bits` only counts.
    """
    bits, width = _header_bits(identifier, extended, remote, len(data))
    if not remote:
        bits, width = bits << 8 * len(data) | int.from_bytes(data, "big"), width + 8 * len(data)
    bits, width = bits << CRC_BITS | _crc_bits(0, bits, width), width + CRC_BITS
    state, added = 0, [0]  # SOF, a dominant bit, is the first of the run
    for position in range(width - 2, -1, -1):
        state, stuff = _step(state, bits >> position & 1)
        added.append(stuff)
    return added
