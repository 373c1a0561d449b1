"""The model of the cell core, written out for reading: the oracle that `cell.c` is tested against.

Current I > 0 discharges; dt is the step; s is the state of charge. Every formula stands once, in the
order in which a step takes them. Sources: G. L. Plett, "Battery Management Systems" vol. I (enhanced
self-correcting cell: hysteresis, RC pairs, terminal voltage); D. Bernardi et al., J. Electrochem.
Soc. 132 (1985) 5 (heat); Kirchhoff for cells in parallel and strings.
"""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from twins.cell import _cell
from twins.cell.parameters import HEAD

Array = np.ndarray[Any, np.dtype[np.float64]]
KELVIN = 273.15
SLOW_S = 0.1  # resistances follow SOC and temperature at this period, those of full cells
FOLLOWS_SOC, FOLLOWS_K = 2e-4, 0.02  # once one has moved by this much


@dataclass(frozen=True)
class CellType:
    """One cell type: the named values of a `cell_type` of cell.h; tables over SOC on an even grid."""

    hysteresis_V: float
    gamma: float
    tau1_s: float
    tau2_s: float
    heat_J_per_K: float
    loss_W_per_K: float
    arrhenius_K: float
    reference_degC: float
    charge_efficiency: float
    ocv_first_degC: float
    ocv_step_K: float
    constant: float
    cold_K: float
    cold_below_degC: float
    tau1_K: float
    tau2_K: float
    surface_share: float
    core_W_per_K: float
    neighbour_W_per_K: float
    coolant_W_per_K: float
    leak_per_s: float
    leak_K: float
    peukert: float
    peukert_h: float
    side_per_h: float
    side_V: float
    side_slope_V: float
    ageing_law: float
    calendar_scale: float
    cycle_scale: float
    growth_scale: float
    rated_cycles: float
    rated_depth: float
    depth_exponent: float
    rated_years: float
    calendar_K: float
    reaction_per_s: tuple[float, float, float]
    reaction_K: tuple[float, float, float]
    reaction_J: tuple[float, float, float]
    separator_degC: float
    separator_Ohm: float
    ocv_V: Array
    r0_Ohm: Array
    r1_Ohm: Array
    r2_Ohm: Array
    entropic_V_per_K: Array

    @classmethod
    def from_block(cls, block: Array) -> "CellType":
        """From the block of the C core, shape (TYPE_SIZE,)."""
        points = _cell.GRID + 1
        tables = block[HEAD : HEAD + (_cell.OCV_ROWS + 4) * points].reshape(-1, points)
        rows = _cell.OCV_ROWS
        scalars = block[:HEAD].tolist()
        triples = [tuple(scalars[at : at + 3]) for at in range(HEAD - 11, HEAD - 2, 3)]
        values = [*scalars[: HEAD - 11], *triples, *scalars[HEAD - 2 :], tables[:rows], *tables[rows:]]
        return cls(**dict(zip(cls.__dataclass_fields__, values, strict=True)))

    def ocv(self, soc: float, temperature_degC: float) -> float:
        """Bilinear in SOC and temperature; held beyond the rows, going on beyond SOC 0..1."""
        j, f = _place(soc * _cell.GRID, _cell.GRID)
        row = (temperature_degC - self.ocv_first_degC) / self.ocv_step_K
        i, g = _place(min(max(row, 0.0), _cell.OCV_ROWS - 1.0), _cell.OCV_ROWS - 1)
        cold, warm = self.ocv_V[i], self.ocv_V[i + 1]
        low = cold[j] + f * (cold[j + 1] - cold[j])
        high = warm[j] + f * (warm[j + 1] - warm[j])
        return float(low + g * (high - low))

    def at(self, table: Array, soc: float) -> float:
        """A table's value: linear, held beyond SOC 0..1."""
        return float(np.interp(soc, np.linspace(0.0, 1.0, _cell.GRID + 1), table))

    def warmth(self, temperature_degC: float) -> float:
        """Resistance at a temperature over that at the reference.

        a(T) = c + (1 - c) e^(B (1/T - 1/Tref)) from Tc on; below it a(Tc) e^(Bc (1/T - 1/Tc)).
        """
        mild, cold = max(temperature_degC, self.cold_below_degC), min(temperature_degC, self.cold_below_degC)
        grown = _arrhenius(self.arrhenius_K, mild, self.reference_degC)
        further = _arrhenius(self.cold_K, cold, self.cold_below_degC)
        return (self.constant + (1.0 - self.constant) * grown) * further


def _arrhenius(b_K: float, at_degC: float, reference_degC: float) -> float:
    return math.exp(b_K * (1.0 / (at_degC + KELVIN) - 1.0 / (reference_degC + KELVIN)))


def _pair(v: float, resistance: float, tau: float, current: float, dt: float) -> tuple[float, float]:
    """An RC pair after a step at constant current, and the heat in it."""
    settled = resistance * current
    after = settled + (v - settled) * math.exp(-dt / tau)
    area = settled * dt - tau * (after - v)  # of v over time
    return after, current * area - tau * (after**2 - v**2) / (2.0 * resistance)


def _place(x: float, intervals: int) -> tuple[int, float]:
    """Interval and where in it; outside, how far from the nearest one."""
    j = int(min(max(x, 0.0), intervals - 1.0))
    return j, x - j


@dataclass
class Cell:
    """One cell of a type."""

    type: CellType
    capacity_As: float
    factor: float = 1.0  # its resistances over those of its type
    soc: float = 0.5
    h: float = 0.0
    v1: float = 0.0
    v2: float = 0.0
    temperature_degC: float = 25.0
    resistance_Ohm: float = field(default=0.0, init=False)
    r1_Ohm: float = field(default=0.0, init=False)
    r2_Ohm: float = field(default=0.0, init=False)
    entropic_V_per_K: float = field(default=0.0, init=False)
    taus_s: tuple[float, float] = field(default=(1.0, 1.0), init=False)
    leak_per_s: float = field(default=0.0, init=False)
    followed: tuple[float, float] = field(default=(math.inf, math.inf), init=False)  # SOC and temperature

    def follow(self) -> None:
        """Resistances and entropic coefficient follow SOC and temperature: R(s, T) = R(s) a(T).

        So does self-discharge: k e^(-B (1/T - 1/Tref)).
        """
        self.followed = self.soc, self.temperature_degC
        kind, scale = self.type, self.factor * self.type.warmth(self.temperature_degC)
        self.resistance_Ohm = scale * kind.at(kind.r0_Ohm, self.soc)
        self.r1_Ohm = scale * kind.at(kind.r1_Ohm, self.soc)
        self.r2_Ohm = scale * kind.at(kind.r2_Ohm, self.soc)
        self.entropic_V_per_K = kind.at(kind.entropic_V_per_K, self.soc)
        self.taus_s = (self._tau(kind.tau1_s, kind.tau1_K), self._tau(kind.tau2_s, kind.tau2_K))
        warmer = _arrhenius(-kind.leak_K, self.temperature_degC, kind.reference_degC)
        self.leak_per_s = kind.leak_per_s * warmer

    @property
    def has_moved(self) -> bool:
        """Whether it is so far from where it last followed that it is to follow again."""
        soc, degC = self.followed
        return abs(self.soc - soc) > FOLLOWS_SOC or abs(self.temperature_degC - degC) > FOLLOWS_K

    @property
    def emf_V(self) -> float:
        """E = OCV(s, T) + M h - v1 - v2."""
        ocv = self.type.ocv(self.soc, self.temperature_degC)
        return ocv + self.type.hysteresis_V * self.h - self.v1 - self.v2

    def step(self, current: float, dt: float, ambient_degC: float) -> None:
        """Exact for a constant current; entropy is that of the step's beginning."""
        heat_J = self.move(current, dt)
        self.temperature_degC = self._cooled(heat_J / dt, dt, ambient_degC)

    def move(self, current: float, dt: float) -> float:
        """Charge, hysteresis and RC pairs over a step; the heat made in it, in J.

        Heat: I^2 R0 + v1^2/R1 + v2^2/R2 - I M h - I T dU/dT. In a pair tau dv/dt = R I - v, so that its
        integral of v^2/R is I times that of v, less the growth of tau v^2 / 2 R.
        """
        kind = self.type
        moved = current * dt / self.capacity_As
        moved *= 1.0 if current > 0.0 else kind.charge_efficiency
        sign = 1.0 if current > 0.0 else -1.0
        # towards -1 in discharge, +1 in charge, per SOC moved
        turning = kind.gamma * abs(moved)
        h = -sign + (self.h + sign) * math.exp(-turning)
        mean_h = -sign + (self.h - h) / turning if turning > 1e-5 else (self.h + h) / 2.0
        entropy = (self.temperature_degC + KELVIN) * self.entropic_V_per_K
        heat = current**2 * self.resistance_Ohm
        heat -= current * (kind.hysteresis_V * mean_h + entropy)
        tau1, tau2 = self.taus_s
        self.v1, heat1_J = _pair(self.v1, self.r1_Ohm, tau1, current, dt)
        self.v2, heat2_J = _pair(self.v2, self.r2_Ohm, tau2, current, dt)
        self.h = h
        self.soc -= moved
        return heat * dt + heat1_J + heat2_J

    def _tau(self, tau_s: float, b_K: float) -> float:
        """A time constant at the temperature: tau e^(B (1/T - 1/Tref))."""
        return tau_s * _arrhenius(b_K, self.temperature_degC, self.type.reference_degC)

    def _cooled(self, heat_W: float, dt: float, ambient_degC: float) -> float:
        """M cp dT/dt = q - hA (T - Ta), by its exponential."""
        loss, capacity = self.type.loss_W_per_K, self.type.heat_J_per_K
        if loss == 0.0:
            return self.temperature_degC + heat_W * dt / capacity
        settled = ambient_degC + heat_W / loss
        return settled + (self.temperature_degC - settled) * math.exp(-dt * loss / capacity)


@dataclass
class Group:
    """Cells in parallel, and the balancing resistor across them."""

    cells: list[Cell]
    bleed_S: float = 0.0

    @property
    def thevenin(self) -> tuple[float, float]:
        """E = sum(E/R) / (sum(1/R) + S), R = 1 / (sum(1/R) + S)."""
        conductance = sum(1.0 / cell.resistance_Ohm for cell in self.cells) + self.bleed_S
        inflow = sum(cell.emf_V / cell.resistance_Ohm for cell in self.cells)
        return inflow / conductance, 1.0 / conductance

    def voltage(self, current: float) -> float:
        """At this current of the string."""
        emf, resistance = self.thevenin
        return emf - current * resistance

    def currents(self, current: float) -> list[float]:
        """Of each cell: I = (E - V) / R."""
        voltage = self.voltage(current)
        return [(cell.emf_V - voltage) / cell.resistance_Ohm for cell in self.cells]


@dataclass
class Pack:
    """Strings in parallel of groups in series."""

    strings: list[list[Group]]
    ambient_degC: float = 25.0
    age_s: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        """Resistances at their SOC and temperature."""
        self.follow()

    @property
    def cells(self) -> list[Cell]:
        """All of them."""
        return [cell for string in self.strings for group in string for cell in group.cells]

    def follow(self) -> None:
        """Resistances follow SOC and temperatures."""
        self.age_s = 0.0
        for cell in self.cells:
            cell.follow()

    @property
    def thevenin(self) -> tuple[float, float]:
        """At the terminals: strings in parallel, each the sum of its groups."""
        sums = [_string(string) for string in self.strings]
        conductance = sum(1.0 / r for _, r in sums)
        return sum(e / r for e, r in sums) / conductance, 1.0 / conductance

    def string_currents(self, current: float) -> list[float]:
        """Of each string at the terminal current."""
        emf, resistance = self.thevenin
        terminal = emf - current * resistance
        return [(e - terminal) / r for e, r in map(_string, self.strings)]

    def advance(self, current: float, dt: float, steps: int = 1) -> float:
        """The terminal voltage after `steps` steps at this terminal current."""
        for _ in range(steps):
            shares = [
                group.currents(share)
                for string, share in zip(self.strings, self.string_currents(current), strict=True)
                for group in string
            ]
            for cell, share in zip(self.cells, (i for group in shares for i in group), strict=True):
                cell.step(share, dt, self.ambient_degC)
            self.age_s += dt
            if self.age_s >= SLOW_S * (1.0 - 1e-9):
                self.follow()
        emf, resistance = self.thevenin
        return emf - current * resistance


def _string(groups: list[Group]) -> tuple[float, float]:
    pairs = [group.thevenin for group in groups]
    return sum(e for e, _ in pairs), sum(r for _, r in pairs)


@dataclass
class Chain:
    """Cells in series with all that happens at the slow period; a core and a surface node each.

    The slow step: self-discharge ds/dt = -k e^(-B (1/T - 1/Tref)) s, whose charge becomes heat; then the
    heat since the last one spreads, dT/dt = A T + b solved by the eigenvectors of A; then resistances follow,
    those of all cells once one of them has moved.
    """

    cells: list[Cell]
    surface_degC: Array
    ambient_degC: float = 25.0
    coolant_degC: float = 25.0
    age_s: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        """Nothing has been heated yet."""
        self.heat_J = np.zeros(len(self.cells))
        for cell in self.cells:
            cell.follow()

    def advance(self, current: float, dt: float, steps: int) -> float:
        """The terminal voltage after `steps` steps at this current."""
        for _ in range(steps):
            self.heat_J += [cell.move(current, dt) for cell in self.cells]
            self.age_s += dt
            if self.age_s >= SLOW_S * (1.0 - 1e-9):
                self._slow()
        return sum(cell.emf_V - current * cell.resistance_Ohm for cell in self.cells)

    def _slow(self) -> None:
        for k, cell in enumerate(self.cells):
            gone = cell.soc * -math.expm1(-cell.leak_per_s * self.age_s)
            rest = cell.emf_V + cell.v1 + cell.v2 - cell.type.hysteresis_V * cell.h
            cell.soc -= gone
            self.heat_J[k] += gone * cell.capacity_As * rest
        self._spread(self.age_s)
        self.heat_J = np.zeros(len(self.cells))
        if any(cell.has_moved for cell in self.cells):
            self._follow()
        self.age_s = 0.0

    def _follow(self) -> None:
        for k, cell in enumerate(self.cells):
            before = _stored(cell)
            cell.follow()
            self.heat_J[k] = before - _stored(cell)  # a pair's energy changes with its parameters

    def _spread(self, elapsed_s: float) -> None:
        kind, count = self.cells[0].type, len(self.cells)
        outer_J_per_K = kind.surface_share * kind.heat_J_per_K
        a, b = np.zeros((2 * count, 2 * count)), np.zeros(2 * count)
        for k in range(count):
            _join(a, k, count + k, kind.core_W_per_K)
            if k:
                _join(a, count + k - 1, count + k, kind.neighbour_W_per_K)
            a[count + k, count + k] -= kind.coolant_W_per_K + kind.loss_W_per_K
            b[k] = self.heat_J[k] / elapsed_s
            b[count + k] = kind.coolant_W_per_K * self.coolant_degC + kind.loss_W_per_K * self.ambient_degC
        capacity = np.repeat([kind.heat_J_per_K - outer_J_per_K, outer_J_per_K], count)
        root = np.sqrt(capacity)  # C^-1/2 A C^-1/2 is symmetric
        rates, modes = np.linalg.eigh(a / np.outer(root, root))
        warmth = np.array([*(cell.temperature_degC for cell in self.cells), *self.surface_degC])
        settled = np.linalg.solve(a, -b)
        excess = modes.T @ (root * (warmth - settled))
        warmth = settled + modes @ (np.exp(rates * elapsed_s) * excess) / root
        self.surface_degC = warmth[count:]
        for cell, degC in zip(self.cells, warmth[:count].tolist(), strict=True):
            cell.temperature_degC = degC


def _stored(cell: Cell) -> float:
    """Energy in the RC pairs: tau v^2 / 2 R."""
    tau1, tau2 = cell.taus_s
    return tau1 * cell.v1**2 / (2.0 * cell.r1_Ohm) + tau2 * cell.v2**2 / (2.0 * cell.r2_Ohm)


def _join(a: Array, one: int, other: int, conductance: float) -> None:
    a[[one, other], [one, other]] -= conductance
    a[[one, other], [other, one]] += conductance
