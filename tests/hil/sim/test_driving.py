"""Vehicles on cycles: the simulation shows what the twins do, and can be stopped on the way."""

from __future__ import annotations

from itertools import islice
from math import inf

import numpy as np
import pytest

from hil.sim.driving import Driving, Trip, with_payload
from twins import cycles, vehicle

XE20 = vehicle.load("xe20")
YARD = cycles.load("yard", hours=0.5)


def driving(trip: Trip, soc: float = 0.9) -> Driving:
    return Driving(XE20, XE20.pack_config(soc=soc), trip)


def figure(scenario: Driving, label: str) -> float:
    return float(next(one.value for one in scenario.summary() if one.label == label))


def test_it_is_the_twins_run() -> None:
    scenario = driving(Trip(YARD))
    for _ in scenario.steps():
        pass
    told = vehicle.simulate(XE20, YARD, soc=0.9).summary
    assert figure(scenario, "distance") == pytest.approx(told.distance_m / 1e3, rel=1e-12)
    assert figure(scenario, "energy out") == pytest.approx(told.drawn_J / 3.6e3, rel=1e-12)
    assert figure(scenario, "peak discharge current") == told.most_A
    assert figure(scenario, "state of charge") == pytest.approx(100 * told.soc_end)
    assert scenario.table["distance"][-1] == pytest.approx(told.distance_m / 1e3)
    assert not scenario.stopped


def test_rows_are_a_second_apart_and_the_state_of_charge_falls_with_them() -> None:
    scenario = driving(Trip(YARD, hours=0.1))
    assert [round(t) for t in scenario.steps()] == list(range(1, 361))
    assert scenario.table["time"] == pytest.approx(np.arange(361.0))
    assert scenario.table["soc"][0] == pytest.approx(90.0)
    assert scenario.table["speed"].max() > 5.0
    assert scenario.table["cell_min"].min() < scenario.table["cell_max"].max()


def test_it_can_be_stopped_on_the_way() -> None:
    scenario = driving(Trip(YARD))
    list(islice(scenario.steps(), 120))
    assert figure(scenario, "time") == pytest.approx(120.0)
    assert scenario.table.rows == 121
    assert scenario.panels()


def test_an_empty_pack_ends_it() -> None:
    scenario = driving(Trip(YARD, hours=8.0), soc=0.02)
    for _ in scenario.steps():
        pass
    assert scenario.stopped == "the pack is empty"
    wanted = driving(Trip(YARD, hours=inf), soc=0.02)
    for _ in wanted.steps():
        pass
    assert not wanted.stopped


def test_a_payload_that_is_named_holds() -> None:
    light, heavy = (Trip(with_payload(YARD, kg), 0.25, kg) for kg in (0.0, 30e3))
    used = []
    for trip in (light, heavy):
        scenario = driving(trip)
        for _ in scenario.steps():
            pass
        used.append(figure(scenario, "energy out"))
    assert used[1] > 1.5 * used[0]
