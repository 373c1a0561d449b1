"""``hil replay``: a trace onto python-can's virtual bus, and what is told when that is not possible."""

import argparse
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from hil.bus.frame import Frame
from hil.bus.link import LinkCounters
from hil.cli import replay
from hil.errors import BusError, HilError, UsageError


class Catcher:
    """A bus that writes down what it is given; it may interrupt."""

    bitrate, data_bitrate, stamps, precision_ns = 500_000, 0, "kernel", 0

    def __init__(self, name: str) -> None:
        self.name = name
        self.counters = LinkCounters()
        self.sent: list[int] = []
        self.interrupt_at = -1
        self.gone_at = -1
        self.closed = False
        self.options: dict[str, object] = {}

    def fileno(self) -> None:
        return None

    def send(self, frame: Frame) -> None:
        if len(self.sent) == self.interrupt_at:
            signal.raise_signal(signal.SIGTERM)
        if len(self.sent) == self.gone_at:
            raise BusError("is down", place=f"interface {self.name}")
        self.sent.append(frame.id)

    def receive(self) -> Sequence[Frame]:
        return ()

    def set_filters(self, identifiers: object) -> None: ...

    def reopen(self) -> bool:
        return True

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def link(monkeypatch: pytest.MonkeyPatch) -> Iterator[Catcher]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    catcher = Catcher("can0")

    def open_link(*_given: object, **options: object) -> Catcher:
        catcher.options = options
        return catcher

    monkeypatch.setattr("hil.bus.link.open_link", open_link)
    yield catcher
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def trace(tmp_path: Path) -> str:
    path = tmp_path / "trace.log"
    path.write_text(
        "(1.000) a 100#\n(1.001) a 101#01\n(1.002) b 102#\n(1.001) a 103#\n(1.0) a 20000080#\n"
        "(1.002) a 104##100\n"
    )
    return str(path)


def call(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    replay.add_parser(parser.add_subparsers())
    parsed = parser.parse_args(["replay", *arguments])
    return int(parsed.run(parsed))


def test_it_sends_and_says_what_it_left_out(
    link: Catcher, trace: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(trace, "--bus", "socketcan:can0") == 0
    out, err = capsys.readouterr()
    assert link.sent == [0x100, 0x101, 0x103]
    assert link.closed
    assert out.startswith("3 frames sent, ")
    assert "max" in out
    assert err.splitlines() == [
        "hil replay: 1 frames of other channels than 'a' not sent: see --trace-channel",
        "hil replay: 1 frames not sent: error frames, or what no bus carries",
        "hil replay: 1 CAN FD frames not sent: with --fd the bus carries them",
    ]


def test_can_fd_has_to_be_asked_for(link: Catcher, trace: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(trace, "--bus", "socketcan:can0", "--fd", "--data-bitrate", "5000000") == 0
    assert link.sent == [0x100, 0x101, 0x103, 0x104]
    assert link.options == {"fd": True, "data_bitrate": 5_000_000}
    assert "CAN FD" not in capsys.readouterr().err


def test_an_interrupt_ends_it_cleanly(link: Catcher, trace: str, capsys: pytest.CaptureFixture[str]) -> None:
    link.interrupt_at = 2
    assert call(trace, "--bus", "socketcan:can0", "--loop") == 130
    out, err = capsys.readouterr()
    assert out.startswith("2 frames sent, ")
    assert "interrupted" in err
    assert link.closed


def test_a_bus_that_goes_is_told_after_what_was_sent(
    link: Catcher, trace: str, capsys: pytest.CaptureFixture[str]
) -> None:
    link.gone_at = 1
    with pytest.raises(BusError, match="interface can0: is down"):
        call(trace, "--bus", "socketcan:can0")
    assert capsys.readouterr().out.startswith("1 frames sent, ")
    assert link.closed


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--bus", "can0"], "'can0' names no bus"),
        (["--bus", "socketcan:"], "names no bus"),
        (["--bus", "socketcan:can0", "--speed", "0"], "no speed"),
        (["--bus", "socketcan:can0", "--speed", "nan"], "no speed"),
        (["--bus", "socketcan:can0", "--speed", "inf"], "no speed"),
    ],
)
def test_wrong_usage_is_told(trace: str, arguments: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        call(trace, *arguments)


def test_a_bad_file_is_told_before_any_bus_is_opened(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such file"):
        call(str(tmp_path / "no.blf"), "--bus", "socketcan:no0")


def test_a_bus_that_is_not_there_is_told(trace: str) -> None:
    with pytest.raises(HilError, match="sim bus exists in virtual time only"):
        call(trace, "--bus", "sim:can0")
