"""Cell parameters: a TOML file of values with unit and source becomes the table block of the C core."""

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np

from twins.cell import _cell


@dataclass(frozen=True)
class CellParameters:
    """One cell type; tables are over SOC 0..1."""

    name: str
    capacity_Ah: float
    window_V: dict[str, tuple[float, float]]
    block: np.ndarray[Any, np.dtype[np.float64]]


def _table(tables: dict[str, Any], key: str, scale: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    grid = np.linspace(0.0, 1.0, _cell.GRID + 1)
    return np.interp(grid, tables[key]["soc"], tables[key]["values"]) * scale


def load(name: str) -> CellParameters:
    """The shipped cell of this name."""
    folder = files("twins") / "cell" / "parameters"
    path = folder / f"{name}.toml"
    if not path.is_file():
        raise ValueError(f"pack.cell: there is no cell {name!r}")
    own = tomllib.loads(path.read_text("utf-8"))
    base = tomllib.loads((folder / f"{own['base']}.toml").read_text("utf-8")) if "base" in own else own
    data = base | own
    scale = base["capacity"]["value"] / data["capacity"]["value"]
    block = np.zeros(_cell.TYPE_SIZE)
    heat = data["mass"]["value"] * data["specific_heat"]["value"]
    keys = ("hysteresis", "gamma", "tau1", "tau2")
    block[:4] = [data[key]["value"] for key in keys]
    block[4:8] = [heat, data["loss"]["value"] / scale ** (2 / 3), data["arrhenius"]["value"], 25.0]
    rows = block[8:].reshape(5, _cell.GRID + 1)
    rows[0] = _table(data, "ocv", 1.0)
    for row, key in ((2, "r0"), (3, "r1"), (4, "r2")):
        rows[row] = _table(data, key, scale)
    window = {k: (w["minimum_V"], w["maximum_V"]) for k, w in data["window"].items()}
    return CellParameters(name, data["capacity"]["value"], window, block)
