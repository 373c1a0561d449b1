"""A pack: strings of groups of parallel cells, advanced together by the C core."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from twins.cell import _cell
from twins.cell.parameters import CellParameters, load

Array = np.ndarray[Any, np.dtype[np.float64]]

OPEN_Ohm: Final = 1e9  # of an open contact, as in cell.h
_FREE: Final = 0xFF  # in a saved state: a balancing switch that is stuck neither off (0) nor on (1)
_MOST_CELLS: Final = 10_000_000  # some gigabytes of state
_SHARES: Final = ("capacity_spread", "resistance_spread", "soc_spread", "self_discharge_spread")
_RESISTANCES: Final = ("tab_Ohm", "bar_Ohm", "link_Ohm")


@dataclass(frozen=True)
class PackConfig:
    """How many cells of which type, how they differ, and what joins them. SI units.

    Attributes:
        capacity_spread: Spreads are relative sigmas of a normal distribution, cut at 3.
        soc_spread: In parts of the capacity.
        balance_Ohm: Resistor across each group.
        tab_Ohm: In series with each cell: tab and weld.
        bar_Ohm: Of each of a group's two bus bars from one of its parallel cells to the next; both of
            the group's terminals are at its first cell.
        link_Ohm: From group to group, beyond the sense wires.
        coolant_degC: Temperature of the coolant, where the cell's file has ``to_coolant``.

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
    self_discharge_spread: float = 0.0
    tab_Ohm: float = 0.0
    bar_Ohm: float = 0.0
    link_Ohm: float = 0.0
    coolant_degC: float = 25.0

    def __post_init__(self) -> None:
        """Ranges."""
        for name in ("series", "strings", "parallel"):
            _require(1 <= getattr(self, name) <= 100_000, name, "must be 1 to 100000")
        cells = self.series * self.strings * self.parallel
        most = f"{cells:,} cells are too many: {_MOST_CELLS:,} at most, series x strings x parallel"
        _require(cells <= _MOST_CELLS, "series", most)
        for name in _SHARES:
            _require(0.0 <= getattr(self, name) <= 0.3, name, "must be 0 to 0.3")
        for name in _RESISTANCES:
            _require(0.0 <= getattr(self, name) <= 1.0, name, "must be 0 to 1 Ohm")
        for name in ("temperature_degC", "ambient_degC", "coolant_degC"):
            _require(-60.0 <= getattr(self, name) <= 150.0, name, "must be -60 to 150 degC")
        _require(0.0 <= self.soc <= 1.0, "soc", "must be 0 to 1")
        _require(self.spread_seed >= 0, "spread_seed", "must not be negative")
        _require(0.0 < self.balance_Ohm < np.inf, "balance_Ohm", "must be positive")
        _require(self.profile in {"practice", "sheet"}, "profile", "must be practice or sheet")


def _require(holds: bool, field: str, reason: str) -> None:
    if not holds:
        raise ValueError(f"{field}: {reason}")


@dataclass(frozen=True)
class Books:
    """Where energy and charge have gone since the reset: sums over the cells.

    Attributes:
        charge_As: In the cells now: sum of SOC x present capacity.
        lost_As: Gone inside the cells: self-discharge, side reactions, ageing, internal shorts.
        string_As: Given by the strings so far.
        bleed_As: Gone through balancing resistors.
        heat_J: Made in the cells, internal shorts included.
        wire_J: Made in tabs, bus bars and links.
        bleed_J: Made in balancing resistors.
        pair_J: Stored in the RC pairs now.
    """

    charge_As: float
    lost_As: float
    string_As: float
    bleed_As: float
    heat_J: float
    wire_J: float
    bleed_J: float
    pair_J: float


class Pack:
    """The cells of a pack. Current > 0 discharges it.

    Cells are ordered branch by branch: cell ``p * groups + g`` is branch *p* of group *g*, and
    group ``s * series + j`` is number *j* from the negative end of string *s*.

    Faults are changes of the circuit, from the next step on; each has its way back, and `reset` mends
    all. Cells, groups and strings are numbered from 0 here.
    """

    def __init__(self, config: PackConfig) -> None:
        self.config = config
        self.cell = load(config.cell)
        self.groups = config.strings * config.series
        self.cells = self.groups * config.parallel
        self._layout = (config.strings, config.series, config.parallel)
        self._type = self.cell.block.copy()
        self._two_nodes = float(self.cell.entries["core_to_surface"].value) > 0.0
        self._state: Array = np.zeros(_cell.state_size(*self._layout))
        self.ambient_degC = config.ambient_degC
        self.current_A = 0.0
        self.emf_V = 0.0
        self.resistance_Ohm = 0.0
        self.reset()

    def reset(self) -> None:
        """Everything as the configuration says: new cells at rest, balancing off, no fault."""
        config = self.config
        self._state[:] = 0.0
        self.current_A, self.ambient_degC = 0.0, config.ambient_degC
        self._state[_cell.HEAD_COOLANT_degC] = config.coolant_degC
        self._state[_cell.HEAD_BAR_Ohm] = config.bar_Ohm
        self._row(_cell.TAB_Ohm)[:] = config.tab_Ohm
        self._group_row(_cell.LINK_Ohm)[:] = config.link_Ohm
        self._stuck: dict[int, bool] = {}  # balancing switches that do not obey, and how they stand
        self._wanted = [False] * self.groups
        self._spread()
        self._row(_cell.T)[:] = self._row(_cell.SURFACE)[:] = config.temperature_degC
        self._forget_cycles(slice(None))
        self.refresh()

    def _spread(self) -> None:
        """Capacity, resistance, SOC and self-discharge of each cell, by the seed."""
        config = self.config
        dice = np.random.default_rng(config.spread_seed)
        capacity, resistance, soc = np.clip(dice.standard_normal((3, self.cells)), -3.0, 3.0)
        leak = np.clip(dice.standard_normal(self.cells), -3.0, 3.0)
        self._row(_cell.INV_Q)[:] = 1.0 / (
            3600.0 * self.cell.capacity_Ah * (1.0 + config.capacity_spread * capacity)
        )
        self._row(_cell.R_FACTOR)[:] = 1.0 + config.resistance_spread * resistance
        self._row(_cell.LEAK_FACTOR)[:] = 1.0 + config.self_discharge_spread * leak
        self.soc[:] = np.clip(config.soc + config.soc_spread * soc, 0.0, 1.0)

    def use_type(self, cell: CellParameters) -> None:
        """Go on with cells of another type, in the same state."""
        self.cell = cell
        self._type = cell.block.copy()
        self._two_nodes = float(cell.entries["core_to_surface"].value) > 0.0
        self._row(_cell.SURFACE)[:] = self._row(_cell.T)
        self.refresh()

    # --- state ------------------------------------------------------------------------------------

    def _row(self, index: int) -> Array:
        first = _cell.HEAD + index * _cell.stride(self.cells)
        return self._state[first : first + self.cells]

    def _group_row(self, index: int) -> Array:
        first = _cell.HEAD + _cell.CELL_ROWS * _cell.stride(self.cells)
        first += index * _cell.stride(self.groups)
        return self._state[first : first + self.groups]

    def _string_row(self, index: int) -> Array:
        first = _cell.HEAD + _cell.CELL_ROWS * _cell.stride(self.cells)
        first += _cell.GROUP_ROWS * _cell.stride(self.groups) + index * _cell.stride(self.config.strings)
        return self._state[first : first + self.config.strings]

    @property
    def soc(self) -> Array:
        """State of charge of each cell, 0..1: a view; after writing into it call `refresh`."""
        return self._row(_cell.SOC)

    @property
    def temperatures_degC(self) -> Array:
        """Temperature of each cell (its core): a view; after writing into it call `refresh`."""
        return self._row(_cell.T)

    @property
    def surface_degC(self) -> Array:
        """Temperature of each cell's surface, where a sensor sits: a view."""
        return self._row(_cell.SURFACE if self._two_nodes else _cell.T)

    @property
    def loss(self) -> Array:
        """Capacity that each cell has lost by ageing, 0..1 of its first one: a view."""
        return self._row(_cell.LOSS)

    @property
    def growth(self) -> Array:
        """How far each cell's resistances have grown by ageing, relative: a view."""
        return self._row(_cell.GROWTH)

    @property
    def decomposed(self) -> Array:
        """Part of each decomposition (SEI, anode, cathode) that has happened, shape (3, cells)."""
        return np.array([self._row(_cell.GONE + n) for n in range(_cell.REACTIONS)])

    @property
    def capacities_Ah(self) -> Array:
        """Present capacity of each cell, shape (cells,)."""
        return 1.0 / (3600.0 * self._row(_cell.INV_Q))

    @property
    def hysteresis(self) -> Array:
        """Hysteresis state of each cell, -1 (discharged into) to 1: a view; then call `refresh`."""
        return self._row(_cell.H)

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

    @property
    def coolant_degC(self) -> float:
        """Temperature of the coolant."""
        return float(self._state[_cell.HEAD_COOLANT_degC])

    @coolant_degC.setter
    def coolant_degC(self, value: float) -> None:
        _require(-60.0 <= value <= 150.0, "coolant_degC", "must be -60 to 150 degC")
        self._state[_cell.HEAD_COOLANT_degC] = value

    def keep_books(self) -> None:
        """Count heat in any case: `books` needs it in a pack that is plain otherwise; it costs time."""
        self._state[_cell.HEAD_BOOKS] = 1.0
        self.refresh()

    def books(self) -> Books:
        """Charge and energy as they are now, exact while `keep_books` is on or the pack is not plain."""
        capacity = 1.0 / self._row(_cell.INV_Q)
        tau1, tau2 = self._taus_s()
        pairs = tau1 * self._row(_cell.V1) ** 2 / self._row(_cell.R1)
        pairs += tau2 * self._row(_cell.V2) ** 2 / self._row(_cell.R2)
        return Books(
            float((self.soc * capacity).sum()),
            float(self._row(_cell.LOST_As).sum()),
            float(self._string_row(_cell.STRING_As).sum()),
            float(self._group_row(_cell.BLEED_As).sum()),
            float(self._row(_cell.HEAT_J).sum()),
            float(self._group_row(_cell.WIRE_J).sum()),
            float(self._group_row(_cell.BLEED_J).sum()),
            float(pairs.sum() / 2.0),
        )

    def _taus_s(self) -> tuple[Array, Array]:
        """Time constants of each cell at the temperature that its resistances are for."""
        value = {key: float(entry.value) for key, entry in self.cell.entries.items() if entry.value.ndim == 0}
        colder = 1.0 / (self._row(_cell.AT_T) + 273.15) - 1.0 / (value["reference_temperature"] + 273.15)
        tau1 = value["tau1"] * np.exp(value["tau1_arrhenius"] * colder)
        return tau1, value["tau2"] * np.exp(value["tau2_arrhenius"] * colder)

    def refresh(self) -> None:
        """EMF and resistance anew, after the state was changed from outside."""
        _cell.refresh(self._type, self._state, *self._layout, self.ambient_degC)
        self._look()

    def _look(self) -> None:
        self.emf_V, self.resistance_Ohm = _cell.thevenin(
            self._type, self._state, *self._layout, self.ambient_degC
        )

    # --- time -------------------------------------------------------------------------------------

    def advance(self, current_A: float, dt_s: float, steps: int = 1) -> float:
        """`steps` steps of `dt_s` at a constant terminal current; the terminal voltage after them.

        Raises:
            ValueError: the current is not finite, or the step is not positive; or the pack's circuit is
                open and the current is more than an open contact leaks.
        """
        if self.resistance_Ohm > 0.5 * OPEN_Ohm / self.config.strings and abs(current_A) > 1e-3:
            raise ValueError(f"current_A: the pack's circuit is open, {current_A:g} A cannot flow")
        voltage, self.emf_V, self.resistance_Ohm = _cell.advance(
            self._type, self._state, *self._layout, self.ambient_degC, current_A, dt_s, steps
        )
        self.current_A = current_A
        return voltage

    def cell_voltages(self) -> Array:
        """Voltage of each group at the present current, shape (groups,)."""
        voltages = np.empty(self.groups)
        self._split(voltages, None, None)
        return voltages

    def cell_currents(self) -> Array:
        """Current through each cell's tab at the present terminal current, shape (cells,)."""
        currents = np.empty(self.cells)
        self._split(None, currents, None)
        return currents

    def string_currents(self) -> Array:
        """Current of each string at the present terminal current, shape (strings,)."""
        currents = np.empty(self.config.strings)
        self._split(None, None, currents)
        return currents

    def string_voltages(self) -> Array:
        """EMF of each string, its balancing resistors included: what shows where it is switched off."""
        return self._string_row(_cell.STRING_E).copy()

    def _split(self, voltages: Array | None, currents: Array | None, shares: Array | None) -> None:
        arguments = (*self._layout, self.ambient_degC, self.current_A, voltages, currents, shares)
        _cell.split(self._type, self._state, *arguments)

    # --- what is set from outside -----------------------------------------------------------------

    def set_soc(self, soc: float | Array, group: int | None = None) -> None:
        """Set the state of charge of all cells, or of the cells of one group (from 0).

        Raises:
            ValueError: it is not finite, or far from what a cell can have.
        """
        _require(bool(np.all(np.abs(np.asarray(soc) - 0.5) <= 1.0)), "soc", "must be -0.5 to 1.5")
        self.soc[self._cells_of(group)] = soc
        self._forget_cycles(self._cells_of(group))
        self.refresh()

    def _forget_cycles(self, cells: slice) -> None:
        """A charge that is set is no throughput."""
        for index in (_cell.SEEN, _cell.TURN, _cell.PEAK):
            self._row(index)[cells] = self.soc[cells]

    def set_temperature(self, temperature_degC: float | Array, group: int | None = None) -> None:
        """Set the temperature, core and surface, of all cells, or of the cells of one group (from 0).

        Raises:
            ValueError: it is not finite, or beyond what even a burning cell has.
        """
        given = np.asarray(temperature_degC)
        holds = bool(np.all((given >= -100.0) & (given <= 2000.0)))
        _require(holds, "temperature_degC", "must be -100 to 2000")
        cells = self._cells_of(group)
        self.temperatures_degC[cells] = self._row(_cell.SURFACE)[cells] = temperature_degC
        self.refresh()

    def _cells_of(self, group: int | None) -> slice:
        return slice(None) if group is None else slice(group, None, self.groups)

    @property
    def balance(self) -> Array:
        """1 where current flows through a group's balancing resistor, shape (groups,)."""
        return (self._group_row(_cell.BLEED_S) > 0.0).astype(np.float64)

    def set_balance(self, mask: Array | Sequence[float]) -> None:
        """Switch the balancing resistor of each group on (not 0) or off (0); one that is stuck stays."""
        self._wanted = (np.asarray(mask, dtype=np.float64) != 0.0).tolist()
        self._bleed()

    def _bleed(self) -> None:
        on = np.array(self._wanted)
        for group, stands in self._stuck.items():
            on[group] = stands
        self._group_row(_cell.BLEED_S)[:] = np.where(on, 1.0 / self.config.balance_Ohm, 0.0)
        self.refresh()

    def switch_string(self, string: int, on: bool) -> None:
        """Switch a string on the pack's bus, or off it. All off, the pack is open."""
        _place("string", string, self.config.strings)
        self._string_row(_cell.STRING_OFF)[string] = float(not on)
        self._look()

    # --- faults -----------------------------------------------------------------------------------

    def stick_balancer(self, group: int, on: bool | None) -> None:
        """A balancing switch stays on, or off, whatever is commanded; ``None`` mends it."""
        _place("group", group, self.groups)
        if on is None:
            self._stuck.pop(group, None)
        else:
            self._stuck[group] = on
        self._bleed()

    def open_cell(self, cell: int, is_open: bool = True) -> None:
        """Open a cell's weld: of several in parallel, the others carry on; alone, its string is open."""
        _place("cell", cell, self.cells)
        self._row(_cell.TAB_Ohm)[cell] = OPEN_Ohm if is_open else self.config.tab_Ohm
        self.refresh()

    def short_cell(self, cell: int, resistance_Ohm: float | None) -> None:
        """Short a cell inside, by a resistance; its heat stays in the cell. ``None`` mends it.

        Raises:
            ValueError: there is no such cell, or the resistance is not positive.
        """
        _place("cell", cell, self.cells)
        holds = resistance_Ohm is None or 0.0 < resistance_Ohm < np.inf
        _require(holds, "resistance_Ohm", "must be positive and finite")
        self._row(_cell.SHORT_S)[cell] = 0.0 if resistance_Ohm is None else 1.0 / resistance_Ohm
        self.refresh()

    def loosen_link(self, group: int, resistance_Ohm: float | None) -> None:
        """Resistance of the joint after a group: corroded, loose, or open; ``None`` mends it.

        Raises:
            ValueError: there is no such group, or the resistance is negative.
        """
        _place("group", group, self.groups)
        value = self.config.link_Ohm if resistance_Ohm is None else resistance_Ohm
        _require(0.0 <= value <= OPEN_Ohm, "resistance_Ohm", f"must be 0 to {OPEN_Ohm:g} Ohm")
        self._group_row(_cell.LINK_Ohm)[group] = value
        self.refresh()

    # --- forks ------------------------------------------------------------------------------------

    def save(self) -> bytes:
        """The whole state."""
        stuck = bytearray([_FREE]) * self.groups
        for group, on in self._stuck.items():
            stuck[group] = on
        head = np.array([*self._layout, self.ambient_degC, self.current_A], np.float64)
        return b"".join((head.tobytes(), self._state.tobytes(), bytes(self._wanted), stuck))

    def restore(self, saved: bytes) -> None:
        """Back to a saved state of a pack of the same layout.

        Raises:
            ValueError: it is the state of another pack.
        """
        groups, numbers = self.groups, 5 + self._state.size
        if len(saved) != 8 * numbers + 2 * groups:
            raise ValueError("this state belongs to another pack")
        data = np.frombuffer(saved, np.float64, numbers)
        if tuple(data[:3]) != self._layout:
            raise ValueError("this state belongs to another pack")
        self.ambient_degC, self.current_A = float(data[3]), float(data[4])
        switches = np.frombuffer(saved, np.uint8, 2 * groups, 8 * numbers)
        self._wanted = switches[:groups].astype(bool).tolist()
        stuck = switches[groups:]
        self._stuck = {int(group): bool(stuck[group]) for group in np.flatnonzero(stuck != _FREE)}
        self._state[:] = data[5:]
        self._look()


def _place(what: str, number: int, count: int) -> None:
    if not 0 <= number < count:
        raise ValueError(f"{what}: there is no {number}: they are numbered 0 to {count - 1}")
