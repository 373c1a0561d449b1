"""Frame lengths: known ones, cross-checked with can-utils, and any against a bit-by-bit oracle."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.bus.arbitration import arbitration_key
from hil.bus.field import ACK_SLOT, field_at
from hil.bus.frame import Frame
from hil.bus.wire_time import frame_bits, stuffed_bits
from tests.hil.bus.oracle import frames, winner, wire_bits


@pytest.mark.parametrize(
    ("identifier", "extended", "data", "bits"),
    [
        (0x123, False, "0000000000000000", 125),
        (0x000, False, "0000000000000000", 127),
        (0x7FF, False, "FFFFFFFFFFFFFFFF", 126),
        (0x555, False, "5555555555555555", 112),
        (0x100, False, "", 51),
        (0x000, False, "00CA22FF5566AADF", 118),
        (0x304, False, "3C3C3C3C3C3C3C3E", 131),
        (0x18FF50E5, True, "AAAAAAAAAAAAAAAA", 133),
        (0x00000000, True, "0000000000000000", 150),
        (0x020FF83C, True, "3C3C3C3C3C3C3C3C", 155),
    ],
)
def test_known_lengths(identifier: int, extended: bool, data: str, bits: int) -> None:
    assert frame_bits(identifier, extended, bytes.fromhex(data)) == bits
    assert len(wire_bits(Frame(identifier, bytes.fromhex(data), extended))) == bits


@settings(max_examples=400)
@given(frame=frames())
def test_any_frame_is_as_long_as_its_bits(frame: Frame) -> None:
    bits = frame_bits(frame.id, frame.extended, frame.data, frame.remote)
    assert bits == len(wire_bits(frame))
    data_bits = 0 if frame.remote else 8 * len(frame.data)
    shortest = (67 if frame.extended else 47) + data_bits
    stuffable = (54 if frame.extended else 34) + data_bits
    assert shortest <= bits <= shortest + (stuffable - 1) // 4  # Davis et al. 2007
    assert bits == shortest + sum(stuffed_bits(frame.id, frame.extended, frame.data, frame.remote))


@given(frame=frames())
def test_each_bit_is_of_its_field(frame: Frame) -> None:
    codes = [code for _, code in wire_bits(frame)]
    assert [field_at(frame, bit) for bit in range(len(codes))] == codes
    assert codes[-12] == ACK_SLOT


def arbitration_field(frame: Frame) -> tuple[int, bool, bool]:
    return frame.id, frame.extended, frame.remote


@settings(max_examples=300)
@given(contenders=st.lists(frames(), min_size=2, max_size=6, unique_by=arbitration_field))
def test_arbitration_is_won_bit_by_bit(contenders: list[Frame]) -> None:
    def key(frame: Frame) -> int:
        return arbitration_key(frame.id, frame.extended, frame.remote)

    best = winner(contenders)
    assert key(best) == min(map(key, contenders))


def test_standard_beats_extended_and_data_beats_remote() -> None:
    base = 0x123
    keys = [
        arbitration_key(base, False),
        arbitration_key(base, False, remote=True),
        arbitration_key(base << 18, True),
        arbitration_key(base << 18, True, remote=True),
        arbitration_key(base << 18 | 1, True),
        arbitration_key(base + 1, False),
    ]
    assert keys == sorted(set(keys))


@pytest.mark.parametrize(
    ("identifier", "extended", "data"),
    [(0x800, False, b""), (-1, False, b""), (1 << 29, True, b""), (0, False, bytes(9))],
)
def test_what_is_no_classic_frame(identifier: int, extended: bool, data: bytes) -> None:
    with pytest.raises(ValueError, match="fit into"):
        frame_bits(identifier, extended, data)
