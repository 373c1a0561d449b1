"""A session: worlds on one time line, exit codes, a record that may fail."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from hil.checks.verdict import Verdict
from hil.clock import NS_PER_S
from hil.errors import BmsError, BusError, HealthError, OutputError, UsageError
from hil.frames.design import design_load
from hil.host.world import World
from hil.report.record import Recorder, read_events
from hil.rig.limits import Limit
from hil.rig.silence import Silence
from hil.run.facts import run_facts
from hil.run.session import RunOptions, Session, TestInfo, exit_code_of


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ({"pass": 3}, 0),
        ({"pass": 3, "skipped": 5}, 0),
        ({"pass": 3, "fail": 1}, 1),
        ({"fail": 1, "error": 1}, 3),
        ({"pass": 9, "invalid": 1}, 3),
        ({"skipped": 5}, 3),  # a run in which nothing passed proves nothing
        ({}, 3),
    ],
)
def test_exit_codes(verdicts, code):
    assert exit_code_of(Counter(verdicts)) == code


@pytest.fixture
def session(laptop, tmp_path):
    session = Session(laptop, RunOptions(tmp_path))
    yield session
    session.close()


def one(session: Session, name: str, duration: str = "1 ms") -> None:
    session.announce(TestInfo(name))
    session.open(name).run_for(duration)
    session.close_world()
    session.conclude(name, Verdict.PASS, "")


def test_worlds_start_at_whole_seconds(session, tmp_path):
    for number in range(3):
        one(session, f"t{number}", "1.2 s")
    session.close()
    begun = [event["t_ns"] for event in read_events(tmp_path / "record.jsonl") if event["event"] == "test"]
    assert begun == [0, 2 * NS_PER_S, 4 * NS_PER_S]


def test_the_first_trouble_counts(session, tmp_path):
    one(session, "t0")
    session.note(BusError("the bus is down"))
    session.note(UsageError("and so on"))
    assert session.over
    session.close()
    events = read_events(tmp_path / "record.jsonl")
    assert [event["reason"] for event in events if event["event"] == "trouble"] == ["the bus is down"]
    assert events[-1]["exit_code"] == 3


def test_a_record_that_cannot_be_written_is_trouble(session, monkeypatch):
    def full(*_arguments, **_named):
        raise OutputError("No space left on device")

    one(session, "t0")
    monkeypatch.setattr(Recorder, "verdict", full)
    one(session, "t1")
    assert isinstance(session.trouble, OutputError)
    session.close()


def test_a_session_without_a_folder_keeps_no_record(laptop):
    session = Session(laptop, RunOptions())
    one(session, "t0")
    session.close()
    assert session.verdicts == {"pass": 1}


def test_the_first_line_says_all_that_may_be_asked_later(laptop, tmp_path):
    facts = run_facts(laptop, tmp_path, 7, "log")
    assert facts["rig"] == "laptop"
    assert facts["seed"] == 7
    assert len(facts["firmware"]["sha256"]) == 64
    assert {len(digest) for digest in facts["dbc"].values()} == {64}
    assert len(facts["dbc"]) == 6
    assert facts["versions"]["bms-hil"] != "unknown"
    assert {wire["direction"] for wire in facts["wiring"]} == {"in", "out"}
    assert 0.1 < facts["buses"]["pack"]["load"] < 0.6
    assert facts["paths"]["trace"] == "trace.log"


def test_each_requirement_of_a_limit_is_told_by_itself(small, tmp_path):
    both = Limit("interlock", requirement="R-1, R-2", source="spec 3")
    config = replace(small, limits={"interlock": both, "precharge": Limit("precharge", requirement="R-1")})
    assert run_facts(config, tmp_path, 1, "none")["requirements"] == {
        "R-1": "limits: interlock (spec 3), precharge",
        "R-2": "limits: interlock (spec 3)",
    }


def test_load_by_design(small):
    """Frames of 8 zero bytes have 111 bits and at most 24 stuff bits; 50 + 20 + 20 a second."""
    load = design_load(small.buses["can0"].database, 500_000)
    assert 90 * 111 / 500_000 < load < 90 * 135 / 500_000


class _Late:
    """A rig that was late in every test."""

    def beyond(self, _budget):
        return ["the latest frame was 90 ms late"]

    def as_dict(self):
        return {}


@pytest.mark.parametrize(("crowded", "failed"), [(False, True), (True, False)])
def test_a_rig_that_was_late_judges_nothing(session, monkeypatch, crowded, failed):
    monkeypatch.setattr(session._hosts, "health", _Late)
    monkeypatch.setattr(Silence, "crowd", lambda *_: crowded)
    session.announce(TestInfo("a"))
    session.open("a").power_on()
    with pytest.raises(HealthError, match="90 ms late"):
        session.close_world(failed=failed)


@pytest.mark.parametrize(("crowded", "broken"), [(True, False), (False, True)])
def test_a_failure_by_a_flood_or_death_of_the_bms_stands(session, monkeypatch, crowded, broken):
    """What the rig could not send in time was held up by the BMS."""
    monkeypatch.setattr(session._hosts, "health", _Late)
    monkeypatch.setattr(Silence, "crowd", lambda *_: crowded)
    session.announce(TestInfo("a"))
    session.open("a").power_on()
    session.close_world(failed=True, broken=broken)


def test_time_goes_on_after_a_world_that_breaks_on_its_way_out(session, monkeypatch):
    session.announce(TestInfo("a"))
    session.open("a").power_on()
    monkeypatch.setattr(World, "stop", _stop_and_break)
    with pytest.raises(BmsError):
        session.close_world()
    assert session._now_ns > NS_PER_S // 2


def _stop_and_break(world):
    world.run_until(world.now_ns + NS_PER_S)
    raise BmsError("floods the bus")
