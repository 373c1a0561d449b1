"""A configuration that is wrong says which field."""

from collections.abc import Callable
from typing import Any

import pytest

from twins.config import (
    ChargerConfig,
    ContactorConfig,
    DriveConfig,
    LinkConfig,
    PackConfig,
    PlantConfig,
    SensorConfig,
)


@pytest.mark.parametrize(
    ("config", "field", "value"),
    [
        (ContactorConfig, "closing_ns", -1),
        (ContactorConfig, "contact_Ohm", 0.0),
        (LinkConfig, "precharge_Ohm", 0.0),
        (LinkConfig, "capacitance_F", -1e-3),
        (LinkConfig, "bleed_Ohm", float("inf")),
        (LinkConfig, "discharge_Ohm", float("nan")),
        (SensorConfig, "cell_resolution_V", 0.0),
        (SensorConfig, "current_noise_A", -0.1),
        (SensorConfig, "temperature_max_degC", -60.0),
        (SensorConfig, "isolation_Ohm", 1e9),
        (ChargerConfig, "efficiency", 1.01),
        (ChargerConfig, "timeout_ns", 0),
        (DriveConfig, "efficiency", 0.0),
        (DriveConfig, "max_torque_Nm", 0.0),
        (DriveConfig, "speed_rpm", 1e6),
    ],
)
def test_a_wrong_value_names_its_field(config: Callable[..., Any], field: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"^{field}: "):
        config(**{field: value})


def test_sample_periods_are_multiples_of_the_step() -> None:
    pack = PackConfig("winston-lyp-160", series=4)
    with pytest.raises(ValueError, match=r"^sensors\.voltage_period_ns: "):
        PlantConfig(pack, sensors=SensorConfig(voltage_period_ns=55_000_000))
    assert PlantConfig(pack, step_ns=5_000_000).step_ns == 5_000_000
