"""A classic CAN frame bit by bit, written as the standard reads: slow, and without any table."""

from __future__ import annotations

from hypothesis import strategies as st

from hil.bus.frame import Frame

Field = tuple[int, int, int]  # SJA1000 code, value, width


def fields(frame: Frame) -> list[Field]:
    """From start of frame to the length code (ISO 11898-1, 10.4)."""
    remote, length = int(frame.remote), len(frame.data)
    if not frame.extended:
        high, low = frame.id >> 3, frame.id & 7
        return [(0x03, 0, 1), (0x02, high, 8), (0x06, low, 3), (0x0C, remote, 1), (0x05, 0, 1),
                (0x09, 0, 1), (0x0B, length, 4)]  # fmt: skip
    base, low = frame.id >> 18, frame.id & 0x3FFFF
    return [(0x03, 0, 1), (0x02, base >> 3, 8), (0x06, base & 7, 3), (0x04, 1, 1), (0x05, 1, 1),
            (0x07, low >> 13, 5), (0x0F, low >> 5 & 255, 8), (0x0E, low & 31, 5),
            (0x0C, remote, 1), (0x0D, 0, 1), (0x09, 0, 1), (0x0B, length, 4)]  # fmt: skip


def plain_bits(frame: Frame) -> list[tuple[int, int]]:
    """Bit and field code from start of frame to the end of the CRC, without stuff bits."""
    parts = fields(frame)
    if not frame.remote:
        parts += [(0x0A, byte, 8) for byte in frame.data]
    bits = [(value >> k & 1, code) for code, value, width in parts for k in reversed(range(width))]
    crc = 0
    for bit, _ in bits:
        crc <<= 1
        if crc >> 15 != bit:
            crc ^= 0x4599
        crc &= 0x7FFF
    return bits + [(crc >> k & 1, 0x08) for k in reversed(range(15))]


def wire_bits(frame: Frame) -> list[tuple[int, int]]:
    """Bit and field code of everything on the wire, stuff bits and intermission included."""
    wire: list[tuple[int, int]] = []
    run = 0
    for bit, code in plain_bits(frame):
        run = run + 1 if wire and wire[-1][0] == bit else 1
        wire.append((bit, code))
        if run == 5:
            wire.append((1 - bit, code))
            run = 1
    tail = [(0x18, 1), (0x19, 1), (0x1B, 1), (0x1A, 7), (0x12, 3)]
    return wire + [(1, code) for code, width in tail for _ in range(width)]


def winner(frames: list[Frame]) -> Frame:
    """Who is left when all send at once and a dominant bit silences those that send recessive."""
    left = [(frame, [bit for bit, _ in wire_bits(frame)]) for frame in frames]
    for place in range(45):  # longer than any arbitration field with its stuff bits
        dominant = min(bits[place] for _, bits in left)
        left = [entry for entry in left if entry[1][place] == dominant]
    return left[0][0]


@st.composite
def frames(draw: st.DrawFn) -> Frame:
    """Any classic frame, with a liking for long runs of equal bits."""
    extended = draw(st.booleans())
    top = (1 << (29 if extended else 11)) - 1
    identifier = draw(st.integers(0, top) | st.sampled_from([0, top, 0x3E0, 0x7C0 & top]))
    byte = st.integers(0, 255) | st.sampled_from([0x00, 0xFF, 0xF8, 0x07, 0x1F, 0xE0, 0x3C])
    frame = Frame(identifier, bytes(draw(st.lists(byte, max_size=8))), extended)
    frame.remote = draw(st.booleans())
    return frame
