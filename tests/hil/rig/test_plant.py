"""The plant's sections follow the twins' configurations."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hil.errors import RigFileErrors
from hil.rig.plant import keys_of
from hil.rig.schema import RigConfig
from twins.charger_presets import PRESETS
from twins.config import (
    ChargerConfig,
    DriveConfig,
    FuseConfig,
    LinkConfig,
    LoadConfig,
    PackConfig,
    SupplyConfig,
    VehicleConfig,
)

Loader = Callable[..., RigConfig]


def test_keys_say_no_units() -> None:
    assert {"precharge", "capacitance", "bleed", "discharge"} <= set(keys_of(LinkConfig))
    assert {"max_voltage", "max_current", "timeout"} <= set(keys_of(ChargerConfig))
    assert keys_of(DriveConfig)["max_power"][0] == "max_power_W"
    assert keys_of(PackConfig)["temperature"][0] == "temperature_degC"


def test_each_section_reaches_its_twin(load: Loader) -> None:
    plant = load(
        """
        [contactors]
        closing = "20 ms"
        [link]
        capacitance = "500 uF"
        [sensors]
        temperature_count = 2
        temperature_noise = "0.2 K"
        current_resolution = "10 mA"
        [charger]
        max_voltage = "420 V"
        timeout = "3 s"
        [drive]
        max_torque = "200 Nm"
        efficiency = "90 %"
        slew = "100 ms"
        """,
        ("series = 4", 'series = 4\nsoc = "20 %"\nspread = { capacity = 0.02, seed = 7 }'),
        ('name = "small"', 'name = "small"\nstep = "5 ms"'),
    ).plant
    assert (plant.step_ns, plant.contactor.closing_ns) == (5_000_000, 20_000_000)
    assert plant.link.capacitance_F == pytest.approx(500e-6)
    assert (plant.sensors.temperature_count, plant.sensors.temperature_noise_K) == (2, 0.2)
    assert plant.sensors.current_resolution_A == 0.01
    assert (plant.charger.max_V, plant.charger.timeout_ns) == (420.0, 3_000_000_000)
    assert (plant.drive.max_torque_Nm, plant.drive.efficiency) == (200.0, 0.9)
    assert plant.drive.slew_s == pytest.approx(0.1)
    assert (plant.pack.soc, plant.pack.capacity_spread, plant.pack.spread_seed) == (0.2, 0.02, 7)


def test_a_charger_is_taken_by_name_and_changed(load: Loader) -> None:
    plant = load('[charger]\npreset = "depot-84kw"\nmax_current = "200 A"\nmains_limit = "80 A"').plant
    assert plant.charger == replace(PRESETS["depot-84kw"], max_A=200.0, mains_limit_A=80.0)


@pytest.mark.parametrize(
    ("more", "mistake"),
    [
        ('[charger]\nmax_voltage = "0 V"', "charger.max_voltage: must be greater than 0"),
        (
            '[charger]\nmax = "360 V"',
            "charger.max: unknown key (keys: ambient, derate, efficiency, ",
        ),
        (
            '[charger]\npreset = "depot-80kw"',
            "charger.preset: there is no charger preset 'depot-80kw' (did you mean 'depot-84kw'?)",
        ),
        ("[charger]\npreset = 84", "charger.preset: 84 should be a valid string"),
        ('[charger]\npresett = "depot-84kw"', "charger.presett: unknown key (did you mean 'preset'?)"),
        (
            '[charger]\npreset = "depot-84kw"\nmin_voltage = "600 V"',
            "charger.min_voltage: must be below max_V",
        ),
        ('[link]\nbleed = "20 kV"', "link.bleed: '20 kV' is a voltage"),
        ('[sensors]\ncell_period = "15 ms"', "sensors.cell_period: must be a multiple of step_ns"),
        ("[drive]\nefficiency = 1.5", "drive.efficiency: must be greater than 0, at most 1"),
    ],
)
def test_the_twins_own_mistakes_have_the_files_keys(load: Loader, more: str, mistake: str) -> None:
    with pytest.raises(RigFileErrors) as caught:
        load(more)
    assert f"rig.toml: {mistake}" in str(caught.value)


EQUIPPED = """
[fuse]
rated = "400 A"
melting = "40 kA²s"
[supply]
voltage = "27 V"
brown_out = "9 V"
restart = "10 V"
hold_up = "20 ms"
[load.heater]
resistance = "20 Ohm"
on = true
[load.dcdc]
power = "2 kW"
min_voltage = "8 V"
[contactors]
charge = "both"
bounces = 2
bounce = "500 us"
arc = "3 ms"
arc_drop = "80 V"
weld = "2 kA"
pull_in = "16 V"
drop_out = "4 V"
[link]
precharge_rated = "50 W"
precharge_pulse = "5 kJ"
precharge_burn = "350 degC"
busbar = "300 uOhm"
"""


def test_fuse_supply_loads_and_all_that_contactors_can_do(load: Loader) -> None:
    plant = load(EQUIPPED).plant
    assert plant.fuse == FuseConfig(rated_A=400.0, melting_A2s=40e3)
    assert plant.supply == SupplyConfig(27.0, 9.0, 10.0, 20_000_000)
    assert plant.loads == {
        "heater": LoadConfig(resistance_Ohm=20.0, on=True),
        "dcdc": LoadConfig(power_W=2e3, min_V=8.0),
    }
    contactor = plant.contactor
    assert contactor.names == ("main_plus", "main_minus", "precharge", "charge_plus", "charge_minus")
    assert (contactor.bounces, contactor.bounce_ns, contactor.arc_ns) == (2, 500_000, 3_000_000)
    assert (contactor.arc_drop_V, contactor.weld_A) == (80.0, 2000.0)
    assert (contactor.pull_in_V, contactor.drop_out_V) == (16.0, 4.0)
    assert (plant.link.precharge_pulse_J, plant.link.busbar_Ohm) == (5e3, pytest.approx(3e-4))


def test_without_their_sections_they_are_not_there(load: Loader) -> None:
    plant = load("").plant
    assert plant.fuse is None
    assert plant.supply is None
    assert plant.loads == {}


def test_all_their_mistakes_are_told_at_once(load: Loader) -> None:
    with pytest.raises(RigFileErrors) as caught:
        load(
            """
            [fuse]
            rated = "400 V"
            meltin = "40 kA2s"
            [supply]
            brown_out = "8 V"
            [load.heater]
            resistance = "20 Ohm"
            power = "2 kW"
            [load.pump]
            power = "500 W"
            [load."seat heater"]
            resistance = "20 Ohm"
            [contactors]
            charge = "minus"
            """
        )
    said = str(caught.value)
    for mistake in (
        "fuse.rated: '400 V' is a voltage",
        "fuse.melting: is missing",
        "fuse.meltin: unknown key (did you mean 'melting'?)",
        "supply.restart: must not be below brown_out",
        "load.heater.power: give one of resistance, power and current, not 2",
        "load.pump.min_voltage: must be greater than 0 for a load that is no resistor",
        'load."seat heater": a load\'s name has letters, digits and _ only',
        "contactors.charge: 'minus' is not known",
    ):
        assert f"rig.toml: {mistake}" in said


def test_a_cell_of_ones_own_lies_beside_the_rig_file(load: Loader) -> None:
    with pytest.raises(RigFileErrors, match=r"pack\.cell: .*mine\.toml: cannot be read"):
        load("", ('"winston-lyp-160"', '"mine.toml"'))


def test_so_does_a_vehicle_of_ones_own(load: Loader, tmp_path: Path) -> None:
    with pytest.raises(RigFileErrors, match=r"vehicle\.name: .*tug\.toml: cannot be read"):
        load('[vehicle]\nname = "tug.toml"')
    (tmp_path / "tug.toml").write_text(
        'base = "xe20"\n[body]\nmass = { value = 9999, unit = "kg", source = "weighed" }\n', "utf-8"
    )
    assert load('[vehicle]\nname = "tug.toml"').plant.vehicle == VehicleConfig(str(tmp_path / "tug.toml"))
