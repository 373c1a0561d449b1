"""The plant's sections follow the twins' configurations."""

from collections.abc import Callable

import pytest

from hil.errors import RigFileErrors
from hil.rig.plant import keys_of
from hil.rig.schema import RigConfig
from twins.config import ChargerConfig, DriveConfig, LinkConfig, PackConfig

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


@pytest.mark.parametrize(
    ("more", "mistake"),
    [
        ('[charger]\nmax_voltage = "0 V"', "charger.max_voltage: must be greater than 0"),
        (
            '[charger]\nmax = "360 V"',
            "charger.max: unknown key (keys: efficiency, max_current, max_voltage, timeout)",
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


def test_a_cell_of_ones_own_lies_beside_the_rig_file(load: Loader) -> None:
    with pytest.raises(RigFileErrors, match=r"pack\.cell: .*mine\.toml: cannot be read"):
        load("", ('"winston-lyp-160"', '"mine.toml"'))
