"""Error frames in words: vectors made by hand from linux/can/error.h."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.bus.can_error import decode_error
from hil.bus.frame import ErrorFrame, Frame, error_class


@pytest.mark.parametrize(
    ("identifier", "data", "text"),
    [
        (0x001, "", "transmission timed out"),
        (0x002, "0d", "lost arbitration at bit 13"),
        (0x002, "", "lost arbitration"),
        (0x004, "0001", "controller: its receive buffer overflowed"),
        (0x004, "0030", "controller: error-passive by receive errors and error-passive by transmit errors"),
        (0x004, "", "controller: unspecified"),
        (0x008, "00000408", "stuff error in the CRC"),
        (0x008, "00008219", "form error in the acknowledge slot while sending"),
        (0x010, "0000000074", "transceiver: CAN-H has no wire and CAN-L is shorted to ground"),
        (0x020, "", "nobody acknowledged"),
        (0x040, "", "bus-off"),
        (0x080, "", "bus error"),
        (0x100, "", "restarted after bus-off"),
        (0x204, "0008000000006000", "controller: transmit errors at warning level, counters 96 transmit, "
                                    "0 receive"),
        (0x400, "", "unknown error 0x400"),
    ],
)  # fmt: skip
def test_words(identifier: int, data: str, text: str) -> None:
    assert decode_error(identifier, bytes.fromhex(data)).text == text


def test_numbers_and_states() -> None:
    error = decode_error(0x244, bytes.fromhex("00 20 00 00 00 00 ff 07"))
    assert (error.state, error.tec, error.rec) == ("bus-off", 255, 7)
    assert decode_error(0x100, b"").state == "error-active"
    assert decode_error(0x100, b"").restarted
    assert decode_error(0x004, b"\0\x10").state == "error-passive"
    assert decode_error(0x004, b"\0\x04").state == "error-warning"
    assert decode_error(0x004, b"\0\x40").state == "error-active"
    assert decode_error(0x004, b"\0\x01").rx_overflow
    assert decode_error(0x080, b"").state is None
    assert decode_error(0x080, b"\0" * 8).tec is None


def test_the_sim_bus_tells_errors_that_this_understands() -> None:
    wreck = ErrorFrame(Frame(0x100, bytes(8)), "ack", 100, 0x19)
    wreck.tec, wreck.bus_off = 128, False
    error = decode_error(*error_class(wreck))
    assert error.state == "error-passive"
    assert error.tec == 128
    assert "acknowledge slot" in error.text
    assert "nobody acknowledged" in error.text


@given(st.integers(0, 0xFFFFFFFF), st.binary(max_size=8))
def test_any_error_frame_is_told(identifier: int, data: bytes) -> None:
    assert decode_error(identifier, data).text


