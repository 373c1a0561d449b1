"""The regulation's cycle and the drawn ones against what is published of them."""

from dataclasses import replace

import numpy as np
import pytest

from twins import cycles
from twins.cycles.generator import Dice
from twins.cycles.segments import folder, parameters

# NREL T3CO, yard_tractor_typical.csv (6.2 h, 1 Hz): computed from the file
T3CO = {"mean": 8.1 / 3.6, "top": 34.4 / 3.6, "idle": 0.42}


def test_ece_15_is_the_regulation_s() -> None:
    cycle = cycles.load("ece-15")
    steps, speed = np.diff(cycle.time_s), cycle.speed_mps
    assert cycle.duration_s == 195.0
    assert steps[(speed[1:] == 0.0) & (speed[:-1] == 0.0)].sum() == 60.0  # idling, directive 70/220/EEC
    assert steps[np.diff(speed) > 0.0].sum() == 36.0  # accelerations
    assert cycle.distance_m == pytest.approx(1013.0, rel=0.003)  # theoretical distance
    assert cycle.speed_mps.max() == pytest.approx(50.0 / 3.6)


@pytest.mark.parametrize("name", ["yard", "drayage"])
def test_the_same_seed_draws_the_same_cycle(name: str) -> None:
    one, same, other = (cycles.load(name, seed=seed, hours=2.0) for seed in (7, 7, 8))
    assert np.array_equal(one.speed_mps, same.speed_mps)
    assert one.time_s.size != other.time_s.size or not np.array_equal(one.speed_mps, other.speed_mps)


@pytest.mark.parametrize("name", ["yard", "drayage"])
@pytest.mark.parametrize("seed", range(5))
def test_a_drawn_cycle_begins_and_ends_at_rest_and_in_time(name: str, seed: int) -> None:
    cycle = cycles.load(name, seed=seed, hours=3.0)
    assert cycle.duration_s == 3 * 3600.0
    assert cycle.speed_mps[0] == cycle.speed_mps[-1] == 0.0
    acceleration = np.diff(cycle.speed_mps) / np.diff(cycle.time_s)
    assert np.abs(acceleration).max() <= 1.0 + 1e-9
    assert cycle.payload_kg is not None
    assert cycle.payload_kg.max() <= 3000.0 + 30_480.0


def test_the_yard_is_like_the_measured_one() -> None:
    shifts = [cycles.load("yard", seed=seed) for seed in range(12)]
    mean = np.mean([shift.distance_m / shift.duration_s for shift in shifts])
    idle = np.mean([shift.idle_share for shift in shifts])
    top = max(float(shift.speed_mps.max()) for shift in shifts)
    assert mean == pytest.approx(T3CO["mean"], rel=0.12)
    assert idle == pytest.approx(T3CO["idle"], abs=0.06)
    assert top == pytest.approx(T3CO["top"], rel=0.05)


def test_containers_go_on_and_off_at_a_standstill() -> None:
    cycle = cycles.load("yard", seed=3)
    assert cycle.payload_kg is not None
    changes = np.flatnonzero(np.diff(cycle.payload_kg))
    assert changes.size > 40
    assert (cycle.speed_mps[changes] == 0.0).all()
    assert (cycle.speed_mps[changes + 1] == 0.0).all()
    loaded = cycle.payload_kg > 3000.0
    assert 0.3 < loaded.mean() < 0.7


def test_drayage_has_all_its_modes() -> None:
    cycle = cycles.load("drayage", seed=1, hours=24.0)
    hours = np.diff(cycle.time_s) / 3600.0
    mean = 0.5 * (cycle.speed_mps[1:] + cycle.speed_mps[:-1])
    assert hours[(mean > 0.0) & (mean < 2.5)].sum() > 0.5  # creep
    assert hours[(mean > 5.0) & (mean < 16.0)].sum() > 1.0  # transient
    assert hours[mean > 20.0].sum() > 0.5  # cruise
    assert cycle.grade.max() == pytest.approx(0.045)
    assert cycle.climb_m == pytest.approx(0.0, abs=1.0)  # up the bridge and down again
    assert 0.4 < cycle.idle_share < 0.8


@pytest.mark.parametrize("name", ["yard", "drayage"])
def test_every_value_has_unit_source_and_range(name: str) -> None:
    dice = Dice(name, 1)
    for section, entries in parameters(name).items():
        if section == "title":
            continue
        for key, entry in entries.items():
            assert entry["source"], key
            assert entry["unit"], key
            drawn = [dice(f"{section}.{key}") for _ in range(200)]
            assert entry["low"] <= min(drawn) <= max(drawn) <= entry["high"]
            if "median" in entry:
                assert np.median(drawn) == pytest.approx(entry["median"], rel=0.3)


def test_every_file_is_a_cycle() -> None:
    files = {path.name.removesuffix(".toml") for path in folder().iterdir() if path.name.endswith(".toml")}
    assert files == set(cycles.names())


@pytest.mark.parametrize(
    ("wrong", "said"), [({"hours": 0.0}, "hours: must be"), ({"seed": -1}, "seed: must not")]
)
def test_seed_and_hours_have_a_range(wrong: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        cycles.load("yard", **wrong)  # type: ignore[arg-type]


def test_one_payload_throughout() -> None:
    cycle = cycles.load("ece-15").with_payload(500.0)
    assert cycle.payload_kg is not None
    assert set(cycle.payload_kg) == {500.0}
    assert replace(cycle, payload_kg=None).distance_m == cycle.distance_m
