"""``hil bms``: what it takes, what it says, what it keeps; the buses are in memory."""

import argparse
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

import hil
from hil.bms.library import Firmware
from hil.bms.runner import Runner
from hil.bus.frame import Frame
from hil.bus.link import LinkCounters
from hil.cli import bms
from hil.errors import BusError, FirmwareError, OutputError, UsageError

SOURCE = Path(__file__).parents[1] / "bms" / "firmware.c"
HEADER = Path(hil.__file__).parent / "bms"


class QuietLink:
    """A bus on which nothing happens."""

    data_bitrate = 0
    stamps = "kernel"
    precision_ns = 0

    def __init__(self, name: str, interface: str, channel: str, bitrate: int, **options: object) -> None:
        self.name, self.interface, self.channel, self.bitrate = name, interface, channel, bitrate
        self.options = options
        self.counters = LinkCounters()
        self.sent: list[Frame] = []
        self.closed = False

    def fileno(self) -> None:
        return None

    def send(self, frame: Frame) -> None:
        self.sent.append(frame)

    def receive(self) -> Sequence[Frame]:
        return ()

    def set_filters(self, identifiers: object) -> None: ...

    def reopen(self) -> bool:
        return True

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def links(monkeypatch: pytest.MonkeyPatch) -> list[QuietLink]:
    """The buses that were opened; each run ends after its third step."""
    opened: list[QuietLink] = []

    def open_link(*given: object, **options: object) -> QuietLink:
        if given[2] == "nothing":
            raise BusError("does not exist (any more)", place="interface nothing")
        opened.append(QuietLink(*given, **options))  # type: ignore[arg-type]
        return opened[-1]

    def step(runner: Runner, deadline_ns: int) -> None:
        whole_step(runner, deadline_ns)
        if runner.tally.steps == 3:
            signal.raise_signal(signal.SIGTERM)

    whole_step = Runner._step
    monkeypatch.setattr("hil.bus.link.open_link", open_link)
    monkeypatch.setattr(Runner, "_step", step)
    return opened


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    folder = tmp_path_factory.mktemp("firmware")

    def compile_with(*macros: str) -> str:
        target = folder / ("_".join(("bms", *macros)) + ".so")
        if not target.exists():
            flags = ["-shared", "-fPIC", f"-I{HEADER}", *(f"-D{macro}" for macro in macros)]
            subprocess.run([compiler, *flags, str(SOURCE), "-o", str(target)], check=True)
        return str(target)

    return compile_with


def call(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    bms.add_parser(parser.add_subparsers())
    parsed = parser.parse_args(["bms", "--step", "1 ms", *arguments])
    return int(parsed.run(parsed))


def test_it_runs_until_a_signal_and_says_what_it_saw(
    links: list[QuietLink], capsys: pytest.CaptureFixture[str], build: Callable[..., str]
) -> None:
    assert call("--channel", "can0", "--channel", "can1", "--library", build(), "--bitrate", "250000") == 0
    out, err = capsys.readouterr()
    assert out == "ready on socketcan can0, can1\n"
    assert err.startswith("hil bms: stopped: 3 steps (")
    assert err.endswith(", 0 frames received, 3 sent\n")
    assert [(link.interface, link.channel, link.bitrate) for link in links] == [
        ("socketcan", "can0", 250_000),
        ("socketcan", "can1", 250_000),
    ]
    assert all(link.closed for link in links)
    assert [frame.id for frame in links[0].sent] == [0x100] * 3


def test_the_reference_bms_is_the_default(
    links: list[QuietLink], capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("--channel", "vcan0", "--interface", "virtual") == 0
    assert capsys.readouterr().out == "ready on virtual vcan0\n"
    assert {frame.id for frame in links[0].sent} >= {0x100}


def test_a_bus_that_is_not_there_closes_the_others(links: list[QuietLink], build: Callable[..., str]) -> None:
    with pytest.raises(BusError, match="interface nothing: does not exist"):
        call("--channel", "can0", "--channel", "nothing", "--library", build())
    assert [link.closed for link in links] == [True]


@pytest.mark.parametrize("step", ["0 ms", "10", "1 V"])
def test_a_step_that_is_no_time_is_refused(step: str) -> None:
    with pytest.raises(UsageError, match="--step: "):
        call("--channel", "can0", "--step", step)


def test_a_library_that_is_not_there_is_told() -> None:
    with pytest.raises(UsageError, match="there is no such firmware library"):
        call("--channel", "can0", "--library", "nonsense")


def test_errors_of_the_firmware_leave_the_bus(links: list[QuietLink], build: Callable[..., str]) -> None:
    with pytest.raises(FirmwareError, match="bms_init returned 5"):
        call("--channel", "can0", "--library", build("FAULT_INIT"))
    assert links[0].closed


def test_memory_outlives_the_program(
    links: list[QuietLink], tmp_path: Path, build: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    restored: list[bytes] = []
    monkeypatch.setattr(Firmware, "restore", lambda _self, state: restored.append(state))
    memory = tmp_path / "memory"
    common = ["--channel", "can0", "--library", build("SAVES"), "--memory", str(memory)]
    assert call(*common) == 0
    assert restored == []
    kept = memory.read_bytes()
    assert kept
    assert call(*common) == 0
    assert restored == [kept]
    assert call(*common, "--cold") == 0
    assert restored == [kept]
    assert len(links) == 3
    assert list(tmp_path.iterdir()) == [memory]


def test_memory_of_other_firmware_is_told_and_not_used(
    links: list[QuietLink],
    tmp_path: Path,
    build: Callable[..., str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    memory = tmp_path / "memory"
    memory.write_bytes(b"something else")
    assert call("--channel", "can0", "--library", build("SAVES"), "--memory", str(memory)) == 0
    assert "is not this firmware's memory, starting with none" in capsys.readouterr().err
    assert len(links) == 1


def test_memory_needs_firmware_and_a_place(
    links: list[QuietLink], tmp_path: Path, build: Callable[..., str]
) -> None:
    with pytest.raises(FirmwareError, match="--memory cannot keep anything"):
        call("--channel", "can0", "--library", build(), "--memory", str(tmp_path / "memory"))
    assert links == []
    with pytest.raises(OutputError, match="cannot be written: No such file or directory"):
        call("--channel", "can0", "--library", build("SAVES"), "--memory", str(tmp_path / "no" / "memory"))
    with pytest.raises(OutputError, match="cannot be read: Is a directory"):
        call("--channel", "can0", "--library", build("SAVES"), "--memory", str(tmp_path))


def test_can_fd_is_a_matter_of_all_its_buses(links: list[QuietLink], build: Callable[..., str]) -> None:
    assert call("--channel", "can0", "--channel", "can1", "--library", build()) == 0
    assert [link.options for link in links] == [{}, {}]
    assert call("--channel", "can0", "--library", build(), "--fd", "--data-bitrate", "4000000") == 0
    assert links[-1].options == {"fd": True, "data_bitrate": 4_000_000}


def test_priority_is_told(
    links: list[QuietLink], capsys: pytest.CaptureFixture[str], build: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("hil.realtime.rights.take_rights", _no_rights)
    assert call("--channel", "can0", "--library", build(), "--priority", "20") == 0
    assert "hil bms: no real-time priority: refused" in capsys.readouterr().err
    assert len(links) == 1


def _no_rights(_wanted: object) -> object:
    from hil.realtime.rights import Right, Rights

    return Rights((Right("real-time priority", False, "refused"),), [])
