"""Vehicle files: the shipped ones are whole; a wrong one is refused with file, key and reason."""

import re
from pathlib import Path

import numpy as np
import pytest

import twins.vehicle as vehicles
from twins.pack import Pack
from twins.vehicle import _vehicle
from twins.vehicle.parameters import RULES

NAMES = (
    "automobile", "city-bus", "e-bike", "e30", "forklift", "hybrid-bus", "m150", "micro-bus", "motorcycle",
    "rv", "truck-50t", "xe20",
)  # fmt: skip


def test_the_vehicles_are_shipped() -> None:
    assert vehicles.names() == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_vehicle_is_whole(name: str) -> None:
    vehicle = vehicles.load(name)
    assert vehicle.name == name
    assert set(vehicle.values) == set(RULES)
    assert all(value.source for value in vehicle.values.values())
    assert all(charger.source for charger in vehicle.chargers.values())
    assert vehicle.chargers
    assert np.isfinite(vehicle.block()).all()
    assert vehicle.block().size == _vehicle.TYPE_SIZE


@pytest.mark.parametrize("name", NAMES)
def test_what_belongs_together_fits(name: str) -> None:
    """Pack, charger, gears and drive of a vehicle are sized for one another."""
    vehicle = vehicles.load(name)
    pack = Pack(vehicle.pack_config())
    lowest, highest = (volts * vehicle.series for volts in pack.cell.window_V["sheet"])
    for charger in vehicle.chargers.values():
        assert lowest < charger.voltage_V <= highest
        assert charger.current_A <= 3.0 * pack.capacity_Ah  # Winston's most
        assert charger.power_W <= charger.voltage_V * charger.current_A * 1.01
    at_top = vehicle["body.top_speed"] / vehicle["body.wheel_radius"] * vehicle.gears[-1]
    assert at_top <= vehicle["drive.speed"]
    assert vehicle["drive.power"] / vehicle["drive.torque"] < vehicle["drive.speed"]
    nominal_W = 3.2 * vehicle.series * vehicle["bms.discharge"] * pack.capacity_Ah
    assert nominal_W > 0.7 * vehicle["drive.power"]


def test_the_xe20_is_the_published_one() -> None:
    xe20 = vehicles.load("xe20")
    pack = Pack(xe20.pack_config(soc=0.5))
    assert pack.emf_V == pytest.approx(324.0, rel=0.03)
    assert xe20["drive.power"] == 240e3
    assert xe20["body.top_speed"] == pytest.approx(25 * 0.44704)
    assert xe20.published["energy"].value == 140 * 3.6e6
    assert not xe20.values["drive.power"].provisional
    assert "gearbox.shift_time" in xe20.provisional


def test_a_file_takes_what_it_does_not_say_from_its_base(tmp_path: Path) -> None:
    path = tmp_path / "heavy.toml"
    path.write_text('base = "xe20"\n[body]\nmass = { value = 12, unit = "t", source = "weighed" }\n')
    heavy, xe20 = vehicles.load(path), vehicles.load("xe20")
    assert heavy.mass_kg == 12_000.0
    assert heavy["body.drag"] == xe20["body.drag"]
    assert heavy.cell == xe20.cell


MASS = "[body]\nmass = "
BAD = {
    "nothing": ("", "body.mass: is missing"),
    "no TOML": ("[body", "is not TOML"),
    "section": ('base = "xe20"\n[bodi]\n', "bodi: is not known; did you mean 'body'?"),
    "key": ('base = "xe20"\n[body]\nmas = 1', "body.mas: is not known; did you mean 'mass'?"),
    "base": ('base = "xe21"', "base: must name a shipped file"),
    "bare": (f'base = "xe20"\n{MASS}10', "body.mass: must be a table of value, unit and source"),
    "source": (f'base = "xe20"\n{MASS}{{ value = 1, unit = "t" }}', "body.mass: needs 'source'"),
    "empty source": (f'base = "xe20"\n{MASS}{{ value = 1, unit = "t", source = " " }}', "has no source"),
    "unit": (f'base = "xe20"\n{MASS}{{ value = 1, unit = "V", source = "x" }}', "must be kg or t or lb"),
    "negative": (f'base = "xe20"\n{MASS}{{ value = -1, unit = "t", source = "x" }}', "must be above 0"),
    "nan": (f'base = "xe20"\n{MASS}{{ value = nan, unit = "t", source = "x" }}', "is not a finite number"),
    "text": (f'base = "xe20"\n{MASS}{{ value = "1", unit = "t", source = "x" }}', "is not a finite number"),
    "extra": (
        f'base = "xe20"\n{MASS}{{ value = 1, unit = "t", source = "x", note = 1 }}',
        "body.mass.note: is not known",
    ),
    "gears": (
        'base = "xe20"\n[gearbox]\nratios = { value = [9, 12], unit = "1", source = "x" }',
        "gearbox.ratios: must fall and be positive",
    ),
    "no cells": ('base = "xe20"\n[pack]\nseries = 0', "pack.series: is missing"),
    "cells": ('base = "xe20"\n[pack]\nseries = 1.5', "pack.series: must be a whole number"),
    "order": (
        'base = "xe20"\n[braking]\ndrive_on = { value = 1, unit = "km/h", source = "x" }',
        "braking.drive_on: must be above braking.drive_off",
    ),
    "charger": ('base = "xe20"\n[charger.home]\nvoltage = 1', "charger.home.current: is missing"),
    "published": (
        'base = "xe20"\n[published]\nrange = { value = 1, unit = "parsec", source = "x" }',
        "published.range: needs a value with a known unit",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_wrong_file_is_refused_with_file_key_and_reason(case: str, tmp_path: Path) -> None:
    text, said = BAD[case]
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=re.escape(said)) as caught:
        vehicles.load(path)
    assert str(path) in str(caught.value)


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(ValueError, match="there is no 'xe2'; did you mean 'xe20'"):
        vehicles.load("xe2")


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(ValueError, match=r"gone\.toml: cannot be read: No such file"):
        vehicles.load("gone.toml")
