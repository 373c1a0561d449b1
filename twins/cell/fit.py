"""Fit a cell's tables to slow and dynamic tests: regularised least squares (needs the extra ``fit``).

The model is linear in its tables once the time constants, the hysteresis rate and the law of
temperature are given, so each candidate of those is one regularised least-squares problem:
V = U(s, T) + M h - a(T) (R0(s) I + filter1(R1(s) I) + filter2(R2(s) I)). U rises everywhere and is
drawn to the mean of the slow branches at its temperature; what the slow discharge differs by from the
model, it differs by at all temperatures alike. Half the gap of the branches is M and what their
current drops, so that hysteresis is known without a dynamic charge too.
The law of temperature, a = c + (1 - c) exp(B (1/T - 1/Tref)), passes through the resistances from
one sample to the next at the temperatures of the dynamic tests; it holds between them. A law without
c, through 15 and 45 degC, has the resistance of a Winston cell at 25 degC 10 % wrong.

Without smoothing, resistances over SOC chase the hysteresis and fail at a temperature not fitted.
Currents are taken per 100 Ah, so that smoothing means the same for cells of any size. Forms and
sources of the model: `twins.cell.reference`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, product
from typing import Any, Final, cast

import numpy as np

from twins.cell import _cell

Array = np.ndarray[Any, np.dtype[np.float64]]
Places = np.ndarray[Any, np.dtype[np.intp]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]

HINT: Final = "pip install 'bms-hil[fit]'"
GRID: Final = _cell.GRID  # points between the lines of the core's tables would be lost
SOC: Final[Array] = (
    np.array(
        [
            *(0, 1, 2, 3, 4, 5, 6, 8, 10, 13, 17, 21, 26, 32, 38, 51, 64, 77, 90, 102, 115, 128),
            *(141, 154, 166, 179, 192, 205, 218, 230, 236, 240, 244, 246, 248, 250, 251, 252),
            *(253, 254, 255, 256),
        ]
    )
    / GRID
)
SOC_R: Final[Array] = np.array([0, 5, 13, 26, 51, 90, 128, 166, 205, 230, 246, 256]) / GRID
FINE: Final[Array] = np.linspace(0.0, 1.0, 2001)  # of slow branches
LEAST_SLOPE: Final = 0.01  # V per unit of SOC: an OCV rises
LEAST_OHM: Final = 1e-5  # of a cell of 100 Ah
KELVIN: Final = 273.15
T_REF: Final = 25.0
UNIT_AH: Final = 100.0
ALIKE_K: Final = 2.5  # tests so near count as of one temperature
TAU1_S, TAU2_S, GAMMA = (8.0, 12.0, 20.0), (200.0, 400.0, 1000.0), (35.0, 70.0)
SMOOTH_U, SMOOTH_R, RIDGE_U, RIDGE_T, WEIGHT_GAP = 1e-3, 1.0, 5e-3, 2e-2, 0.3
_LEAST_STEPS: Final = 10
_ROUGH, _FINAL = 20, 5  # every how many samples are fitted, first and at last


@dataclass(frozen=True)
class Slow:
    """A test so slow that voltage is OCV but for hysteresis: on `FINE`, discharging and charging."""

    name: str
    temperature_degC: float
    capacity_Ah: float
    current_A: float
    discharge: Array | None
    charge: Array | None

    @property
    def middle(self) -> Array:
        """Mean of the branches there are, shape of `FINE`."""
        branches = [branch for branch in (self.discharge, self.charge) if branch is not None]
        return cast("Array", np.mean(branches, axis=0))

    @property
    def half_gap(self) -> Array | None:
        """Half the distance of the branches, shape of `FINE`."""
        if self.discharge is None or self.charge is None:
            return None
        return cast("Array", 0.5 * (self.charge - self.discharge))


@dataclass(frozen=True, eq=False)
class Trace:
    """A dynamic test: samples `dt_s` apart; current > 0 discharges and holds until the next sample."""

    name: str
    dt_s: float
    capacity_Ah: float
    start_h: float  # hysteresis state it begins with
    voltage: Array
    current: Array
    soc: Array
    temperature_degC: Array
    used: Mask  # samples that are fitted
    only_resistance: bool = False  # tells the law of temperature, not the tables

    @property
    def mean_degC(self) -> float:
        """The temperature that it stands for."""
        return float(np.median(self.temperature_degC))

    @property
    def load(self) -> Array:
        """Current of a cell of 100 Ah at the same rate."""
        return np.multiply(self.current, UNIT_AH / self.capacity_Ah)


@dataclass(frozen=True)
class Shape:
    """What the model is not linear in."""

    tau1_s: float
    tau2_s: float
    gamma: float
    arrhenius_K: float
    constant: float  # part of the resistance that does not follow temperature, at T_REF

    def warmth(self, temperature_degC: Array) -> Array:
        """a(T): resistance over that at T_REF."""
        grown = np.exp(self.arrhenius_K * (1 / (temperature_degC + KELVIN) - 1 / (T_REF + KELVIN)))
        return cast("Array", self.constant + (1 - self.constant) * grown)


@dataclass(frozen=True)
class Fit:
    """Tables of one least-squares problem."""

    shape: Shape
    knots: tuple[float, ...]  # temperatures of `ocv` in degC
    ocv: Array  # V, (knots, SOC)
    hysteresis: float  # V
    resistance: Array  # Ohm of 100 Ah at T_REF, (R0 R1 R2, SOC_R)
    misfit: float


def require_scipy() -> None:
    """Know before any work that SciPy is there.

    Raises:
        ImportError: It is not.
    """
    import scipy.optimize  # type: ignore[import-untyped, unused-ignore] # noqa: F401, PLC0415


def step_resistances(traces: Sequence[Trace]) -> dict[float, float]:
    """Change of voltage over that of current from one sample to the next, in Ohm of 100 Ah, by temperature.

    Both ends of charge are left out, and tests whose current hardly changes. Tests within
    `ALIKE_K` count as one.
    """
    sums: dict[float, Array] = {}
    for trace in sorted(traces, key=lambda one: one.mean_degC):
        dv, di = np.diff(trace.voltage), np.diff(trace.load)
        soc, fitted = trace.soc[1:], trace.used[1:]
        use = (np.abs(di) > 0.1 * np.abs(trace.load).max()) & (soc > 0.25) & (soc < 0.9) & fitted
        if np.count_nonzero(use) >= _LEAST_STEPS:
            near = next((t for t in sums if abs(t - trace.mean_degC) <= ALIKE_K), trace.mean_degC)
            sums[near] = sums.get(near, np.zeros(2)) + np.array([-(dv[use] @ di[use]), di[use] @ di[use]])
    return {celsius: float(both[0] / both[1]) for celsius, both in sums.items()}


def law_of_temperature(ohm: Mapping[float, float], otherwise: tuple[float, float]) -> tuple[float, float]:
    """(B in K, constant part at T_REF) through resistances at temperatures in degC.

    Args:
        ohm: By temperature. From three on both are found, with two only B.
        otherwise: What is taken for that which they do not tell.
    """
    from scipy.optimize import least_squares  # noqa: PLC0415

    if len(ohm) < 2:
        return otherwise
    celsius, measured = np.array(sorted(ohm)), np.array([ohm[t] for t in sorted(ohm)])
    free = len(ohm) > 2

    def misfit(x: Array) -> Array:
        shape = Shape(1.0, 1.0, 1.0, 1e3 * float(x[1]), float(x[2]) if free else otherwise[1])
        return cast("Array", x[0] + np.log(shape.warmth(celsius)) - np.log(measured))

    first = [float(np.log(measured.mean())), 5.0, 0.3][: 3 if free else 2]
    low, high = [-np.inf, 0.0, 0.0], [np.inf, 20.0, 0.9]
    found = least_squares(misfit, first, bounds=(low[: len(first)], high[: len(first)]), xtol=1e-12).x
    return 1e3 * float(found[1]), float(found[2]) if free else otherwise[1]


def hats(x: Array, knots: Array) -> Array:
    """Weights of straight-line interpolation, shape (x, knots)."""
    weights, rows = np.zeros((len(x), len(knots))), np.arange(len(x))
    if len(knots) == 1:
        return weights + 1.0
    x = np.clip(x, knots[0], knots[-1])
    j = np.clip(np.searchsorted(knots, x, side="right") - 1, 0, len(knots) - 2)
    f = (x - knots[j]) / (knots[j + 1] - knots[j])
    weights[rows, j], weights[rows, j + 1] = 1.0 - f, f
    return weights


def hysteresis(trace: Trace, gamma: float) -> Array:
    """State -1 (discharged into) .. 1 (charged into), as it goes: a falling SOC drives h to -1."""
    moved = np.diff(trace.soc, prepend=trace.soc[0])
    keep, sign = np.exp(-gamma * np.abs(moved)).tolist(), np.sign(moved).tolist()
    h, state = np.empty(len(moved)), trace.start_h
    for k in range(len(moved)):
        state = sign[k] + (state - sign[k]) * keep[k] if sign[k] else state
        h[k] = state
    return h


def bends(knots: Array) -> Array:
    """Change of slope at each inner knot, shape (knots - 2, knots)."""
    step = np.diff(knots)
    rows = np.zeros((len(knots) - 2, len(knots)))
    for i in range(len(rows)):
        weight = np.sqrt((step[i] + step[i + 1]) / 2)
        first, last = weight / step[i], weight / step[i + 1]
        rows[i, i : i + 3] = first, -first - last, last
    return rows


class _Rows:
    """Rows of a least-squares problem over all unknowns, and their right sides.

    Unknowns: OCV at each knot of temperature, shape (knots, SOC); hysteresis; R0, R1, R2 on SOC_R.
    """

    def __init__(self, knots: int) -> None:
        self.ohm_at = knots * len(SOC) + 1
        self.width = self.ohm_at + 3 * len(SOC_R)
        self._rows: list[Array] = []
        self._right: list[Array] = []

    def blank(self, count: int) -> Array:
        """Rows that say nothing yet."""
        return np.zeros((count, self.width))

    def put(self, block: Array, right: Array, weight: float) -> None:
        """Add rows."""
        self._rows.append(weight * block)
        self._right.append(weight * right)

    def normal(self) -> tuple[Array, Array, float]:
        """A'A, A'y and y'y of all rows."""
        a, y = np.vstack(self._rows), np.concatenate(self._right)
        return a.T @ a, a.T @ y, float(y @ y)


def _smooth(rows: _Rows, middle: Array) -> None:
    """Tables without bends of their own, and OCVs near the slow tests' middle, shape (knots, SOC)."""
    n, m = len(SOC), len(SOC_R)
    for k, ocv in enumerate(middle):
        bent, near = rows.blank(n - 2), rows.blank(n)
        bent[:, k * n : (k + 1) * n], near[:, k * n : (k + 1) * n] = bends(SOC), np.eye(n)
        rows.put(bent, bends(SOC) @ ocv, SMOOTH_U)
        rows.put(near, ocv, RIDGE_U)
    for k in range(3):
        bent = rows.blank(m - 2)
        bent[:, rows.ohm_at + k * m : rows.ohm_at + (k + 1) * m] = bends(SOC_R)
        rows.put(bent, np.zeros(m - 2), SMOOTH_R)


def _dropped(rows: _Rows, one: Slow, shape: Shape, soc: Array) -> Array:
    """What the slow current drops in all resistances, with both pairs settled: rows at `soc`."""
    block, m = rows.blank(len(soc)), len(SOC_R)
    load = (
        float(shape.warmth(np.array([one.temperature_degC]))[0]) * one.current_A * UNIT_AH / one.capacity_Ah
    )
    for k in range(3):
        block[:, rows.ohm_at + k * m : rows.ohm_at + (k + 1) * m] = load * hats(soc, SOC_R)
    return block


def _alike(rows: _Rows, slow: Sequence[Slow], shape: Shape) -> None:
    """What the model lacks of the slow discharge it lacks at all temperatures alike.

    Not of the middle: hysteresis grows towards the cold, and of the two ways a cell is asked more
    often what it does in discharge.
    """
    n = len(SOC)
    for k, (cold, warm) in enumerate(pairwise(slow)):
        blocks, sides = [], []
        for at, one in ((k, cold), (k + 1, warm)):
            branch = one.middle
            block = rows.blank(n)
            if cold.discharge is not None and warm.discharge is not None:
                branch = cast("Array", one.discharge)
                block -= _dropped(rows, one, shape, SOC)
            block[:, at * n : (at + 1) * n] = np.eye(n)
            blocks.append(block)
            sides.append(np.interp(SOC, FINE, branch))
        rows.put(blocks[0] - blocks[1], sides[0] - sides[1], RIDGE_T)


def _gaps(rows: _Rows, slow: Sequence[Slow], shape: Shape) -> None:
    """Half the gap of slow branches is hysteresis and what the slow current drops."""
    inner = SOC_R[(SOC_R > 0.15) & (SOC_R < 0.92)]
    for one in slow:
        if one.half_gap is not None:
            block = _dropped(rows, one, shape, inner)
            block[:, rows.ohm_at - 1] = 1.0
            rows.put(block, np.interp(inner, FINE, one.half_gap), WEIGHT_GAP / np.sqrt(len(inner)))


class _Columns:
    """The linear model of one trace; what several candidates share is worked out once."""

    def __init__(self, trace: Trace, knots: tuple[float, ...]) -> None:
        self.trace, self.knots = trace, np.array(knots)
        self._bent: dict[float, Array] = {}
        self._filtered: dict[tuple[float, float, float], Array] = {}

    @cached_property
    def _over_soc(self) -> Array:
        return hats(self.trace.soc, SOC_R)

    def _load(self, shape: Shape) -> Array:
        factor = shape.warmth(self.trace.temperature_degC) * self.trace.load
        return np.multiply(self._over_soc, factor[:, None])

    def _pair(self, tau_s: float, shape: Shape) -> Array:
        from scipy.signal import lfilter  # type: ignore[import-untyped, unused-ignore] # noqa: PLC0415

        key = (tau_s, shape.arrhenius_K, shape.constant)
        if key not in self._filtered:
            keep = np.exp(-self.trace.dt_s / tau_s)
            load = self._load(shape)
            before = np.vstack([np.zeros(load.shape[1]), load[:-1]])
            self._filtered[key] = lfilter([1 - keep], [1, -keep], before, axis=0)
        return self._filtered[key]

    def at(self, shape: Shape, rows: Places) -> Array:
        """OCV per knot, hysteresis, R0, R1, R2 at these samples, shape (rows, unknowns)."""
        trace = self.trace
        if shape.gamma not in self._bent:
            self._bent[shape.gamma] = hysteresis(trace, shape.gamma)
        over = hats(trace.soc[rows], SOC)
        among = hats(trace.temperature_degC[rows], self.knots)
        return np.hstack(
            [
                *(over * weight[:, None] for weight in among.T),
                self._bent[shape.gamma][rows][:, None],
                -self._load(shape)[rows],
                *(-self._pair(tau, shape)[rows] for tau in (shape.tau1_s, shape.tau2_s)),
            ]
        )


class Problem:
    """Least squares over traces, with slow tests at the knots to hold on to."""

    def __init__(self, fitted: Sequence[Trace], slow: Sequence[Slow]) -> None:
        self.slow = sorted(slow, key=lambda one: one.temperature_degC)
        self.knots = tuple(one.temperature_degC for one in self.slow)
        self.middle = np.array([np.interp(SOC, FINE, one.middle) for one in self.slow])
        self._columns = [_Columns(trace, self.knots) for trace in fitted]
        self._votes = [_vote(trace, fitted) for trace in fitted]
        self.slowest_s = max(trace.dt_s for trace in fitted)
        celsius = [trace.mean_degC for trace in fitted]  # the law of temperature holds between them
        low, high = min(celsius) - ALIKE_K, max(celsius) + ALIKE_K
        self._within = [one for one in self.slow if low <= one.temperature_degC <= high]

    def solve(self, shape: Shape, stride: int, *, rising: bool) -> Fit:
        """The tables for this shape; `rising` keeps every OCV so, and resistances positive."""
        rows = _Rows(len(self.knots))
        _smooth(rows, self.middle)
        _alike(rows, self.slow, shape)
        _gaps(rows, self._within, shape)
        normal, right, total = rows.normal()
        for columns, vote in zip(self._columns, self._votes, strict=True):
            trace = columns.trace
            used = np.flatnonzero(trace.used)[::stride]
            scale = np.sqrt(vote * stride / len(trace.soc))
            a = columns.at(shape, used) * scale
            y = trace.voltage[used] * scale
            normal, right, total = normal + a.T @ a, right + a.T @ y, total + float(y @ y)
        x = self._bounded(normal, right) if rising else _solved(normal, right)
        first = len(SOC) * len(self.knots)
        misfit = total - 2.0 * float(right @ x) + float(x @ normal @ x)
        ocv: Array = x[:first].reshape(len(self.knots), -1)
        return Fit(shape, self.knots, ocv, float(x[first]), x[first + 1 :].reshape(3, -1), misfit)

    def _bounded(self, normal: Array, right: Array) -> Array:
        """In steps of OCV, each with a least size, in place of its values."""
        from scipy.optimize import lsq_linear  # noqa: PLC0415

        n, first = len(SOC), len(SOC) * len(self.knots)
        sums, low = np.eye(len(right)), np.zeros(len(right))
        for k in range(len(self.knots)):
            sums[k * n : (k + 1) * n, k * n : (k + 1) * n] = np.tri(n)
            low[k * n + 1 : (k + 1) * n] = LEAST_SLOPE * np.diff(SOC)
        low[first + 1 :] = LEAST_OHM
        root = np.linalg.cholesky(normal)
        found = lsq_linear(root.T @ sums, np.linalg.solve(root, right), (low, np.inf), "bvls")
        return cast("Array", sums @ found.x)

    def best(self, b: float, constant: float) -> Fit:
        """The candidate with the least misfit: of the three best without bounds, that with them."""
        taus = [tau for tau in TAU1_S if tau >= 2.0 * self.slowest_s] or TAU1_S[-1:]
        rough = [
            self.solve(Shape(*candidate, b, constant), _ROUGH, rising=False)
            for candidate in product(taus, TAU2_S, GAMMA)
        ]
        rough.sort(key=lambda fit: fit.misfit)
        return min(
            (self.solve(fit.shape, _FINAL, rising=True) for fit in rough[:3]), key=lambda fit: fit.misfit
        )


def _solved(normal: Array, right: Array) -> Array:
    return np.asarray(np.linalg.solve(normal, right), np.float64)


def _vote(trace: Trace, fitted: Sequence[Trace]) -> float:
    """Tests that say the same, at one temperature and from the same start, share one vote."""
    same = [
        one
        for one in fitted
        if one.start_h == trace.start_h and abs(one.mean_degC - trace.mean_degC) <= ALIKE_K
    ]
    return 1.0 / len(same)


def entropic(slow: Sequence[Slow]) -> Array | None:
    """Change of the slow branches' mean with temperature in V/K on `SOC_R`.

    None if they do not span 10 K.
    """
    celsius = np.array([one.temperature_degC for one in slow])
    if np.ptp(celsius) < 10.0:
        return None
    middles = np.array([np.interp(SOC_R, FINE, one.middle) for one in slow])
    return cast("Array", np.polyfit(celsius, middles, 1)[0])
