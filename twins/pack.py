"""A pack: strings of groups of parallel cells, advanced together by the C core."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from twins.cell import _cell
from twins.cell.parameters import load

Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class PackConfig:
    """How many cells of which type, and how they differ. SI units; spreads are relative sigmas.

    Raises:
        ValueError: a value is out of its range; the message begins with the field.
    """

    cell: str
    series: int
    strings: int = 1
    parallel: int = 1
    soc: float = 0.5
    temperature_degC: float = 25.0
    ambient_degC: float = 25.0
    capacity_spread: float = 0.0
    resistance_spread: float = 0.0
    soc_spread: float = 0.0
    spread_seed: int = 1
    balance_Ohm: float = 33.0
    profile: Literal["practice", "sheet"] = "practice"

    def __post_init__(self) -> None:
        """Ranges."""
        for name in ("series", "strings", "parallel"):
            _require(1 <= getattr(self, name) <= 100_000, name, "must be 1 to 100000")
        for name in ("capacity_spread", "resistance_spread", "soc_spread"):
            _require(0.0 <= getattr(self, name) <= 0.3, name, "must be 0 to 0.3")
        for name in ("temperature_degC", "ambient_degC"):
            _require(-60.0 <= getattr(self, name) <= 150.0, name, "must be -60 to 150 degC")
        _require(0.0 <= self.soc <= 1.0, "soc", "must be 0 to 1")
        _require(self.spread_seed >= 0, "spread_seed", "must not be negative")
        _require(self.balance_Ohm > 0.0, "balance_Ohm", "must be positive")
        _require(self.profile in {"practice", "sheet"}, "profile", "must be practice or sheet")


def _require(holds: bool, field: str, reason: str) -> None:
    if not holds:
        raise ValueError(f"{field}: {reason}")


class Pack:
    """The cells of a pack. Current > 0 discharges it.

    Cells are ordered branch by branch: cell ``p * groups + g`` is branch *p* of group *g*, and
    group ``s * series + j`` is number *j* from the negative end of string *s*.
    """

    def __init__(self, config: PackConfig) -> None:
        self.config = config
        self.cell = load(config.cell)
        self.groups = config.strings * config.series
        self.cells = self.groups * config.parallel
        self._layout = (config.strings, config.series, config.parallel)
        self._type = self.cell.block.copy()
        self._state: Array = np.zeros(_cell.state_size(*self._layout))
        self.ambient_degC = config.ambient_degC
        self.current_A = 0.0
        self.emf_V = 0.0
        self.resistance_Ohm = 0.0
        self.reset()

    def reset(self) -> None:
        """Everything as the configuration says: at rest, balancing off."""
        config = self.config
        dice = np.random.default_rng(config.spread_seed)
        capacity, resistance, soc = np.clip(dice.standard_normal((3, self.cells)), -3.0, 3.0)
        self._state[:] = 0.0
        self.current_A, self.ambient_degC = 0.0, config.ambient_degC
        self._row(_cell.INV_Q)[:] = 1.0 / (
            3600.0 * self.cell.capacity_Ah * (1.0 + config.capacity_spread * capacity)
        )
        self._row(_cell.R_FACTOR)[:] = 1.0 + config.resistance_spread * resistance
        self._row(_cell.T)[:] = config.temperature_degC
        self.soc[:] = np.clip(config.soc + config.soc_spread * soc, 0.0, 1.0)
        self.refresh()

    def _row(self, index: int) -> Array:
        first = _cell.HEAD + index * _cell.stride(self.cells)
        return self._state[first : first + self.cells]

    def _group_row(self, index: int) -> Array:
        first = _cell.HEAD + _cell.CELL_ROWS * _cell.stride(self.cells)
        first += index * _cell.stride(self.groups)
        return self._state[first : first + self.groups]

    @property
    def soc(self) -> Array:
        """State of charge of each cell, 0..1: a view; after writing into it call `refresh`."""
        return self._row(_cell.SOC)

    @property
    def temperatures_degC(self) -> Array:
        """Temperature of each cell: a view; after writing into it call `refresh`."""
        return self._row(_cell.T)

    @property
    def mean_soc(self) -> float:
        """Mean state of charge of the cells."""
        return float(self.soc.mean())

    @property
    def capacity_Ah(self) -> float:
        """Nominal capacity at the terminals."""
        return self.cell.capacity_Ah * self.config.parallel * self.config.strings

    @property
    def window_V(self) -> tuple[float, float]:
        """Lowest and highest cell voltage of the configured profile."""
        return self.cell.window_V[self.config.profile]

    def refresh(self) -> None:
        """EMF and resistance anew, after the state was changed from outside."""
        _cell.refresh(self._type, self._state, *self._layout, self.ambient_degC)
        self._look()

    def _look(self) -> None:
        self.emf_V, self.resistance_Ohm = _cell.thevenin(
            self._type, self._state, *self._layout, self.ambient_degC
        )

    def advance(self, current_A: float, dt_s: float, steps: int = 1) -> float:
        """`steps` steps of `dt_s` at a constant terminal current; the terminal voltage after them.

        Raises:
            ValueError: the current is not finite, or the step is not positive.
        """
        voltage, self.emf_V, self.resistance_Ohm = _cell.advance(
            self._type, self._state, *self._layout, self.ambient_degC, current_A, dt_s, steps
        )
        self.current_A = current_A
        return voltage

    def cell_voltages(self) -> Array:
        """Voltage of each group at the present current, shape (groups,)."""
        voltages = np.empty(self.groups)
        self._split(voltages, None)
        return voltages

    def cell_currents(self) -> Array:
        """Current of each cell at the present terminal current, shape (cells,)."""
        currents = np.empty(self.cells)
        self._split(np.empty(self.groups), currents)
        return currents

    def _split(self, voltages: Array, currents: Array | None) -> None:
        arguments = (*self._layout, self.ambient_degC, self.current_A, voltages, currents)
        _cell.split(self._type, self._state, *arguments)

    def set_soc(self, soc: float | Array, group: int | None = None) -> None:
        """Set the state of charge of all cells, or of the cells of one group (from 0)."""
        self.soc[self._cells_of(group)] = soc
        self.refresh()

    def set_temperature(self, temperature_degC: float | Array, group: int | None = None) -> None:
        """Set the temperature of all cells, or of the cells of one group (from 0)."""
        self.temperatures_degC[self._cells_of(group)] = temperature_degC
        self.refresh()

    def _cells_of(self, group: int | None) -> slice:
        return slice(None) if group is None else slice(group, None, self.groups)

    @property
    def balance(self) -> Array:
        """1 where a group's balancing resistor is switched on, shape (groups,)."""
        return (self._group_row(_cell.BLEED_S) > 0.0).astype(np.float64)

    def set_balance(self, mask: Array | Sequence[float]) -> None:
        """Switch the balancing resistor of each group on (not 0) or off (0)."""
        on = np.asarray(mask, dtype=np.float64) != 0.0
        self._group_row(_cell.BLEED_S)[:] = np.where(on, 1.0 / self.config.balance_Ohm, 0.0)
        self.refresh()

    def save(self) -> bytes:
        """The whole state."""
        head = np.array([*self._layout, self.ambient_degC, self.current_A], np.float64)
        return head.tobytes() + self._state.tobytes()

    def restore(self, saved: bytes) -> None:
        """Back to a saved state of a pack of the same layout.

        Raises:
            ValueError: it is the state of another pack.
        """
        head, state = np.split(np.frombuffer(saved, np.float64), [5])
        if state.size != self._state.size or tuple(head[:3]) != self._layout:
            raise ValueError("this state belongs to another pack")
        self.ambient_degC, self.current_A = float(head[3]), float(head[4])
        self._state[:] = state
        self._look()
