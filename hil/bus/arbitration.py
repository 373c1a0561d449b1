"""Who wins the bus: the frame whose bits are dominant first."""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=4096)
def arbitration_key(identifier: int, extended: bool, remote: bool = False) -> int:
    """The arbitration field as a number; the lowest wins.

    Bits in the order of the wire (ISO 11898-1): the 11 base bits, then RTR (standard) or SRR
    (extended, recessive), IDE, and for extended frames the 18 lower bits and RTR. So a standard
    frame beats an extended one of the same base, and data beats remote.
    """
    if not extended:
        return identifier << 21 | remote << 20
    return (identifier >> 18) << 21 | 1 << 20 | 1 << 19 | (identifier & 0x3FFFF) << 1 | remote
