"""A run in real time: the plant's health judges its tests, and what was invalid is run again."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import pytest

from hil.checks.verdict import BmsFailure, Verdict
from hil.errors import HealthError, RigTroubleError, UsageError
from hil.realtime.health import Budget, Health
from hil.report.record import Event, read_events
from hil.report.results import gather
from hil.rig.schema import RigConfig
from hil.run.plant import RealHosts
from hil.run.session import RunOptions, Session, TestInfo
from tests.hil.served import Plant, skip_if_late

pytestmark = pytest.mark.real_time

WIDE = Budget(10**10, 10**10, 10**10, 10**10, 10**10, 1.0, 1.0)
Start = Callable[..., Plant]


@pytest.fixture
def real(laptop: RigConfig) -> RigConfig:
    return replace(laptop, time="real", health=WIDE, bms=replace(laptop.bms, kind="external"))


def _session(plant: Plant, config: RigConfig, out: Path) -> Session:
    return Session(config, RunOptions(out, plant=plant.path))


def _run_test(session: Session, out: Path, *, failed: bool = False) -> None:
    """Switch the BMS on."""
    rig = session.open("test")
    try:
        try:
            rig.power_on()
        finally:
            session.close_world(failed=failed)
    except BmsFailure:
        session.close()
        skip_if_late(_last_health(read_events(out / "record.jsonl")))
        raise


def _last_health(events: list[Event]) -> Health:
    *_, health = (event for event in events if event["event"] == "health")
    return Health.from_dict({field.name: health[field.name] for field in fields(Health)})


def test_a_run_in_virtual_time_needs_nothing_of_real_time() -> None:
    """It runs where there are no Unix sockets, locks or descriptors to wait for."""
    script = (
        "import sys; from hil.rig.load import load_rig; from hil.run.session import *\n"
        "session = Session(load_rig('laptop'), RunOptions()); session.announce(TestInfo('t'))\n"
        "session.open('t').power_on(); session.close_world(); session.close()\n"
        "print([name for name in sys.modules if name.startswith(('hil.host', 'hil.run', 'hil.realtime'))])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(ast.literal_eval(done.stdout))
    of_real_time = ("real", "server", "client", "connection", "doors", "locks", "guard", "peer", "watched")
    assert not loaded & {f"hil.host.{name}" for name in of_real_time}
    assert not loaded & {"hil.run.plant", "hil.run.retry", "hil.realtime.clock", "hil.realtime.rights"}


def test_a_good_run_is_recorded_with_its_health(start: Start, real: RigConfig, tmp_path: Path) -> None:
    plant = start(real)
    session = _session(plant, real, tmp_path)
    session.announce(TestInfo("test"))
    _run_test(session, tmp_path)
    session.conclude("test", Verdict.PASS, "")
    session.close()
    events = read_events(tmp_path / "record.jsonl")
    assert [event["event"] for event in events if event["event"] in ("run", "health", "end")] == [
        "run", "health", "end",
    ]  # fmt: skip
    assert events[0]["host"]["lease_ns"] == real.host.lease_ns
    assert events[0]["buses"]["pack"]["stamps"] == "kernel"
    assert not any("virtual" in text for text in events[0]["simulated"])
    assert events[-1]["exit_code"] == 0
    assert (tmp_path / "trace.blf").stat().st_size > 500
    safe = [event["text"] for event in events if event["event"] == "step"][-1]
    assert safe.startswith("safe state reached: asked for mode = standby, reset = 0; the BMS says ")
    assert plant.logged() == []


def test_beyond_its_budget_the_rig_gives_no_verdict(
    start: Start, real: RigConfig, tmp_path: Path
) -> None:
    """Run again, and good then, only the second time counts."""
    session = _session(start(real), real, tmp_path)
    session.announce(TestInfo("test"))
    session.config = replace(real, health=replace(WIDE, frame_late_ns=-1))
    with pytest.raises(HealthError, match=r"the latest frame .* late, .* are allowed"):
        _run_test(session, tmp_path)
    session.config = real
    session.run_again(TestInfo("test"), "the rig was late")
    _run_test(session, tmp_path)
    session.conclude("test", Verdict.PASS, "")
    session.close()
    events = read_events(tmp_path / "record.jsonl")
    assert [e["verdict"] for e in events if e["event"] == "verdict"] == ["invalid", "pass"]
    assert events[-1]["verdicts"] == {"pass": 1}
    (outcome,) = gather(events).outcomes
    assert outcome.verdict == "pass"
    assert "run again, for it was invalid: the rig was late" in outcome.actions[0]["text"]


def test_a_failure_of_a_late_rig_is_no_verdict(start: Start, real: RigConfig, tmp_path: Path) -> None:
    session = _session(start(real), real, tmp_path)
    session.config = replace(real, health=replace(WIDE, if_failed=0.0))
    session.announce(TestInfo("passed"))
    _run_test(session, tmp_path)
    session.announce(TestInfo("failed"))
    with pytest.raises(HealthError, match=r"the latest step .* late, 0 ms are allowed"):
        _run_test(session, tmp_path, failed=True)
    session.close()


def test_the_plant_of_another_rig_is_refused(start: Start, real: RigConfig, tmp_path: Path) -> None:
    other = replace(real, name="other")
    with pytest.raises(UsageError, match="the plant there runs another rig"):
        _session(start(real), other, tmp_path)
    assert read_events(tmp_path / "record.jsonl")[-1]["exit_code"] == 2


def test_a_plant_that_somebody_holds_is_refused(start: Start, real: RigConfig) -> None:
    plant = start(real)
    plant.connection("a colleague")
    with pytest.raises(UsageError, match="the plant is held by a colleague"):
        RealHosts(real, None, plant.path)


def test_where_no_plant_is_the_run_is_in_trouble(real: RigConfig, tmp_path: Path) -> None:
    with pytest.raises(RigTroubleError, match="no plant listens there"):
        Session(real, RunOptions(tmp_path, plant=str(tmp_path / "nothing")))
    assert read_events(tmp_path / "record.jsonl")[-1]["exit_code"] == 3


def test_a_plant_that_is_never_ready_is_told_as_such(
    real: RigConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleeper = (sys.executable, "-c", "import time; time.sleep(60)")
    monkeypatch.setattr("hil.run.plant.HIL", sleeper)
    monkeypatch.setattr("hil.run.plant._READY_NS", 0)
    with pytest.raises(RigTroubleError, match=r"plant\.log: the plant process does not listen after"):
        RealHosts(real, tmp_path)


def test_a_plant_that_goes_in_mid_run_is_told(start: Start, real: RigConfig, tmp_path: Path) -> None:
    plant = start(real)
    session = _session(plant, real, tmp_path)
    session.announce(TestInfo("test"))
    rig = session.open("test")
    plant.server.end("now")
    plant.thread.join(20)
    with pytest.raises(RigTroubleError, match="has ended"):
        rig.power_on()
    with pytest.raises(RigTroubleError):
        session.close_world()
    session.close()
