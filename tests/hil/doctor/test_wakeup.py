"""The measuring loop, with time that passes as the test says."""

from pathlib import Path

import pytest

from hil.clock import NS_PER_MS, NS_PER_S
from hil.doctor.finding import Finding, changes, render
from hil.doctor.wakeup import Wakeups, as_data, measure
from hil.realtime.sleep import Lateness
from tests.hil.doctor.computers import computer


class Sleeper:
    """Wakes late by what the list says, then on time."""

    def __init__(self, *late_ns: int) -> None:
        self.now_ns = 10 * NS_PER_S
        self.asked: list[int] = []
        self.late = list(late_ns)

    def now(self) -> int:
        return self.now_ns

    def sleep(self, instant_ns: int) -> None:
        self.asked.append(instant_ns - 10 * NS_PER_S)
        self.now_ns = instant_ns + (self.late.pop(0) if self.late else 0)


def test_deadlines_are_absolute_and_late_ones_left_out(tmp_path: Path) -> None:
    sleeper = Sleeper(100_000, 2_500_000)
    woke = measure("here", 8 * NS_PER_MS, computer(tmp_path), now=sleeper.now, sleep=sleeper.sleep)
    assert [instant_ns // NS_PER_MS for instant_ns in sleeper.asked] == [1, 2, 5, 6, 7, 8]
    assert (woke.lateness.count, woke.missed, woke.lateness.max_ns) == (6, 2, 2_500_000)
    assert woke.stolen == 0


def test_time_that_was_stolen_meanwhile(tmp_path: Path) -> None:
    machine = computer(tmp_path, {"proc/stat": "cpu 0 0 0 100 0 0 0 0"})
    sleeper = Sleeper()

    def sleep(instant_ns: int) -> None:
        sleeper.sleep(instant_ns)
        (tmp_path / "proc/stat").write_text("cpu 90 0 0 100 0 0 0 10")

    woke = measure("here", NS_PER_MS, machine, now=sleeper.now, sleep=sleep)
    assert woke.stolen == pytest.approx(0.1)
    assert "10.0% stolen" in woke.finding(judged=True).text


def lateness_of(value_ns: int) -> Lateness:
    lateness = Lateness()
    for _ in range(100):
        lateness.add(value_ns)
    return lateness


@pytest.mark.parametrize(
    ("late_ns", "state"), [(400_000, "ok"), (2 * NS_PER_MS, "warn"), (20 * NS_PER_MS, "bad")]
)
def test_how_late_is_too_late(late_ns: int, state: str) -> None:
    wakeups = Wakeups("here", lateness_of(late_ns), 0)
    assert wakeups.finding(judged=True).state == state
    assert bool(wakeups.finding(judged=True).change) == (state != "ok")
    assert wakeups.finding(judged=False).state == "ok"


def test_it_says_and_tells_data() -> None:
    wakeups = Wakeups("at real-time priority", lateness_of(63), 3)
    text = "p50 6.3e-05 ms, p99 6.3e-05 ms, max 6.3e-05 ms; 3 of 103 deadlines missed"
    assert wakeups.finding(judged=True) == Finding("late, at real-time priority", "ok", text)
    assert as_data(wakeups) == {
        "rights": "at real-time priority", "count": 100, "missed": 3,
        "p50_s": 63e-9, "p99_s": 63e-9, "max_s": 63e-9, "stolen": 0.0,
    }  # fmt: skip


def test_changes_come_by_their_gain_and_blocks_first() -> None:
    findings = [
        Finding("small", "warn", "s", "do small", "small --now", 10),
        Finding("fine", "ok", "f"),
        Finding("large", "warn", "l", "do large", gain=90),
        Finding("wall", "bad", "w", "do wall", gain=1, blocks=True),
    ]
    assert [finding.topic for finding in changes(findings)] == ["wall", "large", "small"]
    assert render(findings).splitlines() == [
        "  warn  small  s",
        "  ok    fine   f",
        "  warn  large  l",
        "  bad   wall   w",
        "",
        "What to change, most gain first:",
        "  1. wall: do wall",
        "  2. large: do large",
        "  3. small: do small",
        "       small --now",
    ]


def test_nothing_to_change() -> None:
    assert render([Finding("fine", "ok", "f")]) == "  ok    fine  f\n\nNothing to change."
    assert render([]) == "\nNothing to change."
