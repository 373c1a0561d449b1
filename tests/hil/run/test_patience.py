"""What counts as time that a call had to return."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.run.patience import Patience

PID = 7


class Machine:
    """A clock, and what the kernel tells of one process."""

    def __init__(self, proc: Path) -> None:
        self.now_s = 100.0
        self.waited_s = 0.0
        self._folder = proc / str(PID)
        self._folder.mkdir()
        self.state = "R"
        self.patience = Patience(PID, 0.5, lambda: self.now_s, proc)

    def pass_by(self, seconds: float, *, waiting: float = 0.0, state: str = "R") -> float:
        self.now_s += seconds
        self.waited_s += waiting
        # a name may have brackets and spaces
        (self._folder / "stat").write_text(f"{PID} (a) R (b) {state} 1 2 3\n")
        (self._folder / "schedstat").write_text(f"123457 {round(self.waited_s * 1e9) + 1} 5\n")
        return self.patience.look()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(tmp_path)
    machine.pass_by(0.0)
    machine.patience.renew()
    return machine


def test_time_in_which_it_runs_or_sleeps_counts(machine: Machine) -> None:
    machine.pass_by(0.1)
    assert machine.pass_by(0.2, state="S") == pytest.approx(0.3)
    machine.patience.renew()
    assert machine.pass_by(0.1) == pytest.approx(0.1)


@pytest.mark.parametrize("state", ["T", "t"])
def test_a_process_that_is_held_has_all_the_time_it_wants(machine: Machine, state: str) -> None:
    for _ in range(100):
        machine.pass_by(0.1, state=state)
    assert machine.pass_by(0.1) == pytest.approx(0.1)


def test_waiting_for_a_processor_does_not_count(machine: Machine) -> None:
    assert machine.pass_by(0.4, waiting=0.3) == pytest.approx(0.1)


def test_a_computer_that_slept_has_not_waited(machine: Machine) -> None:
    assert machine.pass_by(3600.0) == pytest.approx(0.5)


def test_a_system_that_does_not_tell_counts_all_time(tmp_path: Path) -> None:
    clock = iter([0.0, 0.3, 0.5])
    patience = Patience(PID, 0.5, lambda: next(clock), tmp_path)
    patience.look()
    assert patience.look() == pytest.approx(0.5)
