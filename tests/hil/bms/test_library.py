"""Firmware behind bms.h: what the rig says of a bad library, and how a good one lives on the bus."""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

import hil
from hil.bms.heartbeat import Heartbeat
from hil.bms.library import Firmware, LibraryBms
from hil.bus.frame import FAST, FD, FdFrame, Frame
from hil.bus.medium import Medium
from hil.clock import NS_PER_MS, NS_PER_S, VirtualClock
from hil.errors import BmsError, FirmwareError
from hil.frames.database import load_database
from hil.rig.shipped import find_library

SOURCE = Path(__file__).with_name("firmware.c")
HEADER = Path(hil.__file__).parent / "bms"
DBC = Path(__file__).parents[3] / "dbc" / "bms.dbc"
STEP_NS = 10 * NS_PER_MS

Build = Callable[..., Path]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Compiles the small firmware with macros; each variant is a library of its own."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    folder = tmp_path_factory.mktemp("firmware")

    def compile_with(*macros: str) -> Path:
        target = folder / ("_".join(("bms", *macros)).replace("=", "_") + ".so")
        if not target.exists():
            flags = ["-shared", "-fPIC", "-fvisibility=hidden", f"-I{HEADER}"]
            defines = [f"-D{macro}" for macro in macros]
            command = [compiler, *flags, *defines, str(SOURCE), "-o", str(target)]
            subprocess.run(command, check=True)
        return target

    return compile_with


@dataclass
class World:
    """A BMS on its buses, with a node of the test on each."""

    clock: VirtualClock
    bms: LibraryBms
    media: list[Medium]
    heard: list[list[Frame]]
    heartbeat: Heartbeat

    def send(self, bus: int, identifier: int, data: bytes, extended: bool = False) -> None:
        self.media[bus].nodes[0].send(identifier, data, extended)

    def run(self, ms: int) -> None:
        self.clock.run_until(self.clock.now_ns + ms * NS_PER_MS)

    def live(self, ms: int) -> None:
        self.bms.power_on(cold=True)
        self.run(ms)

    def counts(self) -> list[int]:
        """The step numbers that the BMS sent."""
        return [int.from_bytes(f.data[:4], "little") for f in self.heard[0] if f.id == 0x100]


def world_of(path: Path, buses: int = 2) -> World:
    clock, heartbeat = VirtualClock(NS_PER_S), Heartbeat()
    media = [Medium(clock, f"bus{k}") for k in range(buses)]
    heard: list[list[Frame]] = [[] for _ in media]
    for medium, frames in zip(media, heard, strict=True):
        medium.attach("test", frames.append)
    bms = LibraryBms(clock, Firmware(path), STEP_NS, heartbeat)
    for medium in media:
        bms.attach(medium)
    return World(clock, bms, media, heard, heartbeat)


def reference() -> Path:
    path, looked = find_library("reference_bms", Path())
    assert path is not None, looked
    return path


def test_a_missing_library(tmp_path: Path) -> None:
    with pytest.raises(FirmwareError, match="cannot be loaded") as caught:
        Firmware(tmp_path / "nowhere.so")
    assert str(tmp_path / "nowhere.so") in str(caught.value)
    assert "docs/your-firmware.md" in str(caught.value)


def test_a_file_that_is_no_library(tmp_path: Path) -> None:
    path = tmp_path / "bms.so"
    path.write_text("not a library")
    with pytest.raises(FirmwareError, match="cannot be loaded"):
        Firmware(path)


def test_firmware_of_the_first_version_runs_on_classic_buses_only(build: Build) -> None:
    firmware = Firmware(build("VERSION=1"))
    clock = VirtualClock(NS_PER_S)
    bms = LibraryBms(clock, firmware, STEP_NS, Heartbeat())
    bms.attach(Medium(clock, "classic"))
    with pytest.raises(FirmwareError, match="bms_abi_version is 1, which has no CAN FD, as bus fast does"):
        bms.attach(Medium(clock, "fast", data_bitrate=2_000_000))


def test_a_can_fd_frame_goes_in_and_comes_back(build: Build) -> None:
    clock, heard = VirtualClock(NS_PER_S), list[Frame]()
    medium = Medium(clock, "fast", data_bitrate=2_000_000)
    node = medium.attach("test", heard.append)
    bms = LibraryBms(clock, Firmware(build()), STEP_NS, Heartbeat())
    bms.attach(medium)
    bms.power_on(cold=True)
    node.send(0x123, bytes(range(64)), False, FD | FAST)
    clock.run_until(clock.now_ns + 3 * STEP_NS)
    back = next(frame for frame in heard if frame.id == 0x124)
    assert isinstance(back, FdFrame)
    assert (back.data, back.fast) == (bytes(range(64)), True)


@pytest.mark.parametrize(
    ("macro", "reason"),
    [
        ("NO_RECEIVE", "lacks bms_receive"),
        ("NO_VERSION", "lacks bms_abi_version"),
        ("VERSION=7", "bms_abi_version is 7, this rig speaks 2"),
    ],
)
def test_a_library_with_another_interface(build: Build, macro: str, reason: str) -> None:
    with pytest.raises(FirmwareError, match=reason):
        Firmware(build(macro))


@pytest.mark.parametrize(
    ("macro", "reason"),
    [
        ("FAULT_RECEIVE", "bms_receive returned -7"),
        ("FAULT_STEP=-3", "bms_step returned -3"),
        ("FAULT_STEP=65", "bms_step returned 65"),
        ("FAULT_LENGTH", "sent 9 bytes in a classic frame"),
        ("FAULT_BUS", "sent a frame on bus 2"),
        ("FAULT_ID", "sent identifier 0x800 with extended = 0"),
    ],
)
def test_errors_of_the_firmware_are_its_failure_and_end_its_life(
    build: Build, macro: str, reason: str
) -> None:
    world = world_of(build(macro))
    world.send(0, 0x123, b"\x01")
    with pytest.raises(BmsError, match=f"{reason} at bus time") as caught:
        world.live(100)
    assert caught.value.exit_code == 1
    counted = world.counts()
    world.send(0, 0x123, b"\x01")
    world.run(100)
    assert world.counts() == counted


def test_firmware_that_does_not_begin_is_the_rigs_trouble(build: Build) -> None:
    world = world_of(build("FAULT_INIT"))
    with pytest.raises(FirmwareError, match="bms_init returned 5") as caught:
        world.live(100)
    assert caught.value.exit_code == 3


def test_it_is_stepped_in_lock_step(build: Build) -> None:
    world = world_of(build())
    world.bms.power_on(cold=True)
    world.run(95)
    assert world.counts() == list(range(1, 11))
    times = [int.from_bytes(frame.data[4:], "little") for frame in world.heard[0]]
    assert times == [1000 + 10 * k for k in range(10)]


@pytest.mark.parametrize("bus", [0, 1])
@pytest.mark.parametrize(("identifier", "extended"), [(0x123, False), (0x18FF50E5, True)])
def test_frames_come_and_go_on_their_bus(
    build: Build, bus: int, identifier: int, extended: bool
) -> None:
    world = world_of(build())
    world.bms.power_on(cold=True)
    world.run(5)
    world.send(bus, identifier, b"\xde\xad\xbe", extended)
    world.run(10)
    answer = next(frame for frame in world.heard[bus] if frame.id == identifier + 1)
    assert (answer.data, answer.extended) == (b"\xde\xad\xbe", extended)
    assert not any(frame.id == identifier + 1 for frame in world.heard[1 - bus])


def test_without_power_it_is_silent_and_power_comes_back_once(build: Build) -> None:
    world = world_of(build())
    world.bms.power_on(cold=True)
    world.run(25)
    world.bms.power_off()
    world.bms.power_on(cold=False)  # within a step: the old steps must not go on beside the new ones
    world.run(24)
    assert world.counts() == [1, 2, 3, 1, 2, 3]
    world.bms.power_off()
    world.run(100)
    assert len(world.counts()) == 6


def test_off_the_bus_it_goes_on_and_comes_back(build: Build) -> None:
    world = world_of(build())
    world.bms.power_on(cold=True)
    world.run(25)
    medium = world.media[0]
    node = next(node for node in medium.nodes if node.name == "bms")
    node.auto_recover = False
    medium.force_bus_off(node)
    world.run(50)
    assert world.counts()[-1] == 3
    medium.recover(node)
    world.run(20)
    assert world.counts()[-1] == 10  # it was stepped all the time


def test_a_bus_that_nobody_acknowledges_does_not_end_the_run(build: Build) -> None:
    world = world_of(build(), buses=1)
    world.media[0].detach(world.media[0].nodes[0])
    world.bms.power_on(cold=True)
    world.run(3000)
    assert world.counts() == []


def test_the_heartbeat_is_even_between_calls(build: Build) -> None:
    world = world_of(build())
    world.bms.power_on(cold=True)
    world.run(50)
    assert world.heartbeat.view[0] > 0
    assert world.heartbeat.view[0] % 2 == 0


def test_saving_is_optional(build: Build) -> None:
    assert not Firmware(build()).can_save
    firmware = Firmware(build("SAVES"))
    assert firmware.can_save
    state = firmware.save()
    firmware.restore(state)
    assert firmware.save() == state
    with pytest.raises(FirmwareError, match="bms_restore refused"):
        firmware.restore(state[:-1])


def test_the_reference_bms_speaks_as_its_dbc_says() -> None:
    world = world_of(reference(), buses=1)
    world.bms.power_on(cold=True)
    world.run(1000)
    messages = load_database([DBC]).by_key
    checkers = {key: m.e2e.checker() for key, m in messages.items() if m.e2e is not None}
    for frame in world.heard[0]:
        if frame.key in checkers:
            assert checkers[frame.key].check(frame.data) == "ok"
    sent = [messages[frame.key].name for frame in world.heard[0] if frame.key in messages]
    assert sent.count("BMS_Status") == 20
    status = messages[0x100].decode_dict(next(f.data for f in world.heard[0] if f.id == 0x100))
    assert status["State"] == 0


def test_the_reference_bms_goes_back_to_a_saved_instant() -> None:
    firmware = Firmware(reference())
    world = world_of(reference(), buses=1)
    world.bms.power_on(cold=True)
    world.run(500)
    state = firmware.save()
    world.run(500)
    assert firmware.save() != state
    firmware.restore(state)
    assert firmware.save() == state
