"""Battery: a pack in a simulation; counts what goes in and out, and remembers its extremes."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

from hil.sim.scenario import Figure
from hil.sim.table import Column
from hil.sim.words import clock
from twins.cell.limits import CellLimits, limits_of
from twins.pack import Pack, PackConfig
from twins.terminals import current_for_power, window_currents

COLUMNS = (
    Column("current", "A"),
    Column("voltage", "V"),
    Column("power", "W"),
    Column("soc", "%"),
    Column("cell_min", "V"),
    Column("cell_max", "V"),
    Column("temperature_min", "degC"),
    Column("temperature_max", "degC"),
)


@dataclass
class Extreme:
    """The largest of some values so far (of their negatives: the smallest), where and when."""

    value: float = -inf
    time_s: float = 0.0
    where: int = 0

    def see(self, value: float, time_s: float, where: int = 0) -> None:
        """One more value."""
        if value > self.value:
            self.value, self.time_s, self.where = value, time_s, where


@dataclass
class Tally:
    """Books of a run; charge in As, energy in J, both at the terminals."""

    out_As: float = 0.0
    in_As: float = 0.0
    out_J: float = 0.0
    in_J: float = 0.0
    peak_discharge: Extreme = field(default_factory=lambda: Extreme(0.0))
    peak_charge: Extreme = field(default_factory=lambda: Extreme(0.0))
    lowest: Extreme = field(default_factory=Extreme)
    highest: Extreme = field(default_factory=Extreme)
    hottest: Extreme = field(default_factory=Extreme)

    def count(self, charge_As: float, energy_J: float) -> None:
        """One step's share."""
        if charge_As > 0.0:
            self.out_As += charge_As
            self.out_J += energy_J
        else:
            self.in_As -= charge_As
            self.in_J -= energy_J


class Battery:
    """A pack with its books.

    Attributes:
        time_s: Since the start.
        voltage_V: At the terminals after the last step.
    """

    def __init__(self, config: PackConfig) -> None:
        self.config = config
        self.pack = Pack(config)
        self.limits: CellLimits = limits_of(config.cell)
        self.low_V, self.high_V = self.pack.window_V
        self.start_soc = self.pack.mean_soc
        self._differ = max(config.capacity_spread, config.resistance_spread, config.soc_spread) > 0.0
        self.tally = Tally()
        self.time_s = 0.0
        self.voltage_V = self.pack.emf_V
        self._cells = self.pack.cell_voltages()
        self._look()

    @property
    def soc(self) -> float:
        """Mean state of charge, 0..1."""
        return self.pack.mean_soc

    @property
    def branches(self) -> int:
        """Cells side by side: a terminal current over this is a cell's."""
        return self.config.parallel * self.config.strings

    def current_for(self, power_W: float) -> float:
        """Terminal current in A of a power.

        Raises:
            ValueError: The pack cannot give that much.
        """
        return current_for_power(self.pack.emf_V, self.pack.resistance_Ohm, power_W)

    def window_A(self) -> tuple[float, float]:
        """Most charging (<= 0) and discharging (>= 0) current in A within the cells' window."""
        return window_currents(self.pack, self.low_V, self.high_V)

    def advance(self, current_A: float, dt_s: float) -> None:
        """One step at a constant current."""
        before_V = self.pack.emf_V - current_A * self.pack.resistance_Ohm
        self.pack.advance(current_A, dt_s)
        self.moved(current_A, dt_s, before_V)

    def moved(self, current_A: float, dt_s: float, before_V: float) -> None:
        """The pack has moved by one step; the energy is that of the mean of its two voltages."""
        self.voltage_V = self.pack.emf_V - current_A * self.pack.resistance_Ohm
        self.tally.peak_discharge.see(current_A, self.time_s)
        self.tally.peak_charge.see(-current_A, self.time_s)
        charge_As = current_A * dt_s
        self.tally.count(charge_As, charge_As * 0.5 * (before_V + self.voltage_V))
        self.time_s += dt_s
        self._look()

    def look_at(self, time_s: float) -> None:
        """Someone else has moved the pack up to this time: look at its cells."""
        self.time_s = time_s
        self._look()

    def _look(self) -> None:
        tally, time_s = self.tally, self.time_s
        self._cells = cells = self.pack.cell_voltages()
        warmth = self.pack.temperatures_degC
        low, high, hot = int(cells.argmin()), int(cells.argmax()), int(warmth.argmax())
        self.cell_min_V, self.cell_max_V = float(cells[low]), float(cells[high])
        self.hottest_degC = float(warmth[hot])
        tally.lowest.see(-self.cell_min_V, time_s, low)
        tally.highest.see(self.cell_max_V, time_s, high)
        tally.hottest.see(self.hottest_degC, time_s, hot)

    def beyond(self) -> str:
        """Which limit a cell is beyond; empty while none is."""
        tally, tolerance_V = self.tally, 1e-6
        if self.cell_min_V < self.low_V - tolerance_V and self.pack.current_A > 0.0:
            return f"{self.cell_name(tally.lowest.where)} is at {self.low_V:g} V, the lowest of its window"
        if self.cell_max_V > self.high_V + tolerance_V and self.pack.current_A < 0.0:
            return f"{self.cell_name(tally.highest.where)} is at {self.high_V:g} V, the highest of its window"
        if self.hottest_degC > self.limits.highest_degC:
            name = self.cell_name(tally.hottest.where)
            return f"{name} is at {self.limits.highest_degC:g} °C, the highest that its maker allows"
        return ""

    def cell_name(self, index: int) -> str:
        """A cell, or the group that it is in, from 1."""
        if self.pack.cells == 1:
            return "the cell"
        if not self._differ:
            return "every cell"
        group = index % self.pack.groups
        string, number = divmod(group, self.config.series)
        return f"cell {number + 1}" + (f" of string {string + 1}" if self.config.strings > 1 else "")

    def row(self) -> tuple[float, ...]:
        """Time and `COLUMNS`, as they are now."""
        current_A = self.pack.current_A
        return (
            self.time_s,
            current_A,
            self.voltage_V,
            current_A * self.voltage_V,
            100.0 * self.soc,
            self.cell_min_V,
            self.cell_max_V,
            float(self.pack.temperatures_degC.min()),
            self.hottest_degC,
        )

    def string_currents(self) -> tuple[float, ...]:
        """Current of each string in A, > 0 discharges."""
        groups = self.pack.cell_currents().reshape(self.config.parallel, self.config.strings, -1)
        return tuple(groups.sum(axis=0)[:, 0].tolist())

    def figures(self) -> list[Figure]:
        """The books for a summary."""
        tally = self.tally
        currents = (
            ("peak discharge current", tally.peak_discharge),
            ("peak charge current", tally.peak_charge),
        )
        return [
            Figure("energy out", tally.out_J / 3600.0, "Wh", f"{tally.out_As / 3600.0:.4g} Ah"),
            Figure("energy in", tally.in_J / 3600.0, "Wh", f"{tally.in_As / 3600.0:.4g} Ah"),
            *(Figure(label, one.value, "A", self._when(one) if one.value else "") for label, one in currents),
            *self.cell_figures(),
        ]

    def cell_figures(self) -> list[Figure]:
        """State of charge and the cells' extremes."""
        tally = self.tally
        soc_from = f"from {100.0 * self.start_soc:.4g} %"
        return [
            Figure("state of charge", 100.0 * self.soc, "%", soc_from),
            Figure("lowest cell voltage", -tally.lowest.value, "V", self._where(tally.lowest)),
            Figure("highest cell voltage", tally.highest.value, "V", self._where(tally.highest)),
            Figure("hottest cell", tally.hottest.value, "degC", self._where(tally.hottest)),
        ]

    def _when(self, one: Extreme) -> str:
        return f"at {clock(one.time_s)}"

    def _where(self, one: Extreme) -> str:
        return (f"{self.cell_name(one.where)}, " if self._differ else "") + self._when(one)
