"""Tests of a cell that is known, recorded with the cell core and written as a user would."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from twins.pack import Pack, PackConfig

TRUTH = {
    "capacity": (50.0, "Ah"),
    "charge_efficiency": (1.0, "1"),
    "reference_temperature": (25.0, "degC"),
    "hysteresis": (18.0, "mV"),
    "gamma": (70.0, "1"),
    "tau1": (12.0, "s"),
    "tau2": (200.0, "s"),
    "arrhenius": (4000.0, "K"),
    "arrhenius_constant": (0.3, "1"),
    "cold_below": (-20.0, "degC"),
}
OHM = {"r0": 2.0, "r1": 0.8, "r2": 3.0}  # mOhm, at every state of charge
OCV = (3.0, 3.4)  # V, empty and full, a straight line between
CAPACITY = TRUTH["capacity"][0]
Write = Callable[..., Path]


@pytest.fixture(scope="session")
def cell(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cell file of the truth."""
    lines = ["base = 'winston-lyp-100'"]
    lines += [
        f"[{key}]\nvalue = {value}\nunit = '{unit}'\nsource = 'test'" for key, (value, unit) in TRUTH.items()
    ]
    lines += [
        f"[{key}]\nsoc = [0, 1]\nvalues = [{ohm}, {ohm}]\nunit = 'mOhm'\nsource = 'test'"
        for key, ohm in OHM.items()
    ]
    lines.append("[entropic]\nsoc = [0, 1]\nvalues = [0, 0]\nunit = 'mV/K'\nsource = 'test'")
    ocv = f"values = [[{OCV[0]}, {OCV[1]}]]"
    lines.append(f"[ocv]\nsoc = [0, 1]\ntemperature = [25]\n{ocv}\nunit = 'V'\nsource = 'test'")
    path = tmp_path_factory.mktemp("truth") / "truth.toml"
    path.write_text("\n".join(lines), "utf-8")
    return path


def record(cell: Path, celsius: float, current: list[float], dt_s: float) -> np.ndarray:
    """Time, voltage, current: a current holds until the next row; the cell starts full."""
    pack = Pack(PackConfig(str(cell), 1, soc=1.0, temperature_degC=celsius, ambient_degC=celsius))
    pack.hysteresis[:] = 1.0
    pack.refresh()
    rows, before = [], 0.0
    for k, now in enumerate(current):
        if k:
            pack.advance(before, dt_s)
            pack.set_temperature(celsius)
        rows.append((k * dt_s, pack.emf_V - now * pack.resistance_Ohm, now))
        before = now
    return np.array(rows)


def write(path: Path, rows: np.ndarray, head: list[str]) -> Path:
    """As a file."""
    text = "".join(f"# {line}\n" for line in head) + "time [s],voltage [V],current [A]\n"
    path.write_text(text + "".join(f"{t:.10g},{v:.10g},{i:.10g}\n" for t, v, i in rows), "utf-8")
    return path


@pytest.fixture(scope="session")
def recorded(cell: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A slow test and two dynamic ones by name."""
    folder = tmp_path_factory.mktemp("recorded")
    slow = [CAPACITY / 40.0] * 1440 + [0.0] * 30 + [-CAPACITY / 40.0] * 1440  # rows of 100 s
    files = {"slow": write(folder / "slow.csv", record(cell, 25.0, slow, 100.0), ["temperature: 25 degC"])}
    dice = np.random.default_rng(4)
    pulses = np.repeat(dice.choice([0.0, 20.0, 45.0, 90.0, -25.0], 500, p=[0.25, 0.25, 0.2, 0.15, 0.15]), 10)
    stop = int(np.searchsorted(np.cumsum(pulses) * 2.0 / 3600.0, 0.9 * CAPACITY))
    for celsius in (10.0, 25.0, 40.0):
        rows = record(cell, celsius, pulses[:stop].tolist(), 2.0)
        files[f"dynamic_{celsius:g}"] = write(
            folder / f"dynamic_{celsius:g}.csv", rows, [f"temperature: {celsius:g} degC", "start: full"]
        )
    return files
