"""CAN FD on the virtual wire: lengths at two rates, arbitration with classic frames, errors, refusal."""

from __future__ import annotations

from itertools import pairwise

import can
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.bus.field import ACK_SLOT, field_at
from hil.bus.frame import FAST, FD, FD_LENGTHS, ErrorFrame, FdFrame, Frame
from hil.bus.medium import ERROR_BITS, Medium
from hil.bus.wire_time import FD_TAIL_BITS, fd_frame_bits, fd_stuffed_bits, frame_bits, wire_s
from hil.clock import NS_PER_S, VirtualClock
from hil.errors import BusError
from tests.hil.bus.oracle import fields

SLOW, FAST_RATE = 500_000, 2_000_000


@st.composite
def fd_frames(draw: st.DrawFn) -> FdFrame:
    """Any CAN FD frame, with a liking for long runs of equal bits."""
    extended = draw(st.booleans())
    identifier = draw(st.integers(0, (1 << (29 if extended else 11)) - 1))
    byte = st.integers(0, 255) | st.sampled_from([0x00, 0xFF, 0xF8, 0x07, 0x1F, 0xE0])
    length = draw(st.sampled_from(FD_LENGTHS))
    data = bytes(draw(st.lists(byte, min_size=length, max_size=length)))
    return FdFrame(identifier, data, extended, fast=draw(st.booleans()))


def oracle(frame: FdFrame) -> tuple[int, int]:
    """Bits before and after the switch of rates, counted as ISO 11898-1 reads."""
    head = fields(Frame(frame.id, b"", frame.extended))[: -3 if frame.extended else -2]
    code = FD_LENGTHS.index(len(frame.data))
    slow = [(v >> k & 1) for _, v, w in head for k in reversed(range(w))] + [1, 0, int(frame.fast)]
    fast = [0] + [code >> k & 1 for k in reversed(range(4))]
    fast += [byte >> k & 1 for byte in frame.data for k in reversed(range(8))]
    stuffed, last, run = [0, 0], None, 0
    for place, bit in enumerate(slow + fast):
        run = run + 1 if bit == last else 1
        last = bit
        if run == 5:
            if place < len(slow + fast) - 1:  # else the fixed stuff bit comes here
                stuffed[place >= len(slow)] += 1
            last, run = 1 - bit, 1
    checksum, fixed = (25, 7) if len(frame.data) > 16 else (21, 6)
    return len(slow) + stuffed[0], len(fast) + stuffed[1] + checksum + fixed + 1


@pytest.mark.parametrize(("length", "microseconds"), [(8, 111.0), (64, 345.5)])
def test_known_times_at_500k_and_2m(length: int, microseconds: float) -> None:
    frame = FdFrame(0x123, bytes(range(length)))
    assert wire_s(frame, SLOW, FAST_RATE) * 1e6 == pytest.approx(microseconds)


@settings(max_examples=300, deadline=None)
@given(frame=fd_frames())
def test_any_frame_is_as_long_as_its_bits(frame: FdFrame) -> None:
    slow, fast = fd_frame_bits(frame.id, frame.extended, frame.data, frame.fast)
    assert (slow, fast) == oracle(frame)
    bits, length = slow + fast + FD_TAIL_BITS, len(frame.data)
    shortest = (62 if length <= 16 else 67) + 8 * length + (19 if frame.extended else 0)
    stuffable = (41 if frame.extended else 22) + 8 * length
    assert shortest <= bits <= shortest + (stuffable - 1) // 4
    stuffed = fd_stuffed_bits(frame)
    assert slow + fast - 1 == len(stuffed) + sum(stuffed)


@settings(max_examples=30, deadline=None)
@given(frame=fd_frames())
def test_fields_come_in_the_order_of_the_wire(frame: FdFrame) -> None:
    slow, fast = fd_frame_bits(frame.id, frame.extended, frame.data, frame.fast)
    codes = [field_at(frame, bit) for bit in range(slow + fast + 2)]
    assert codes[0] == 0x03
    assert codes[slow - 1] == 0x09  # bit rate switch
    assert codes[-3] == 0x18  # CRC delimiter
    assert codes[-2] == ACK_SLOT
    assert codes.count(0x08) == (32 if len(frame.data) > 16 else 27) - 1  # the first fixed bit is the data's


@pytest.mark.parametrize("length", [9, 13, 63, 65])
def test_lengths_that_do_not_exist(length: int) -> None:
    with pytest.raises(ValueError, match=f"{length} data bytes are none of CAN FD's lengths"):
        fd_frame_bits(1, False, bytes(length), True)


def fd_wire() -> tuple[VirtualClock, Medium, list[Frame]]:
    clock, heard = VirtualClock(), list[Frame]()
    medium = Medium(clock, "wire", SLOW, data_bitrate=FAST_RATE)
    medium.attach("listener", heard.append)
    return clock, medium, heard


def test_classic_and_fd_frames_share_a_wire() -> None:
    clock, medium, heard = fd_wire()
    a, b = medium.attach("a"), medium.attach("b")
    a.send(0x200, bytes(64), False, FD | FAST)
    b.send(0x100, bytes(8))
    b.send(0x300, bytes(64), False, FD)
    clock.run_until(NS_PER_S)
    assert [frame.id for frame in heard] == [0x100, 0x200, 0x300]
    spans = [(frame.t_ns - frame.start_ns) / 1e9 for frame in heard]
    intermission = 3 / SLOW
    whole = [wire_s(frame, SLOW, FAST_RATE) for frame in heard]
    assert spans == pytest.approx([s - intermission for s in whole], abs=1e-9)
    assert whole[0] == frame_bits(0x100, False, bytes(8)) / SLOW
    assert whole[2] > 2 * whole[1]  # without the switch of rates
    for first, second in pairwise(heard):
        assert second.start_ns - first.t_ns == pytest.approx(intermission * 1e9, abs=2)
    assert medium.busy_bits == pytest.approx(sum(whole) * SLOW, abs=1)
    assert medium.load(0, 0) == pytest.approx(sum(whole), rel=1e-3)


def test_a_destroyed_fd_frame_is_sent_again() -> None:
    clock, medium, heard = fd_wire()
    node = medium.attach("a")
    medium.disturb()
    frame = node.send(0x123, bytes(range(64)), False, FD | FAST)
    clock.run_until(NS_PER_S)
    wreck, again = heard
    assert isinstance(wreck, ErrorFrame)
    assert wreck.field == field_at(frame, wreck.bit)
    slow, _ = fd_frame_bits(0x123, False, frame.data, True)
    struck = wreck.bit + 1
    bits = min(struck, slow) + max(0, struck - slow) * SLOW / FAST_RATE + ERROR_BITS
    assert wreck.t_ns - wreck.start_ns == pytest.approx(bits / SLOW * 1e9, abs=1)
    assert again is frame


def test_a_classic_wire_refuses_fd_frames() -> None:
    medium = Medium(VirtualClock(), "wire")
    node = medium.attach("a")
    with pytest.raises(BusError, match="CAN FD frames do not run on a classic CAN bus"):
        node.send(1, bytes(12), False, FD)


def test_rates_must_fit() -> None:
    with pytest.raises(BusError, match="data bit rate 1200000 is no whole multiple of 500000"):
        Medium(VirtualClock(), "wire", SLOW, data_bitrate=1_200_000)


def test_fd_through_python_can() -> None:
    rates = {"bitrate": SLOW, "data_bitrate": FAST_RATE, "fd": True}
    with (
        can.Bus(interface="sim", channel="fd wire", **rates) as a,
        can.Bus(interface="sim", channel="fd wire", fd=True) as b,
    ):
        a.send(can.Message(arbitration_id=0x123, data=range(48), is_fd=True, bitrate_switch=True))
        got = b.recv(1)
    assert got is not None
    assert (got.is_fd, got.bitrate_switch, got.dlc, bytes(got.data)) == (True, True, 48, bytes(range(48)))
