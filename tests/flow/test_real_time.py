"""Whole runs in real time: plant, guard and BMS as processes, on two emulated adapters that share a bus.

Nothing here asks how fast the machine is: budgets are wide, and what is killed is waited for.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import can
import pytest

from hil.bus.frame import Frame, from_can_message
from hil.bus.link import LinkFullError, open_link
from hil.clock import NS_PER_S
from hil.errors import BusError
from hil.rig.load import load_rig
from hil.rig.shipped import shipped_rigs
from tests.flow.conftest import Launch, Launched, Run

if sys.platform != "linux":
    pytest.skip("pseudo-terminals, /proc and the guard need Linux", allow_module_level=True)

import resource

from hil.bus.slcan_adapter import Manners
from hil.bus.slcan_twin import SlcanTwin, serving

pytestmark = [pytest.mark.real_time, pytest.mark.flaky(reruns=2, only_rerun="MachineLateError")]

OPERATES = '''
def test_it_operates(rig):
    """The BMS operates."""
    rig.operate()
'''
CHARGES = '''
def test_it_charges(rig):
    """The BMS closes for the station."""
    rig.charge()
'''
LASTS = OPERATES + '    rig.step("here")\n    rig.run_for("60 s")\n'
WIDE = "missed_steps = 1\n" + "".join(
    f'{key} = "9 s"\n' for key in ("frame_late", "frame_late_p99", "step_late", "test_late", "bms_wait")
)
SOME_MISSED = "missed_frames = 1\n"
GROUP = "239.74.163.7"
BMS = "hil bms --interface slcan --channel {folder}/can-b --memory {{memory}}"

Bench = Callable[..., Path]


@pytest.fixture
def adapters(tmp_path: Path) -> Iterator[tuple[SlcanTwin, ...]]:
    """The rig's adapter and the BMS's."""
    with serving(tmp_path / "can-a", tmp_path / "can-b") as twins:
        yield twins


@pytest.fixture
def bench(
    tmp_path: Path, adapters: tuple[SlcanTwin, ...], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Bench]:
    """Writes the rig file, and a test file; sees to it that no process is left in the end."""
    assert adapters
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    (tmp_path / "run").mkdir(mode=0o700)

    def write(test: str = OPERATES, command: str = BMS, *, health: str = "", host: str = "") -> Path:
        (tmp_path / "test_one.py").write_text(test)
        path = tmp_path / "bench.toml"
        path.write_text(
            'extends = "laptop"\n[rig]\nname = "bench"\ntitle = "A bench"\ntime = "real"\n'
            f'[bus.pack]\ninterface = "slcan"\nchannel = "{tmp_path}/can-a"\n'
            f"[bms]\n{_bms(command.format(folder=tmp_path))}\n"
            f"[health]\n{WIDE}{health or SOME_MISSED}\n[host]\nreal_time = false\n{host}"
        )
        return path

    yield write
    _wait(lambda: not _processes(str(tmp_path)))


def _bms(command: str) -> str:
    if not command:
        return 'kind = "external"'
    return f'kind = "process"\nready = "ready on"\ncold = "--cold"\ncommand = "{command}"'


def _processes(mark: str) -> list[int]:
    """Processes that have a text in their command line, but for this one's."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with suppress(OSError):
                if mark.encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
    return found


def _children(pid: int, mark: str) -> list[int]:
    return [child for child in _processes(mark) if _parent(child) == pid]


def _parent(pid: int) -> int:
    with suppress(OSError):
        return int((Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])
    return -1


def _wait(condition: Callable[[], object]) -> None:
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.05)  # noqa: TID251
    pytest.fail("it never came")


def _plant_of(running: Launched) -> int:
    """The plant's process, once the test is under way."""
    running.wait_for('"here"')
    first = (running.out / "record.jsonl").read_text().splitlines()[0]
    return int(json.loads(first)["host"]["pid"])


def _safe_log(folder: Path) -> list[dict[str, Any]]:
    path = folder / "safe_state.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _assert_no_pass(run: Run) -> None:
    assert run.code == 3
    assert "pass" not in run.verdicts
    run.assert_reported()


def test_a_run_passes_and_tells_what_it_was(bench: Bench, launch: Launch) -> None:
    """Its guard dies meanwhile, which is no harm."""
    running = launch("run", bench(LASTS.replace("60 s", "1 s")), "--", "test_one.py")
    plant = _plant_of(running)
    (guard,) = _children(plant, "hil.host.guard")
    os.kill(guard, signal.SIGKILL)
    _wait(lambda: [pid for pid in _children(plant, "hil.host.guard") if pid != guard])
    run = running.end()
    assert run.code == 0, run.said
    assert run.verdicts == ["pass"]
    first = run.events[0]
    assert first["firmware"]["kind"] == "process"
    assert first["firmware"]["file"].startswith("reference_bms")
    assert any("program on this computer" in text for text in first["simulated"])
    assert not any("virtual" in text for text in first["simulated"])
    assert first["buses"]["pack"]["stamps"] == "hardware"
    (health,) = [event for event in run.events if event["event"] == "health"]
    assert health["beyond"] == []
    assert health["frames"]["count"] > 300
    assert (run.out / "trace.blf").stat().st_size > 1000
    assert [line["event"] for line in _safe_log(run.out)] == ["guard died"]
    run.assert_reported()


@pytest.fixture
def fd_ends(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str, str]]:
    """An interface with CAN FD, and the channels of the rig and the BMS on it."""
    if request.param == "udp_multicast":  # carries it between programs, and is known to the rig by name only
        pytest.importorskip("msgpack")
        _skip_without_multicast()
        yield "udp_multicast", GROUP, GROUP
        return
    with serving(tmp_path / "can-a", tmp_path / "can-b", manners=Manners(fd=True)):
        yield "slcan", f"{tmp_path}/can-a", f"{tmp_path}/can-b"


def _skip_without_multicast() -> None:
    """Some machines' networks have none."""
    try:
        ends = [open_link("pack", "udp_multicast", GROUP, 500_000) for _ in range(2)]
        ends[0].send(Frame(0x7FF, b""))
        until_ns = time.monotonic_ns() + NS_PER_S
        while not ends[1].receive():
            if time.monotonic_ns() > until_ns:
                pytest.skip("no multicast on this machine")
    except BusError as error:
        pytest.skip(str(error))
    for end in ends:
        end.close()


@pytest.mark.parametrize("fd_ends", ["slcan", "udp_multicast"], indirect=True)
def test_a_run_with_can_fd_passes(
    launch: Launch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fd_ends: tuple[str, str, str]
) -> None:
    interface, ours, theirs = fd_ends
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    (tmp_path / "run").mkdir(mode=0o700)
    (tmp_path / "test_one.py").write_text(OPERATES)
    command = f"hil bms --interface {interface} --channel {theirs} --fd --library reference_bms_fd"
    rig = tmp_path / "bench.toml"
    rig.write_text(
        'extends = "fd"\nsupply = false\n[rig]\nname = "bench"\ntitle = "A bench"\ntime = "real"\n'
        f'[bus.pack]\ninterface = "{interface}"\nchannel = "{ours}"\n'
        f"[bms]\n{_bms(f'{command} --memory {{memory}}')}\n"
        f"[limits]\nstartup = false\nsupply_loss = false\n"
        "[health]\nretries = 2\n"
    )
    run = launch("run", rig, "--", "test_one.py").end()
    if set(run.verdicts) != {"invalid"}:  # this computer is not too busy
        assert run.verdicts[-1] == "pass", run.said
    with can.BLFReader(run.out / "trace.blf") as trace:
        sizes = {(message.is_rx, message.is_fd, len(message.data)) for message in trace}
    assert {(True, True, 64), (False, True, 64), (False, False, 8)} <= sizes  # BMS, rig, VCU


def test_several_buses_at_once(launch: Launch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The truck's two, with 29-bit identifiers: of the BMS, and of a charging station and its vehicle."""
    pytest.importorskip("msgpack")
    _skip_without_multicast()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    (tmp_path / "run").mkdir(mode=0o700)
    (tmp_path / "test_one.py").write_text(CHARGES)
    command = f"hil bms --interface udp_multicast --channel {GROUP} --library reference_bms_truck"
    rig = _truck(tmp_path, {
        'library = "reference_bms_truck"': _bms(f"{command} --bitrate 250000 --memory {{memory}}"),
        "[bus.vehicle]": f'[bus.vehicle]\ninterface = "udp_multicast"\nchannel = "{GROUP}"',
        # on the same port a computer hears all groups that any of its programs has joined
        "[bus.charge]": '[bus.charge]\noptions = { port = 43114 }\n'
        f'interface = "udp_multicast"\nchannel = "{GROUP}"',
    })  # fmt: skip
    run = launch("run", rig, "--", "test_one.py").end()
    if set(run.verdicts) != {"invalid"}:  # this computer is not too busy
        assert run.verdicts[-1] == "pass", run.said
    with can.BLFReader(run.out / "trace.blf") as trace:
        seen = {(message.channel, message.arbitration_id) for message in trace}
    station = {0x1826F456, 0x182756F4}  # GB/T 27930: CHM of the station, BHM of the vehicle
    assert station <= {identifier for channel, identifier in seen if channel == 1}
    assert not station & {identifier for channel, identifier in seen if channel == 0}


def _truck(folder: Path, changes: dict[str, str]) -> Path:
    """The truck's rig file, in real time and otherwise changed; what is changed begins a line."""
    text = shipped_rigs()["truck"].read_text(encoding="utf-8")
    changes["[rig]"] = '[health]\nretries = 2\n\n[rig]\ntime = "real"'
    for old, new in changes.items():
        assert f"\n{old}" in text, old
        text = text.replace(f"\n{old}", f"\n{new}", 1)
    rig = folder / "bench.toml"
    rig.write_text(text)
    return rig


LONG_DBC = """VERSION ""
BU_: BMS VCU
BO_ 2566865191 VCU_All: 20 VCU
 SG_ Cell96 : 144|16@1+ (0.001,0) [0|65.535] "V" BMS
BA_DEF_ BO_ "GenMsgCycleTime" INT 0 65535;
BA_DEF_DEF_ "GenMsgCycleTime" 0;
BA_ "GenMsgCycleTime" BO_ 2566865191 500;
"""
LAST_CELL = '''
def test_it_says_the_last_cell(rig):
    """In a message of 192 bytes."""
    rig.operate()
    with rig.fault("cell.voltage", cell=96, value=3.4):
        rig.run_for("2 s")
        rig.bounded("cell 96", rig.value("cell.voltage[96]"), low=3.39, high=3.41, unit="V")
    rig.standby()
'''
STEPS = """steps = {
    standby = [{ to = "standby" }, { until = "state", is = "standby", within = "2 s" }],
    operate = [{ wait = "100 ms" }, { to = "operate" }, { until = "state", is = "operate", within = "5 s" }],
}"""


def test_long_messages_and_requests_by_steps(
    launch: Launch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both ways in packets on a real bus, and each step waits for what the BMS says there."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    (tmp_path / "run").mkdir(mode=0o700)
    (tmp_path / "test_one.py").write_text(LAST_CELL)
    (tmp_path / "long.dbc").write_text(LONG_DBC)
    command = f"hil bms --interface slcan --channel {tmp_path}/can-b --library reference_bms_truck"
    mode = 'mode = { signal = "vehicle/HVESSC1.BusConnect", '
    rig = _truck(tmp_path, {
        'library = "reference_bms_truck"': _bms(f"{command} --bitrate 250000 --memory {{memory}}"),
        "[bus.vehicle]": f'[bus.vehicle]\ninterface = "slcan"\nchannel = "{tmp_path}/can-a"',
        "[bus.charge]": f'[bus.charge]\ninterface = "slcan"\nchannel = "{tmp_path}/can-c"',
        'dbc = ["truck_bms.dbc", ': 'dbc = ["long.dbc", "truck_bms.dbc", ',
        "HVESSC1 = ": "VCU_All = { source = 0x27 }\nHVESSC1 = ",
        "[wires.vehicle.CMU_Status]": '[wires.vehicle.VCU_All]\nCell96 = "cell_monitor.voltage[96]"\n\n'
        "[wires.vehicle.CMU_Status]",
        mode: f"{mode}{' '.join(STEPS.split())}, ".replace(", }", " }"),
    })  # fmt: skip
    with serving(tmp_path / "can-a", tmp_path / "can-b"), serving(tmp_path / "can-c"):
        run = launch("run", rig, "--", "test_one.py").end()
    if set(run.verdicts) != {"invalid"}:  # this computer is not too busy
        assert run.verdicts[-1] == "pass", run.said
    steps = [event["text"] for event in run.events if event["event"] == "step"]
    assert "mode = operate, by 3 steps" in steps
    with can.BLFReader(run.out / "trace.blf") as trace:
        packets = {(m.is_rx, m.arbitration_id & 0xFF) for m in trace if m.arbitration_id >> 16 & 0xFF == 0xEB}
    assert {(True, 0xF3), (False, 0x27)} <= packets  # of the BMS, of the VCU


def test_a_test_that_is_killed_leaves_a_safe_plant_that_ends(bench: Bench, launch: Launch) -> None:
    running = launch("run", bench(LASTS), "--", "test_one.py")
    plant = _plant_of(running)
    for pid in _children(running.process.pid, "pytest"):
        os.kill(pid, signal.SIGKILL)
    run = running.end()
    _assert_no_pass(run)
    assert "the test process died (SIGKILL)" in run.said
    _wait(lambda: _parent(plant) == -1)
    entered, reached = _safe_log(run.out)
    assert (entered["who"], "gone without a goodbye" in entered["reason"]) == ("plant", True)
    assert (reached["event"], reached["contactors"]["contactor.main_plus"]) == ("reached", "open")


def test_after_a_plant_that_is_killed_the_guard_asks_for_the_safe_state(
    bench: Bench, launch: Launch, tmp_path: Path
) -> None:
    """The BMS is somebody else's, and lives on; the next run begins as if nothing had been."""
    bms = launch("bms", "--interface", "slcan", "--channel", tmp_path / "can-b", "--cold")
    switched = tmp_path / "switched"
    rig = bench(LASTS, command="")
    rig.write_text(f'{rig.read_text()}\n[safe_state]\noutputs = ["touch {switched}"]\n')
    running = launch("run", rig, "--", "test_one.py")
    plant = _plant_of(running)
    assert not switched.exists()
    os.kill(plant, signal.SIGKILL)
    run = running.end()
    _assert_no_pass(run)
    assert "the plant process has ended" in run.troubles[0]["reason"]
    _wait(lambda: len(_safe_log(run.out)) == 2)
    entered, ended = _safe_log(run.out)
    assert (entered["who"], entered["reason"]) == ("guard", "the plant process died")
    assert (ended["event"], ended["contactors"]["contactor.main_plus"]) == ("reached", "open")
    assert (ended["outputs"], switched.exists()) == ({f"touch {switched}": ""}, True)
    after = launch("run", bench(OPERATES, command=""), "--out", "out2", "--", "test_one.py").end()
    assert after.code == 0, after.said
    bms.process.send_signal(signal.SIGTERM)
    bms.end()


def test_a_bms_that_is_killed_fails_its_test_and_lives_again_in_the_next(
    bench: Bench, launch: Launch
) -> None:
    test = LASTS + OPERATES.replace("test_it", "test_next")
    running = launch("run", bench(test), "--", "test_one.py")
    plant = _plant_of(running)
    (bms,) = _children(plant, "can-b")
    os.kill(bms, signal.SIGKILL)
    run = running.end()
    verdicts = [event for event in run.events if event["event"] == "verdict"]
    assert run.verdicts[0] == "fail", run.said
    assert "the BMS's process ended by itself (killed by SIGKILL)" in verdicts[0]["reason"]
    assert not run.troubles
    assert run.verdicts[-1] in ("pass", "invalid"), run.said  # this computer may be too busy
    run.assert_reported()


def test_a_bms_that_hangs_fails_its_test(bench: Bench, launch: Launch) -> None:
    rig = bench(LASTS, health=f"{SOME_MISSED}lost_frames = 99999\n")
    rig.write_text(rig.read_text().replace('kind = "process"', 'kind = "process"\nheard = "5 s"'))
    running = launch("run", rig, "--", "test_one.py")
    plant = _plant_of(running)
    (bms,) = _children(plant, "can-b")
    os.kill(bms, signal.SIGSTOP)
    run = running.end()
    assert (run.code, run.verdicts) == (1, ["fail"]), run.said
    assert "the BMS's process hangs: it runs, but has said nothing for" in run.said
    assert not run.troubles
    run.assert_reported()


DIES = '''
import os
from contextlib import suppress
from pathlib import Path

import pytest


@pytest.mark.parametrize("number", range(5))
def test_it_dies(rig, number):
    rig.operate()
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (entry / "cmdline").read_bytes()
            if b"FOLDER/can-b" in command and b"bms" in command:
                os.kill(int(entry.name), 9)
    rig.run_for("60 s")
'''


def test_a_bms_that_dies_in_three_tests_in_a_row_is_tested_no_more(
    bench: Bench, launch: Launch, tmp_path: Path
) -> None:
    rig = bench(DIES.replace("FOLDER", str(tmp_path)), health=f"{SOME_MISSED}lost_frames = 99999\n")
    run = launch("run", rig, "--", "test_one.py").end()
    assert (run.code, run.verdicts) == (1, ["fail"] * 3), run.said
    told = "the BMS's process died or hung in 3 tests in a row: the other 2 are not run"
    assert run.end["stopped"] == told
    assert told in " ".join(run.stdout.split())
    run.assert_reported()


def test_a_bms_that_falls_silent_fails_its_test_and_ends_the_run(
    bench: Bench, launch: Launch, tmp_path: Path
) -> None:
    """Of somebody else, and not started anew: what comes after has nothing to test."""
    bms = launch("bms", "--interface", "slcan", "--channel", tmp_path / "can-b", "--cold")
    test = LASTS.replace("60 s", "1 s") + '    rig.stays("state", "operate", for_="2 s")\n'
    test += OPERATES.replace("test_it", "test_next")
    rig = bench(test, command="", health=f"{SOME_MISSED}lost_frames = 99999\n")
    rig.write_text(rig.read_text().replace('kind = "external"', 'kind = "external"\nheard = "3 s"'))
    running = launch("run", rig, "--", "test_one.py")
    _plant_of(running)
    bms.process.send_signal(signal.SIGSTOP)
    run = running.end()
    reasons = [event["reason"] for event in run.events if event["event"] == "verdict"]
    assert (run.code, run.verdicts) == (3, ["fail", "error"]), reasons
    (trouble,) = run.troubles
    assert "the BMS says nothing within 3 s; it was last heard" in trouble["reason"]
    assert trouble["reason"] in run.said
    run.assert_reported()
    for number in (signal.SIGCONT, signal.SIGTERM):
        bms.process.send_signal(number)
    bms.end()


def test_a_disk_that_fills_up_ends_the_run_with_a_safe_plant(bench: Bench, launch: Launch) -> None:
    """Of every process of the run: none may write a file longer than that."""

    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (120_000, 120_000))

    test = OPERATES + '    for _ in range(4000):\n        rig.mark("x" * 200)\n'
    run = launch("run", bench(test), "--", "test_one.py", preexec_fn=small_files).end()
    assert run.code == 3, run.said
    assert re.search(r"(record\.jsonl|trace\.blf).*(make room|space)", run.said)
    assert "pass" not in run.verdicts
    assert "stopped:" in (run.out / "bms.log").read_text()  # switched off in order, after the safe state


def test_ctrl_c_ends_plant_and_bms_in_order(bench: Bench, launch: Launch) -> None:
    running = launch("run", bench(LASTS), "--", "test_one.py")
    _plant_of(running)
    running.process.send_signal(signal.SIGINT)
    run = running.end()
    assert run.code == 130
    run.assert_reported()
    assert "stopped:" in (run.out / "bms.log").read_text()


def test_an_adapter_unplugged_in_mid_test_makes_it_invalid_and_the_next_time_counts(
    bench: Bench, launch: Launch, adapters: tuple[SlcanTwin, ...]
) -> None:
    running = launch("run", bench(LASTS.replace("60 s", "1 s")), "--", "test_one.py")
    _plant_of(running)
    adapters[0].unplug()
    running.pause(0.6)
    adapters[0].replug()
    run = running.end()
    assert run.code == 0, run.said
    assert run.verdicts == ["invalid", "pass"]
    reason = next(event["reason"] for event in run.events if event["event"] == "verdict")
    assert "the adapter is gone" in reason
    assert "it was away for" in reason
    run.assert_reported()


def test_garbage_on_the_line_makes_a_test_invalid_and_the_next_time_counts(
    bench: Bench, launch: Launch, adapters: tuple[SlcanTwin, ...]
) -> None:
    """Digits that are none, torn lines, bytes of no alphabet: the frames between them are not lost."""
    running = launch("run", bench(LASTS.replace("60 s", "1 s")), "--", "test_one.py")
    _plant_of(running)
    for noise in (b"t12!?garbage\r", b"\xff\xfe\x00\x80", b"t1008", b"\rt9999\r"):
        adapters[0].inject(noise)
    run = running.end()
    assert run.code == 0, run.said
    assert run.verdicts == ["invalid", "pass"]
    reason = next(event["reason"] for event in run.events if event["event"] == "verdict")
    assert "times what came made no sense" in reason
    run.assert_reported()


def test_another_bit_rate_is_told_as_such(bench: Bench, launch: Launch, tmp_path: Path) -> None:
    """Only error frames come, and no test is run against them."""
    bms = launch("bms", "--interface", "slcan", "--channel", tmp_path / "can-b", "--bitrate", "250000")
    rig = bench(OPERATES, command="")
    rig.write_text(rig.read_text().replace('kind = "external"', 'kind = "external"\nheard = "3 s"'))
    _wait((tmp_path / "can-b").exists)
    run = launch("run", rig, "--", "test_one.py").end()
    _assert_no_pass(run)
    (trouble,) = run.troubles
    assert (trouble["kind"], trouble["place"]) == ("BusError", "bus pack")
    assert "only error frames come" in trouble["reason"]
    assert "is 500 kbit/s its bit rate" in trouble["remedy"]
    assert "only error frames come" in run.said
    bms.process.send_signal(signal.SIGTERM)
    bms.end()


def test_another_rig_on_the_bus_is_refused(bench: Bench, launch: Launch, tmp_path: Path) -> None:
    """It is on an adapter of its own, as another user's or another computer's would be."""
    other = open_link("other", "slcan", str(tmp_path / "can-b"), 500_000)
    running = launch("run", bench(OPERATES, command=""), "--", "test_one.py")
    while running.process.poll() is None:
        with suppress(LinkFullError):
            other.send(Frame(0x202, bytes(8)))
        other.receive()
        running.pause(0.05)
    other.close()
    run = running.end()
    _assert_no_pass(run)
    assert "somebody else sends 202 (CM_Voltages_02), which this rig sends too" in run.troubles[0]["reason"]


def test_a_test_that_holds_beyond_its_lease_finds_a_safe_plant(bench: Bench, launch: Launch) -> None:
    """Stopped, it can say nothing; when it goes on it is told, and is run again."""
    rig = bench(LASTS.replace("60 s", "1 s"), host='lease = "8 s"\n')
    running = launch("run", rig, "--", "test_one.py")
    _plant_of(running)
    (test,) = _children(running.process.pid, "pytest")
    os.kill(test, signal.SIGSTOP)
    _wait(lambda: len(_safe_log(running.out)) == 2)
    os.kill(test, signal.SIGCONT)
    run = running.end()
    assert run.verdicts == ["invalid", "pass"], run.said
    reason = next(event["reason"] for event in run.events if event["event"] == "verdict")
    assert "the plant's lease is lost" in reason
    entered, reached = _safe_log(run.out)
    assert "gave no sign of life for 8 s" in entered["reason"]
    assert (reached["event"], reached["contactors"]["contactor.main_plus"]) == ("reached", "open")
    run.assert_reported()


def test_a_breakpoint_of_ten_seconds_costs_no_frame(bench: Bench, launch: Launch) -> None:
    """The test's process stands still; by their stamps, all frames of the rig go on in their slots.

    A frame leaves up to half a cycle after its slot, and its stamp is later still: none is missing by number
    (but one at the ends), and no gap has room for one that was left out. A computer that is too busy for that
    makes the test invalid, and it is run again.
    """
    test = OPERATES + '    rig.step("here")\n    import time\n    time.sleep(10)\n    rig.step("there")\n'
    rig = bench(test, health="missed_frames = 0\nretries = 2\n")
    rig.write_text(rig.read_text().replace("real_time = false", "real_time = true"))
    running = launch("run", rig, "--", "test_one.py")
    run = running.end()
    if set(run.verdicts) == {"invalid"}:
        pytest.skip(f"this computer is too busy: {run.said}")
    assert run.verdicts[-1] == "pass", run.said
    here_ns = [event["t_ns"] for event in run.events if event.get("text") == "here"][-1]
    span_ns = 10 * NS_PER_S
    sent = _sent(run.out / "trace.blf", here_ns, here_ns + span_ns)
    cycles = {m.key: m.cycle_ns for m in load_rig(rig).buses["pack"].database.messages.values() if m.cycle_ns}
    assert len(sent) > 30
    missing = {key: span_ns // cycles[key] - len(stamps) for key, stamps in sent.items()}
    assert max(missing.values()) <= 1
    gaps = {
        key: max(b - a for a, b in itertools.pairwise((here_ns, *stamps, here_ns + span_ns)))
        for key, stamps in sent.items()
    }
    assert max(gap_ns / cycles[key] for key, gap_ns in gaps.items()) < 2.0


def _sent(trace: Path, from_ns: int, to_ns: int) -> dict[int, list[int]]:
    """When the rig sent frames, by their key, within a span."""
    with can.BLFReader(trace) as reader:
        messages = list(reader)
    sent: dict[int, list[int]] = {}
    for message in messages:
        t_ns = round((message.timestamp - reader.start_timestamp) * NS_PER_S)
        if from_ns <= t_ns <= to_ns and not message.is_rx and not message.is_error_frame:
            sent.setdefault(from_can_message(message).key, []).append(t_ns)
    return sent


def test_a_bms_that_does_not_start_is_the_rigs_trouble(bench: Bench, launch: Launch) -> None:
    run = launch("run", bench(command="false"), "--", "test_one.py").end()
    _assert_no_pass(run)
    assert "ended by itself" in run.troubles[0]["reason"]


def test_a_bus_that_is_not_there_is_told(
    bench: Bench, launch: Launch, adapters: tuple[SlcanTwin, ...]
) -> None:
    rig = bench()
    adapters[0].unplug()
    run = launch("run", rig, "--", "test_one.py").end()
    _assert_no_pass(run)
    assert "can-a: there is no such serial port" in run.troubles[0]["reason"]


def test_a_plant_that_runs_can_be_used_and_watched(bench: Bench, launch: Launch, tmp_path: Path) -> None:
    rig, path = bench(), tmp_path / "run" / "hil" / "bench.sock"
    plant = launch("plant", rig)
    _wait(path.exists)
    run = launch("run", rig, "--plant", path, "--", "test_one.py").end()
    assert run.code == 0, run.said
    watched = launch("watch", "bench", "--count", "1", "--json").end()
    assert json.loads(watched.stdout)["holder"] == ""
    plant.process.send_signal(signal.SIGTERM)
    assert plant.end().code == 0
    assert not path.exists()
    gone = launch("watch", rig, "--count", "1").end()
    assert (gone.code, "no plant listens there" in gone.said) == (3, True)


def test_a_virtual_rig_has_no_plant_process(launch: Launch) -> None:
    run = launch("plant", "laptop").end()
    assert run.code == 2
    assert "its plant runs within the tests" in run.said
