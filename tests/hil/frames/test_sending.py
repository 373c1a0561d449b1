"""Frames that go out on a change, and multiplexed groups: which, and when, to the nanosecond."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hil.bus.frame import Frame
from hil.clock import NS_PER_MS, Alarm, VirtualClock
from hil.frames.database import Message, load_database
from hil.frames.punctual import PunctualRestbus
from hil.frames.restbus import Entry, Restbus, Source
from hil.frames.sending import OnChange, send_type_of

MS = NS_PER_MS
DBC = """
VERSION ""
NS_ :
BS_:
BU_: BMS CMU
BO_ 256 Request: 2 CMU
 SG_ Mode : 0|8@1+ (1,0) [0|255] "" BMS
 SG_ Alive : 8|4@1+ (1,0) [0|15] "" BMS
BO_ 257 Cells: 3 CMU
 SG_ Page M : 0|8@1+ (1,0) [0|2] "" BMS
 SG_ A m0 : 8|8@1+ (1,0) [0|255] "" BMS
 SG_ B m1 : 8|8@1+ (1,0) [0|255] "" BMS
 SG_ C m2 : 8|8@1+ (1,0) [0|255] "" BMS
BA_DEF_ BO_ "GenMsgCycleTime" INT 0 65535;
BA_DEF_ BO_ "GenMsgDelayTime" INT 0 65535;
BA_DEF_ BO_ "GenMsgSendType" ENUM "cyclicX","spontanX","cyclicAndSpontanX","cyclicIfActiveX";
BA_DEF_ BO_ "E2EProfile" ENUM "None","COUNTER";
BA_DEF_ SG_ "E2ERole" ENUM "None","Counter";
BA_DEF_DEF_ "GenMsgCycleTime" 0;
BA_DEF_DEF_ "GenMsgDelayTime" 0;
BA_DEF_DEF_ "GenMsgSendType" "%s";
BA_DEF_DEF_ "E2EProfile" "None";
BA_DEF_DEF_ "E2ERole" "None";
BA_ "GenMsgCycleTime" BO_ 256 100;
BA_ "GenMsgDelayTime" BO_ 256 20;
BA_ "GenMsgCycleTime" BO_ 257 10;
BA_ "E2EProfile" BO_ 256 1;
BA_ "E2ERole" SG_ 256 Alive 1;
"""


def messages(folder: Path, default: str = "cyclicX") -> dict[str, Message]:
    """The two messages, as a DBC file whose send type is by default this one has them."""
    path = folder / "small.dbc"
    path.write_text(DBC % default)
    return load_database([path]).messages


class Line:
    """A restbus with one entry, and what it sent: ms and data."""

    def __init__(
        self, entry: Entry, kind: type[Restbus] = Restbus, clock: VirtualClock | None = None
    ) -> None:
        self.clock = clock or VirtualClock()
        self.sent: list[tuple[float, str]] = []
        self.restbus = kind(self.clock, self._send, [entry])

    def _send(self, identifier: int, data: bytes, extended: bool, _format: int = 0) -> Frame:
        self.sent.append((self.clock.now_ns / MS, data.hex(" ")))
        return Frame(identifier, data, extended)

    def run(self, until_ms: int, *writes: tuple[float, list[float], list[float]]) -> list[tuple[float, str]]:
        """All that is sent; at some instants values are written."""
        for at_ms, values, new in writes:
            alarm = Alarm(self.clock, lambda _, values=values, new=new: values.__setitem__(slice(None), new))
            self.clock.set_alarm(alarm, round(at_ms * MS))
        self.restbus.start(0)
        self.clock.run_until(until_ms * MS)
        return self.sent


@pytest.fixture
def request_(tmp_path: Path) -> Message:
    return replace(messages(tmp_path)["Request"], offset_ns=0)


@pytest.fixture
def cells(tmp_path: Path) -> Message:
    return replace(messages(tmp_path)["Cells"], offset_ns=0)


def test_a_change_goes_out_at_the_next_look_and_is_counted(request_: Message) -> None:
    mode = [1.0]
    entry = Entry(replace(request_, on_change=OnChange(), cycle_ns=None), {"Mode": Source(mode, 0)})
    sent = Line(entry).run(1000, (7, mode, [2.0]), (12, mode, [3.0]), (500, mode, [3.0]), (501, mode, [1.0]))
    assert sent == [(0, "01 00"), (10, "02 01"), (15, "03 02"), (505, "01 03")]


def test_two_frames_keep_their_distance_and_the_last_value_wins(request_: Message) -> None:
    mode = [1.0]
    rule = OnChange(min_interval_ns=30 * MS)
    entry = Entry(replace(request_, on_change=rule, cycle_ns=None), {"Mode": Source(mode, 0)})
    writes = [(ms, mode, [float(ms)]) for ms in range(1, 62, 4)]
    assert [t for t, _ in Line(entry).run(1000, *writes)] == [0, 30, 60, 90]
    assert [data[:2] for _, data in Line(entry).run(1, *writes)] == ["3d"]


def test_an_interval_shorter_than_a_look_is_looked_at_as_often(request_: Message) -> None:
    mode = [0.0]
    entry = Entry(replace(request_, on_change=OnChange(2 * MS), cycle_ns=None), {"Mode": Source(mode, 0)})
    writes = [(ms + 0.5, mode, [float(ms)]) for ms in range(1, 7)]
    assert [t for t, _ in Line(entry).run(100, *writes)] == [0, 2, 4, 6, 8]


def test_without_a_change_a_heartbeat_comes(request_: Message) -> None:
    mode = [1.0]
    entry = Entry(replace(request_, on_change=OnChange()), {"Mode": Source(mode, 0)})  # 100 ms in the DBC
    sent = Line(entry).run(400, (130, mode, [2.0]))
    assert [t for t, _ in sent] == [0, 100, 130, 230, 330]
    assert [data for _, data in sent] == ["01 00", "01 01", "02 02", "02 03", "02 04"]


def test_what_nothing_feeds_is_silent_until_it_is_forced(request_: Message) -> None:
    entry = Entry(replace(request_, on_change=OnChange(), cycle_ns=None), {})
    line = Line(entry)
    assert line.run(100) == []
    entry.force("Mode", 5.0)
    line.clock.run_until(200 * MS)
    entry.release("Mode")
    line.clock.run_until(300 * MS)
    assert line.sent == [(100, "05 00"), (200, "00 01")]


def test_a_message_that_is_dropped_says_what_it_missed_when_it_is_back(request_: Message) -> None:
    mode = [1.0]
    entry = Entry(replace(request_, on_change=OnChange(), cycle_ns=None), {"Mode": Source(mode, 0)})
    line = Line(entry)
    line.run(50, (20, mode, [2.0]))
    entry.hold = "drop"
    mode[0] = 3.0
    line.clock.run_until(100 * MS)
    entry.hold = "normal"
    line.clock.run_until(150 * MS)
    assert line.sent == [(0, "01 00"), (20, "02 01"), (100, "03 02")]


def test_a_frame_that_is_lost_is_not_said_again(request_: Message) -> None:
    mode = [1.0]
    entry = Entry(replace(request_, on_change=OnChange(), cycle_ns=None), {"Mode": Source(mode, 0)})
    lost = iter([False, True, False])
    entry.lost = lambda: next(lost)
    assert Line(entry).run(100, (20, mode, [2.0]), (40, mode, [3.0])) == [(0, "01 00"), (40, "03 01")]


def pages(message: Message, values: list[float]) -> Entry:
    return Entry(message, {name: Source(values, place) for place, name in enumerate("ABC")})


def test_one_group_in_each_cycle(cells: Message) -> None:
    assert Line(pages(cells, [1.0, 2.0, 3.0])).run(40) == [
        *((0, "00 01 00"), (10, "01 02 00"), (20, "02 03 00"), (30, "00 01 00"))
    ]


def test_all_groups_in_each_cycle(cells: Message) -> None:
    message = replace(cells, all_groups=True)
    assert (message.turns, message.frames_per_cycle) == (1, 3)
    assert Line(pages(message, [1.0, 2.0, 3.0])).run(20) == [
        *((0, "00 01 00"), (0, "01 02 00"), (0, "02 03 00")),
        *((10, "00 01 00"), (10, "01 02 00"), (10, "02 03 00")),
    ]


def test_on_a_change_only_the_groups_that_changed_go_out(cells: Message) -> None:
    values = [1.0, 2.0, 3.0]
    message = replace(cells, on_change=OnChange(), cycle_ns=None, all_groups=True)
    sent = Line(pages(message, values)).run(100, (20, values, [1.0, 9.0, 8.0]), (40, values, [7.0, 9.0, 8.0]))
    assert sent[3:] == [(20, "01 09 00"), (20, "02 08 00"), (40, "00 07 00")]


def test_one_at_a_time_the_group_that_has_waited_longest_comes_first(cells: Message) -> None:
    values = [1.0, 2.0, 3.0]
    message = replace(cells, on_change=OnChange(10 * MS), cycle_ns=None)
    writes = [(ms, values, [float(ms), 2.0, 4.0 if ms > 34 else 3.0]) for ms in range(5, 70, 10)]
    sent = Line(pages(message, values)).run(70, *writes)
    assert [data[:2] for _, data in sent] == ["00", "01", "02", "00", "02", "00", "00"]
    assert [t for t, _ in sent] == [0, 10, 20, 30, 40, 50, 60]


class LateClock(VirtualClock):
    """A clock that a test makes late."""

    lag_ns = 0

    @property
    def real_ns(self) -> int:
        return self.now_ns + self.lag_ns

    seen_ns = real_ns


def test_in_real_time_a_late_look_is_no_slot_that_was_missed(request_: Message) -> None:
    mode = [1.0]
    clock = LateClock()
    entry = Entry(replace(request_, on_change=OnChange(), cycle_ns=None), {"Mode": Source(mode, 0)})
    line = Line(entry, PunctualRestbus, clock)
    clock.lag_ns = 13 * MS
    line.run(20, (2, mode, [2.0]))
    assert isinstance(line.restbus, PunctualRestbus)
    assert [data for _, data in line.sent] == ["01 00", "02 01"]
    assert line.restbus.punctuality.missed == 0


def test_in_real_time_all_groups_of_a_late_slot_are_left_out(cells: Message) -> None:
    clock = LateClock()
    line = Line(pages(replace(cells, all_groups=True), [1.0, 2.0, 3.0]), PunctualRestbus, clock)
    clock.lag_ns = 13 * MS
    line.run(5)
    assert line.sent == []
    assert isinstance(line.restbus, PunctualRestbus)
    assert line.restbus.punctuality.missed == 1
    clock.lag_ns = 0
    line.clock.run_until(25 * MS)
    assert [t for t, _ in line.sent] == [20, 20, 20]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        *[(text, "cyclic") for text in ("Cyclic", "cyclicX", "", "NoMsgSendType", "fixedPeriodic")],
        *[(text, "in-phases") for text in ("IfActive", "cyclicIfActiveX", "CyclicIfActive")],
        *[(text, "on-change") for text in ("Event", "spontanX", "OnChange", "Triggered", "OnWrite")],
        *[(text, "on-change-and-cyclic") for text in ("cyclicAndSpontanX", "CyclicEvent")],
    ],
)
def test_send_types_as_tools_write_them(text: str, kind: str) -> None:
    assert send_type_of(text) == kind


@pytest.mark.parametrize(
    ("default", "cycle_ns", "active_ns", "rule"),
    [
        ("cyclicX", 100 * MS, None, None),
        ("spontanX", None, None, OnChange(20 * MS)),
        ("cyclicAndSpontanX", 100 * MS, None, OnChange(20 * MS)),
        ("cyclicIfActiveX", None, 100 * MS, None),
    ],
)
def test_the_dbc_file_says_when_a_message_is_sent(
    tmp_path: Path, default: str, cycle_ns: int | None, active_ns: int | None, rule: OnChange | None
) -> None:
    found = messages(tmp_path, default)["Request"]
    assert (found.cycle_ns, found.active_cycle_ns, found.on_change) == (cycle_ns, active_ns, rule)
    assert found.is_sent is (active_ns is None)
    assert found.is_cyclic is (default == "cyclicX")
