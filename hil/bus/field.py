"""Which field of a frame a bit on the wire belongs to: where an error struck."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hil.bus.frame import FdFrame, Frame
from hil.bus.wire_time import CRC_BITS, fd_stuffed_bits, stuffed_bits

# code of each field and its bits, stuff bits left out, in the order of the wire; the codes are
# those of the SJA1000's error code capture, which linux/can/error.h (data[3]) and BLF files use too
_STANDARD = ((0x03, 1), (0x02, 8), (0x06, 3), (0x0C, 1), (0x05, 1), (0x09, 1), (0x0B, 4))
_EXTENDED = (
    (0x03, 1), (0x02, 8), (0x06, 3), (0x04, 1), (0x05, 1), (0x07, 5), (0x0F, 8), (0x0E, 5),
    (0x0C, 1), (0x0D, 1), (0x09, 1), (0x0B, 4),
)  # fmt: skip
_DATA, _CRC = 0x0A, 0x08
_FD_CONTROL = ((0x0D, 1), (0x09, 3), (0x0B, 4))  # FDF; reserved bit, BRS and ESI; length code
_TAIL = ((0x18, 1), (0x19, 1), (0x1B, 1), (0x1A, 7), (0x12, 3))
ACK_SLOT = 0x19


def field_at(frame: Frame, bit: int) -> int:
    """Code of the field that a bit on the wire lies in; a stuff bit is of the field before it.

    Args:
        frame: The frame.
        bit: Position on the wire, stuff bits counted, start of frame 0.
    """
    if isinstance(frame, FdFrame):
        return _fd_field_at(frame, bit)
    data_bits = 0 if frame.remote else 8 * len(frame.data)
    layout = _EXTENDED if frame.extended else _STANDARD
    layout = (*layout, (_DATA, data_bits), (_CRC, CRC_BITS))
    return _at(layout, stuffed_bits(frame.id, frame.extended, frame.data, frame.remote), bit)


def _fd_field_at(frame: FdFrame, bit: int) -> int:
    """The same of a CAN FD frame, whose own bits count as reserved ones, as controllers tell them."""
    stuffed = fd_stuffed_bits(frame)
    head = _EXTENDED[:-3] if frame.extended else _STANDARD[:-2]
    control = sum(width for _, width in (*head, *_FD_CONTROL))
    checksum = len(stuffed) - control - 8 * len(frame.data)
    return _at((*head, *_FD_CONTROL, (_DATA, 8 * len(frame.data)), (_CRC, checksum)), stuffed, bit)


def _at(layout: Iterable[tuple[int, int]], stuffed: Sequence[int], bit: int) -> int:
    fields = [code for code, width in layout for _ in range(width)]
    places = [place for place, added in enumerate(stuffed) for _ in range(1 + added)]
    if bit < len(places):
        return fields[places[bit]]
    tail = [code for code, width in _TAIL for _ in range(width)]
    return tail[min(bit - len(places), len(tail) - 1)]
