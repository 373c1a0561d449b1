"""A trace goes out with its timing: nothing left out, nothing in a burst; bad files are told."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import can
import pytest

from hil.bus.frame import ErrorFrame, FdFrame, Frame
from hil.bus.link import LinkCounters, LinkFullError
from hil.clock import NS_PER_MS, NS_PER_S
from hil.errors import BusError, UsageError
from hil.replay import Replay, Trace
from hil.responses.trace import open_trace

START = 7 * NS_PER_S


class Bench:
    """Time of its own, and a bus that writes down when each frame came."""

    name, bitrate, data_bitrate, stamps, precision_ns = "can0", 500_000, 0, "kernel", 0

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.now_ns = START
        self.counters = LinkCounters()
        self.sent: list[tuple[int, int]] = []
        self.oversleep: dict[int, int] = {}
        self.full_until_ns = 0
        self.stop_after = 1_000_000

    def now(self) -> int:
        return self.now_ns

    def sleep(self, instant_ns: int) -> None:
        self.now_ns = max(self.now_ns, instant_ns) + self.oversleep.get(len(self.sent), 0)

    def fileno(self) -> None:
        return None

    def send(self, frame: Frame) -> None:
        if len(self.sent) >= self.stop_after:
            raise KeyboardInterrupt
        if self.now_ns < self.full_until_ns:
            raise LinkFullError("is full")
        self.sent.append((self.now_ns - START, frame.id))
        self.frames.append(frame)

    def receive(self) -> Sequence[Frame]:
        return ()

    def set_filters(self, identifiers: object) -> None: ...

    def reopen(self) -> bool:
        return True

    def close(self) -> None: ...


@pytest.fixture
def bench() -> Bench:
    return Bench()


def replay(bench: Bench, trace: Trace, **options: object) -> Replay:
    return Replay(trace, bench, now=bench.now, sleep=bench.sleep, **options)  # type: ignore[arg-type]


def record(
    folder: Path, kind: str, times_ms: Sequence[float], change: Callable[[int, Frame], int] = lambda *_: 0
) -> Path:
    """A trace; ``change`` may alter a frame, and says on which channel it is."""
    writer = open_trace(folder, kind, ["pack", "aux"])
    for place, at_ms in enumerate(times_ms):
        frame = Frame(0x100 + place, bytes([place]))
        channel = change(place, frame)
        frame.t_ns = round(at_ms * NS_PER_MS) + 123 * NS_PER_S
        writer.write(frame, channel)
    writer.close()
    return folder / f"trace.{kind}"


@pytest.mark.parametrize("kind", ["blf", "asc", "log"])
def test_frames_leave_at_the_distances_of_their_recording(bench: Bench, tmp_path: Path, kind: str) -> None:
    player = replay(bench, Trace(record(tmp_path, kind, [0, 10, 10.5, 1500])))
    player.run()
    assert [identifier for _, identifier in bench.sent] == [0x100, 0x101, 0x102, 0x103]
    for (at_ns, _), expected_ms in zip(bench.sent, [0, 10, 10.5, 1500], strict=True):
        assert abs(at_ns - expected_ms * NS_PER_MS) < 2_000  # the files' own rounding
    assert str(player.outcome) == "4 frames sent, 0 late (p50 0 ms, p99 0 ms, max 0 ms)"


@pytest.mark.parametrize(("speed", "expected_ms"), [(2.0, [0, 5, 10]), (0.5, [0, 20, 40])])
def test_speed(bench: Bench, tmp_path: Path, speed: float, expected_ms: list[int]) -> None:
    replay(bench, Trace(record(tmp_path, "blf", [0, 10, 20])), speed=speed).run()
    assert [round(at_ns / NS_PER_MS, 3) for at_ns, _ in bench.sent] == expected_ms


def test_a_late_frame_does_not_shift_the_others(bench: Bench, tmp_path: Path) -> None:
    bench.oversleep = {1: 3 * NS_PER_MS}
    player = replay(bench, Trace(record(tmp_path, "blf", [0, 10, 20, 30])))
    player.run()
    assert [round(at_ns / NS_PER_MS, 3) for at_ns, _ in bench.sent] == [0, 13, 20, 30]
    assert str(player.outcome) == "4 frames sent, 1 late (p50 0 ms, p99 3 ms, max 3 ms)"


def test_after_a_stall_the_rest_moves_back_and_is_no_burst(bench: Bench, tmp_path: Path) -> None:
    bench.oversleep = {1: 500 * NS_PER_MS}
    player = replay(bench, Trace(record(tmp_path, "blf", range(0, 100, 10))))
    player.run()
    times = [at_ns for at_ns, _ in bench.sent]
    distances = [round((b - a) / NS_PER_MS, 3) for a, b in pairwise(times)]
    assert distances == [510, *[10] * 8]
    assert "1 late" in str(player.outcome)
    assert str(player.outcome).endswith("moved back 1 times, by 0.500 s in all")


def test_a_full_bus_is_waited_for(bench: Bench, tmp_path: Path) -> None:
    bench.full_until_ns = START + 2 * NS_PER_MS
    player = replay(bench, Trace(record(tmp_path, "blf", [0, 1, 20])))
    player.run()
    assert [identifier for _, identifier in bench.sent] == [0x100, 0x101, 0x102]
    assert player.outcome.full == 8
    assert "8 times no room on the bus" in str(player.outcome)


def test_a_bus_that_takes_nothing_for_a_second_ends_it(bench: Bench, tmp_path: Path) -> None:
    bench.full_until_ns = START + 5 * NS_PER_S
    with pytest.raises(BusError, match=r"can0: takes no frame for 1 s \(is another node on the bus"):
        replay(bench, Trace(record(tmp_path, "blf", [0]))).run()


def test_a_loop_begins_again_one_distance_after_the_last(bench: Bench, tmp_path: Path) -> None:
    bench.stop_after = 7
    player = replay(bench, Trace(record(tmp_path, "blf", [0, 10, 25])), loop=True)
    with pytest.raises(KeyboardInterrupt):
        player.run()
    times = [round(at_ns / NS_PER_MS, 3) for at_ns, _ in bench.sent]
    assert times == [0, 10, 25, 40, 50, 65, 80]
    assert player.outcome.turns == 2


def test_a_trace_of_one_frame_can_be_looped(bench: Bench, tmp_path: Path) -> None:
    bench.stop_after = 3
    with pytest.raises(KeyboardInterrupt):
        replay(bench, Trace(record(tmp_path, "blf", [0])), loop=True).run()
    assert [at_ns // NS_PER_MS for at_ns, _ in bench.sent] == [0, 1, 2]


def test_a_long_trace_is_read_as_it_goes(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hil.replay._AHEAD", 3)
    replay(bench, Trace(record(tmp_path, "blf", range(50)))).run()
    assert bench.sent == [(k * NS_PER_MS, 0x100 + k) for k in range(50)]


@pytest.mark.parametrize(
    ("kind", "wanted", "sent"),
    [
        ("log", None, [0x100, 0x102]),
        ("log", "aux", [0x101, 0x103]),
        ("blf", "1", [0x101, 0x103]),
    ],
)
def test_one_channel_of_several(
    bench: Bench, tmp_path: Path, kind: str, wanted: str | None, sent: list[int]
) -> None:
    trace = Trace(record(tmp_path, kind, [0, 1, 2, 3], lambda place, _: place % 2), wanted)
    replay(bench, trace).run()
    assert [identifier for _, identifier in bench.sent] == sent
    assert trace.others == 2


def test_one_direction(bench: Bench, tmp_path: Path) -> None:
    def alternate(place: int, frame: Frame) -> int:
        frame.sender = "rig" if place % 2 else "bms"
        return 0

    path = record(tmp_path, "blf", [0, 1, 2, 3], alternate)
    replay(bench, Trace(path, direction="tx")).run()
    assert [identifier for _, identifier in bench.sent] == [0x101, 0x103]
    # the first frame of the file is instant 0, whether it is sent or not
    assert bench.sent[0][0] == NS_PER_MS


def test_what_nobody_sends_is_counted(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "trace.log"
    writer = open_trace(tmp_path, "log", ["pack"])
    wreck = ErrorFrame(Frame(0x100, b""), "bit", 20, 2)
    writer.write(wreck, 0)
    remote = Frame(0x200, bytes(4))
    remote.remote = True
    writer.write(remote, 0)
    writer.close()
    with path.open("a") as file:
        file.write("(0000000000.100000) pack 123##1001122\n")
    trace = Trace(path)
    replay(bench, trace).run()
    assert [identifier for _, identifier in bench.sent] == [0x200]
    assert (trace.unfit, trace.fd_left_out) == (1, 1)


def test_error_frames_of_any_kind_are_not_sent(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "errors.log"
    path.write_text("(1.0) a 20000004#0008000000000000\n(1.1) a 20000040#\n(1.2) a 1FFFFFFF#01 T\n")
    trace = Trace(path)
    replay(bench, trace).run()
    assert bench.sent == [(200 * NS_PER_MS, 0x1FFFFFFF)]
    assert trace.unfit == 2


def test_time_that_runs_back_is_counted(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "back.log"
    path.write_text("(10.0) a 100#\n(10.5) a 101#\n(10.2) a 102#\n(11.0) a 103#\n")
    trace = Trace(path)
    replay(bench, trace).run()
    assert [at_ns // NS_PER_MS for at_ns, _ in bench.sent] == [0, 500, 500, 1000]
    assert trace.backward == 1


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such file"):
        Trace(tmp_path / "no.blf")
    with pytest.raises(UsageError, match="is a folder"):
        Trace(tmp_path)


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.blf", b"this is no blf file"), ("a.blf", b""), ("a.xyz", b"(1.0) a 100#\n"), ("a.log", b"(1.0) a\n"),
     ("a.log", b"\xff\xfe\x00\x80"), ("a.blf", b"LOGG" + bytes(200))],
)  # fmt: skip
def test_a_file_that_is_no_trace_is_told(bench: Bench, tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"is not a trace that can be read|holds no frame to send") as caught:
        replay(bench, Trace(path)).run()
    assert "\n" not in str(caught.value)
    assert bench.sent == []


def test_an_early_error_in_a_file_sends_nothing(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("(1.0) a 100#\n(2.0) a 101#\nnonsense\n")
    with pytest.raises(UsageError, match="cannot be read after 2 frames"):
        replay(bench, Trace(path)).run()
    assert bench.sent == []


def test_what_is_left_of_a_file_is_sent(bench: Bench, tmp_path: Path) -> None:
    path = record(tmp_path, "blf", range(100))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    trace = Trace(path)
    replay(bench, trace).run()
    assert trace.cut_off
    assert 0 < len(bench.sent) < 100


def test_a_file_of_other_things_only_is_told(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "fd.asc"
    with can.Logger(path) as logger:
        logger(can.Message(arbitration_id=1, is_fd=True, data=bytes(64), is_extended_id=False, timestamp=1.0))
    said = r"holds no frame to send \(0 of other channels, 1 CAN FD, 0 error frames\)"
    with pytest.raises(UsageError, match=said):
        replay(bench, Trace(path)).run()


FD_FRAMES = [
    can.Message(0.0, 0x123, False, is_fd=True, bitrate_switch=True, data=bytes(range(64))),
    can.Message(0.01, 0x18FF50E5, True, is_fd=True, bitrate_switch=False, data=bytes(12)),
    can.Message(0.02, 0x7FF, False, is_fd=True, bitrate_switch=True, data=b""),
    can.Message(0.03, 0x100, False, data=b"classic"),
]


def test_on_a_bus_with_can_fd_such_frames_go_out_as_they_were(bench: Bench, tmp_path: Path) -> None:
    for kind in ("blf", "asc", "log"):
        path = tmp_path / f"fd.{kind}"
        with can.Logger(path) as logger:
            for message in FD_FRAMES:
                message.timestamp += 1000.0
                logger(message)
        bench.frames.clear()
        trace = Trace(path, fd=True)
        replay(bench, trace).run()
        first, second, third, last = bench.frames
        for sent, message in zip(bench.frames, FD_FRAMES, strict=True):
            assert (sent.id, sent.extended, sent.data) == (
                message.arbitration_id, message.is_extended_id, bytes(message.data),
            )  # fmt: skip
        assert [isinstance(frame, FdFrame) for frame in bench.frames] == [True, True, True, False]
        assert [frame.fast for frame in (first, second, third) if isinstance(frame, FdFrame)] == [
            True, False, True,
        ]  # fmt: skip
        assert not isinstance(last, FdFrame)
        assert (trace.unfit, trace.fd_left_out) == (0, 0)


def test_what_is_no_can_fd_frame_is_not_sent(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "fd.log"
    path.write_text(f"(1.0) a FFF##1{'00' * 8}\n(1.1) a 123##1{'00' * 65}\n(1.2) a 123##1{'00' * 64}\n")
    trace = Trace(path, fd=True)
    replay(bench, trace).run()
    assert (len(bench.sent), trace.unfit) == (1, 2)
