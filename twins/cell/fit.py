"""Fit a cell's tables from slow and dynamic tests; prints them as TOML, with what they achieve.

Usage: ``python -m twins.cell.fit FOLDER`` (needs the extra ``fit``).
FOLDER holds the "THUN100" set of a Winston 100 Ah cell, gzip'ed CSV, a script S1..S4 per test:
OCV (C/50): Step, Current [A, < 0 discharges], VCell1 [V], AhCha, AhDch [Ah]; there is no time column;
DYN (1 s): time [s], step, voltage [V], current [A, > 0 discharges], chgAh, disAh [Ah]. S1 runs at the
test's temperature, S2 (to empty) and S3 (C/10 charge) at 25 degC.

The model is linear in its tables once the time constants, the hysteresis rate and the law of
temperature are given, so each candidate of those is one regularised least-squares problem:
V = U(s, T) + M h - a(T) (R0(s) I + filter1(R1(s) I) + filter2(R2(s) I)). U rises everywhere and is
drawn to the mean of the two slow branches at its temperature. The law of temperature,
a = c + (1 - c) exp(B (1/T - 1/Tref)), passes through the one-second resistances at 15, 25 and 45 degC;
it holds there and is not to be used below 15 degC. A law without c, through 15 and 45 degC, has the
resistance at 25 degC 10 % wrong.

Traps minded here: the -5 degC dynamic set lacks its S2, so its capacity is unknown and nothing of it
is in the tables; only where 25 degC is held out, its one-second resistance, which needs no count of
charge, gives the law the bend that 15 and 45 degC alone cannot; the charge put in exceeds the charge taken
out, so charge is scaled by the ratio of the whole test; without smoothing, resistances over SOC chase
the hysteresis and fail at a temperature not fitted. The cell's own
temperature was not recorded: self-heating is in the figures.
"""

import argparse
import gzip
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise, product
from pathlib import Path
from typing import Any, Final, cast

import numpy as np

try:
    from scipy.optimize import brentq, lsq_linear  # type: ignore[import-untyped, unused-ignore]
    from scipy.signal import lfilter  # type: ignore[import-untyped, unused-ignore]
except ImportError as error:  # pragma: no cover - depends on what is installed
    raise SystemExit("twins.cell.fit needs SciPy: pip install 'bms-hil[fit]'") from error

Array = np.ndarray[Any, np.dtype[np.float64]]

GRID: Final = 256  # of the C core: points between its lines would be lost
SOC: Final = (
    np.array(
        [
            *(0, 1, 2, 3, 4, 5, 6, 8, 10, 13, 17, 21, 26, 32, 38, 51, 64, 77, 90, 102, 115, 128),
            *(141, 154, 166, 179, 192, 205, 218, 230, 236, 240, 244, 246, 248, 250, 251, 252),
            *(253, 254, 255, 256),
        ]
    )
    / GRID
)
SOC_R: Final = np.array([0, 5, 13, 26, 51, 90, 128, 166, 205, 230, 246, 256]) / GRID
LEAST_SLOPE: Final = 0.01  # V per unit of SOC: an OCV rises
SLOW: Final = {-5: "N05", 5: "P05", 15: "P15", 25: "P25", 45: "P45", 55: "P55"}
DYNAMIC: Final = {-5: "DYN_20_N05", 15: "DYN_40_P15", 25: "DYN_50_P25", 45: "DYN_50_P45"}
KELVIN: Final = 273.15
T_REF: Final = 25.0
CANDIDATES: Final = list(product((8.0, 12.0, 20.0), (200.0, 400.0, 1000.0), (35.0, 70.0)))
SMOOTH_U, SMOOTH_R, RIDGE_U, RIDGE_T = 1e-3, 1.0, 5e-3, 2e-2


@dataclass(frozen=True)
class Trace:
    """One test: voltage, current (> 0 discharges) and state of charge each second."""

    name: str
    temperature_degC: float
    start_h: float  # hysteresis state it begins with
    voltage: Array
    current: Array
    soc: Array
    used: np.ndarray[Any, np.dtype[np.bool_]]  # samples that are fitted


@dataclass(frozen=True)
class Shape:
    """What the model is not linear in."""

    tau1_s: float
    tau2_s: float
    gamma: float
    arrhenius_K: float
    constant: float  # part of the resistance that does not follow temperature, at T_REF


@dataclass(frozen=True)
class Fit:
    """Tables of one least-squares problem."""

    shape: Shape
    knots: tuple[int, ...]  # temperatures of `ocv`
    ocv: Array  # V, (knots, SOC)
    hysteresis: float
    resistance: Array  # Ohm at T_REF, (R0 R1 R2, SOC_R)
    misfit: float


@cache
def read(path: Path) -> Array:
    """The columns of a gzip'ed CSV file, shape (rows, columns)."""
    with gzip.open(path, "rt", encoding="ascii") as file:
        return np.loadtxt(file, delimiter=",", skiprows=1)


def slow_branches(folder: Path, temperature: int) -> tuple[Array, Array]:
    """Voltage over SOC on the grid of 2001 points, discharging and charging at C/50."""
    s1, s2, s3, s4 = (read(folder / f"THUN100_OCV_{SLOW[temperature]}_S{k}.csv.gz") for k in range(1, 5))
    grid = np.linspace(0.0, 1.0, 2001)
    out, put = s1[s1[:, 0] == 6], s3[s3[:, 0] == 6]
    left = 1.0 - out[:, 4] / (s1[-1, 4] + s2[-1, 4])
    arrived = put[:, 3] / (s3[-1, 3] + s4[-1, 3])
    down = np.interp(grid, left[::-1], out[::-1, 2])
    return down, np.interp(grid, arrived, put[:, 2])


def traces(folder: Path, temperature: int) -> list[Trace]:
    """The dynamic discharge at this temperature and the C/10 charge (at 25 degC) after it."""
    s1, s2, s3 = (read(folder / f"THUN100_{DYNAMIC[temperature]}_S{k}.csv.gz") for k in (1, 2, 3))
    taken, put = s1[-1, 5] + s2[-1, 5], s1[-1, 4] + s3[-1, 4]
    arriving = taken / put
    capacity = taken - arriving * s1[-1, 4]
    falling = 1.0 - (s1[:, 5] - arriving * s1[:, 4]) / capacity
    rising = arriving * s3[:, 4] / capacity
    every = np.ones(len(falling), np.bool_)
    plateau = (rising > 0.05) & (rising < 0.95)
    return [
        Trace(f"dynamic {temperature} degC", temperature, 1.0, s1[:, 2], s1[:, 3], falling, every),
        Trace(f"C/10 charge {temperature}", 25.0, -1.0, s3[:, 2], s3[:, 3], rising, plateau),
    ]


def law_of_temperature(at_degC: tuple[float, float, float], ohm: Sequence[float]) -> tuple[float, float]:
    """(B in K, constant part at T_REF) through the resistances at three rising temperatures."""
    cold, mild, hot = ohm
    steps = [1 / (a + KELVIN) - 1 / (b + KELVIN) for a, b in pairwise(at_degC)]

    def slopes(c: float) -> tuple[float, float]:
        return (
            float(np.log((cold - c) / (mild - c)) / steps[0]),
            float(np.log((mild - c) / (hot - c)) / steps[1]),
        )

    c = float(brentq(lambda c: slopes(c)[0] - slopes(c)[1], 0.0, 0.99 * hot))
    b = slopes(c)[0]
    grown = (mild - c) * np.exp(b * (1 / (T_REF + KELVIN) - 1 / (at_degC[1] + KELVIN)))
    return b, c / float(c + grown)


def step_resistance(folder: Path, temperature: int) -> float:
    """Change of voltage over that of current from one second to the next, in Ohm, both ends left out."""
    data = read(folder / f"THUN100_{DYNAMIC[temperature]}_S1.csv.gz")
    dv, di = np.diff(data[:, 2]), np.diff(data[:, 3])
    soc = 1.0 - (data[1:, 5] - data[1:, 4]) / 109.0
    use = (np.abs(di) > 0.1 * np.abs(data[:, 3]).max()) & (soc > 0.25) & (soc < 0.9)
    return float(-(dv[use] @ di[use]) / (di[use] @ di[use]))


def hats(x: Array, knots: Array) -> Array:
    """Weights of straight-line interpolation, shape (x, knots)."""
    x = np.clip(x, knots[0], knots[-1])
    j = np.clip(np.searchsorted(knots, x, side="right") - 1, 0, len(knots) - 2)
    f = (x - knots[j]) / (knots[j + 1] - knots[j])
    weights, rows = np.zeros((len(x), len(knots))), np.arange(len(x))
    weights[rows, j], weights[rows, j + 1] = 1.0 - f, f
    return weights


def hysteresis(trace: Trace, gamma: float) -> Array:
    """State -1 (charged into) .. 1 (discharged out of), as it goes: a falling SOC drives h to -1."""
    moved = np.diff(trace.soc, prepend=trace.soc[0])
    keep, sign = np.exp(-gamma * np.abs(moved)), np.sign(moved)
    h, state = np.empty(len(moved)), trace.start_h
    for k in range(len(moved)):
        state = sign[k] + (state - sign[k]) * keep[k] if sign[k] else state
        h[k] = state
    return h


def columns(trace: Trace, shape: Shape, knots: tuple[int, ...]) -> Array:
    """The linear model: OCV per knot, hysteresis, R0, R1, R2."""
    kelvin = trace.temperature_degC + KELVIN
    grown = np.exp(shape.arrhenius_K * (1 / kelvin - 1 / (T_REF + KELVIN)))
    factor = shape.constant + (1 - shape.constant) * grown
    at = hats(trace.soc, SOC)
    here = hats(np.array([trace.temperature_degC]), np.array(knots, np.float64))[0]
    load = hats(trace.soc, SOC_R) * factor
    before = np.concatenate([[0.0], trace.current[:-1]])[:, None] * load
    pairs = [
        lfilter([1 - a], [1, -a], before, axis=0)
        for a in (np.exp(-1 / shape.tau1_s), np.exp(-1 / shape.tau2_s))
    ]
    return np.hstack(
        [
            *(at * w for w in here),
            hysteresis(trace, shape.gamma)[:, None],
            -load * trace.current[:, None],
            *(-p for p in pairs),
        ]
    )


def penalty(middle: Array) -> tuple[Array, Array]:
    """Rows and right sides that keep tables smooth, and OCVs near the slow branches' mean.

    `middle` is that mean, shape (knots, SOC).
    """
    t, n, m = len(middle), len(SOC), len(SOC_R)
    eye, rest = np.eye(n), np.zeros
    rows, right = [], []

    def put(block: Array, first: int, side: Array) -> None:
        wide = rest((len(block), t * n + 1 + 3 * m))
        wide[:, first : first + block.shape[1]] = block
        rows.append(wide)
        right.append(side)

    for k in range(t):
        put(SMOOTH_U * bends(SOC), k * n, SMOOTH_U * bends(SOC) @ middle[k])
        put(RIDGE_U * eye, k * n, RIDGE_U * middle[k])
    for k in range(t - 1):  # and off it alike at all temperatures
        put(RIDGE_T * np.hstack([eye, -eye]), k * n, RIDGE_T * (middle[k] - middle[k + 1]))
    for k in range(3):
        put(SMOOTH_R * bends(SOC_R), t * n + 1 + k * m, rest(m - 2))
    return np.vstack(rows), np.concatenate(right)


def bends(knots: Array) -> Array:
    """Change of slope at each inner knot, shape (knots - 2, knots)."""
    step = np.diff(knots)
    rows = np.zeros((len(knots) - 2, len(knots)))
    for i in range(len(rows)):
        weight = np.sqrt((step[i] + step[i + 1]) / 2)
        first, last = weight / step[i], weight / step[i + 1]
        rows[i, i : i + 3] = first, -first - last, last
    return rows


class Problem:
    """Least squares over traces, with slow branches at the knots to hold on to."""

    def __init__(self, folder: Path, fitted: list[Trace], knots: tuple[int, ...]) -> None:
        self.fitted, self.knots = fitted, knots
        fine = np.linspace(0.0, 1.0, 2001)
        self.middle = np.array(
            [np.interp(SOC, fine, np.mean(slow_branches(folder, t), axis=0)) for t in knots]
        )

    def solve(self, shape: Shape, stride: int, *, rising: bool) -> Fit:
        """The tables for this shape; `rising` keeps every OCV so, and resistances positive."""
        tied, side = penalty(self.middle)
        normal, right, total = tied.T @ tied, tied.T @ side, float(side @ side)
        for trace in self.fitted:
            use = np.flatnonzero(trace.used)[::stride]
            scale = 1.0 / np.sqrt(len(trace.soc) / stride)
            a = columns(trace, shape, self.knots)[use] * scale
            y = trace.voltage[use] * scale
            normal, right, total = normal + a.T @ a, right + a.T @ y, total + float(y @ y)
        x = self._bounded(normal, right) if rising else _solved(normal, right)
        first = len(SOC) * len(self.knots)
        misfit = total - 2.0 * float(right @ x) + float(x @ normal @ x)
        ocv: Array = x[:first].reshape(len(self.knots), -1)
        return Fit(shape, self.knots, ocv, float(x[first]), x[first + 1 :].reshape(3, -1), misfit)

    def _bounded(self, normal: Array, right: Array) -> Array:
        """In steps of OCV, each with a least size, in place of its values."""
        n, first = len(SOC), len(SOC) * len(self.knots)
        sums, low = np.eye(len(right)), np.zeros(len(right))
        for k in range(len(self.knots)):
            sums[k * n : (k + 1) * n, k * n : (k + 1) * n] = np.tri(n)
            low[k * n + 1 : (k + 1) * n] = LEAST_SLOPE * np.diff(SOC)
        low[first:] = 1e-5
        root = np.linalg.cholesky(normal)
        found = lsq_linear(root.T @ sums, np.linalg.solve(root, right), (low, np.inf), "bvls")
        return cast("Array", sums @ found.x)

    def best(self, b: float, constant: float) -> Fit:
        """The candidate with the least misfit: of the three best without bounds, that with them."""
        rough = [self.solve(Shape(*c, b, constant), 20, rising=False) for c in CANDIDATES]
        rough.sort(key=lambda fit: fit.misfit)
        return min((self.solve(fit.shape, 5, rising=True) for fit in rough[:3]), key=lambda fit: fit.misfit)

    def residual(self, fit: Fit, trace: Trace) -> Array:
        """Measured minus modelled voltage."""
        x = np.concatenate([fit.ocv.ravel(), [fit.hysteresis], fit.resistance.ravel()])
        modelled: Array = columns(trace, fit.shape, fit.knots) @ x
        return np.subtract(trace.voltage, modelled)


def _solved(normal: Array, right: Array) -> Array:
    return np.asarray(np.linalg.solve(normal, right), np.float64)


def report(problem: Problem, fit: Fit, trace: Trace) -> str:
    """Root mean square errors in mV."""
    error = problem.residual(fit, trace)

    def rms(low: float, high: float) -> float:
        inside = (trace.soc >= low) & (trace.soc <= high)
        return float(1e3 * np.sqrt(np.mean(error[inside] ** 2)))

    return (
        f"# {trace.name}: {rms(-1, 2):.1f} mV whole, {rms(0.1, 0.95):.1f} mV 10-95 %, "
        f"{rms(0.05, 0.95):.1f} mV 5-95 %, largest {1e3 * np.abs(error).max():.0f} mV"
    )


def tables(folder: Path, fit: Fit) -> str:
    """The fitted values as TOML."""
    fine = np.linspace(0.0, 1.0, 2001)
    mean = {t: np.interp(SOC, fine, np.mean(slow_branches(folder, t), axis=0)) for t in (15, 45, 55)}
    # Below the knots nothing is usable, so the coldest stays; above, the slow branches' change.
    rows = {-5: fit.ocv[0], **dict(zip(fit.knots, fit.ocv, strict=True))}
    least = LEAST_SLOPE * SOC
    rows[55] = np.maximum.accumulate(fit.ocv[-1] + mean[55] - mean[45] - least) + least
    entropic = np.interp(SOC_R, SOC, (mean[55] - mean[15]) / 40.0)
    lines = [f"# {fit.shape}", f"hysteresis = {1e3 * fit.hysteresis:.2f} mV"]
    lines += [f"soc = {_list(SOC, 6)}", *(f"{_list(1e3 * r, 2)}, # {t} degC" for t, r in rows.items())]
    lines += [f"soc = {_list(SOC_R, 6)}"]
    lines += [f"r{k} = {_list(1e3 * r, 3)} mOhm" for k, r in enumerate(fit.resistance)]
    return "\n".join([*lines, f"entropic = {_list(1e3 * entropic, 3)} mV/K"])


def _list(values: Array, digits: int) -> str:
    return "[" + ", ".join(f"{v:.{digits}f}" for v in values) + "]"


def main() -> None:
    """Fit without 25 degC and judge there; then fit all and print the tables."""
    parser = argparse.ArgumentParser(description="Fit the Winston 100 Ah cell.")
    parser.add_argument("folder", type=Path, help="where the THUN100_*.csv.gz files lie")
    folder = parser.parse_args().folder
    ohm = {t: step_resistance(folder, t) for t in DYNAMIC}
    blind = law_of_temperature((-5, 15, 45), [ohm[t] for t in (-5, 15, 45)])
    law = law_of_temperature((15, 25, 45), [ohm[t] for t in (15, 25, 45)])
    tests = {t: traces(folder, t) for t in (15, 25, 45)}
    held_out = Problem(folder, [tests[15][0], tests[45][0]], (15, 45))
    all_of_it = Problem(folder, [t for pair in tests.values() for t in pair], (15, 25, 45))
    lines = [f"# one-second resistances: {', '.join(f'{1e3 * r:.3f} mOhm {t} degC' for t, r in ohm.items())}"]
    for words, its in (("any test at 25 degC", blind), ("25 degC but in the law of temperature", law)):
        fit = held_out.best(*its)
        lines.append(f"# fitted without {words}: {fit.shape}")
        lines += [report(held_out, fit, tests[t][0]) for t in tests]
    fit = all_of_it.best(*law)
    lines += ["# fitted to all:", *(report(all_of_it, fit, t) for t in all_of_it.fitted)]
    sys.stdout.write("\n".join([*lines, tables(folder, fit), ""]))


if __name__ == "__main__":
    main()
