"""How exact the twins are, beside what must come out: step sizes, known answers, books of charge and energy.

Nothing here depends on the machine. The tests of `twins` check far more; these are the figures that the
project promises, measured anew.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import simpy

from hil.bench import Figure
from twins.config import (
    ChargerConfig,
    ContactorConfig,
    FuseConfig,
    LinkConfig,
    LoadConfig,
    PlantConfig,
    SensorConfig,
)
from twins.pack import Pack, PackConfig
from twins.plant import Plant

_BASE: Final = "winston-lyp-100"
_R0, _R1, _R2, _TAU1_S, _TAU2_S = 1e-3, 4e-4, 2e-3, 11.0, 198.0
_SECOND_NS: Final = 1_000_000_000
_HOUR_NS: Final = 3600 * _SECOND_NS
_HOURS: Final = 5
_CELL: Final = "winston-lyp-160"
_SENSORS: Final = SensorConfig(
    cell_period_ns=_SECOND_NS,
    temperature_period_ns=_SECOND_NS,
    current_period_ns=_SECOND_NS,
    voltage_period_ns=_SECOND_NS,
)
_CONTACTORS: Final = ("main_plus", "main_minus", "precharge", "charge_plus", "charge_minus")


def run() -> list[Figure]:
    """All of it; some seconds."""
    with TemporaryDirectory() as folder:
        cell = _constant_cell(Path(folder) / "constant.toml")
        figures = [
            _figure("steps of 1 ms against 100 ms, constant parameters", _steps(cell), 1e-9),
            _figure("known answer: voltage under load and at rest, two RC pairs", _pairs(cell), 1e-9),
            _figure("known answer: 16 cells on bus bars", _ladder(cell), 1e-9),
        ]
    hours = [_random_hour(seed) for seed in range(_HOURS)]
    charge, energy = (max(values) for values in zip(*hours, strict=True))
    what = f"{_HOURS} random hours with random faults"
    return [
        *figures,
        _figure(f"charge missing, {what}", charge, 1e-9),
        _figure(f"energy missing, {what}", energy, 1e-6),
    ]


def _figure(name: str, value: float, goal: float) -> Figure:
    return Figure(name, value, "relative", f"<= {goal:g}", value <= goal)


def _constant_cell(path: Path) -> str:
    """A cell whose parameters stand still: neither charge nor temperature changes them."""
    lines = [f'base = "{_BASE}"']
    scalars = {
        "tau1": (_TAU1_S, "s"),
        "tau2": (_TAU2_S, "s"),
        "arrhenius": (0.0, "K"),
        "arrhenius_cold": (0.0, "K"),
        "hysteresis": (0.0, "V"),
        "self_discharge": (0.0, "1/s"),
    }
    for key, (value, unit) in scalars.items():
        lines.append(f'[{key}]\nvalue = {value}\nunit = "{unit}"\nsource = "constant"')
    for key, ohm in {"r0": _R0, "r1": _R1, "r2": _R2}.items():
        lines.append(f'[{key}]\nsoc = [0, 1]\nvalues = [{ohm}, {ohm}]\nunit = "Ohm"\nsource = "constant"')
    lines.append('[ageing]\nvalue = "none"\nsource = "constant"')
    path.write_text("\n".join(lines), "utf-8")
    return str(path)


def _steps(cell: str) -> float:
    """Largest relative difference of voltage and charge; the current changes once a second."""
    currents = np.random.default_rng(1).uniform(-100.0, 200.0, 60).tolist()
    ends = []
    for dt_s, steps in ((1e-3, 1000), (0.1, 10)):
        pack = Pack(PackConfig(cell, 4, strings=2, soc=0.6, soc_spread=0.01, resistance_spread=0.05))
        seen = [(pack.advance(current, dt_s, steps), pack.mean_soc) for current in currents]
        ends.append(np.array(seen))
    fine, coarse = ends
    return float(np.max(np.abs(fine - coarse) / np.abs(fine)))


def _pairs(cell: str) -> float:
    """After 20 s at 50 A, then 60 s of rest: V = OCV - I R0 - sum of I R (1 - exp(-t / tau))."""
    pack = Pack(PackConfig(cell, 1, soc=0.5))
    loaded_V = pack.advance(50.0, 0.1, 200)
    grown = [50.0 * ohm * (1.0 - exp(-20.0 / tau)) for ohm, tau in ((_R1, _TAU1_S), (_R2, _TAU2_S))]
    at_rest = Pack(PackConfig(cell, 1, soc=pack.mean_soc))
    at_rest.set_temperature(pack.temperatures_degC)
    expected_V = at_rest.emf_V - 50.0 * _R0 - sum(grown)
    rested_V = pack.advance(0.0, 0.1, 600)
    left = [volts * exp(-60.0 / tau) for volts, tau in zip(grown, (_TAU1_S, _TAU2_S), strict=True)]
    at_rest.set_temperature(pack.temperatures_degC)
    wrong = (loaded_V / expected_V - 1.0, rested_V / (at_rest.emf_V - sum(left)) - 1.0)
    return max(map(abs, wrong))


def _ladder(cell: str) -> float:
    """Equal cells R behind tabs, joined by bars r on both sides, fold up: x = R || (x + 2 r)."""
    tab_Ohm, bar_Ohm, count = 2e-4, 5e-5, 16
    pack = Pack(PackConfig(cell, 1, parallel=count, tab_Ohm=tab_Ohm, bar_Ohm=bar_Ohm))
    folded_Ohm = _R0 + tab_Ohm
    for _ in range(count - 1):
        folded_Ohm = 1.0 / (1.0 / (_R0 + tab_Ohm) + 1.0 / (folded_Ohm + 2.0 * bar_Ohm))
    return abs(pack.resistance_Ohm / folded_Ohm - 1.0)


def _random_hour(seed: int) -> tuple[float, float]:
    """What charge and energy miss, of the capacity and of all energy moved, after an hour of random acts."""
    dice = np.random.default_rng(seed)
    plant = _plant()
    books = plant.keep_books()
    while plant.env.now < _HOUR_NS and 0.05 < plant.pack.mean_soc < 0.95:
        _act(plant, dice)
        plant.env.run(until=int(plant.env.now) + int(dice.integers(1, 240 * _SECOND_NS)))
    plant.sync()
    own = plant.pack.books()
    capacity_As = 3600.0 * plant.pack.capacity_Ah
    given_As = 0.5 * capacity_As - (own.charge_As + own.lost_As) / plant.pack.cells
    return (
        abs(plant.charge_As - given_As) / capacity_As,
        abs(books.residual_J) / max(books.moved_J, 1.0),
    )


def _plant() -> Plant:
    config = PlantConfig(
        PackConfig(_CELL, series=8, soc=0.5),
        contactor=ContactorConfig(charge="both", arc_ns=3_000_000, arc_drop_V=8.0),
        link=LinkConfig(precharge_Ohm=5.0, precharge_pulse_J=3e3, busbar_Ohm=1e-3),
        charger=ChargerConfig(max_V=29.0, max_A=60.0, timeout_ns=10_000 * _SECOND_NS),
        fuse=FuseConfig(rated_A=300.0, melting_A2s=30e3),
        loads={"heater": LoadConfig(resistance_Ohm=2.0), "dcdc": LoadConfig(power_W=150.0, min_V=10.0)},
        sensors=_SENSORS,
        step_ns=_SECOND_NS,
    )
    plant = Plant(simpy.Environment(initial_time=0), config)
    for port, value in (("plugged", 1.0), ("voltage_max", 28.8), ("control", 0.0)):
        plant.ports[f"charger.{port}"].write(value)
    return plant


def _act(plant: Plant, dice: np.random.Generator) -> None:
    """One random thing happens: a command, a set point, or a fault of the circuit."""
    name, on = str(dice.choice(_CONTACTORS)), bool(dice.random() < 0.6)
    short_Ohm = float(10.0 ** dice.uniform(-3.0, 1.0)) if on else None
    pole, side = str(dice.choice(["plus", "minus"])), str(dice.choice(["pack", "link"]))
    contactor, circuit, ports = plant.contactors[name], plant.circuit, plant.ports
    acts: list[Callable[[], Any]] = [
        lambda: ports[f"contactor.{name}.command"].write(float(on)),
        lambda: ports[f"load.{dice.choice(['heater', 'dcdc'])}.on"].write(float(on)),
        lambda: ports["drive.enable"].write(float(on)),
        lambda: ports["drive.current_request"].write(dice.uniform(-80.0, 120.0)),
        lambda: ports["charger.current_max"].write(dice.uniform(0.0, 60.0)),
        lambda: contactor.weld(on),
        lambda: contactor.stick_open(not on),
        lambda: contactor.bounce(int(dice.integers(0, 5))),
        lambda: circuit.set_link_short(short_Ohm),
        lambda: circuit.set_pack_short(short_Ohm),
        lambda: circuit.set_fuse_blown(not on),
        lambda: circuit.set_precharge_open(not on),
        lambda: plant.leak(pole, short_Ohm, side),
    ]
    acts[int(dice.integers(len(acts)))]()
