"""The slcan protocol's lines: any bytes in any pieces, and good lines are found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.bus.can_error import decode_error
from hil.bus.frame import FD_LENGTHS, FdFrame, Frame
from hil.bus.slcan_lines import Splitter, format_frame, parse_frame, parse_trouble, torn_tail


def remote(frame: Frame) -> Frame:
    frame.remote = True
    return frame


frames = st.one_of(
    st.builds(Frame, st.integers(0, 0x7FF), st.binary(max_size=8)),
    st.builds(Frame, st.integers(0, 0x1FFFFFFF), st.binary(max_size=8), st.just(True)),
    st.builds(remote, st.builds(Frame, st.integers(0, 0x7FF), st.integers(0, 8).map(bytes))),
    st.builds(
        FdFrame, st.integers(0, 0x1FFFFFFF), st.sampled_from(FD_LENGTHS).map(bytes), st.just(True),
        fast=st.booleans(),
    ),
)  # fmt: skip


def same(a: Frame, b: Frame) -> bool:
    names = ("id", "data", "extended", "remote", "error")
    return type(a) is type(b) and all(getattr(a, name) == getattr(b, name) for name in names)


@pytest.mark.parametrize(
    ("line", "identifier", "data", "extended", "stamp"),
    [
        (b"t10021133", 0x100, "1133", False, -1),
        (b"t7FF0", 0x7FF, "", False, -1),
        (b"T0000000080011223344556677", 0, "0011223344556677", True, -1),
        (b"T18FF50e51aaEA5F", 0x18FF50E5, "aa", True, 59_999),
        (b"t1001550000", 0x100, "55", False, 0),
    ],
)
def test_good_lines(line: bytes, identifier: int, data: str, extended: bool, stamp: int) -> None:
    parsed = parse_frame(line)
    assert parsed is not None
    frame, found = parsed
    assert (frame.id, frame.data.hex(), frame.extended, found) == (identifier, data, extended, stamp)


@pytest.mark.parametrize(
    "line",
    [
        b"", b"t", b"t1008", b"t100811223344556", b"t1009112233445566778899", b"t8000", b"tFFF0",
        b"T200000000", b"t10G0", b"t1001G0", b"t+100", b"t1_00", b"t 100", b"t10021 33", b"\xff1000",
        b"t10001", b"t1000EA60", b"t1000FFFF", b"t100011", b"r100211", b"z", b"x1000", b"tt1000",
    ],
)  # fmt: skip
def test_bad_lines(line: bytes) -> None:
    assert parse_frame(line) is None


def test_a_stamp_where_none_or_none_where_one_should_be() -> None:
    assert parse_frame(b"t10011100FF", stamped=False) is None
    assert parse_frame(b"t100111", stamped=True) is None
    assert parse_frame(b"t10011100FF", stamped=True) is not None


def test_formats() -> None:
    assert format_frame(Frame(0x12, b"\xab")) == b"t0121AB\r"
    assert format_frame(Frame(0x12, b"", extended=True)) == b"T000000120\r"
    assert format_frame(remote(Frame(0x12, bytes(8)))) == b"r0128\r"
    assert format_frame(FdFrame(0x12, bytes(12))) == b"b0129" + b"00" * 12 + b"\r"
    assert format_frame(FdFrame(0x12, b"", fast=False)) == b"d0120\r"
    for frame in (Frame(0x800, b""), Frame(1, bytes(9)), FdFrame(1, bytes(9)), Frame(-1, b"")):
        with pytest.raises(ValueError, match=r"fit|length"):
            format_frame(frame)


@given(frames)
def test_there_and_back(frame: Frame) -> None:
    parsed = parse_frame(format_frame(frame)[:-1], stamped=False)
    assert parsed is not None
    assert same(parsed[0], frame)


@given(st.binary(max_size=300))
def test_anything_is_a_frame_or_nothing(line: bytes) -> None:
    for stamped in (True, False, None):
        parse_frame(line, stamped)
    parse_trouble(line)
    torn_tail(line)


@given(st.lists(st.one_of(frames.map(format_frame), st.binary(max_size=400)), max_size=8), st.data())
def test_pieces_make_no_difference(parts: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(parts)
    whole, pieces = Splitter(), Splitter()
    expected = whole.feed(stream)
    found = []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        found += pieces.feed(stream[:size])
        stream = stream[size:]
    assert found == expected
    assert pieces.torn == whole.torn


@given(st.lists(st.tuples(st.binary(max_size=400), frames), min_size=1, max_size=5))
def test_good_lines_are_found_behind_garbage(parts: list[tuple[bytes, Frame]]) -> None:
    splitter = Splitter()
    lines = [
        line
        for garbage, frame in parts
        for line, _ in splitter.feed(garbage + b"\r" + format_frame(frame))
    ]
    found = [parsed[0] for parsed in map(parse_frame, lines) if parsed is not None]
    wanted = [frame for _, frame in parts]
    for frame in found:
        if wanted and same(frame, wanted[0]):
            wanted.pop(0)
    assert wanted == []


def test_a_line_without_end_is_thrown_away() -> None:
    splitter = Splitter()
    for _ in range(1_000):
        assert splitter.feed(b"t123" * 100) == []
    assert splitter.torn == 1
    assert splitter.feed(b"tail\rt1000\r") == [(b"t1000", False)]
    assert splitter.feed(bytes(149) + b"\rz\r") == [(b"z", False)]
    assert splitter.torn == 2


def test_a_frame_behind_a_torn_one() -> None:
    assert torn_tail(b"t1238112233t10021133") == b"t10021133"
    assert torn_tail(b"T18FF\xff\x00T18FF50E50") == b"T18FF50E50"
    assert torn_tail(b"t1238112233") is None
    assert torn_tail(b"") is None


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"F00", None),
        (b"F80", "bus error"),
        (b"F24", "controller: error-passive by transmit errors"),
        (b"F04", "controller: transmit errors at warning level"),
        (b"F09", "controller: its receive buffer overflowed"),
        (b"sb256256", "bus-off, counters 255 transmit, 255 receive"),
        (b"sa000012", "controller: error-active again, counters 12 transmit, 0 receive"),
        (b"sp128003", "controller: error-passive by receive errors, counters 3 transmit, 128 receive"),
        (b"e1a", "protocol error in the acknowledge slot, nobody acknowledged"),
        (b"e2bc", "bit error and dominant bit not sent in the CRC"),
        (b"e1O", "protocol error, controller: its transmit buffer overflowed"),
    ],
)
def test_trouble(line: bytes, words: str | None) -> None:
    frame = parse_trouble(line)
    assert frame is not None
    assert frame.error
    if words is None:
        assert frame.id == 0
    else:
        assert decode_error(frame.id, frame.data).text == words


@pytest.mark.parametrize(
    "line", [b"", b"F", b"F0", b"F0G", b"F000", b"sx000000", b"sa00000", b"e2a", b"e1x", b"e0"]
)
def test_no_trouble(line: bytes) -> None:
    assert parse_trouble(line) is None
