"""The transport protocol: frames as captured, every timeout, and whatever a bad line does."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.clock import NS_PER_MS, NS_PER_S, VirtualClock
from hil.errors import FrameError
from hil.frames.j1939 import EVERYBODY, Abort, Parcel, identifier, parse
from hil.frames.transport import Settings, Transfer, Transport

CHARGER, BMS = 0x56, 0xF4
BRM, BCP, BCS = 0x0200, 0x0600, 0x1100
LATENCY_NS = NS_PER_MS

Wire = Callable[[int, bytes], list[tuple[int, int, bytes]]]  # (extra delay, identifier, data)


DEFAULT = Settings()


def perfect(ident: int, data: bytes) -> list[tuple[int, int, bytes]]:
    return [(0, ident, data)]


class Line:
    """Two addresses on a line that may drop, delay or add frames."""

    def __init__(self, wire: Wire = perfect, settings: Settings = DEFAULT) -> None:
        self.clock = VirtualClock()
        self.wire = wire
        self.frames: list[tuple[int, int, bytes]] = []  # ms, identifier, data
        self.got: dict[int, list[Parcel]] = {CHARGER: [], BMS: []}
        self.ends = {
            address: Transport(self.clock, address, self._emitter(address), got.append, settings)
            for address, got in self.got.items()
        }

    def _emitter(self, address: int) -> Callable[[int, bytes], None]:
        return lambda ident, data: self.emit(address, ident, data)

    def emit(self, sender: int, ident: int, data: bytes) -> None:
        self.frames.append((self.clock.now_ns // NS_PER_MS, ident, bytes(data)))
        for extra_ns, ident_, data_ in self.wire(ident, bytes(data)):
            self.later(LATENCY_NS + extra_ns, sender, ident_, data_)

    def later(self, delay_ns: int, sender: int, ident: int, data: bytes) -> None:
        timeout = self.clock.timeout(delay_ns)
        assert timeout.callbacks is not None

        def arrive(_event: Any) -> None:
            for address, end in self.ends.items():
                if address != sender:
                    end.hear(ident, data)

        timeout.callbacks.append(arrive)

    def inject(self, ident: int, text: str) -> None:
        """A frame of somebody who is not a transport of this line."""
        for end in self.ends.values():
            end.hear(ident, bytes.fromhex(text))

    def run(self, seconds: float) -> None:
        self.clock.run_until(self.clock.now_ns + round(seconds * NS_PER_S))

    def texts(self) -> list[str]:
        return [f"{ident:08X} {data.hex(' ').upper()}" for _, ident, data in self.frames]


class Alone(Line):
    """One end only: the test is the other."""

    def __init__(self, address: int, settings: Settings = DEFAULT) -> None:
        super().__init__(settings=settings)
        self.end = self.ends[address]
        self.ends = {address: self.end}

    def hears(self, ident: int, text: str) -> None:
        self.clock.run_until(self.clock.now_ns + 1)  # what begins at this instant has begun
        self.inject(ident, text)
        self.run(0.001)


CM_OUT, DT_OUT = 0x1CEC56F4, 0x1CEB56F4  # of the BMS
CM_IN, DT_IN = 0x1CECF456, 0x1CEBF456  # to the BMS


def test_identifiers_of_gb_t_27930() -> None:
    for ident, expected in (
        (0x1826F456, (6, 0x2600, BMS, CHARGER)),  # CHM
        (0x100956F4, (4, 0x0900, CHARGER, BMS)),  # BRO
        (0x081E56F4, (2, 0x1E00, CHARGER, BMS)),  # BEM
        (0x18FF50E5, (6, 0xFF50, EVERYBODY, 0xE5)),  # Elcon: PDU 2
    ):
        assert parse(ident) == expected
        priority, pgn, destination, source = expected
        assert identifier(priority, pgn, destination, source) == ident


@given(st.integers(0, (1 << 29) - 1))
def test_an_identifier_is_put_together_as_it_was(ident: int) -> None:
    assert identifier(*parse(ident)) == ident


def test_a_message_goes_as_on_a_real_bus() -> None:
    """The battery's parameters of a real car, 13 bytes; control frames as in the captures."""
    line = Line()
    data = bytes.fromhex("7201DA052A02A5107308 03C60E".replace(" ", ""))
    transfer = line.ends[BMS].send(BCP, data, CHARGER)
    line.run(1.0)
    assert line.texts() == [
        "1CEC56F4 10 0D 00 02 FF 00 06 00",
        "1CECF456 11 02 01 FF FF 00 06 00",
        "1CEB56F4 01 72 01 DA 05 2A 02 A5",
        "1CEB56F4 02 10 73 08 03 C6 0E FF",
        "1CECF456 13 0D 00 02 FF 00 06 00",
    ]
    assert line.got[CHARGER] == [Parcel(BCP, BMS, CHARGER, data)]
    assert transfer.arrived


def test_a_broadcast_keeps_50_ms_between_packets() -> None:
    line = Line()
    data = bytes(range(20))
    transfer = line.ends[BMS].send(0xFECA, data, EVERYBODY)
    line.run(1.0)
    assert line.texts()[0] == "1CECFFF4 20 14 00 03 FF CA FE 00"
    assert [ms for ms, *_ in line.frames] == [0, 50, 100, 150]
    assert {ident for _, ident, _ in line.frames[1:]} == {0x1CEBFFF4}
    assert line.got[CHARGER] == [Parcel(0xFECA, BMS, EVERYBODY, data)]
    assert transfer.arrived


@settings(max_examples=50, deadline=None)
@given(
    size=st.integers(9, 1785),
    window=st.integers(1, 255),
    seed=st.integers(0, 2**32),
    everybody=st.booleans(),
)
def test_whatever_is_sent_arrives(size: int, window: int, seed: int, everybody: bool) -> None:
    line = Line(settings=Settings(window=window))
    data = random.Random(seed).randbytes(size)
    transfer = line.ends[BMS].send(BRM, data, EVERYBODY if everybody else CHARGER)
    line.run(30.0)
    assert [parcel.data for parcel in line.got[CHARGER]] == [data]
    assert transfer.arrived
    assert all(end.idle for end in line.ends.values())


@settings(max_examples=150, deadline=None)
@given(
    size=st.integers(9, 120),
    window=st.integers(1, 20),
    fates=st.lists(st.sampled_from(["lost", "late", "twice", "good", "good", "good"]), max_size=60),
    everybody=st.booleans(),
)
def test_on_a_bad_line_a_message_arrives_whole_or_both_ends_give_up(
    size: int, window: int, fates: list[str], everybody: bool
) -> None:
    """Frames get lost, overtaken and doubled; afterwards the line is free for the next message."""
    left = list(fates)

    def wire(ident: int, data: bytes) -> list[tuple[int, int, bytes]]:
        fate = left.pop(0) if left else "good"
        sent = (15 * NS_PER_MS if fate == "late" else 0, ident, data)
        return {"lost": [], "twice": [sent, (3 * NS_PER_MS, ident, data)]}.get(fate, [sent])

    line = Line(wire, Settings(window=window))
    data = random.Random(size).randbytes(size)
    destination = EVERYBODY if everybody else CHARGER
    transfer = line.ends[BMS].send(BRM, data, destination)
    line.run(30.0)
    assert transfer.triggered
    assert all(end.idle for end in line.ends.values())
    assert all(parcel.data == data for parcel in line.got[CHARGER])
    if transfer.arrived and not everybody:
        assert line.got[CHARGER]
    left.clear()
    line.got[CHARGER].clear()
    again = line.ends[BMS].send(BCP, data[::-1], destination)
    line.run(30.0)
    assert again.arrived
    assert [parcel.data for parcel in line.got[CHARGER]] == [data[::-1]]


_CONTROL_BYTE = st.sampled_from([16, 17, 19, 32, 255, 0, 18, 20])
_GARBAGE = st.tuples(
    st.integers(0, 200),  # ms
    st.sampled_from([CM_OUT, DT_OUT, CM_IN, DT_IN, 0x1CECFFF4, 0x1CEBFFF4, 0x1CECFF01, 0x18FF50E5]),
    st.one_of(
        st.binary(max_size=8),
        st.builds(lambda kind, rest: bytes([kind]) + rest, _CONTROL_BYTE, st.binary(min_size=7, max_size=7)),
    ),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(_GARBAGE, max_size=30), st.integers(9, 100))
def test_garbage_neither_crashes_nor_blocks_it(garbage: list[tuple[int, int, bytes]], size: int) -> None:
    line = Line()
    line.ends[BMS].send(BRM, bytes(size), CHARGER)
    for ms, ident, data in sorted(garbage):
        line.run(max(0.0, ms / 1e3 - line.clock.now_ns / 1e9))
        line.inject(ident, data.hex())
    line.run(20.0)
    assert all(end.idle for end in line.ends.values())
    for parcel in (*line.got[CHARGER], *line.got[BMS]):
        assert 9 <= len(parcel.data) <= 1785
    line.got[CHARGER].clear()
    assert line.ends[BMS].send(BCP, bytes(range(size)), CHARGER) is not None
    line.run(10.0)
    assert [parcel.data for parcel in line.got[CHARGER]] == [bytes(range(size))]


def ended_ms(line: Line, transfer: Transfer, within_s: float = 10.0) -> int:
    transfer_ms: list[int] = []
    assert transfer.callbacks is not None
    transfer.callbacks.append(lambda _event: transfer_ms.append(line.clock.now_ns // NS_PER_MS))
    line.run(within_s)
    return transfer_ms[0]


def test_t3_no_answer_to_a_request() -> None:
    line = Alone(BMS)
    transfer = line.end.send(BRM, bytes(49), CHARGER)
    assert ended_ms(line, transfer) == 1250
    assert transfer.reason == "timeout"
    assert line.texts()[-1] == "1CEC56F4 FF 03 FF FF FF 00 02 00"


def test_t3_no_answer_to_the_last_packet() -> None:
    line = Alone(BMS)
    transfer = line.end.send(BCP, bytes(13), CHARGER)
    line.run(0.1)
    line.hears(CM_IN, "11 02 01 FF FF 00 06 00")  # at 100 ms: packets at 100 and 110
    assert ended_ms(line, transfer) == 110 + 1250


def test_t4_a_hold_is_not_for_ever() -> None:
    line = Alone(BMS)
    transfer = line.end.send(BCP, bytes(13), CHARGER)
    for _ in range(3):
        line.run(0.999)
        line.hears(CM_IN, "11 00 FF FF FF 00 06 00")
    assert not transfer.triggered
    assert ended_ms(line, transfer) == 2999 + 1050


def test_th_while_it_holds_it_says_so_every_500_ms() -> None:
    line = Line()
    line.ends[CHARGER].holding = True
    transfer = line.ends[BMS].send(BCP, bytes(13), CHARGER)
    line.run(3.2)
    holds = [ms for ms, _, data in line.frames if data[:2] == b"\x11\x00"]
    assert holds == [1 + 500 * n for n in range(7)]
    line.ends[CHARGER].holding = False
    line.run(1.0)
    assert transfer.arrived


def test_t2_nothing_comes_after_a_cts() -> None:
    line = Alone(CHARGER)
    line.hears(CM_OUT, "10 31 00 07 FF 00 02 00")
    line.run(3.0)
    assert [(ms, data[0]) for ms, _, data in line.frames] == [(0, 17), (1250, 255)]
    assert line.texts()[-1] == "1CECF456 FF 03 FF FF FF 00 02 00"
    assert line.end.failures == 1


def test_t1_a_missing_packet_is_asked_for_again() -> None:
    line = Alone(CHARGER)
    line.hears(CM_OUT, "10 0D 00 02 FF 00 06 00")
    line.hears(DT_OUT, "01 72 01 DA 05 2A 02 A5")
    line.run(0.8)
    assert line.frames[-1][0] == 1 + 750
    assert line.texts()[-1] == "1CECF456 11 01 02 FF FF 00 06 00"
    line.hears(DT_OUT, "02 10 73 08 03 C6 0E FF")
    assert line.texts()[-1].startswith("1CECF456 13 0D 00 02")
    assert line.got[CHARGER][0].data.hex() == "7201da052a02a510730803c60e"


def test_after_two_repetitions_it_gives_up() -> None:
    line = Alone(CHARGER)
    line.hears(CM_OUT, "10 15 00 03 FF 00 02 00")
    for _ in range(3):
        line.hears(DT_OUT, "03 00 00 00 00 00 00 00")  # the last one, but never the first
        line.run(0.05)
    assert [data[0] for _, _, data in line.frames] == [17, 17, 17, 255]
    assert line.frames[-1][2][1] == Abort.TOO_MANY_RETRANSMISSIONS


def test_who_asks_again_too_often_is_given_up() -> None:
    line = Alone(BMS)
    transfer = line.end.send(BCP, bytes(13), CHARGER)
    for _ in range(4):
        line.hears(CM_IN, "11 01 01 FF FF 00 06 00")
        line.run(0.1)
    assert transfer.reason == "too many retransmissions"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("11 03 01 FF FF 00 06 00", "bad sequence"),  # more than there are
        ("11 01 00 FF FF 00 06 00", "bad sequence"),
        ("FF 02 FF FF FF 00 06 00", "aborted by 56: resources"),
        ("FF 63 FF FF FF 00 06 00", "aborted by 56: reason 99"),
    ],
)
def test_an_answer_that_ends_it(answer: str, reason: str) -> None:
    line = Alone(BMS)
    transfer = line.end.send(BCP, bytes(13), CHARGER)
    line.hears(CM_IN, answer)
    line.run(0.1)
    assert transfer.reason == reason


@pytest.mark.parametrize(
    ("cts", "missing"),
    [
        ([], 1),  # nothing was asked for yet
        (["11 01 01"], 2),
        (["11 01 03", "11 01 01"], 2),  # the last one is not all
    ],
)
def test_an_end_before_all_packets_were_sent_is_no_arrival(cts: list[str], missing: int) -> None:
    line = Alone(BMS)
    transfer = line.end.send(BCP, bytes(20), CHARGER)
    for one in cts:
        line.hears(CM_IN, f"{one} FF FF 00 06 00")
        line.run(0.1)
    line.hears(CM_IN, "13 14 00 03 FF 00 06 00")
    line.run(2.0)
    assert not transfer.arrived
    assert transfer.reason == f"acknowledged without packet {missing} of 3"
    assert not any(data[0] == 255 for _, _, data in line.frames)  # for the receiver it is over


@pytest.mark.parametrize(
    ("end", "told"),
    [("13 13 00 03", "19 bytes in 3"), ("13 14 00 02", "20 bytes in 2"), ("13 14 01 03", "276 bytes in 3")],
)
def test_an_end_of_another_size_is_no_arrival(end: str, told: str) -> None:
    line = Alone(BMS)
    transfer = line.end.send(BCP, bytes(20), CHARGER)
    line.hears(CM_IN, "11 03 01 FF FF 00 06 00")
    line.run(0.1)
    line.hears(CM_IN, f"{end} FF 00 06 00")
    line.run(2.0)
    assert not transfer.arrived
    assert transfer.reason == f"acknowledged as {told}, sent as 20 bytes in 3 packets"


def test_an_end_in_the_middle_of_a_block_is_no_arrival() -> None:
    line = Alone(BMS)
    transfer = line.end.send(BRM, bytes(49), CHARGER)
    line.hears(CM_IN, "11 07 01 FF FF 00 02 00")
    line.run(0.025)
    line.hears(CM_IN, "13 31 00 07 FF 00 02 00")
    line.run(2.0)
    assert transfer.reason == "acknowledged without packet 4 of 7"


def test_an_end_after_repeated_packets_is_an_arrival() -> None:
    line = Alone(BMS)
    transfer = line.end.send(BCP, bytes(20), CHARGER)
    for cts in ("11 03 01", "11 01 02"):
        line.hears(CM_IN, f"{cts} FF FF 00 06 00")
        line.run(0.1)
    line.hears(CM_IN, "13 14 00 03 FF 00 06 00")
    line.run(0.1)
    assert transfer.arrived


def test_a_cts_in_the_middle_of_a_block_ends_it() -> None:
    line = Alone(BMS)
    transfer = line.end.send(BRM, bytes(49), CHARGER)
    line.hears(CM_IN, "11 07 01 FF FF 00 02 00")
    line.run(0.025)
    line.hears(CM_IN, "11 07 01 FF FF 00 02 00")
    line.run(0.1)
    assert transfer.reason == "cts while sending"
    assert len([1 for _, ident, _ in line.frames if ident == DT_OUT]) == 3


def test_an_abort_in_the_middle_of_a_block_is_heard() -> None:
    line = Alone(BMS)
    transfer = line.end.send(BRM, bytes(49), CHARGER)
    line.hears(CM_IN, "11 07 01 FF FF 00 02 00")
    line.run(0.025)
    line.hears(CM_IN, "FF 01 FF FF FF 00 02 00")
    line.run(0.1)
    assert transfer.reason == "aborted by 56: busy"


def test_what_is_of_another_message_is_not_heard() -> None:
    line = Alone(BMS)
    transfer = line.end.send(BCP, bytes(13), CHARGER)
    for text in ("11 02 01 FF FF 00 02 00", "FF 01 FF FF FF 00 02 00", "13 31 00 07 FF 00 02 00"):
        line.hears(CM_IN, text)
    line.run(0.1)
    assert not transfer.triggered
    assert len(line.frames) == 1


@pytest.mark.parametrize(
    "announcement",
    [
        "10 08 00 02 FF 00 02 00",  # fits into one frame
        "10 FA 06 FF FF 00 02 00",  # 1786 bytes
        "10 31 00 08 FF 00 02 00",  # 49 bytes are 7 packets
        "10 00 00 00 FF 00 02 00",
    ],
)
def test_a_request_that_does_not_add_up_is_refused(announcement: str) -> None:
    line = Alone(CHARGER)
    line.hears(CM_OUT, announcement)
    assert line.texts() == ["1CECF456 FF FA FF FF FF 00 02 00"]
    assert line.end.idle


def test_a_second_request_takes_the_place_of_the_first_without_an_abort() -> None:
    line = Alone(CHARGER)
    line.hears(CM_OUT, "10 0D 00 02 FF 00 06 00")
    line.hears(DT_OUT, "01 00 00 00 00 00 00 00")
    line.hears(CM_OUT, "10 0D 00 02 FF 00 06 00")
    line.hears(DT_OUT, "01 72 01 DA 05 2A 02 A5")
    line.hears(DT_OUT, "02 10 73 08 03 C6 0E FF")
    line.run(5.0)
    assert [data[0] for _, _, data in line.frames] == [17, 17, 19]
    assert [parcel.data.hex() for parcel in line.got[CHARGER]] == ["7201da052a02a510730803c60e"]


def test_the_requests_limit_of_packets_at_once_is_kept() -> None:
    line = Alone(CHARGER)
    line.hears(CM_OUT, "10 31 00 07 02 00 02 00")
    assert line.texts() == ["1CECF456 11 02 01 FF FF 00 02 00"]


@pytest.mark.parametrize("second", ["03 00 00 00 00 00 00 00", None])
def test_a_broadcast_with_a_gap_is_given_up_in_silence(second: str | None) -> None:
    line = Alone(CHARGER)
    line.hears(0x1CECFFF4, "20 14 00 03 FF CA FE 00")
    line.hears(0x1CEBFFF4, "01 00 00 00 00 00 00 00")
    if second is not None:
        line.hears(0x1CEBFFF4, second)
    line.run(0.76)
    assert line.end.idle
    assert line.end.failures == 1
    assert line.frames == []


def test_messages_to_one_peer_go_one_after_the_other_and_the_newest_counts() -> None:
    line = Line()
    sent = [line.ends[BMS].send(BCS, bytes([n] * 9), CHARGER) for n in range(4)]
    other = line.ends[BMS].send(BRM, bytes(49), CHARGER)
    line.run(1.0)
    assert [parcel.data[0] for parcel in line.got[CHARGER]] == [0, 3, 0]
    assert [transfer.reason for transfer in sent] == ["", *["replaced by a newer one"] * 2, ""]
    assert other.arrived


def test_both_ends_may_send_at_once() -> None:
    line = Line()
    line.ends[BMS].send(BRM, bytes(49), CHARGER)
    line.ends[CHARGER].send(0x2000, bytes(30), BMS)
    line.run(1.0)
    assert [len(line.got[address]) for address in (CHARGER, BMS)] == [1, 1]


def test_after_a_reset_nothing_of_before_goes_on() -> None:
    line = Line()
    transfers = [line.ends[BMS].send(BRM, bytes(49), d) for d in (CHARGER, EVERYBODY)]
    line.run(0.015)
    for end in line.ends.values():
        end.reset()
    count = len(line.frames)
    line.run(5.0)
    assert len(line.frames) == count
    assert [transfer.reason for transfer in transfers] == ["given up", "given up"]
    line.ends[BMS].send(BRM, bytes(49), CHARGER)
    line.run(1.0)
    assert len(line.got[CHARGER]) == 1


@pytest.mark.parametrize("size", [0, 8, 1786])
def test_sizes_that_need_another_way_are_refused(size: int) -> None:
    with pytest.raises(FrameError, match="9 to 1785"):
        Line().ends[BMS].send(BRM, bytes(size), CHARGER)


def test_a_different_pace_is_kept() -> None:
    line = Line(settings=replace(Settings(), gap_ns=50 * NS_PER_MS, priority=6))
    line.ends[BMS].send(BCP, bytes(13), CHARGER)
    line.run(1.0)
    packets = [(ms, ident) for ms, ident, _ in line.frames if ident & 0xFF0000 == 0xEB0000]
    assert packets == [(2, 0x18EB56F4), (52, 0x18EB56F4)]
