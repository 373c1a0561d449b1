"""Firmware in real time, with a clock of the test's own: deadlines, skipped steps, order, mailboxes."""

import ctypes
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from hil.bms.library import Firmware
from hil.bms.runner import Runner, wait_for_frames
from hil.bus.frame import ErrorFrame, FdFrame, Frame
from hil.bus.link import LinkCounters, LinkFullError, Stamps
from hil.clock import NS_PER_MS, NS_PER_S
from hil.errors import BusError, FirmwareError

FRAME = struct.Struct("=IBBBB64s")  # bms_frame of bms.h
STEP = 10 * NS_PER_MS
START = 5 * NS_PER_S


class FakeLink:
    """A bus in memory; ``full`` and ``gone`` are switches of the test."""

    data_bitrate = 0
    precision_ns = 0

    def __init__(self, name: str = "can0", descriptor: int | None = 3, stamps: Stamps = "kernel") -> None:
        self.name, self.bitrate, self.counters = name, 500_000, LinkCounters()
        self.stamps = stamps
        self.sent: list[Frame] = []
        self.waiting: list[Frame] = []
        self.full = self.gone = False
        self._descriptor = descriptor

    def fileno(self) -> int | None:
        return self._descriptor

    def send(self, frame: Frame) -> None:
        if self.gone:
            raise BusError("is down", place="interface can0")
        if self.full:
            raise LinkFullError("is full")
        self.sent.append(frame)

    def receive(self) -> Sequence[Frame]:
        if self.gone:
            raise BusError("is down", place="interface can0")
        frames, self.waiting = self.waiting, []
        return frames

    def set_filters(self, identifiers: object) -> None: ...

    def reopen(self) -> bool:
        return not self.gone

    def close(self) -> None: ...


class FakeFirmware(Firmware):
    """Writes down what it is told; ``sends`` makes the frames of a step."""

    def __init__(self) -> None:
        self.knows_fd = True
        self.path = Path("fake.so")
        self.told: list[tuple[Any, ...]] = []
        self.results = {"init": 0, "receive": 0, "step": 0}
        self.sends: Callable[[int], list[tuple[int, int, int, int, int, bytes]]] = lambda _now_ns: []
        self.init = self._init
        self._functions = {
            "bms_receive": ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_uint64, ctypes.c_void_p)(self._receive),
            "bms_step": ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_uint64, ctypes.c_void_p, ctypes.c_int32)(
                self._step
            ),
        }

    def _address_of(self, name: str) -> int:
        return ctypes.cast(self._functions[name], ctypes.c_void_p).value or 0

    def _init(self, *given: Any) -> int:
        self.told.append(("init", *given))
        return self.results["init"]

    def _receive(self, *given: Any) -> int:
        now_ns, address = given
        identifier, _, length, bus, _, data = FRAME.unpack(ctypes.string_at(address, FRAME.size))
        self.told.append(("frame", now_ns, bus, identifier, data[:length]))
        return self.results["receive"]

    def _step(self, *given: Any) -> int:
        now_ns, address, _ = given
        self.told.append(("step", now_ns))
        frames = self.sends(now_ns)
        packed = b"".join(FRAME.pack(*frame) for frame in frames)
        ctypes.memmove(address, packed, len(packed))
        return self.results["step"] or len(frames)

    @property
    def steps(self) -> list[int]:
        return [what[1] - START for what in self.told if what[0] == "step"]

    @property
    def frames(self) -> list[tuple[int, int]]:
        return [(what[1] - START, what[3]) for what in self.told if what[0] == "frame"]


class World:
    """Time passes while the runner waits: to the next thing that the test has planned, or to the end."""

    def __init__(self, *links: FakeLink, end_ns: int = 5 * STEP) -> None:
        self.now_ns = START
        self.links = links or (FakeLink(),)
        self.firmware = FakeFirmware()
        self.lines: list[str] = []
        self.waits: list[tuple[list[int], int]] = []
        self.late_ns = 0
        self._plan: list[tuple[int, Callable[[], None]]] = []
        self.runner = Runner(
            self.firmware, self.links, STEP, now=lambda: self.now_ns, wait=self._wait, say=self.lines.append
        )
        self.at(end_ns, self.runner.stop)

    def at(self, after_ns: int, action: Callable[[], None]) -> None:
        self._plan.append((START + after_ns, action))
        self._plan.sort(key=lambda item: item[0])

    def arrive(self, after_ns: int, identifier: int, link: int = 0, stamp_ns: int | None = None) -> None:
        frame = Frame(identifier, bytes([identifier & 0xFF]))
        frame.t_ns = START + (after_ns if stamp_ns is None else stamp_ns)
        self.at(after_ns, lambda: self.links[link].waiting.append(frame))

    def _wait(self, descriptors: Sequence[int], wait_ns: int) -> None:
        self.waits.append((list(descriptors), wait_ns))
        end_ns = self.now_ns + wait_ns
        if self._plan and self._plan[0][0] <= end_ns:
            at_ns, action = self._plan.pop(0)
            self.now_ns = max(self.now_ns, at_ns)
            action()
        else:
            self.now_ns = end_ns + self.late_ns

    def run(self) -> None:
        self.runner.run(lambda: self.firmware.told.append(("ready",)))


def test_it_steps_at_its_deadlines_and_stops_when_told() -> None:
    world = World()
    world.late_ns = 70_000
    world.run()
    assert world.firmware.told[:2] == [("init", START, 1), ("ready",)]
    assert world.firmware.steps == [0, STEP, 2 * STEP, 3 * STEP, 4 * STEP]
    assert world.runner.tally.steps == 5
    assert world.runner.tally.skipped == 0
    assert world.runner.lateness.max_ns == 70_000


def test_steps_that_come_too_late_are_left_out() -> None:
    world = World(end_ns=10 * STEP)
    world.at(15 * NS_PER_MS, lambda: setattr(world, "now_ns", START + 58 * NS_PER_MS))
    world.run()
    assert world.firmware.steps == [0, STEP, 5 * STEP, 6 * STEP, 7 * STEP, 8 * STEP, 9 * STEP]
    assert world.runner.tally.skipped == 3
    assert world.runner.lateness.max_ns == 8 * NS_PER_MS


def test_frames_keep_their_stamps_and_their_side_of_a_step() -> None:
    world = World()
    world.arrive(3 * NS_PER_MS, 0x10)
    world.arrive(4 * NS_PER_MS, 0x11, stamp_ns=4 * NS_PER_MS - 200_000)
    # both are read when the computer wakes late for the second step
    world.arrive(9_900_000, 0x12, stamp_ns=9_900_000)
    world.at(9_910_000, lambda: world.links[0].waiting.append(stamped(0x13, 10_300_000)))
    world.at(9_920_000, lambda: setattr(world, "now_ns", START + 10_400_000))
    world.run()
    order = [what[3] if what[0] == "frame" else what[0] for what in world.firmware.told]
    assert order[:9] == ["init", "ready", "step", 0x10, 0x11, 0x12, 0x13, "step", "step"]
    assert world.firmware.frames[:2] == [(3 * NS_PER_MS, 0x10), (3_800_000, 0x11)]


def stamped(identifier: int, after_ns: int) -> Frame:
    frame = Frame(identifier, b"")
    frame.t_ns = START + after_ns
    return frame


def test_a_frame_of_after_the_deadline_is_given_after_its_step() -> None:
    world = World()
    link = world.links[0]

    def oversleep() -> None:
        world.now_ns = START + 10_400_000
        link.waiting = [stamped(0x12, 9_900_000), stamped(0x13, 10_300_000)]

    world.at(9_920_000, oversleep)
    world.run()
    told = [(what[0], what[1] - START) for what in world.firmware.told if what[0] in ("frame", "step")]
    assert told[:4] == [("step", 0), ("frame", 9_900_000), ("step", STEP), ("frame", 10_300_000)]


def test_time_never_runs_back_nor_ahead() -> None:
    world = World()
    world.arrive(11 * NS_PER_MS, 0x10, stamp_ns=9 * NS_PER_MS)  # read after the step at 10 ms
    world.arrive(12 * NS_PER_MS, 0x11, stamp_ns=400 * NS_PER_MS)  # a stamp that cannot be
    world.run()
    assert world.firmware.frames == [(10 * NS_PER_MS, 0x10), (12 * NS_PER_MS, 0x11)]
    times = [what[1] for what in world.firmware.told if what[0] in ("frame", "step")]
    assert times == sorted(times)


def test_two_buses_are_one_line_of_time() -> None:
    world = World(FakeLink("a", 3), FakeLink("b", 4))
    both = [stamped(0x20, 3_000_000)], [stamped(0x21, 2_000_000)]

    def come() -> None:
        world.links[0].waiting, world.links[1].waiting = both

    world.at(4_000_000, come)
    world.run()
    assert world.firmware.frames == [(2_000_000, 0x21), (3_000_000, 0x20)]
    assert [what[2] for what in world.firmware.told if what[0] == "frame"] == [1, 0]


def test_only_frames_that_nobody_stamps_wake_it_between_two_steps() -> None:
    world = World(FakeLink("a", 3, "receive"), FakeLink("b", 4, "kernel"), FakeLink("c", 5, "hardware"))
    world.run()
    assert {tuple(descriptors) for descriptors, _ in world.waits} == {(3,)}


def test_only_data_frames_of_others_reach_the_firmware() -> None:
    link = FakeLink()
    world = World(link)
    echo, remote = Frame(1, b"", sender="rig"), Frame(2, b"")
    remote.remote = True
    error = ErrorFrame(Frame(3, b""), "bit", 1, 0)
    some = [echo, remote, error, Frame(4, b""), FdFrame(5, bytes(64))]
    world.at(NS_PER_MS, lambda: link.waiting.extend(some))
    link.waiting = [Frame(6, b"")]  # came before power-on
    world.run()
    assert [identifier for _, identifier in world.firmware.frames] == [4, 5]
    assert world.runner.tally.received == 2


def test_what_it_sends_goes_to_its_bus() -> None:
    links = FakeLink("a"), FakeLink("b")
    world = World(*links, end_ns=STEP)
    world.firmware.sends = lambda _now: [(0x7FF, 0, 2, 0, 0, b"\1\2"), (0x1ABCDEF0, 1, 8, 1, 0, bytes(8))]
    world.run()
    assert [(f.id, f.extended, f.data) for f in links[0].sent] == [(0x7FF, False, b"\1\2")]
    assert [(f.id, f.extended, f.data) for f in links[1].sent] == [(0x1ABCDEF0, True, bytes(8))]


def test_a_full_bus_keeps_the_newest_of_each_identifier() -> None:
    link = FakeLink()
    world = World(link)
    world.firmware.sends = lambda now: [
        (0x100 + k, 0, 1, 0, 0, bytes([(now - START) // STEP])) for k in (0, 1)
    ]
    world.at(5 * NS_PER_MS, lambda: setattr(link, "full", True))
    world.at(35 * NS_PER_MS, lambda: setattr(link, "full", False))
    world.run()
    assert [(frame.id, frame.data[0]) for frame in link.sent] == [
        (0x100, 0), (0x101, 0),
        (0x100, 3), (0x101, 3), (0x100, 4), (0x101, 4),
    ]  # fmt: skip
    tally = world.runner.tally
    assert (tally.sent, tally.lost) == (6, 4)
    assert tally.full == 3


def test_a_bus_that_goes_is_told_and_taken_up_again() -> None:
    link = FakeLink()
    world = World(link, end_ns=250 * STEP)
    world.firmware.sends = lambda _now: [(0x100, 0, 0, 0, 0, b"")]
    world.at(15 * NS_PER_MS, lambda: setattr(link, "gone", True))
    world.at(1_500 * NS_PER_MS, lambda: setattr(link, "gone", False))
    world.run()
    assert world.lines == [
        "bus can0 is gone: interface can0: is down",
        "bus can0 is back after 2.0 s",
    ]
    assert world.runner.tally.troubles == 1
    assert world.runner.tally.steps == 250
    assert len(link.sent) + world.runner.tally.lost == 250
    assert len(link.sent) > 40
    assert any(not descriptors for descriptors, _ in world.waits)


def test_a_bus_without_descriptor_is_looked_at_each_millisecond() -> None:
    world = World(FakeLink(descriptor=None, stamps="receive"), end_ns=STEP)
    world.run()
    assert all(descriptors == [] and wait_ns <= NS_PER_MS for descriptors, wait_ns in world.waits)
    assert len(world.waits) >= 10


@pytest.mark.parametrize(
    ("call", "result", "said"),
    [("init", 5, "bms_init returned 5"), ("receive", -7, "bms_receive returned -7"),
     ("step", -1, "bms_step returned -1"), ("step", 65, "bms_step returned 65")],
)  # fmt: skip
def test_errors_of_the_firmware_end_the_run(call: str, result: int, said: str) -> None:
    world = World()
    world.firmware.results[call] = result
    world.arrive(NS_PER_MS, 0x10)
    with pytest.raises(FirmwareError, match=said):
        world.run()


@pytest.mark.parametrize(
    ("frame", "said"),
    [((0x100, 0, 9, 0, 1, b""), "9 bytes in a CAN FD frame"), ((0x100, 0, 8, 0, 4, b""), "unknown flags 0x4"),
     ((0x100, 0, 9, 0, 0, b""), "9 bytes in a classic frame"), ((0x100, 0, 8, 1, 0, b""), "a frame on bus 1"),
     ((0x800, 0, 8, 0, 0, b""), "identifier 0x800 with extended = 0"),
     ((0x20000000, 1, 8, 0, 0, b""), "identifier 0x20000000 with extended = 1")],
)  # fmt: skip
def test_frames_that_cannot_be_end_the_run(frame: tuple[int, int, int, int, int, bytes], said: str) -> None:
    world = World()
    world.firmware.sends = lambda _now: [frame]
    with pytest.raises(FirmwareError, match=said):
        world.run()


def test_a_stop_before_the_start_is_not_lost() -> None:
    world = World()
    world.runner.stop()
    world.run()
    assert world.firmware.steps == []


def test_waiting_works_with_and_without_descriptors() -> None:
    wait_for_frames([], 1000)
    wait_for_frames([], 0)
