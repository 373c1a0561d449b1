"""Cells with simple tables, whose answers are known on paper."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Maker = Callable[..., str]

SCALARS = {
    "capacity": (100.0, "Ah"),
    "hysteresis": (0.0, "V"),
    "gamma": (60.0, "1"),
    "tau1": (11.0, "s"),
    "tau2": (198.0, "s"),
    "mass": (3.5, "kg"),
    "specific_heat": (1000.0, "J/(kg K)"),
    "loss": (0.5, "W/K"),
    "arrhenius": (0.0, "K"),
    "arrhenius_constant": (0.0, "1"),
    "arrhenius_cold": (0.0, "K"),
    "cold_below": (-300.0, "degC"),
    "reference_temperature": (25.0, "degC"),
    "charge_efficiency": (1.0, "1"),
}
TABLES = {
    "r0": ([1e-3, 1e-3], "Ohm"),
    "r1": ([4e-4, 4e-4], "Ohm"),
    "r2": ([2e-3, 2e-3], "Ohm"),
    "entropic": ([0.0, 0.0], "V/K"),
}


OPTIONS = {  # the unit of what a test may set besides
    **dict.fromkeys(("tau1_arrhenius", "tau2_arrhenius"), "K"),
    **dict.fromkeys(("self_discharge_arrhenius", "calendar_arrhenius"), "K"),
    **dict.fromkeys(("calendar_scale", "cycle_scale", "growth_scale"), "1"),
    **dict.fromkeys(("core_to_surface", "to_neighbour", "to_coolant"), "W/K"),
    **dict.fromkeys(("surface_share", "peukert", "rated_cycles", "rated_depth", "depth_exponent"), "1"),
    "self_discharge": "1/s", "peukert_hours": "h", "rated_years": "a",
    "side_rate": "1/h", "side_voltage": "V", "side_slope": "V",
    "separator_melts": "degC", "separator_short": "Ohm",
    **{f"{stage}_rate": "1/s" for stage in ("sei", "anode", "cathode")},
    **{f"{stage}_activation": "K" for stage in ("sei", "anode", "cathode")},
    **{f"{stage}_heat": "J/kg" for stage in ("sei", "anode", "cathode")},
}


def toml(ocv: tuple[float, float], changes: dict[str, Any]) -> str:
    """A cell file: OCV from empty to full on a straight line, constant resistances."""
    high = max(3.65, ocv[1] + 0.1)
    lines = [f"[window.practice]\nminimum = 2.5\nmaximum = {high!r}\nunit = 'V'\nsource = 'test'"]
    for key, (value, unit) in SCALARS.items():
        own = changes.get(key, value)
        lines.append(f"[{key}]\nvalue = {own!r}\nunit = '{unit}'\nsource = 'test'")
    lines += [
        f"[{key}]\nvalue = {changes[key]!r}\nunit = '{unit}'\nsource = 'test'"
        for key, unit in OPTIONS.items()
        if key in changes
    ]
    if "ageing" in changes:
        lines.append(f"[ageing]\nvalue = {changes['ageing']!r}\nsource = 'test'")
    for key, (values, unit) in TABLES.items():
        row = [changes[key]] * 2 if key in changes else values
        lines.append(f"[{key}]\nsoc = [0, 1]\nvalues = {row!r}\nunit = '{unit}'\nsource = 'test'")
    lines.append(
        f"[ocv]\nsoc = [0, 1]\ntemperature = [25]\nvalues = [{list(ocv)!r}]\nunit = 'V'\nsource = 'test'"
    )
    return "\n".join(lines)


@pytest.fixture
def make_cell(tmp_path: Path) -> Maker:
    """`make_cell(ocv=(empty, full), key=value, …)` -> the path of a cell file, for `PackConfig.cell`."""
    count = 0

    def make(ocv: tuple[float, float] = (3.3, 3.3 + 1e-9), **changes: Any) -> str:
        nonlocal count
        count += 1
        path = tmp_path / f"cell{count}.toml"
        path.write_text(toml(ocv, changes), "utf-8")
        return str(path)

    return make
