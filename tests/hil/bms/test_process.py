"""A BMS that is a process: started, watched, ended with all that it has started, whatever happens."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hil.bms.external import ExternalBms
from hil.bms.process import ProcessBms
from hil.clock import NS_PER_MS, NS_PER_S
from hil.errors import BmsError, FirmwareError
from hil.realtime.sleep import sleep_until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the programs here are shell scripts")

READY = "echo ready; "
STAY = "exec sleep 1000"


@pytest.fixture
def make() -> Iterator[Callable[..., ProcessBms]]:
    made: list[ProcessBms] = []

    def of(script: str, ready: str | None = "ready", **options: object) -> ProcessBms:
        made.append(ProcessBms(["sh", "-c", script, "bms"], ready, **options))  # type: ignore[arg-type]
        return made[-1]

    yield of
    for bms in made:
        bms.close()


def wait_until(condition: Callable[[], bool]) -> None:
    """For what another process does; a test that waits in vain ends, and fails."""
    for _ in range(2000):
        if condition():
            return
        sleep_until(time.monotonic_ns() + 5 * NS_PER_MS)
    pytest.fail("it never came")


def exists(pid: int) -> bool:
    """Whether a process runs; one that has ended but is unreaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_it_is_switched_on_and_off(make: Callable[..., ProcessBms]) -> None:
    bms = make(READY + STAY)
    assert not bms.alive()
    assert bms.pid is None
    assert bms.trouble() is None
    bms.power_on(cold=True)
    pid = bms.pid
    assert bms.alive()
    assert bms.is_ready()
    assert pid is not None
    bms.check()
    bms.power_off()
    bms.power_off()
    assert not bms.alive()
    assert not exists(pid)
    assert bms.trouble() is None


def test_switching_on_again_starts_another(make: Callable[..., ProcessBms]) -> None:
    bms = make(READY + STAY)
    bms.power_on(cold=True)
    first = bms.pid
    bms.power_on(cold=False)
    assert bms.pid != first
    assert bms.starts == 2
    assert first is not None
    assert not exists(first)


@pytest.mark.parametrize(("cold", "given"), [(True, "run --cold"), (False, "run")])
def test_a_cold_start_has_its_own_arguments(tmp_path: Path, cold: bool, given: str) -> None:
    log = tmp_path / "bms.log"
    log.write_text("from before: ready\n")
    script = 'echo "given: $*"; echo ready; ' + STAY
    bms = ProcessBms(["sh", "-c", script, "bms", "run"], "ready", cold=["--cold"], log=log)
    bms.power_on(cold=cold)
    bms.close()
    assert log.read_text() == f"from before: ready\ngiven: {given}\nready\n"


def test_a_ready_line_may_be_unfinished(make: Callable[..., ProcessBms]) -> None:
    make("printf 'now ready'; " + STAY).power_on(cold=True)


def test_without_a_text_it_is_ready_when_it_runs(make: Callable[..., ProcessBms]) -> None:
    bms = make(STAY, None)
    bms.power_on(cold=True)
    assert bms.is_ready()


def test_starting_need_not_wait(make: Callable[..., ProcessBms]) -> None:
    bms = make(READY + STAY)
    bms.begin(cold=True)
    wait_until(bms.is_ready)


def test_one_that_never_gets_ready_is_told_and_ended(make: Callable[..., ProcessBms]) -> None:
    bms = make("echo one; echo two >&2; " + STAY, ready_ns=300 * NS_PER_MS)
    with pytest.raises(FirmwareError) as caught:
        bms.power_on(cold=True)
    said = r"did not say 'ready' within 0\.3 s; its last lines: one \| two \(it has to flush that line\)"
    assert re.search(said, str(caught.value))
    assert bms.pid is None


def test_one_that_ends_at_once_is_told_with_its_last_lines(make: Callable[..., ProcessBms]) -> None:
    bms = make("for k in 1 2 3 4 5 6; do echo line $k; done; printf 'no bus' >&2; exit 3")
    with pytest.raises(FirmwareError) as caught:
        bms.power_on(cold=True)
    assert "bms.command: the BMS's process ended by itself (exit status 3); " in str(caught.value)
    assert "its last lines: line 3 | line 4 | line 5 | line 6 | no bus" in str(caught.value)


def test_a_later_life_that_does_not_begin_is_a_failure(
    make: Callable[..., ProcessBms], tmp_path: Path
) -> None:
    """What had lived is there to be judged; it may begin the time after."""
    broken = tmp_path / "broken"
    bms = make(f"test -e {broken} && echo no memory && exit 3; {READY}{STAY}")
    bms.power_on(cold=True)
    broken.touch()
    with pytest.raises(BmsError, match=r"ended by itself \(exit status 3\); its last lines: no memory"):
        bms.power_on(cold=False)
    assert bms.pid is None
    broken.unlink()
    bms.power_on(cold=False)


def test_a_program_that_is_not_there_is_told() -> None:
    bms = ProcessBms(["no-such-bms", "--now"])
    with pytest.raises(FirmwareError, match=r"no-such-bms --now: bms\.command: there is no such program"):
        bms.power_on(cold=True)
    bms.close()


def test_a_program_that_is_none_is_told(tmp_path: Path) -> None:
    program = tmp_path / "bms"
    program.write_text("#!/no/such/interpreter\n")
    program.chmod(0o755)
    bms = ProcessBms([str(program)], "ready")
    with pytest.raises(FirmwareError, match=r"No such file or directory|cannot be started"):
        bms.power_on(cold=True)
    bms.close()


def test_a_program_beside_this_python_is_found() -> None:
    bms = ProcessBms([Path(sys.executable).name, "-c", "print('ready'); input()"], "ready")
    with pytest.raises(FirmwareError, match="EOFError"):  # printed, then ended by its empty input
        _watch(bms)
    bms.close()


def _watch(bms: ProcessBms) -> None:
    bms.begin(cold=True)
    wait_until(lambda: not bms.alive())
    bms.check()


def test_death_is_noticed_and_named(make: Callable[..., ProcessBms]) -> None:
    bms = make(READY + STAY)
    bms.power_on(cold=True)
    assert bms.pid is not None
    os.kill(bms.pid, signal.SIGKILL)
    wait_until(lambda: not bms.alive())
    with pytest.raises(FirmwareError, match=r"ended by itself \(killed by SIGKILL\); its last lines: ready"):
        bms.check()
    bms.power_on(cold=True)
    bms.check()


def test_a_program_that_starts_anew_by_itself_is_noticed(make: Callable[..., ProcessBms]) -> None:
    bms = make('echo "a: ready"; echo "getting ready is another line"; sleep 0.05; echo "a: ready"; ' + STAY)
    bms.begin(cold=True)
    wait_until(lambda: bms.trouble() is not None)
    with pytest.raises(FirmwareError, match="started anew by itself"):
        bms.check()


def test_one_that_hears_nothing_is_ended_with_all_it_started(
    make: Callable[..., ProcessBms], tmp_path: Path
) -> None:
    children = tmp_path / "children"
    deaf = f"trap '' TERM; (trap '' TERM; sleep 1000) & echo $! > {children}; "
    script = deaf + READY + "sleep 1000; sleep 1000"
    bms = make(script, stop_ns=50 * NS_PER_MS)
    bms.power_on(cold=True)
    pid, child = bms.pid, int(children.read_text())
    assert pid is not None
    bms.power_off()
    assert not exists(pid)
    wait_until(lambda: not exists(child))


def test_what_a_dead_one_has_started_is_ended_too(make: Callable[..., ProcessBms], tmp_path: Path) -> None:
    children = tmp_path / "children"
    bms = make(f"sleep 1000 & echo $! > {children}; echo ready")
    with pytest.raises(FirmwareError, match="exit status 0"):
        _watch(bms)
    child = int(children.read_text())
    assert exists(child)
    bms.power_off()
    wait_until(lambda: not exists(child))


def test_it_may_end_its_business_first(make: Callable[..., ProcessBms], tmp_path: Path) -> None:
    memory = tmp_path / "memory"
    bms = make(f"trap 'echo kept > {memory}; exit 0' TERM; echo ready; while :; do sleep 0.02; done")
    bms.power_on(cold=True)
    bms.power_off()
    assert memory.read_text() == "kept\n"


def test_the_time_that_passes_is_the_callers(make: Callable[..., ProcessBms]) -> None:
    pauses: list[int] = []

    def pause(instant_ns: int) -> None:
        pauses.append(instant_ns)

    bms = make(STAY, now=lambda: len(pauses) * NS_PER_S, pause=pause)
    with pytest.raises(FirmwareError, match="within 10 s"):
        bms.power_on(cold=True)
    assert pauses[:3] == [5 * NS_PER_MS, NS_PER_S + 5 * NS_PER_MS, 2 * NS_PER_S + 5 * NS_PER_MS]


def test_an_interrupted_start_leaves_nothing(make: Callable[..., ProcessBms]) -> None:
    def interrupt(_instant_ns: int) -> None:
        raise KeyboardInterrupt

    bms = make(STAY, pause=interrupt)
    with pytest.raises(KeyboardInterrupt):
        bms.power_on(cold=True)
    assert bms.pid is None


@pytest.mark.skipif(sys.platform != "linux", reason="a leash is Linux's")
def test_it_does_not_outlive_a_rig_that_is_killed() -> None:
    code = (
        "import sys; from hil.bms.process import ProcessBms\n"
        "bms = ProcessBms(['sleep', '1000']); bms.power_on(cold=True)\n"
        "print(bms.pid, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as rig:
        assert rig.stdout is not None
        pid = int(rig.stdout.readline())
        wait_until(lambda: Path(f"/proc/{pid}/comm").read_text() == "sleep\n")
        rig.kill()
    wait_until(lambda: not exists(pid))


@pytest.mark.skipif(sys.platform != "linux", reason="a leash is Linux's")
def test_it_does_not_start_for_a_rig_that_has_gone() -> None:
    from hil.bms import leash

    command = [sys.executable, leash.__file__, "1", "echo", "started"]
    done = subprocess.run(command, check=False, capture_output=True)
    assert (done.returncode, done.stdout) == (1, b"")


def test_an_external_bms_is_left_alone_and_says_so() -> None:
    bms = ExternalBms()
    bms.power_on(cold=True)
    bms.power_off()
    assert not bms.can_switch
    assert "the rig does not switch it" in str(bms)


def test_an_external_bms_may_have_a_switch(tmp_path: Path) -> None:
    state = tmp_path / "state"
    bms = ExternalBms(["sh", "-c", f"echo on > {state}"], ["sh", "-c", f"echo off > {state}"])
    bms.power_on(cold=False)
    assert state.read_text() == "on\n"
    bms.power_off()
    assert state.read_text() == "off\n"
    assert bms.can_switch
    assert str(bms) == "an external BMS, switched by sh"


def test_while_a_switch_works_the_rigs_loop_goes_on() -> None:
    looks: list[int] = []

    def pause(instant_ns: int) -> None:
        looks.append(instant_ns)
        sleep_until(instant_ns)

    ExternalBms(["sleep", "0.2"], ["true"], pause=pause).power_on(cold=True)
    assert len(looks) > 3


@pytest.mark.parametrize(
    ("switch", "said"),
    [
        (["sh", "-c", "echo no relay >&2; exit 4"], r"bms.switch_on: exit status 4: no relay"),
        (["sh", "-c", "exit 4"], "exit status 4: it said nothing"),
        (["no-such-switch"], "cannot be started: No such file"),
        (["sleep", "1000"], r"did not end within 0\.05 s"),
    ],
)
def test_a_switch_that_fails_is_told(switch: list[str], said: str) -> None:
    with pytest.raises(FirmwareError, match=said):
        ExternalBms(switch, switch, timeout_s=0.05 if switch[0] == "sleep" else 10).power_on(cold=True)
