"""The adapter twin: Lawicel's protocol command by command, and its pseudo-terminal with real programs."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import can
import pytest

from hil.bus.frame import Frame
from hil.bus.slcan import SlcanLink
from hil.bus.slcan_adapter import Adapter, Manners, Wire
from hil.clock import NS_PER_MS
from hil.errors import BusError


class Bench:
    def __init__(self, **manners: object) -> None:
        self.wire = Wire()
        self.now_ms = 0
        self.a, self.b = (self.add(**manners), self.add())

    def add(self, **manners: object) -> Adapter:
        adapter = Adapter(self.wire, Manners(**manners), lambda: self.now_ms * NS_PER_MS)  # type: ignore[arg-type]
        self.wire.adapters.append(adapter)
        return adapter


def say(adapter: Adapter, command: str) -> str:
    """What an adapter answers; what it has heard before is thrown away."""
    adapter.out.clear()
    adapter.feed(command.encode() + b"\r")
    answer = adapter.out.decode()
    adapter.out.clear()
    return answer


def open_all(bench: Bench) -> None:
    for adapter in bench.wire.adapters:
        assert say(adapter, "S6") == "\r"
        assert say(adapter, "O") == "\r"


@pytest.mark.parametrize(
    ("command", "closed", "opened"),
    [
        ("", "\r", "\r"),
        ("V", "V1013\r", "V1013\r"),
        ("N", "NA123\r", "NA123\r"),
        ("S0", "\r", "\a"),
        ("S8", "\r", "\a"),
        ("S9", "\a", "\a"),
        ("S", "\a", "\a"),
        ("s031C", "\r", "\a"),
        ("s03", "\a", "\a"),
        ("Z1", "\r", "\a"),
        ("Z2", "\a", "\a"),
        ("X1", "\r", "\a"),
        ("M00000000", "\r", "\a"),
        ("mFFFFFFFF", "\r", "\a"),
        ("m1", "\a", "\a"),
        ("C", "\a", "\r"),
        ("F", "\a", "F00\r"),
        ("P", "\a", "\a"),
        ("t1230", "\a", "z\r"),
        ("T000001230", "\a", "Z\r"),
        ("r1238", "\a", "z\r"),
        ("R000001238", "\a", "Z\r"),
        ("t1231", "\a", "\a"),
        ("t12", "\a", "\a"),
        ("O", "\r", "\a"),
        ("L", "\r", "\a"),
        ("?", "\a", "\a"),
        ("Vx", "\a", "\a"),
    ],
)
def test_commands_closed_and_open(command: str, closed: str, opened: str) -> None:
    bench = Bench()
    say(bench.a, "S6")
    assert say(bench.a, command) == closed
    bench = Bench()
    open_all(bench)
    assert say(bench.a, command) == opened


def test_no_bit_rate_no_bus() -> None:
    assert say(Bench().a, "O") == "\a"


def test_registers_are_a_bit_rate() -> None:
    """0x00, 0x1C: 500 kbit/s, as Lawicel's manual has it."""
    adapter = Bench().a
    say(adapter, "s001C")
    assert adapter.bitrate == 500_000
    say(adapter, "s031C")
    assert adapter.bitrate == 125_000


def test_frames_run_between_adapters_of_one_rate() -> None:
    bench = Bench()
    c = bench.add()
    open_all(bench)
    say(c, "C"), say(c, "S6"), say(c, "O")
    bench.a.feed(b"t1232CAFE\r")
    assert bench.a.out == b"z\r"
    assert bench.b.out == c.out == b"t1232CAFE\r"
    assert bench.wire.frames == 1


def test_stamps_are_milliseconds_of_a_minute() -> None:
    bench = Bench()
    say(bench.b, "Z1")
    open_all(bench)
    bench.now_ms = 3 * 60_000 + 59_999
    bench.a.feed(b"t1230\rT000001231AA\r")
    assert bench.b.out == b"t1230EA5F\rT000001231AAEA5F\r"


def test_listen_only_hears_but_does_not_acknowledge() -> None:
    bench = Bench()
    say(bench.a, "S6"), say(bench.a, "O"), say(bench.b, "S6"), say(bench.b, "L")
    bench.a.feed(b"t1230\r")
    assert bench.b.out == b""  # nobody acknowledged: the frame is still being repeated
    assert say(bench.b, "t1230") == "\a"
    assert say(bench.a, "F") == "F80\r"
    c = bench.add()
    say(c, "S6"), say(c, "O")
    bench.wire.carry()
    assert bench.b.out == b"t1230\r"


def test_a_wrong_bit_rate_destroys_and_drives_the_sender_off() -> None:
    bench = Bench(reports=True)
    say(bench.a, "S6"), say(bench.a, "O"), say(bench.b, "S5"), say(bench.b, "O")
    bench.a.feed(b"t1230\r")
    for _ in range(40):
        bench.wire.carry()
    assert bench.b.out == b""
    assert not bench.a.is_on
    told = bench.a.out.decode().split("\r")
    states = [line[:2] for line in told if line.startswith("s")]
    assert states == ["sw", "sp", "sb"]
    assert say(bench.a, "t1230") == "\a"
    assert say(bench.b, "F") == "F80\r"
    say(bench.a, "C"), say(bench.a, "S5"), say(bench.a, "O")
    bench.a.feed(b"t1230\r")
    assert bench.b.out.endswith(b"t1230\r")


def test_a_busy_bus_fills_the_buffer() -> None:
    bench = Bench(buffer=2)
    open_all(bench)
    bench.wire.held = True
    assert [say(bench.a, "t1230") for _ in range(3)] == ["z\r", "z\r", "\a"]
    assert say(bench.a, "F") == "F02\r"
    assert say(bench.a, "F") == "F00\r"  # told once
    bench.wire.held = False
    bench.wire.carry()
    assert bench.b.out == b"t1230\rt1230\r"


def test_polling() -> None:
    bench = Bench()
    say(bench.b, "X0")
    open_all(bench)
    for number in range(3):
        say(bench.a, f"t10{number}0")
    assert say(bench.b, "P") == "t1000\r"
    assert say(bench.b, "A") == "t1010\rt1020\rA\r"
    assert say(bench.b, "P") == "\r"
    assert say(bench.b, "t1000") == "\r"


@pytest.mark.parametrize(
    ("code", "mask", "heard"),
    [
        ("00000000", "FFFFFFFF", ["100", "101", "7FF", "18FF50E5"]),
        ("20002000", "000F000F", ["100"]),  # 0x100 << 5
        ("20002020", "000F000F", ["100", "101"]),  # either filter
        ("C7FAC7FA", "00000000", ["18FF50E5"]),  # the upper 16 of 29 bits
    ],
)
def test_acceptance(code: str, mask: str, heard: list[str]) -> None:
    bench = Bench()
    say(bench.b, f"M{code}"), say(bench.b, f"m{mask}")
    open_all(bench)
    for line in ("t1000", "t1010", "t7FF0", "T18FF50E50"):
        bench.a.feed(line.encode() + b"\r")
    assert [line[1:-1] for line in bench.b.out.decode().split("\r")[:-1]] == heard


def test_a_program_that_does_not_read_loses_frames_and_is_told() -> None:
    bench = Bench()
    open_all(bench)
    for _ in range(5_000):
        bench.a.feed(b"t1238" + b"00" * 8 + b"\r")
    assert len(bench.b.out) < 70_000
    assert say(bench.b, "F") == "F08\r"


def test_a_silent_adapter() -> None:
    bench = Bench(answers=False)
    assert say(bench.a, "V") == "V1013\r"
    assert say(bench.a, "S6") == say(bench.a, "O") == ""
    assert bench.a.is_open


def test_a_bad_cable() -> None:
    bench = Bench()
    open_all(bench)
    bench.b.mangle = lambda line: line[:-3] + b"\r"
    bench.a.feed(b"t1232CAFE\r")
    assert bench.b.out == b"t1232CA\r"


if sys.platform != "win32":
    from hil.bus.slcan_twin import SlcanTwin, serving

    @pytest.fixture
    def twins(tmp_path: Path) -> Iterator[tuple[SlcanTwin, ...]]:
        with serving(tmp_path / "a", tmp_path / "b") as pair:
            yield pair

    def come(link: SlcanLink, count: int = 1) -> list[Frame]:
        found: list[Frame] = []
        until = time.monotonic() + 2
        while len(found) < count and time.monotonic() < until:
            found += link.receive()
            time.sleep(0.001)  # noqa: TID251
        return found

    @pytest.fixture
    def links(twins: tuple[SlcanTwin, ...]) -> Iterator[tuple[SlcanLink, SlcanLink]]:
        pair = SlcanLink("a", str(twins[0].path)), SlcanLink("b", str(twins[1].path))
        yield pair
        for link in pair:
            link.close()

    class TestOnAPseudoTerminal:
        def test_frames(self, links: tuple[SlcanLink, SlcanLink]) -> None:
            a, b = links
            for number in range(500):
                while True:
                    with contextlib.suppress(BusError):  # the window is full
                        a.send(Frame(0x100, number.to_bytes(8, "big")))
                        break
                    a.receive()
            assert [int.from_bytes(frame.data, "big") for frame in come(b, 500)] == list(range(500))
            assert a.counters.garbage == b.counters.garbage == 0

        def test_nothing_there_does_not_block(self, links: tuple[SlcanLink, SlcanLink]) -> None:
            a, _ = links
            assert a.receive() == []
            assert a.fileno() is not None

        def test_garbage_and_partial_lines(
            self, twins: tuple[SlcanTwin, ...], links: tuple[SlcanLink, SlcanLink]
        ) -> None:
            a, b = links
            twins[1].inject(b"\xff\xfe\x00!!\rt12345\rt10")
            assert b.receive() == [] or b.counters.garbage
            twins[1].inject(b"02CAFE1234\r")
            (frame,) = come(b)
            assert (frame.id, frame.data) == (0x100, b"\xca\xfe")
            assert b.counters.garbage == 2
            a.send(Frame(0x101, b""))
            assert [frame.id for frame in come(b)] == [0x101]

        def test_unplugged_and_plugged_in_again(
            self, twins: tuple[SlcanTwin, ...], links: tuple[SlcanLink, SlcanLink]
        ) -> None:
            a, b = links
            twins[0].unplug()
            with pytest.raises(BusError, match=r"serial port .*a: the adapter is gone.*plug it in again"):
                a.receive()
            with pytest.raises(BusError, match="gone"):
                a.send(Frame(1, b""))
            assert a.fileno() is None
            assert not a.reopen()
            twins[0].replug()
            assert a.reopen()
            a.send(Frame(1, b""))
            assert [frame.id for frame in come(b)] == [1]

        def test_writing_first_notices_too(
            self, twins: tuple[SlcanTwin, ...], links: tuple[SlcanLink, SlcanLink]
        ) -> None:
            twins[0].unplug()
            with pytest.raises(BusError, match="gone"):
                links[0].send(Frame(1, b""))

        def test_in_use(self, links: tuple[SlcanLink, SlcanLink]) -> None:
            with pytest.raises(BusError, match="another program uses it"):
                SlcanLink("c", links[0].channel)

        def test_python_can_speaks_with_it(self, twins: tuple[SlcanTwin, ...]) -> None:
            a, b = (
                can.Bus(interface="slcan", channel=str(twin.path), bitrate=500_000, sleep_after_open=0)
                for twin in twins
            )
            with a, b:
                a.send(can.Message(arbitration_id=0x123, data=b"\x01", is_extended_id=False))
                until = time.monotonic() + 2
                message = None
                while message is None and time.monotonic() < until:
                    message = b.recv(timeout=0.05)
            assert message is not None
            assert (message.arbitration_id, bytes(message.data)) == (0x123, b"\x01")

        def test_the_path_is_kept_and_cleared(self, twins: tuple[SlcanTwin, ...]) -> None:
            path = twins[0].path
            twins[0].unplug()
            assert not path.is_symlink()
            with pytest.raises(BusError, match="no such serial port"):
                SlcanLink("a", str(path))
            twins[0].replug()
            assert path.is_symlink()
            twins[0].close()
            assert not path.is_symlink()
