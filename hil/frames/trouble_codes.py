"""The trouble codes of SAE J1939-73 in DM1 and DM2: as many as are active, in a message of any length.

Two bytes of lamps, then four of each code: 19 bits of suspect parameter (SPN), 5 of failure mode (FMI), 7 of
occurrences, 1 that tells how the SPN is put. Without any code there is one of SPN 0 and FMI 0. Up to one code
the message is a frame of 8 bytes, filled up with FF, else it goes by the transport protocol. Some controllers
fill up with zeros.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.errors import FrameError

if TYPE_CHECKING:
    from hil.frames.codec import Decoder

PGNS = {0xFECA: "DM1", 0xFECB: "DM2"}
COUNT = "CodeCount"  # the signal that says how many there are
_LAMPS, _EACH = 2, 4  # bytes
_FILLED_UP = bytes((0xFF,) * _EACH)
_NONE = bytes(_EACH)


@dataclass(frozen=True)
class Code:
    """What a signal looks for among the codes of a message.

    Attributes:
        fmi: The failure mode; ``None``: any.
    """

    spn: int
    fmi: int | None = None


def codes_in(data: bytes) -> Iterator[tuple[int, int]]:
    """SPN and FMI of each code that a message carries.

    The SPN is read as version 4 and version 3 of the standard put it; the two older ways, which a set bit of
    conversion may mean, too, cannot be told from the latter.

    Raises:
        FrameError: If a code is cut off.
    """
    if len(data) < _LAMPS + _EACH:
        raise FrameError(f"{len(data)} bytes hold no trouble code")
    for start in range(_LAMPS, len(data), _EACH):
        entry = data[start : start + _EACH]
        if len(entry) < _EACH:
            if entry not in (_FILLED_UP[: len(entry)], _NONE[: len(entry)]):
                raise FrameError(f"{len(data)} bytes: the last trouble code is cut off")
            return
        if entry not in (_NONE, _FILLED_UP):
            yield entry[0] | entry[1] << 8 | (entry[2] & 0xE0) << 11, entry[2] & 0x1F


def decoder(name: str, length: int, plain: Decoder, wanted: tuple[Code, ...]) -> Decoder:
    """The decoder of a message with trouble codes.

    Args:
        name: Of the message.
        length: In the DBC file, whose signals are read from so many of its bytes.
        plain: Decodes those signals.
        wanted: The codes that have a signal of their own, after those and the count.
    """

    def decode(data: bytes) -> tuple[float | None, ...]:
        try:
            found = set(codes_in(data))
        except FrameError as error:
            raise FrameError(error.reason, place=name) from None
        active = found | {(spn, None) for spn, _ in found}
        signals = plain(bytes(data[:length]).ljust(length, b"\xff"))
        return (*signals, float(len(found)), *(float((code.spn, code.fmi) in active) for code in wanted))

    return decode
