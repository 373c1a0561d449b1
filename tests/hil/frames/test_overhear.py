"""Long messages put together from what is on the bus: whole as sent, or broken off with a reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.clock import NS_PER_MS, NS_PER_S, VirtualClock
from hil.frames.j1939 import EVERYBODY, Parcel
from hil.frames.overhear import Overhearer
from hil.frames.transport import Transport

BMS, VCU, PGN = 0xF3, 0x27, 0xFECA
MS = NS_PER_MS
ALL_CM, ALL_DT = "1CECFFF3", "1CEBFFF3"
TO_CM, TO_DT, BACK_CM = "1CEC27F3", "1CEB27F3", "1CECF327"
BAM = f"{ALL_CM}#200A0002FFCAFE00"  # 10 bytes in 2 packets
RTS = f"{TO_CM}#10140003FFCAFE00"  # 20 bytes in 3 packets


def hear(*lines: str, gap_ms: int = 50, hearer: Overhearer | None = None) -> tuple[list[Parcel], list[str]]:
    """What came whole, and why the others did not; a number among the lines is a pause in ms."""
    hearer = hearer or Overhearer()
    parcels, t_ns = [], 0
    for line in lines:
        if line.isdigit():
            t_ns += int(line) * MS
            continue
        ident, data = line.split("#")
        t_ns += gap_ms * MS
        parcel = hearer.hear(int(ident, 16), bytes.fromhex(data), t_ns)
        if parcel is not None:
            parcels.append(parcel)
    hearer.settle(t_ns)
    return parcels, [broken.reason for broken in hearer.broken]


def test_two_trouble_codes_to_everybody() -> None:
    """Byte for byte as the protocol says: size and packets, PGN with its low byte first, FF at the end."""
    parcels, broken = hear(BAM, f"{ALL_DT}#0104FF5B0003056E", f"{ALL_DT}#02001F01FFFFFFFF")
    assert parcels == [Parcel(PGN, BMS, EVERYBODY, bytes.fromhex("04FF5B0003056E001F01"))]
    assert parcels[0].t_ns == 150 * MS
    assert broken == []


def test_to_one_receiver_a_packet_may_come_again() -> None:
    packets = [f"{TO_DT}#0{number}{'11' * 7}" for number in (1, 2, 2, 3)]
    parcels, broken = hear(RTS, f"{BACK_CM}#110301FFFFCAFE00", *packets, f"{BACK_CM}#13140003FFCAFE00")
    assert parcels == [Parcel(PGN, BMS, VCU, b"\x11" * 20)]
    assert broken == []


@given(st.binary(min_size=9, max_size=1785), st.booleans())
def test_what_is_sent_is_what_is_overheard(data: bytes, to_all: bool) -> None:
    clock, hearer = VirtualClock(), Overhearer()
    found: list[Parcel] = []

    def emit(ident: int, frame: bytes) -> None:
        parcel = hearer.hear(ident, frame, clock.now_ns)
        if parcel is not None:
            found.append(parcel)
        for end in (bms, vcu):
            end.hear(ident, frame)

    bms = Transport(clock, BMS, emit, lambda _: None)
    vcu = Transport(clock, VCU, emit, lambda _: None)
    destination = EVERYBODY if to_all else VCU
    bms.send(PGN, data, destination)
    clock.run_until(20 * NS_PER_S)
    assert found == [Parcel(PGN, BMS, destination, data)]
    assert not hearer.broken


FIRST, SECOND, THIRD = (f"{ALL_DT}#0{number}00000000000000" for number in (1, 2, 3))
LONG = f"{ALL_CM}#20140003FFCAFE00"


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ((LONG, FIRST, THIRD), "packet 3 came where 2 of 3 was due"),
        ((LONG, FIRST, FIRST), "packet 1 came where 2 of 3 was due"),
        ((LONG, FIRST, "701", SECOND), "packet 2 of 3 did not come within 750 ms"),
        ((LONG, FIRST, LONG), "another one began before packet 2 of 3"),
        ((f"{ALL_CM}#20140002FFCAFE00",), "announced with 20 bytes in 2 packets"),
        ((f"{ALL_CM}#20080002FFCAFE00",), "announced with 8 bytes in 2 packets"),
        ((RTS, "1251", f"{TO_DT}#0100000000000000"), "packet 1 of 3 did not come within 1250 ms"),
        ((RTS, f"{BACK_CM}#FF02FFFFFFCAFE00"), "aborted by 0x27: resources"),
        ((RTS, f"{TO_CM}#FF03FFFFFFCAFE00"), "aborted by 0xF3: timeout"),
        ((RTS, f"{TO_DT}#0400000000000000"), "packet 4 of 3 came"),
        ((RTS, f"{BACK_CM}#13140003FFCAFE00"), "acknowledged without packet 1 of 3"),
    ],
)
def test_why_a_message_breaks_off(lines: tuple[str, ...], reason: str) -> None:
    parcels, broken = hear(*lines)
    assert parcels == []
    assert broken[0] == reason


def test_a_silence_is_told_without_another_frame() -> None:
    hearer = Overhearer()
    hear(LONG, FIRST, hearer=hearer)
    hearer.settle(850 * MS)
    assert not hearer.broken
    hearer.settle(850 * MS + 1)
    assert [(one.t_ns, one.source) for one in hearer.broken] == [(850 * MS, BMS)]


def test_to_hold_the_line_is_no_silence() -> None:
    hold = f"{BACK_CM}#1100FFFFFFCAFE00"
    packets = [f"{TO_DT}#0{number}{'11' * 7}" for number in (1, 2, 3)]
    parcels, broken = hear(RTS, "1000", hold, "1000", hold, "1000", *packets)
    assert len(parcels) == 1
    assert broken == []


@given(st.lists(st.tuples(st.sampled_from((ALL_CM, ALL_DT, TO_CM, TO_DT, BACK_CM)), st.binary(max_size=8))))
def test_whatever_is_on_the_bus_breaks_nothing(frames: list[tuple[str, bytes]]) -> None:
    hearer = Overhearer()
    for t_ms, (ident, data) in enumerate(frames):
        hearer.hear(int(ident, 16), data, t_ms * MS)
    assert len(hearer.broken) <= len(frames)
