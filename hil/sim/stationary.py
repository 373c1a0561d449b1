"""A stationary storage: an outage, a load with peaks, or both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf

from hil.errors import UsageError
from hil.sim.battery import COLUMNS, Battery, Extreme
from hil.sim.page import standard_panels
from hil.sim.profile import Profile
from hil.sim.scenario import Figure, Panel, Trace
from hil.sim.table import Column, Table, interval_s
from hil.sim.under_profile import check_temperatures, layout
from hil.sim.words import amount, clock
from twins.pack import PackConfig
from twins.storage import BACKUP, STATES, InverterConfig, Rules, Storage

_EXTRA = (
    Column("load", "W"),
    Column("grid", "W"),
    Column("inverter", "W"),
    Column("unserved", "W"),
    Column("state", ""),
)
_HELD = 1.001  # a peak up to here is held: the inverter's step is as coarse


@dataclass(frozen=True)
class Site:
    """Where it stands.

    Attributes:
        load: Power over time.
        said: The load in words.
        outage_s: From when to when there is no grid; ``None``: it never fails.
    """

    load: Profile
    said: str
    outage_s: tuple[float, float] | None = None


@dataclass
class _Books:
    """Energies in J and times in s."""

    load_J: float = 0.0
    unserved_J: float = 0.0
    bought_J: float = 0.0
    sold_J: float = 0.0
    loss_J: float = 0.0
    backup_s: float = 0.0
    dark_s: float = 0.0
    above_s: float = 0.0


class Stationary:
    """The scenario.

    Raises:
        UsageError: The outage lies outside of the load, or temperatures are out of the cell's range.
    """

    stopped = ""

    def __init__(
        self,
        config: PackConfig,
        machine: tuple[InverterConfig, Rules],
        site: Site,
        step_s: float = 1.0,
        every_s: float | None = None,
    ) -> None:
        self.battery, self.site = Battery(config), site
        self.storage = Storage(self.battery.pack, *machine)
        self._step_s = step_s
        self.books = _Books()
        self.load_peak, self.grid_peak = Extreme(), Extreme()
        self.table = Table([*COLUMNS, *_EXTRA], interval_s(self.duration_s, step_s, every_s))
        check_temperatures(self.battery)
        if site.outage_s is not None and site.outage_s[1] > self.duration_s:
            raise UsageError(
                f"ends {clock(site.outage_s[1])} after the start, the load after {clock(self.duration_s)}",
                key="--outage",
                remedy="shorten it, begin it earlier by --outage-at, or give a longer load",
            )

    @property
    def name(self) -> str:
        """For a folder."""
        return "storage"

    @property
    def title(self) -> str:
        """Battery and inverter."""
        pack = self.battery.pack
        energy = amount(pack.capacity_Ah * pack.config.series * self._nominal_V(), "Wh")
        return f"Stationary storage, {energy}, inverter {amount(self.storage.inverter.rated_W, 'W')}"

    def _nominal_V(self) -> float:
        """Of a cell: in the middle of its charge, at rest."""
        ocv = self.battery.pack.cell.entries["ocv"]
        row = ocv.value[len(ocv.value) // 2]
        return float(row[int((ocv.soc - 0.5).__abs__().argmin())])

    @property
    def duration_s(self) -> float:
        """Of the load."""
        return self.site.load.duration_s

    def steps(self) -> Iterator[float]:
        """Run the load; steps end where the load, the grid or the inverter changes."""
        load, battery = self.site.load, self.battery
        self._begin(float(load.values[0]))
        for index, power_W in enumerate(load.values.tolist()):
            end = float(load.time_s[index + 1])
            while end - battery.time_s > 1e-9 * end:
                self._step(power_W, end)
                yield battery.time_s

    def _begin(self, load_W: float) -> None:
        """Before the first step the grid carries the load, and the inverter rests."""
        self.table.add((*self.battery.row(), load_W, load_W, 0.0, 0.0, float(self.storage.state)))

    def _step(self, load_W: float, end_s: float) -> None:
        battery, storage = self.battery, self.storage
        now, grid = battery.time_s, self._grid(battery.time_s)
        outage = self.site.outage_s or (inf, inf)
        ends = [end_s - now, self._step_s, storage.next_event(grid=grid)]
        dt_s = min(*ends, *(at - now for at in outage if at > now + 1e-9))
        emf_V, resistance_Ohm = battery.pack.emf_V, battery.pack.resistance_Ohm
        current_A = storage.advance(load_W, dt_s, grid=grid)
        battery.moved(current_A, dt_s, emf_V - current_A * resistance_Ohm)
        self._count(load_W, dt_s)
        self._record(load_W)

    def _grid(self, time_s: float) -> bool:
        outage = self.site.outage_s
        return outage is None or not outage[0] - 1e-9 <= time_s < outage[1] - 1e-9

    def _count(self, load_W: float, dt_s: float) -> None:
        books, storage = self.books, self.storage
        books.load_J += max(0.0, load_W) * dt_s
        books.unserved_J += storage.unserved_W * dt_s
        books.bought_J += max(0.0, storage.grid_W) * dt_s
        books.sold_J += max(0.0, -storage.grid_W) * dt_s
        books.loss_J += storage.loss_W * dt_s
        books.backup_s += dt_s * (storage.state == BACKUP)
        books.dark_s += dt_s * (storage.unserved_W > 0.0)
        books.above_s += dt_s * (storage.grid_W > _HELD * storage.rules.peak_W)
        self.load_peak.see(load_W, self.battery.time_s - dt_s)
        self.grid_peak.see(storage.grid_W, self.battery.time_s - dt_s)

    def _record(self, load_W: float) -> None:
        if self.table.due(self.battery.time_s):
            storage = self.storage
            powers = (load_W, storage.grid_W, storage.inverter_W, storage.unserved_W)
            self.table.add((*self.battery.row(), *powers, float(storage.state)))

    def facts(self) -> Mapping[str, str]:
        """What was simulated."""
        config, inverter, rules = self.battery.config, self.storage.inverter, self.storage.rules
        facts = {
            "battery": f"{layout(config)} of {self.battery.pack.cell.title}",
            "inverter": f"{amount(inverter.rated_W, 'W')}, {100 * inverter.efficiency:g} % at rated power, "
            f"{inverter.overload:g} times that for {clock(inverter.overload_s)}",
            "load": self.site.said,
            "start": f"{100.0 * config.soc:.4g} %, {config.temperature_degC:g} °C",
        }
        if rules.peak_W < inf:
            facts["peak"] = f"{amount(rules.peak_W, 'W')} from the grid, down to {100 * rules.reserve:g} %"
        if self.site.outage_s is not None:
            begin, end = self.site.outage_s
            facts["outage"] = f"from {clock(begin)} to {clock(end)}"
        return facts

    def summary(self) -> Sequence[Figure]:
        """Energies, the outage, the peak, the battery."""
        books = self.books
        return [
            Figure("time", self.battery.time_s, "s"),
            Figure("load", books.load_J / 3600.0, "Wh"),
            Figure("from the grid", books.bought_J / 3600.0, "Wh"),
            *([Figure("into the grid", books.sold_J / 3600.0, "Wh")] if books.sold_J else ()),
            Figure("losses of the inverter", books.loss_J / 3600.0, "Wh"),
            *(self._outage_figures() if self.site.outage_s else ()),
            *(self._peak_figures() if self.storage.rules.peak_W < inf else ()),
            *self.battery.figures(),
        ]

    def _outage_figures(self) -> list[Figure]:
        books = self.books
        dark = f"{amount(books.unserved_J / 3600.0, 'Wh')} not delivered" if books.unserved_J else ""
        return [
            Figure("backup", books.backup_s, "s", "the inverter carried the load"),
            Figure("without supply", books.dark_s, "s", dark),
        ]

    def _peak_figures(self) -> list[Figure]:
        peak_W, above_s = self.storage.rules.peak_W, self.books.above_s
        held = "held" if above_s == 0.0 else f"above {amount(peak_W, 'W')} for {clock(above_s)}"
        return [
            Figure("peak of the load", self.load_peak.value, "W", f"at {clock(self.load_peak.time_s)}"),
            Figure("peak of the grid", self.grid_peak.value, "W", held),
        ]

    def panels(self) -> Sequence[Panel]:
        """Powers of the site before the battery's own."""
        peak_W = self.storage.rules.peak_W
        names, looks = ("load", "grid", "inverter"), ("stimulus", "reaction", "truth")
        traces = [Trace(name, self.table[name] * 1e-3, look) for name, look in zip(names, looks, strict=True)]
        limits = [(f"peak {amount(peak_W, 'W')}", peak_W * 1e-3)] if peak_W < inf else []
        names_of_states = {str(number): name for number, name in enumerate(STATES)}
        return [
            Panel("site", "kW", traces, limits),
            Panel("state", "", [Trace("inverter's state", self.table["state"])], names=names_of_states),
            *standard_panels(self.table, self.battery),
        ]
