"""A storage in a simulation: an outage at its instant, a peak that is held, books that close."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hil.errors import UsageError
from hil.sim.profile import Profile
from hil.sim.stationary import Site, Stationary
from twins.pack import PackConfig
from twins.storage import InverterConfig, Rules

PACK = PackConfig("winston-lyp-400", 100, soc=0.8)


def load(*steps: tuple[float, float]) -> Profile:
    """Steps of (duration in s, power in W)."""
    ends = np.cumsum([0.0, *(duration for duration, _ in steps)])
    return Profile(Path("l.csv"), "power", ends, np.array([p for _, p in steps]), range(2, 2 + len(steps)))


def ran(what: Profile, outage: tuple[float, float] | None = None, **rules: float) -> Stationary:
    scenario = Stationary(PACK, (InverterConfig(50e3), Rules(**rules)), Site(what, "steps", outage))
    for _ in scenario.steps():
        pass
    return scenario


def figure(scenario: Stationary, label: str) -> float:
    return float(next(one.value for one in scenario.summary() if one.label == label))


def test_an_outage_between_the_steps_begins_at_its_instant() -> None:
    scenario = ran(load((600.0, 20e3)), (100.4, 400.7))
    assert figure(scenario, "backup") == pytest.approx(300.3 - 0.02 + 5.0, abs=1e-6)
    assert figure(scenario, "without supply") == pytest.approx(0.02, abs=1e-9)
    assert scenario.books.unserved_J == pytest.approx(20e3 * 0.02, rel=1e-6)
    assert scenario.battery.time_s == pytest.approx(600.0)


def test_energy_books_close() -> None:
    scenario = ran(load((900.0, 20e3), (900.0, 60e3), (900.0, 5e3)), (1000.0, 1500.0), peak_W=40e3)
    books, tally = scenario.books, scenario.battery.tally
    battery = tally.out_J - tally.in_J
    given = books.load_J - books.unserved_J
    standby = books.bought_J + battery - given - books.loss_J
    assert standby == pytest.approx(0.0, abs=2e-4 * books.load_J)  # its own 20 W, and what relaxes in a step


def test_a_peak_is_held() -> None:
    scenario = ran(load((600.0, 10e3), (600.0, 35e3), (600.0, 10e3)), peak_W=20e3)
    assert figure(scenario, "peak of the load") == 35e3
    assert figure(scenario, "peak of the grid") == pytest.approx(20e3, rel=1e-6)
    assert next(one.note for one in scenario.summary() if one.label == "peak of the grid") == "held"


def test_a_peak_that_is_too_long_is_told() -> None:
    scenario = ran(load((4 * 3600.0, 65e3)), peak_W=20e3, reserve=0.5)
    note = next(one.note for one in scenario.summary() if one.label == "peak of the grid")
    assert note.startswith("above 20.00 kW for ")


def test_an_outage_beyond_the_load() -> None:
    with pytest.raises(UsageError, match=r"--outage: ends 20:00 min after .*, the load after 10:00 min"):
        ran(load((600.0, 1e3)), (600.0, 1200.0))


def test_the_page_shows_the_site_and_its_states() -> None:
    panels = {panel.name: panel for panel in ran(load((60.0, 1e3))).panels()}
    assert [trace.label for trace in panels["site"].traces] == ["load", "grid", "inverter"]
    assert panels["state"].names["3"] == "backup"
