"""The auxiliary supply: lines, crossings at their instant, and the BMS that lives on it."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twins.config import SupplyConfig
from twins.supply import crossings

MS = 1_000_000
S = 1_000_000_000


@pytest.fixture
def world(make_world: Any) -> Any:
    world = make_world(supply=SupplyConfig(hold_up_ns=20 * MS))
    world.told = []
    world.plant.supply.feed(lambda on: world.told.append((int(world.env.now), on)))
    return world


def test_a_line_is_followed_and_stays_at_its_end(world: Any) -> None:
    world.plant.supply.follow([(100 * MS, 9.0), (200 * MS, 9.0), (200 * MS, 12.0)])
    world.run(50 * MS)
    assert world.plant.supply.voltage_V == pytest.approx(11.25)
    assert world["supply.voltage"] == pytest.approx(11.25)
    world.run(100 * MS)
    assert world["supply.voltage"] == 9.0
    world.run(50 * MS)
    assert world["supply.voltage"] == 12.0
    world.run(S)
    assert world["supply.voltage"] == 12.0


def test_the_bms_stops_after_its_hold_up_and_starts_at_the_restart_level(world: Any) -> None:
    # 13.5 V to 0 in 135 ms: 6 V is passed at 75 ms; back up from there, 7 V 10 ms later
    world.plant.supply.follow([(135 * MS, 0.0), (200 * MS, 6.9), (300 * MS, 7.9)])
    world.run(95 * MS)
    assert world.told == []
    world.run(MS)
    assert world.told == [(95 * MS + 1, False)]  # the first nanosecond below, and 20 ms
    assert world["supply.bms_on"] == 0.0
    world.run(S)
    assert world.told[1:] == [(210 * MS, True)]


def test_a_dip_shorter_than_the_hold_up_is_lived_through(world: Any) -> None:
    world.plant.supply.dip(3.0, 19 * MS)
    world.run(S)
    assert world.told == []
    world.plant.supply.dip(3.0, 21 * MS)
    world.run(S)
    assert [on for _, on in world.told] == [False, True]
    assert world.told[1][0] - world.told[0][0] == MS


def test_two_dips_with_a_breath_between_them_do_not_add_up(world: Any) -> None:
    world.plant.supply.follow(
        [
            (0, 3.0), (15 * MS, 3.0), (15 * MS, 6.5), (16 * MS, 6.5),
            (16 * MS, 3.0), (30 * MS, 3.0), (30 * MS, 13.0),
        ]
    )
    world.run(S)
    assert world.told == []


def test_a_line_goes_on_where_it_would_be_by_now(world: Any) -> None:
    line = [(100 * MS, 9.0), (200 * MS, 9.0), (300 * MS, 12.0)]
    world.plant.supply.follow(line, 50 * MS)
    assert world["supply.voltage"] == pytest.approx(11.25)
    world.run(50 * MS)
    assert world["supply.voltage"] == pytest.approx(9.0)
    world.run(150 * MS)
    assert world["supply.voltage"] == pytest.approx(10.5)
    world.run(50 * MS)
    assert world["supply.voltage"] == 12.0
    world.plant.supply.follow(line, 300 * MS)
    assert world["supply.voltage"] == 12.0


def test_the_bms_is_told_where_a_line_that_goes_on_lies_below_its_level(world: Any) -> None:
    world.plant.supply.dip(3.0, 200 * MS, 150 * MS)
    world.run(S)
    assert world.told == [(20 * MS, False), (50 * MS, True)]


def test_a_new_profile_takes_the_place_of_the_old_one(world: Any) -> None:
    world.plant.supply.crank(3.0, 5.0, S)
    world.run(10 * MS)
    world.plant.supply.recover()
    world.run(2 * S)
    assert world.told == []
    assert world["supply.voltage"] == 13.5


def test_the_shape_of_cranking(world: Any) -> None:
    world.plant.supply.crank(4.5, 6.5, S)
    seen = []
    for _ in range(130):
        world.run(10 * MS)
        seen.append(world.plant.supply.voltage_V)
    assert seen[0] == seen[1] == 4.5
    assert seen[6:107] == pytest.approx([6.5] * 101)
    assert seen[-1] == 13.5


def test_when_the_bms_stops_its_contactors_are_let_go(world: Any) -> None:
    world.command("main_plus", True)
    world.run(100 * MS)
    world["supply.voltage_request"] = 0.0
    world.run(36 * MS)
    assert world["contactor.main_plus.command"] == world["contactor.main_plus.feedback"] == 0.0
    world["supply.voltage_request"] = 13.5
    world.run(S)
    assert world["contactor.main_plus.feedback"] == 0.0  # until it is commanded anew


def test_a_profile_under_way_goes_on_after_a_restore(world: Any) -> None:
    world.plant.supply.follow([(100 * MS, 5.0), (400 * MS, 5.0), (500 * MS, 13.0)])
    world.run(95 * MS)  # below brown-out for some time, not yet off
    saved = world.plant.save()
    world.run(S)
    first, begun = list(world.told), int(world.env.now)
    world.plant.reset(1)
    world.told.clear()
    world.plant.restore(saved)
    world.run(S)
    shift = begun - 95 * MS
    assert world.told == [(at + shift, on) for at, on in first]
    assert [on for _, on in first] == [False, True]


@pytest.mark.parametrize(
    "points", [[], [(5, 3.0), (1, 3.0)], [(-1, 3.0)], [(0, -1.0)], [(0, float("nan"))], [(0, 41.0)]]
)
def test_a_profile_that_cannot_be(world: Any, points: list[tuple[int, float]]) -> None:
    with pytest.raises(ValueError, match=r"supply"):
        world.plant.supply.follow(points)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"voltage_V": 40.0}, "voltage_V: must be at most 36"),
        ({"brown_out_V": 9.0}, "restart_V: must not be below brown_out_V"),
        ({"restart_V": 14.0}, "restart_V: must not be above voltage_V"),
        ({"hold_up_ns": -1}, "hold_up_ns: must not be negative"),
    ],
)
def test_a_supply_that_cannot_be(config: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        SupplyConfig(**config)


def on_line(points: list[tuple[int, float]], at: int) -> float:
    before = max(k for k, (when, _) in enumerate(points) if when <= at)
    if before == len(points) - 1:
        return points[-1][1]
    (t0, v0), (t1, v1) = points[before], points[before + 1]
    return v0 + (v1 - v0) * (at - t0) / (t1 - t0)


@given(
    st.lists(st.tuples(st.integers(1, 10**6), st.integers(0, 30)), min_size=2, max_size=8),
    st.integers(1, 59),
)
def test_a_crossing_is_the_first_instant_on_its_far_side(steps: list[tuple[int, int]], half: int) -> None:
    points, now = [], 0
    for wait, volts in steps:
        points.append((now, float(volts)))
        now += wait
    level = half / 2.0
    for at, volts in crossings(points, level):
        above = volts >= level
        sign = 1.0 if above else -1.0
        assert sign * (on_line(points, at) - level) >= -1e-9
        assert sign * (on_line(points, at - 1) - level) <= 1e-9
    sides = [v >= level for _, v in points]
    assert len(crossings(points, level)) == sum(a != b for a, b in pairwise(sides))
