"""Known lengths, counted bit by bit and cross-checked with can-utils."""

import pytest

from hil.bus.wire_time import frame_bits


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
