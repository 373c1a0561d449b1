"""Cells with simple tables, whose answers are known on paper."""

from collections.abc import Callable
from pathlib import Path

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


def toml(ocv: tuple[float, float], changes: dict[str, float]) -> str:
    """A cell file: OCV from empty to full on a straight line, constant resistances."""
    lines = ["[window.practice]\nminimum = 2.5\nmaximum = 3.65\nunit = 'V'\nsource = 'test'"]
    for key, (value, unit) in SCALARS.items():
        own = changes.get(key, value)
        lines.append(f"[{key}]\nvalue = {own!r}\nunit = '{unit}'\nsource = 'test'")
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

    def make(ocv: tuple[float, float] = (3.3, 3.3 + 1e-9), **changes: float) -> str:
        nonlocal count
        count += 1
        path = tmp_path / f"cell{count}.toml"
        path.write_text(toml(ocv, changes), "utf-8")
        return str(path)

    return make
