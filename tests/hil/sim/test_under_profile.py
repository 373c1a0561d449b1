"""Cells and packs under a profile: known answers, books that close, and limits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hil.errors import UsageError
from hil.sim.profile import Profile
from hil.sim.under_profile import Manner, UnderProfile
from twins.pack import Pack, PackConfig

CELL = PackConfig("winston-lyp-100", series=1, soc=0.6)


def profile(*steps: tuple[float, float], kind: str = "current") -> Profile:
    """Steps of (duration in s, value)."""
    ends = np.cumsum([0.0, *(duration for duration, _ in steps)])
    values = np.array([value for _, value in steps])
    return Profile(Path("p.csv"), kind, ends, values, range(2, 2 + len(steps)))


def ran(config: PackConfig, what: Profile, **manner: Any) -> UnderProfile:
    scenario = UnderProfile(config, what, Manner(**manner))
    for _ in scenario.steps():
        pass
    return scenario


def figure(scenario: UnderProfile, label: str) -> float:
    return float(next(one.value for one in scenario.summary() if one.label == label))


def test_charge_is_counted_to_rounding() -> None:
    scenario = ran(CELL, profile((360.0, 50.0), (123.4, 0.0), (720.0, -25.0), (10.0, 90.0)))
    assert scenario.battery.tally.out_As == pytest.approx(360.0 * 50 + 10.0 * 90, rel=1e-12)
    assert scenario.battery.tally.in_As == pytest.approx(720.0 * 25, rel=1e-12)
    assert scenario.battery.soc == pytest.approx(0.6 - 900.0 / 360_000.0, abs=1e-5)  # self-discharge
    assert scenario.battery.time_s == pytest.approx(1213.4, rel=1e-12)


def test_it_is_the_cell_model_and_nothing_else() -> None:
    scenario = ran(CELL, profile((100.0, 80.0)))
    pack = Pack(CELL)
    volts = pack.advance(80.0, 1.0, 100)
    assert scenario.battery.voltage_V == pytest.approx(volts, rel=1e-12)
    assert scenario.table["voltage"][-1] == pytest.approx(volts, rel=1e-12)


def test_energy_is_the_integral_of_what_is_recorded() -> None:
    scenario = ran(CELL, profile((600.0, 100.0), (600.0, -50.0)))
    times, current, voltage = (scenario.table[name] for name in ("time", "current", "voltage"))
    joule = np.diff(times) * current[1:] * voltage[1:]
    out, into = joule[joule > 0].sum() / 3600.0, -joule[joule < 0].sum() / 3600.0
    assert figure(scenario, "energy out") == pytest.approx(out, rel=1e-3)
    assert figure(scenario, "energy in") == pytest.approx(into, rel=1e-3)


def test_a_power_is_held() -> None:
    scenario = ran(CELL, profile((600.0, 300.0), (600.0, -150.0), kind="power"))
    assert figure(scenario, "energy out") == pytest.approx(50.0, rel=1e-3)
    assert figure(scenario, "energy in") == pytest.approx(25.0, rel=1e-3)


@pytest.mark.parametrize(
    ("soc", "current", "said"),
    [(0.05, 100.0, "the cell is at 2.5 V, the lowest"), (0.97, -100.0, "the cell is at 3.65 V, the highest")],
)
def test_the_end_of_the_window_ends_the_run(soc: float, current: float, said: str) -> None:
    scenario = ran(replace(CELL, soc=soc), profile((3600.0, current)))
    assert said in scenario.stopped
    assert scenario.battery.time_s < 1000.0
    assert len(scenario.table["time"]) == round(scenario.battery.time_s) + 1


def test_held_at_the_window_the_current_tapers() -> None:
    scenario = ran(replace(CELL, soc=0.9), profile((7200.0, -50.0)), at_limit="hold")
    assert not scenario.stopped
    assert scenario.table["cell_max"].max() < 3.66
    assert scenario.table["current"][1] == -50.0
    taper = scenario.table["current"][1:]
    assert (np.diff(taper) >= -1e-6).all()
    assert taper[-1] == pytest.approx(0.0, abs=0.01)


def test_a_pack_names_its_cells_and_shows_its_strings() -> None:
    config = PackConfig("winston-lyp-100", 4, 2, soc=0.1, capacity_spread=0.1, soc_spread=0.03)
    scenario = ran(config, profile((7200.0, 60.0)))
    assert scenario.stopped.startswith("cell ")
    assert "of string" in scenario.stopped
    together = scenario.table["string_1"] + scenario.table["string_2"]
    assert together == pytest.approx(scenario.table["current"], abs=1e-9)
    assert np.abs(scenario.table["string_1"] - scenario.table["string_2"]).max() > 0.5
    assert any(panel.name == "strings" for panel in scenario.panels())


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([(10.0, 10.0), (4.0, 1100.0)], "row 3: current: 1100 A: the cell gives 10 C at most, here 1000 A"),
        ([(10.0, -400.0)], "row 2: current: -400.0 A: the cell charges 3 C at most, here 300 A"),
        (
            [(3.0, 900.0), (3.0, 900.0)],
            "row 3: current: 900.0 A: the cell gives 3 C at most, here 300 A for longer",
        ),
    ],
)
def test_more_than_the_cell_allows(steps: list[tuple[float, float]], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        UnderProfile(CELL, profile(*steps), Manner())
    assert said in str(caught.value)


def test_a_pulse_that_the_cell_allows() -> None:
    assert not ran(CELL, profile((5.0, 400.0), (60.0, 0.0), (5.0, 400.0))).stopped


def test_parallel_cells_share() -> None:
    config = replace(CELL, parallel=4)
    assert not ran(config, profile((4.0, 1100.0))).stopped


def test_more_than_the_fuse() -> None:
    with pytest.raises(UsageError, match=r"row 3: current: 210.0 A: beyond the fuse of 200 A"):
        UnderProfile(CELL, profile((1.0, 190.0), (1.0, 210.0)), Manner(fuse_A=200.0))


def test_a_power_that_the_cell_cannot_give() -> None:
    with pytest.raises(UsageError, match=r"row 2: power: .* is more than the .* that it can give here"):
        ran(CELL, profile((1.0, 50_000.0), kind="power"))


def test_a_power_beyond_the_cells_current() -> None:
    with pytest.raises(UsageError, match=r"row 2: power: .* A: the cell gives 3 C at most"):
        ran(CELL, profile((20.0, 1000.0), kind="power"))


def test_a_temperature_that_the_maker_does_not_allow() -> None:
    with pytest.raises(UsageError, match=r"--ambient: -50 degC is out of the range of winston-lyp-100"):
        UnderProfile(replace(CELL, ambient_degC=-50.0), profile((1.0, 1.0)), Manner())


def test_too_hot_ends_the_run() -> None:
    config = replace(CELL, soc=1.0, temperature_degC=84.0, ambient_degC=84.0)
    assert "85 °C, the highest that its maker allows" in ran(config, profile((600.0, 250.0))).stopped
