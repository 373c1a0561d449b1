"""Saved states: bit by bit, and not taken for what they are not."""

import struct
from math import nan

import pytest

from twins.frozen import freeze, thaw

STATE = {"a": {"block": b"\x00\x01" * 5, "empty": b""}, "b": [1, None, 0.1 + 0.2, "text"], "big": 2**127}


def test_what_comes_back_is_what_went_in() -> None:
    assert thaw(freeze(STATE)) == STATE


def test_numbers_keep_their_bits() -> None:
    odd = struct.pack("<4d", nan, -0.0, 5e-324, float("inf"))
    assert thaw(freeze({"x": odd}))["x"] == odd
    assert repr(thaw(freeze({"x": [-0.0, 1e-310]}))["x"]) == "[-0.0, 1e-310]"


@pytest.mark.parametrize("length", [0, 3, 10, 40, -1])
def test_bytes_that_are_cut_off(length: int) -> None:
    with pytest.raises(ValueError, match=r"cut off|not the bytes"):
        thaw(freeze(STATE)[:length])


def test_bytes_of_something_else() -> None:
    with pytest.raises(ValueError, match="not the bytes of a saved state"):
        thaw(b"{}" * 50)
    other = bytearray(freeze(STATE))
    other[4] ^= 0xFF
    with pytest.raises(ValueError, match="version"):
        thaw(bytes(other))


def test_what_is_no_state_is_not_frozen() -> None:
    with pytest.raises(TypeError, match="a state cannot hold set"):
        freeze({"x": {1, 2}})
