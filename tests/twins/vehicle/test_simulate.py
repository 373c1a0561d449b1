"""Whole runs: cells, drive and vehicle together."""

import math

import numpy as np
import pytest

import twins.vehicle as vehicles
from twins import cycles
from twins.cycles import Cycle
from twins.vehicle import simulate

ECE = cycles.load("ece-15")


def test_a_run_is_the_same_each_time_and_its_books_close() -> None:
    runs = [simulate("automobile", ECE, hours=0.2) for _ in range(2)]
    for name, column in runs[0].columns().items():
        assert np.array_equal(column, runs[1].columns()[name]), name
        assert np.isfinite(column).all(), name
    summary = runs[0].summary
    used_J = sum(summary.works_J.values())
    assert summary.energy_J + summary.source_J + summary.unserved_J == pytest.approx(used_J, rel=1e-9)
    assert summary.ended == "cycle"
    assert summary.duration_s == pytest.approx(720.0)


def test_the_charge_that_leaves_the_pack_is_the_current_over_time() -> None:
    result = simulate("automobile", ECE, sample_s=0.1)
    charge_Ah = 100.0 * (result.soc[0] - result.soc[-1])
    current_A = result.current_A[1:]  # at the end of each step, of ten within
    assert charge_Ah == pytest.approx(float(current_A.sum()) * 0.1 / 3600.0, rel=0.01)


def test_the_car_follows_the_regulation_s_cycle() -> None:
    result = simulate("automobile", ECE)
    wanted = np.interp(result.time_s, ECE.time_s, ECE.speed_mps)
    assert np.abs(result.speed_mps - wanted).max() < 2.0 / 3.6  # UN R83: within 2 km/h
    assert result.summary.distance_m == pytest.approx(ECE.distance_m, rel=0.005)
    assert result.summary.wanted_m == pytest.approx(ECE.distance_m, rel=1e-3)


def test_a_step_of_half_the_size_gives_the_same_energy() -> None:
    coarse, fine = (simulate("automobile", ECE, step_s=step).summary for step in (0.1, 0.05))
    assert coarse.energy_J == pytest.approx(fine.energy_J, rel=2e-3)


def test_an_empty_pack_ends_the_run() -> None:
    result = simulate("xe20", cycles.load("yard"), soc=0.03, hours=math.inf)
    assert result.summary.ended == "empty"
    assert result.summary.soc_end < 0.01
    assert result.summary.duration_s < 4 * 3600.0


def test_a_full_pack_takes_no_charge() -> None:
    down = Cycle("down", np.array([0.0, 10.0, 60.0]), np.array([0.0, 8.0, 8.0]), np.full(3, -0.08))
    full = simulate("xe20", down, soc=1.0).summary
    half = simulate("xe20", down, soc=0.5).summary
    assert full.least_A > -0.02 * 400
    assert half.least_A < -200
    assert full.works_J["brakes"] > 2.5 * half.works_J["brakes"]
    assert full.held_s["charge"] > 30


@pytest.mark.parametrize(("degC", "fed"), [(-10.0, False), (20.0, True)])
def test_a_cold_pack_takes_no_charge(degC: float, fed: bool) -> None:
    summary = simulate("automobile", ECE, soc=0.6, temperature_degC=degC).summary
    assert bool(summary.fed_J > 0.0) is fed


def test_the_generator_of_the_hybrid_keeps_the_charge() -> None:
    summary = simulate("hybrid-bus", ECE, hours=3.0, soc=0.5).summary
    assert summary.source_J > 5 * 3.6e6
    assert 0.4 < summary.soc_end < 0.7


def test_a_heavier_load_takes_more() -> None:
    drives = [simulate("xe20", cycles.load("ece-15"), payload_kg=mass).summary for mass in (0.0, 30_000.0)]
    assert drives[1].energy_J > 1.5 * drives[0].energy_J


def test_the_payload_of_the_cycle_goes_before_the_rated_one() -> None:
    one = simulate("xe20", ECE.with_payload(0.0), payload_kg=9_999.0).summary
    other = simulate("xe20", ECE, payload_kg=0.0).summary
    assert one == other


def test_progress_is_told_and_ends_with_all() -> None:
    told: list[float] = []
    simulate("automobile", ECE, hours=0.5, on_progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert len(told) > 20


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"hours": 0.0}, "hours: must be positive"),
        ({"hours": math.nan}, "hours: must be positive"),
        ({"step_s": 0.0}, "step_s: must be 0.01 to 1 s"),
        ({"step_s": math.nan}, "step_s: must be 0.01 to 1 s"),
        ({"sample_s": 0.01}, "sample_s: must be from step_s"),
        ({"payload_kg": -1.0}, "payload_kg: must not be negative"),
        ({"payload_kg": math.nan}, "payload_kg: must not be negative"),
        ({"soc": 1.5}, "soc: must be 0 to 1"),
        ({"temperature_degC": 500.0}, "temperature_degC: must be -60 to 150"),
    ],
)
def test_arguments_out_of_range_are_refused(wrong: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        simulate("xe20", ECE, **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", vehicles.names())
def test_every_vehicle_drives_the_town(name: str) -> None:
    summary = simulate(name, ECE, soc=0.6).summary
    assert summary.ended == "cycle"
    top = vehicles.load(name)["body.top_speed"]
    within = np.minimum(np.interp(np.arange(195.0), ECE.time_s, ECE.speed_mps), top).sum()
    assert summary.distance_m > 0.85 * within
    assert summary.unserved_J == 0.0
    assert summary.hottest_degC < 40.0


def test_the_modelled_motor_drives_the_same_cycle_on_similar_energy() -> None:
    simple, motor = (
        simulate("xe20", ECE, hours=0.5, soc=0.8, drive=kind).summary for kind in ("simple", "induction")
    )
    assert motor.distance_m == pytest.approx(simple.distance_m, rel=0.02)
    assert motor.energy_J == pytest.approx(simple.energy_J, rel=0.15)
    used_J = sum(motor.works_J.values())
    assert motor.energy_J + motor.source_J + motor.unserved_J == pytest.approx(used_J, rel=1e-6)


def test_a_drive_that_is_not_known_is_refused() -> None:
    with pytest.raises(ValueError, match="drive: must be 'simple' or 'induction'"):
        simulate("xe20", ECE, drive="diesel")  # type: ignore[arg-type]
