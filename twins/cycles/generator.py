"""Cycles that are drawn by chance: a hostler's shift in the yard, a drayage truck's day.

The same seed gives the same cycle. What is drawn, and where its range comes from, stands in
``parameters/yard.toml`` and ``parameters/drayage.toml``.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from twins.cycles.cycle import Cycle
from twins.cycles.road import Road
from twins.cycles.segments import parameters

_SHORTEST_HOURS: Final = 0.05
_LONGEST_HOURS: Final = 1000.0


class Dice:
    """Draws the values of a parameter file."""

    def __init__(self, name: str, seed: int) -> None:
        self._file = parameters(name)
        self._dice = np.random.default_rng(seed)

    def __call__(self, key: str) -> float:
        """One value of ``section.name``."""
        section, name = key.split(".")
        entry: Mapping[str, Any] = self._file[section][name]
        low, high = float(entry["low"]), float(entry["high"])
        if "median" not in entry:
            return float(self._dice.uniform(low, high))
        drawn = float(entry["median"]) * float(np.exp(entry["sigma"] * self._dice.standard_normal()))
        return min(max(drawn, low), high)

    def chance(self, key: str) -> bool:
        """Whether what has this share of cases comes."""
        return float(self._dice.random()) < self(key)


def yard(seed: int = 1, hours: float = 8.0) -> Cycle:
    """A hostler's shift.

    Raises:
        ValueError: the hours are out of range.
    """
    dice = Dice("yard", seed)
    return _until(Road("yard"), hours, lambda road: _hostler_move(road, dice))


def drayage(seed: int = 1, hours: float = 8.0) -> Cycle:
    """A drayage truck's day.

    Raises:
        ValueError: the hours are out of range.
    """
    dice = Dice("drayage", seed)
    return _until(Road("drayage"), hours, lambda road: _turn(road, dice))


def _until(road: Road, hours: float, part: Callable[[Road], None]) -> Cycle:
    """Part after part, until the hours are over."""
    if not _SHORTEST_HOURS <= hours <= _LONGEST_HOURS:
        raise ValueError(f"hours: must be {_SHORTEST_HOURS} to {_LONGEST_HOURS:.0f}, not {hours}")
    end_s = hours * 3600.0
    while road.time_s < end_s:
        part(road)
    return road.cycle(end_s)


# --- the yard ---------------------------------------------------------------------------------------


def _hostler_move(road: Road, dice: Dice) -> None:
    """To a container, on, away with it, off."""
    _yard_run(road, dice)
    _creeps(road, dice)
    road.load(_container(dice), dice("hook.wait"))
    _yard_run(road, dice)
    _creeps(road, dice)
    road.load(dice("payload.chassis"), dice("hook.wait"))


def _container(dice: Dice) -> float:
    weight = dice("payload.empty") if dice.chance("payload.empty_share") else dice("payload.container")
    return dice("payload.chassis") + weight


def _yard_run(road: Road, dice: Dice) -> None:
    top = dice("move.speed")
    road.brisk(dice("move.acceleration"), dice("move.deceleration"))
    road.go(dice("move.distance"), lambda: (dice("move.stretch"), top * dice("move.slow")))


def _creeps(road: Road, dice: Dice) -> None:
    for _ in range(round(dice("creep.count"))):
        road.stand(dice("creep.wait"))
        _creep(road, dice("creep.distance"), dice("creep.speed"))


def _creep(road: Road, distance_m: float, speed_m_s: float) -> None:
    road.go(distance_m, lambda: (distance_m, speed_m_s))


# --- drayage ----------------------------------------------------------------------------------------


def _turn(road: Road, dice: Dice) -> None:
    """In through the gate, out with a container, to the customer, and back with what is there."""
    _queue(road, dice)
    _terminal(road, dice, _container(dice))
    _out_and_back(road, dice)
    road.load(_container(dice) if dice.chance("payload.empty_share") else dice("payload.chassis"), 60.0)
    road.stand(dice("customer.wait"))
    _out_and_back(road, dice)


def _queue(road: Road, dice: Dice) -> None:
    road.brisk(dice("driving.acceleration"), dice("driving.deceleration"))
    end_s = road.time_s + dice("queue.time")
    while road.time_s < end_s:
        road.stand(dice("queue.wait"))
        _creep(road, dice("queue.distance"), dice("queue.speed"))


def _terminal(road: Road, dice: Dice, payload_kg: float) -> None:
    begin_s, stay_s = road.time_s, dice("terminal.time")
    loaded = False
    while road.time_s < begin_s + stay_s:
        distance, speed = dice("terminal.distance"), dice("terminal.speed")
        _creep(road, distance, speed)
        if not loaded and road.time_s > begin_s + 0.4 * stay_s:
            road.load(payload_kg, dice("terminal.wait"))
            loaded = True
        else:
            road.stand(dice("terminal.wait"))


def _out_and_back(road: Road, dice: Dice) -> None:
    """Streets, the freeway with its bridge, streets."""
    _street(road, dice)
    top = dice("freeway.speed")
    road.brisk(dice("driving.acceleration"), dice("driving.deceleration"))
    half_m = 0.5 * dice("freeway.distance")
    pace = lambda: (dice("freeway.stretch"), top * dice("freeway.slow"))  # noqa: E731
    road.go(half_m, pace, stop=False)
    road.hill(dice("freeway.bridge_length"), dice("freeway.bridge"))
    road.go(half_m, pace)
    _street(road, dice)


def _street(road: Road, dice: Dice) -> None:
    left_m = dice("street.distance")
    while left_m > 0.0:
        block_m, speed = dice("street.block"), dice("street.speed")
        road.brisk(dice("driving.acceleration"), dice("driving.deceleration"))
        _creep(road, block_m, speed)
        road.stand(dice("street.wait"))
        left_m -= block_m
