"""Received frames: every good one is kept and heard, every bad one is rejected and counted."""

from dataclasses import replace
from pathlib import Path

import pytest

from hil.bus.frame import Frame
from hil.frames.database import load_database
from hil.frames.restbus import Entry
from hil.responses.signals import Reception, Signals

DATABASE = load_database([Path(__file__).parents[3] / "dbc" / "bms.dbc"])
PROTECTED = next(m for m in DATABASE.messages.values() if m.e2e and "BMS" in m.senders)


@pytest.fixture
def signals() -> Signals:
    return Signals(DATABASE, frozenset(["BMS"]))


@pytest.fixture
def reception(signals: Signals) -> Reception:
    return signals.receptions[PROTECTED.name]


def frame(data: bytes, t_ns: int = 1) -> Frame:
    made = Frame(PROTECTED.id, data, PROTECTED.extended, "bms")
    made.t_ns = t_ns
    return made


def test_good_frames_are_kept_with_their_time(signals: Signals, reception: Reception) -> None:
    entry = Entry(PROTECTED, {})
    heard = []
    reception.watchers.append(lambda frame, values: heard.append((frame.t_ns, values)))
    for t_ns in (5, 7):
        signals.on_frame(frame(bytes(entry.pack()), t_ns))
    assert [t_ns for t_ns, _ in reception.samples] == [5, 7]
    assert heard == list(reception.samples)
    assert reception.rejected == 0


@pytest.mark.parametrize("length", [0, 1, 7, 9, 16])
def test_frames_of_another_length_are_rejected(
    signals: Signals, reception: Reception, length: int
) -> None:
    signals.on_frame(frame(bytes(length)))
    assert reception.rejected == 1
    assert not reception.samples
    assert list(reception.arrivals_ns) == [1]


def test_frames_of_another_length_without_protection_are_rejected() -> None:
    bare = replace(PROTECTED, e2e=None)
    signals = Signals(replace(DATABASE, messages={bare.name: bare}), frozenset(["BMS"]))
    for length in (0, 7, 8, 9):
        signals.on_frame(frame(bytes(length)))
    assert signals.receptions[bare.name].rejected == 3
    assert len(signals.receptions[bare.name].samples) == 1


def test_wrong_and_old_frames_are_rejected(signals: Signals, reception: Reception) -> None:
    entry = Entry(PROTECTED, {})
    good = bytes(entry.pack())
    signals.on_frame(frame(good))
    signals.on_frame(frame(good))  # repeated
    signals.on_frame(frame(bytes([good[0] ^ 1]) + good[1:]))  # wrong checksum
    assert reception.rejected == 2
    entry.pack()
    signals.on_frame(frame(bytes(entry.pack())))  # one is missing: this one is still new
    assert len(reception.samples) == 2


def test_error_and_remote_frames_are_no_responses(signals: Signals, reception: Reception) -> None:
    for kind in ("error", "remote"):
        odd = frame(bytes(8))
        setattr(odd, kind, True)
        signals.on_frame(odd)
    assert not reception.arrivals_ns


def test_unknown_identifiers_are_counted(signals: Signals) -> None:
    for _ in range(3):
        signals.on_frame(Frame(0x7FF, b""))
    signals.on_frame(Frame(0x7FF, b"", extended=True))
    assert signals.unknown == {0x7FF: 3, 0x800007FF: 1}


def test_what_nobody_watched_is_heard_of_in_its_order_later(signals: Signals, reception: Reception) -> None:
    entry = Entry(PROTECTED, {})
    for t_ns in range(50):
        signals.on_frame(frame(bytes(entry.pack()), t_ns))
    heard: list[int] = []
    reception.watchers.append(lambda frame, _values: heard.append(frame.t_ns))
    signals.on_frame(frame(bytes(entry.pack()), 50))
    assert heard == [50]
    assert [t_ns for t_ns, _ in reception.samples] == list(reception.arrivals_ns) == list(range(51))
    assert reception.rejected == 0


def test_what_not_every_frame_says_is_looked_for_in_some(signals: Signals, reception: Reception) -> None:
    entry = Entry(PROTECTED, {})
    for t_ns in range(1, 6):
        signals.on_frame(frame(bytes(entry.pack()), t_ns))
    times = {id(values): t_ns for t_ns, values in reception.samples}

    def second(values: tuple[float | None, ...]) -> float | None:
        return 7.0 if times[id(values)] == 2 else None

    assert reception.last(second, 4) == (2, 7.0)
    assert reception.last(second, 3) is None
