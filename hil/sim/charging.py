"""A pack on a charger: constant current, then constant voltage, within what cells and BMS allow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hil.errors import UsageError
from hil.sim.battery import COLUMNS, Battery
from hil.sim.page import standard_panels
from hil.sim.scenario import Figure, Panel, Trace
from hil.sim.table import Column, Table, interval_s
from hil.sim.under_profile import check_temperatures, layout
from hil.sim.words import amount
from twins.pack import PackConfig
from twins.terminals import current_for_power

FULL_C = 0.05  # a cell is full where it takes less than this at its highest voltage (C/20)
_MARKS = (20, 40, 60, 80, 90, 95)  # states of charge whose times are told, in %
_LONGEST_S = 7 * 86400.0
_DEAD_S = 3600.0  # without any current for so long it will not come


@dataclass(frozen=True)
class Supply:
    """A charger's output.

    Attributes:
        name: In words.
        voltage_V: Highest.
        current_A: Highest.
        power_W: Highest.
        efficiency: Of the mains' power.
        rise_s: Until the full current.
    """

    name: str
    voltage_V: float
    current_A: float
    power_W: float
    efficiency: float
    rise_s: float = 0.0


@dataclass(frozen=True)
class Warmth:
    """How a BMS lets the charging current fade by temperature: all at ``warm``, nothing at ``hot``.

    Below ``cool`` it is a tenth of the capacity in one hour, below ``cold`` nothing. The numbers are
    those of reference tables for LFP: linear from 45 to 55 degC, 0.1 C below 0 degC, none below -10.
    """

    cold_degC: float = -10.0
    cool_degC: float = 0.0
    warm_degC: float = 45.0
    hot_degC: float = 55.0

    def most_C(self, coldest_degC: float, hottest_degC: float, rate_C: float) -> float:
        """Current over capacity that is left of ``rate_C``."""
        if coldest_degC < self.cold_degC:
            return 0.0
        cool_C = 0.1 if coldest_degC < self.cool_degC else rate_C
        share = (self.hot_degC - hottest_degC) / (self.hot_degC - self.warm_degC)
        return min(cool_C, rate_C * min(1.0, max(0.0, share)))


class Charging:
    """The scenario: from the start's state of charge to ``target``.

    Raises:
        UsageError: There is nothing to charge, or temperatures are out of the cell's range.
    """

    def __init__(
        self,
        config: PackConfig,
        supply: Supply,
        warmth: Warmth,
        target: float = 1.0,
        step_s: float = 1.0,
        every_s: float | None = None,
    ) -> None:
        self.battery = Battery(config)
        self.supply, self.warmth, self.target = supply, warmth, target
        self.stopped = ""
        self._step_s = step_s
        self._mains_J = 0.0
        self._idle_s = 0.0
        self._held_s = {"charger": 0.0, "cell current": 0.0, "cell voltage": 0.0, "temperature": 0.0}
        self._reached: list[tuple[int, float]] = []
        self.table = Table([*COLUMNS, Column("charging", "A")], interval_s(self.duration_s, step_s, every_s))
        check_temperatures(self.battery)
        if config.soc >= target:
            raise UsageError(
                f"is {100 * config.soc:g} % already, the aim {100 * target:g} %",
                key="--soc",
                remedy="begin emptier, or aim higher by --to",
            )

    @property
    def name(self) -> str:
        """For a folder."""
        return f"charge-{self.battery.config.cell}"

    @property
    def title(self) -> str:
        """Pack and charger."""
        return (
            f"{layout(self.battery.config)} of {self.battery.pack.cell.title}, charged by {self.supply.name}"
        )

    @property
    def duration_s(self) -> float:
        """An estimate: at the charger's power, and a fifth more for the taper."""
        battery, supply = self.battery, self.supply
        charge_As = 3600.0 * (self.target - battery.config.soc) * battery.pack.capacity_Ah
        most_A = min(supply.current_A, supply.power_W / battery.pack.emf_V)
        return 1.2 * charge_As / min(most_A, battery.limits.charge_C * battery.pack.capacity_Ah)

    def steps(self) -> Iterator[float]:
        """Charge until full, or until nothing flows any more."""
        battery = self.battery
        self._record(0.0)
        while battery.time_s < _LONGEST_S and not self._done():
            current_A = self._current()
            battery.advance(-current_A, self._step_s)
            self._mains_J += current_A * battery.voltage_V / self.supply.efficiency * self._step_s
            self._idle_s = 0.0 if current_A > 0.0 else self._idle_s + self._step_s
            self._mark()
            self._record(current_A)
            yield battery.time_s
        if self._idle_s >= _DEAD_S:
            self.stopped = self._why_nothing()

    def _done(self) -> bool:
        """Full: at the aim, or at the highest voltage with next to no current."""
        battery = self.battery
        if battery.soc >= self.target or self._idle_s >= _DEAD_S:
            return True
        at_voltage = battery.cell_max_V > battery.high_V - 1e-3
        return at_voltage and -battery.pack.current_A < FULL_C * battery.pack.capacity_Ah

    def _why_nothing(self) -> str:
        coldest = float(self.battery.pack.temperatures_degC.min())
        if coldest < self.warmth.cold_degC:
            return f"the pack is too cold to be charged: {coldest:.3g} °C"
        return f"the charger's {amount(self.supply.voltage_V, 'V')} do not reach the pack's"

    def _current(self) -> float:
        """Charging current in A, >= 0, and the time that each limit held it."""
        battery, supply = self.battery, self.supply
        pack, limits = battery.pack, battery.limits
        ramp = min(1.0, (battery.time_s + self._step_s) / supply.rise_s) if supply.rise_s else 1.0
        by_power_A = -current_for_power(pack.emf_V, pack.resistance_Ohm, -supply.power_W)
        by_voltage_A = max(0.0, (supply.voltage_V - pack.emf_V) / pack.resistance_Ohm)
        coldest = float(pack.temperatures_degC.min())
        warm_C = self.warmth.most_C(coldest, battery.hottest_degC, limits.charge_C)
        allowed = {
            "charger": min(ramp * supply.current_A, by_power_A, by_voltage_A),
            "cell current": limits.charge_C * pack.capacity_Ah,
            "cell voltage": -battery.window_A()[0],
            "temperature": warm_C * pack.capacity_Ah,
        }
        holds = min(allowed, key=allowed.__getitem__)
        self._held_s[holds] += self._step_s
        return allowed[holds]

    def _mark(self) -> None:
        soc, time_s = 100.0 * self.battery.soc, self.battery.time_s
        passed = [mark for mark, _ in self._reached]
        start = 100.0 * self.battery.config.soc
        self._reached += [(mark, time_s) for mark in _MARKS if start < mark <= soc and mark not in passed]

    def _record(self, current_A: float) -> None:
        if self.table.due(self.battery.time_s):
            self.table.add((*self.battery.row(), current_A))

    def facts(self) -> Mapping[str, str]:
        """What was simulated."""
        config, supply, warmth = self.battery.config, self.supply, self.warmth
        return {
            "battery": f"{layout(config)} of {self.battery.pack.cell.title}",
            "charger": f"{supply.name}: {amount(supply.current_A, 'A')}, {amount(supply.power_W, 'W')}, "
            f"{amount(supply.voltage_V, 'V')} at most",
            "start": f"{100.0 * config.soc:.4g} %, {config.temperature_degC:g} °C",
            "aim": f"{100 * self.target:g} %",
            "cells": f"{self.battery.limits.charge_C:g} C and {self.battery.high_V:g} V at most, "
            f"current fades from {warmth.warm_degC:g} to {warmth.hot_degC:g} °C",
        }

    def summary(self) -> Sequence[Figure]:
        """The time, what held the charger back, the battery."""
        total_s = sum(self._held_s.values()) or 1.0
        held = [
            Figure(f"held by {limit}", held_s, "s", f"{100.0 * held_s / total_s:.0f} % of the time")
            for limit, held_s in self._held_s.items()
            if held_s
        ]
        return [
            Figure("time", self.battery.time_s, "s"),
            *(Figure(f"{mark} % after", time_s, "s") for mark, time_s in self._reached),
            *held,
            Figure("from the mains", self._mains_J / 3600.0, "Wh"),
            *self.battery.figures(),
        ]

    def panels(self) -> Sequence[Panel]:
        """The battery's."""
        return [
            Panel("charging", "A", [Trace("charging current", self.table["charging"])]),
            *standard_panels(self.table, self.battery)[1:],
        ]
