"""The model in NumPy, vectorised by hand as well as it goes: what the C core is measured against.

One string of single cells. All work is in place in arrays made once, tables are flat and looked up
with `take`, and the exponentials of constant steps are computed once.
"""

import math
from typing import Any

import numpy as np

from twins.cell.reference import KELVIN, SLOW_S, CellType

Array = np.ndarray[Any, np.dtype[np.float64]]


class VectorPack:
    """`count` cells in series, advanced one step at a time at `dt_s`."""

    def __init__(self, kind: CellType, capacity_As: Array, factor: Array, soc: Array, dt_s: float) -> None:
        self.kind, self.count = kind, soc.size
        self.per_As, self.factor, self.soc = 1.0 / capacity_As, factor, soc.copy()
        self.h, self.v1, self.v2 = np.zeros((3, soc.size))
        self.temperature, self.ambient_degC = np.full(soc.size, 25.0), 25.0
        self.bleed_S = np.zeros(soc.size)
        self.dt_s, self.age_s = dt_s, 0.0
        self.intervals = kind.r0_Ohm.size - 1
        self.relax1, self.relax2 = -math.expm1(-dt_s / kind.tau1_s), -math.expm1(-dt_s / kind.tau2_s)
        cooling = -math.expm1(-dt_s * kind.loss_W_per_K / kind.heat_J_per_K)
        self.warming = cooling / kind.loss_W_per_K
        self.phi1, self.phi2 = self.relax1 * kind.tau1_s / dt_s, self.relax2 * kind.tau2_s / dt_s
        self._tabulate()
        self.follow()
        self.look_up()

    def _tabulate(self) -> None:
        """Value and slope of each interval."""
        u = self.kind.ocv_V
        self.ocv = u[:-1, :-1].ravel().copy()
        self.ocv_s = np.diff(u, axis=1)[:-1].ravel()
        self.ocv_t = np.diff(u, axis=0)[:, :-1].ravel()
        self.ocv_st = np.diff(np.diff(u, axis=1), axis=0).ravel()

    def follow(self) -> None:
        """Resistances and entropic coefficient follow SOC and temperature."""
        kind, grid = self.kind, np.linspace(0.0, 1.0, self.intervals + 1)
        below = kind.cold_below_degC
        inverse = 1.0 / (np.maximum(self.temperature, below) + KELVIN) - 1.0 / (kind.reference_degC + KELVIN)
        grown = np.exp(kind.arrhenius_K * inverse)
        scale = self.factor * (kind.constant + (1.0 - kind.constant) * grown)
        if self.temperature.min() < below:
            inverse = 1.0 / (np.minimum(self.temperature, below) + KELVIN) - 1.0 / (below + KELVIN)
            scale *= np.exp(kind.cold_K * inverse)
        self.resistance = scale * np.interp(self.soc, grid, kind.r0_Ohm)
        self.r1 = scale * np.interp(self.soc, grid, kind.r1_Ohm)
        self.r2 = scale * np.interp(self.soc, grid, kind.r2_Ohm)
        self.entropic = np.interp(self.soc, grid, kind.entropic_V_per_K)

    def look_up(self) -> None:
        """EMF at the state."""
        kind, rows = self.kind, len(self.kind.ocv_V) - 1
        x = self.soc * self.intervals
        place = np.clip(x, 0.0, self.intervals - 1).astype(np.intp)
        x -= place
        y = np.clip((self.temperature - kind.ocv_first_degC) / kind.ocv_step_K, 0.0, rows)
        row = np.minimum(y, rows - 1).astype(np.intp)
        y -= row
        at = row * self.intervals + place
        cold = self.ocv.take(at) + x * self.ocv_s.take(at)
        cold += y * (self.ocv_t.take(at) + x * self.ocv_st.take(at))
        cold += kind.hysteresis_V * self.h
        cold -= self.v1
        cold -= self.v2
        self.emf = cold

    def advance(self, current: float) -> float:
        """One step at this terminal current; the terminal voltage after it."""
        share = self._currents(current)
        self._move(share)
        self.age_s += self.dt_s
        if self.age_s >= SLOW_S * (1.0 - 1e-9):
            self.age_s = 0.0
            self.follow()
        self.look_up()
        return float(self.voltages(current).sum())

    def voltages(self, current: float) -> Array:
        """Of each cell at the terminal current."""
        volts: Array = self.emf - current * self.resistance
        if self.bleed_S.any():
            volts /= 1.0 + self.resistance * self.bleed_S
        return volts

    def _currents(self, current: float) -> Array:
        if not self.bleed_S.any():
            return np.full(self.count, current)
        return current + self.voltages(current) * self.bleed_S

    def _move(self, share: Array) -> None:
        kind = self.kind
        r1, r2 = self.r1, self.r2
        discharging = share > 0.0
        moved = share * self.per_As
        moved *= self.dt_s * np.where(discharging, 1.0, kind.charge_efficiency)
        sign = np.where(discharging, 1.0, -1.0)
        turning = kind.gamma * np.abs(moved)
        turned = (sign + self.h) * np.expm1(-turning)
        entropy = (self.temperature + KELVIN) * self.entropic
        heat = share * share * (self.resistance + r1 + r2)
        heat -= share * (kind.hysteresis_V * (self.h + turned * (0.5 + turning / 12.0)) + entropy)
        self.h += turned
        heat -= self._pair(self.v1, r1, share, self.relax1, self.phi1)
        heat -= self._pair(self.v2, r2, share, self.relax2, self.phi2)
        heat += kind.loss_W_per_K * (self.ambient_degC - self.temperature)
        heat *= self.warming
        self.temperature += heat
        self.soc -= moved

    @staticmethod
    def _pair(v: Array, r: Array, share: Array, relax: float, phi: float) -> Array:
        """Move a pair by a step; by how much less than I^2 R it heats."""
        away = r * share
        middle = away + v
        away -= v
        rise = away * relax
        v += rise
        middle += 0.5 * rise
        middle *= away
        middle *= phi / r
        return middle
