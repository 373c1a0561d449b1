"""Frames and messages survive the way through a stream of bytes, however it is cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.bus.frame import FdFrame, Frame
from hil.bus.link import OWN
from hil.errors import BusError, FirmwareError, HilError, RigTroubleError, UsageError
from hil.host.protocol import (
    FRAMES,
    JSON,
    ProtocolError,
    Reader,
    error_from_json,
    error_to_json,
    pack_frame,
    pack_frames,
    pack_json,
    read_json,
    unpack_frames,
)


def _facts(frame: Frame) -> tuple[object, ...]:
    fast = frame.fast if isinstance(frame, FdFrame) else None
    kind = (frame.extended, frame.error, frame.remote, frame.sender == OWN, type(frame), fast)
    return (frame.id, frame.data, frame.t_ns, frame.start_ns, *kind)


@st.composite
def frames(draw: st.DrawFn) -> Frame:
    extended = draw(st.booleans())
    identifier = draw(st.integers(0, 0x1FFFFFFF if extended else 0x7FF))
    sender = draw(st.sampled_from(["", OWN]))
    if draw(st.booleans()):
        data = draw(st.binary(max_size=64))
        frame: Frame = FdFrame(identifier, data, extended, sender, draw(st.booleans()))
    else:
        frame = Frame(identifier, draw(st.binary(max_size=8)), extended, sender)
        frame.error, frame.remote = draw(st.booleans()), draw(st.booleans())
    frame.t_ns = draw(st.integers(1, 10**18))
    frame.start_ns = frame.t_ns - draw(st.integers(0, 10**7))
    return frame


@given(st.lists(st.tuples(st.integers(0, 255), frames()), max_size=20), st.integers(0, 10**18))
def test_frames_come_as_they_went(given_frames: list[tuple[int, Frame]], mark_ns: int) -> None:
    packed = b"".join(pack_frame(frame, bus) for bus, frame in given_frames)
    ((kind, content),) = Reader().feed(pack_frames(mark_ns, packed))
    mark, found = unpack_frames(content)
    assert (kind, mark) == (FRAMES, mark_ns)
    assert [(bus, _facts(frame)) for bus, frame in found] == [(bus, _facts(f)) for bus, f in given_frames]


@given(cuts=st.lists(st.integers(1, 40), min_size=1), texts=st.lists(st.text(), max_size=6))
def test_messages_survive_any_cutting(cuts: list[int], texts: list[str]) -> None:
    stream = b"".join(pack_json({"do": text}) for text in texts) + pack_frames(5, b"")
    reader, found, place, number = Reader(), [], 0, 0
    while place < len(stream):
        size = cuts[number % len(cuts)]
        found += reader.feed(stream[place : place + size])
        place, number = place + size, number + 1
    assert [read_json(content)["do"] for kind, content in found if kind == JSON] == texts
    assert found[-1][0] == FRAMES


@given(junk=st.binary(max_size=200))
def test_junk_is_refused_or_waited_for(junk: bytes) -> None:
    reader = Reader(longest=1000)
    try:
        for kind, content in reader.feed(junk):
            read_json(content) if kind == JSON else unpack_frames(content)
    except ProtocolError:
        pass


def test_a_frame_that_is_cut_off_is_refused() -> None:
    content = pack_frames(1, pack_frame(Frame(1, b"12345678"), 0))[5:]
    for length in range(9, len(content)):
        with pytest.raises(ProtocolError):
            unpack_frames(content[:length])


@pytest.mark.parametrize(
    "error",
    [
        UsageError("a reason", place="here", key="a.key", remedy="do this"),
        FirmwareError("crashed", place="bms"),
        BusError("is down"),
    ],
)
def test_errors_come_as_they_went(error: HilError) -> None:
    found = error_from_json(error_to_json(error))
    assert (type(found), str(found)) == (type(error), str(error))


@pytest.mark.parametrize("kind", ["NoSuchError", "annotations", "RigFileErrors", "Sequence"])
def test_an_unknown_error_is_the_rigs_trouble(kind: str) -> None:
    found = error_from_json({"kind": kind, "reason": "why"})
    assert isinstance(found, RigTroubleError)
    assert "why" in str(found)
