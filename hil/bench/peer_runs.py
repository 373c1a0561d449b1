"""One open peer of the cell core, measured in a process of its own, in time of its one processor.

Usage: ``python -m hil.bench.peer_runs NAME`` prints JSON: version, microseconds per cell and step, and,
where the peer runs the very same cell, its voltages. Peers are imported here only; what they lack or
print stays here.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np

from twins.cell import parameters

CELL = "winston-lyp-100"
SERIES, PARALLEL = 2, 16
STEP_S = 1.0
START_SOC = 0.6
HOLD = 10  # steps between two changes of current
RATES = (0.5, -0.25, 1.0, 0.0)  # of the capacity per hour, in turn


def currents(steps: int, capacity_ah: float) -> list[float]:
    """Current of one cell at each step in A; > 0 discharges."""
    return [capacity_ah * RATES[k // HOLD % len(RATES)] for k in range(steps)]


def main(name: str) -> int:
    """Measure one peer; what it prints goes to stderr."""
    os.environ["PYBAMM_DISABLE_TELEMETRY"] = "true"
    warnings.filterwarnings("ignore")
    with contextlib.redirect_stdout(sys.stderr):
        found = PEERS[name]()
    print(json.dumps({"version": version(name), **found}))  # noqa: T201
    return 0


def _thevenin() -> dict[str, Any]:
    """NREL thevenin: the same cell, two RC pairs and hysteresis, stepped by `Prediction`."""
    import thevenin  # type: ignore[import-not-found, import-untyped, unused-ignore] # noqa: PLC0415

    table, value = _tables(), _values()

    def ohm(key: str) -> Callable[[float, float], float]:
        return lambda soc, _kelvin: float(np.interp(soc, *table[key]))

    def farad(key: str, tau: str) -> Callable[[float, float], float]:
        return lambda soc, _kelvin: value[tau] / float(np.interp(soc, *table[key]))

    cell = {
        "num_RC_pairs": 2,
        "soc0": START_SOC,
        "capacity": value["capacity"],
        "gamma": value["gamma"],
        "ce": 1.0,
        "mass": value["mass"],
        "isothermal": True,
        "Cp": value["specific_heat"],
        "T_inf": 298.15,
        "h_therm": 5.0,
        "A_therm": 0.1,
        "ocv": lambda soc: np.interp(soc, *table["ocv"]),
        "M_hyst": lambda _soc: value["hysteresis"],
        "R0": ohm("r0"),
        "R1": ohm("r1"),
        "C1": farad("r1", "tau1"),
        "R2": ohm("r2"),
        "C2": farad("r2", "tau2"),
    }
    model = thevenin.Prediction(cell)
    state = thevenin.TransientState(soc=START_SOC, T_cell=298.15, hyst=0.0, eta_j=[0.0, 0.0])
    steps, volts = currents(240, value["capacity"]), []
    begun = time.process_time()
    for current in steps:
        state = model.take_step(state, current, STEP_S)
        volts.append(float(state.voltage))
    return {"us": 1e6 * (time.process_time() - begun) / len(steps), "voltage": volts}


def _pybamm() -> dict[str, Any]:
    """PyBaMM's Thevenin model: two RC pairs, its own example of parameters, stepped by `step`."""
    import pybamm  # type: ignore[import-not-found, import-untyped, unused-ignore] # noqa: PLC0415

    model = pybamm.equivalent_circuit.Thevenin(options={"number of rc elements": 2})
    values = model.default_parameter_values
    second = {"R2 [Ohm]": values["R1 [Ohm]"], "C2 [F]": values["C1 [F]"]}
    second["Element-2 initial overpotential [V]"] = 0.0
    with contextlib.suppress(TypeError):  # since 26.10 new names need no leave
        values.update(second, check_already_exists=False)
    values.update(second)
    values["Initial SoC"] = START_SOC
    values["Current function [A]"] = "[input]"
    simulation = pybamm.Simulation(model, parameter_values=values)
    steps = currents(60, float(values["Cell capacity [A.h]"]))
    simulation.step(STEP_S, save=False, inputs={"Current function [A]": steps[0]})  # builds it
    begun = time.process_time()
    for current in steps:
        simulation.step(STEP_S, save=False, inputs={"Current function [A]": current})
    return {"us": 1e6 * (time.process_time() - begun) / len(steps)}


def _liionpack() -> dict[str, Any]:
    """liionpack: the same pack with its own default cell (a single-particle model), by `solve`.

    The step's cost is the difference of a long and a short run, so that setting up is not in it.
    """
    import liionpack  # type: ignore[import-not-found, import-untyped, unused-ignore] # noqa: PLC0415
    import pybamm  # type: ignore[import-not-found, import-untyped, unused-ignore] # noqa: PLC0415

    values = pybamm.ParameterValues("Chen2020")
    amperes = PARALLEL * float(values["Nominal cell capacity [A.h]"])

    def took(rounds: int) -> float:
        words = [
            f"{'Discharge' if rate > 0 else 'Charge'} at {abs(rate) * amperes:g} A for {HOLD} seconds"
            if rate
            else f"Rest for {HOLD} seconds"
            for rate in RATES
        ]
        net = liionpack.setup_circuit(Np=PARALLEL, Ns=SERIES, Rb=1e-4, Rc=1e-4, Ri=1e-2, V=3.8, I=amperes)
        experiment = pybamm.Experiment([*words] * rounds, period=f"{STEP_S:g} second")
        begun = time.process_time()
        liionpack.solve(net, parameter_values=values.copy(), experiment=experiment, initial_soc=START_SOC)
        return time.process_time() - begun

    short, long = took(1), took(4)
    steps = 3 * HOLD * len(RATES)
    return {"us": 1e6 * (long - short) / (steps * SERIES * PARALLEL)}


def _tables() -> dict[str, tuple[Any, Any]]:
    """SOC and value of OCV and resistances at 25 degC."""
    entries = parameters.load(CELL).entries
    found = {key: (entries[key].soc, entries[key].value) for key in ("r0", "r1", "r2")}
    ocv = entries["ocv"]
    at_25 = [np.interp(25.0, ocv.temperature_degC, column) for column in ocv.value.T]
    return {**found, "ocv": (ocv.soc, np.array(at_25))}


def _values() -> dict[str, float]:
    entries = parameters.load(CELL).entries
    keys = ("capacity", "gamma", "mass", "specific_heat", "hysteresis", "tau1", "tau2")
    return {key: float(entries[key].value) for key in keys}


PEERS: dict[str, Callable[[], dict[str, Any]]] = {
    "liionpack": _liionpack,
    "thevenin": _thevenin,
    "pybamm": _pybamm,
}

if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
