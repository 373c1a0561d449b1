"""Trouble codes as J1939-73 puts them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.errors import FrameError
from hil.frames.trouble_codes import Code, codes_in, decoder

CODES = st.tuples(st.integers(1, 0x7FFFE), st.integers(0, 31))


def entry(spn: int, fmi: int, occurrences: int = 1) -> bytes:
    return bytes((spn & 0xFF, spn >> 8 & 0xFF, spn >> 16 << 5 | fmi, occurrences))


def test_a_known_code() -> None:
    """SPN 91, the accelerator pedal, voltage above normal, five times."""
    assert list(codes_in(bytes.fromhex("04FF5B000305FFFF"))) == [(91, 3)]
    assert list(codes_in(bytes.fromhex("04FF5B0003050000"))) == [(91, 3)]


def test_an_spn_of_19_bits() -> None:
    assert entry(520192, 31) == bytes.fromhex("00F0FF01")
    assert list(codes_in(bytes.fromhex("04FF00F0FF01FFFF"))) == [(520192, 31)]


def test_no_code_is_one_of_zeros() -> None:
    assert list(codes_in(bytes.fromhex("00FF00000000FFFF"))) == []


@given(st.lists(CODES, min_size=1, max_size=445))
def test_any_number_of_codes(codes: list[tuple[int, int]]) -> None:
    data = b"\x04\xff" + b"".join(entry(*code) for code in codes)
    assert list(codes_in(data.ljust(8, b"\xff"))) == codes


@pytest.mark.parametrize("text", ["", "04FF", "04FF5B0003", "04FF5B0003055B00"])
def test_a_code_that_is_cut_off(text: str) -> None:
    with pytest.raises(FrameError, match=r"hold no trouble code|cut off"):
        list(codes_in(bytes.fromhex(text)))


def test_a_signal_for_each_code_after_those_of_the_file() -> None:
    decode = decoder("DM1", 3, lambda data: (float(data[0]),), (Code(91, 3), Code(91), Code(91, 4), Code(7)))
    two = b"\x04\xff" + entry(91, 3) + entry(8, 3)
    assert decode(two) == (4.0, 2.0, 1.0, 1.0, 0.0, 0.0)
    with pytest.raises(FrameError, match="DM1"):
        decode(b"\x04")
