"""The rig's own health in the report: one line, a plot, and the tries that were beyond the budget."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from hil.clock import NS_PER_MS, NS_PER_S
from hil.realtime.health import Budget, BusHealth, Health
from hil.report.health import health_of
from hil.report.html import render
from hil.report.record import Event
from hil.report.results import gather


def _late(latest_ms: float, missed: int = 0) -> dict[str, Any]:
    p99_ns = round(latest_ms * NS_PER_MS / 4)
    numbers = {"count": 1000 - missed, "missed": missed, "p50_ns": 50_000, "p99_ns": p99_ns}
    return numbers | {"p999_ns": p99_ns, "max_ns": round(latest_ms * NS_PER_MS), "worst": "CM_Voltages_01"}


def _try(number: int, frame_ms: float, bus: BusHealth, missed: int = 0) -> list[Event]:
    test = f"hil/suite/test_a.py::test_{number}"
    health = Health(
        from_ns=number * 10 * NS_PER_S,
        to_ns=(number * 10 + 4) * NS_PER_S,
        frames=_late(frame_ms, missed),
        steps=_late(frame_ms / 2),
        acts=_late(0.1),
        buses={"pack": bus},
        cpu=0.2,
    )
    beyond = health.beyond(Budget())
    return [
        {"event": "test", "test": test, "t_ns": 0},
        {"event": "health", "test": test, "beyond": beyond, **health.as_dict()},
        {"event": "verdict", "test": test, "verdict": "invalid" if beyond else "pass", "t_ns": 1},
    ]


@pytest.fixture
def events() -> list[Event]:
    """Three good tries, and one in which the rig was late and lost a frame."""
    return [
        {"event": "run", "rig": "vcan", "budget": asdict(Budget())},
        *_try(1, 0.9, BusHealth(load=0.13)),
        *_try(2, 60.0, BusHealth(load=0.11, overruns=1, errors=2, last_error="stuff error"), missed=20),
        *_try(2, 1.2, BusHealth(load=0.12)),
        *_try(3, 0.7, BusHealth(load=0.14)),
    ]


def test_one_line_says_the_worst_of_all_tries(events: list[Event]) -> None:
    health = health_of(gather(events))
    assert health is not None
    assert health.line.split("; ") == [
        "latest frame 60.0 ms after its slot (50.0 ms allowed), 99 % within 15.0 ms",
        "20 of 4000 slots left out",
        "latest step of the twins 30.0 ms late (100.0 ms allowed), 0 missed",
        "frames lost: 1, error frames: 2",
        "bus pack up to 14 % full",
        "up to 20 % of a processor",
        "1 of 4 tries beyond the budget",
    ]


def test_a_try_beyond_the_budget_is_named_though_the_test_was_run_again(events: list[Event]) -> None:
    results = gather(events)
    assert [outcome.verdict for outcome in results.outcomes] == ["pass", "pass", "pass"]
    health = health_of(results)
    assert health is not None
    (beyond,) = health.beyond
    assert beyond.test == "hil/suite/test_a.py::test_2"
    assert "the latest frame (CM_Voltages_01) was 60 ms late, 50 ms are allowed" in beyond.reasons


def test_the_plot_has_each_try_and_the_limit_that_a_trace_comes_near_to(events: list[Event]) -> None:
    health = health_of(gather(events))
    assert health is not None
    for words in ("latest frame", "99 % of the frames", "bus pack", "processor", "exceeded", "4 tries"):
        assert words in health.drawing
    assert "latest frame: 50 ms" in health.drawing
    assert "latest step of the twins: 100 ms" not in health.drawing


def test_the_report_shows_it(events: list[Event]) -> None:
    html = render(events)
    assert '<a href="#health">Latest frame 60.0 ms after its slot' in html
    assert '<h2 id="health">' in html
    assert "hil/suite/test_a.py::test_2</code>" in html


def test_a_run_in_virtual_time_has_none(events: list[Event]) -> None:
    virtual = [event for event in events if event["event"] != "health"]
    assert health_of(gather(virtual)) is None
    assert 'id="health"' not in render(virtual)


def test_a_budget_that_the_record_does_not_have_is_left_out(events: list[Event]) -> None:
    health = health_of(gather([{"event": "run", "rig": "old"}, *events[1:]]))
    assert health is not None
    assert "allowed" not in health.line
