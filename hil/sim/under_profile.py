"""A cell or a pack under a profile of current or power."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, inf
from typing import Literal

import numpy as np

from hil.errors import UsageError
from hil.sim.battery import COLUMNS, Battery
from hil.sim.page import standard_panels
from hil.sim.profile import Profile
from hil.sim.scenario import Figure, Panel, Trace
from hil.sim.table import Column, Table, interval_s
from hil.sim.words import amount, clock
from twins.pack import PackConfig

_ROUNDING = 1.0 + 1e-9


@dataclass(frozen=True)
class Manner:
    """How it is stepped.

    Attributes:
        step_s: Longest step; a value of the profile is divided into equal ones.
        every_s: Rows are at least so far apart; ``None``: as many as a picture needs.
        at_limit: Whether a cell that leaves its window ends the run, or the current is held so that
            none does, as a BMS would have it.
        fuse_A: Current at the terminals that no row may exceed.
    """

    step_s: float = 1.0
    every_s: float | None = None
    at_limit: Literal["stop", "hold"] = "stop"
    fuse_A: float = inf


class UnderProfile:
    """The scenario.

    Raises:
        UsageError: The profile asks for what cell or fuse do not allow, or the temperatures are out
            of the cell's range.
    """

    def __init__(self, config: PackConfig, profile: Profile, manner: Manner) -> None:
        self.battery = Battery(config)
        self.profile, self.manner = profile, manner
        self.stopped = ""
        self.held_s = 0.0
        self.cut_As = 0.0
        strings = config.strings if config.strings > 1 else 0
        self._strings = bool(strings)
        self.table = Table(
            [*COLUMNS, *(Column(f"string_{n + 1}", "A") for n in range(strings))],
            interval_s(profile.duration_s, 0.0, manner.every_s),
        )
        check_temperatures(self.battery)
        if profile.kind == "current":
            self._check_currents(profile.values)

    @property
    def name(self) -> str:
        """For a folder."""
        config = self.battery.config
        size = f"-{config.strings}x{config.series}s{config.parallel}p" if self.battery.pack.cells > 1 else ""
        return f"{config.cell}{size}"

    @property
    def title(self) -> str:
        """The cell's title and the layout."""
        title = self.battery.pack.cell.title
        return title if self.battery.pack.cells == 1 else f"{layout(self.battery.config)} of {title}"

    @property
    def duration_s(self) -> float:
        """Of the profile."""
        return self.profile.duration_s

    def _check_currents(self, current_A: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
        """The whole profile, before anything runs."""
        burst = _Burst(self)
        durations_s = np.diff(self.profile.time_s)
        for index in np.flatnonzero(np.abs(current_A) > burst.least_A):
            burst.check(int(index), float(current_A[index]), float(durations_s[index]))

    def steps(self) -> Iterator[float]:
        """Run the profile."""
        battery, burst = self.battery, _Burst(self)
        self._record()
        for index, value in enumerate(self.profile.values.tolist()):
            begin, end = self.profile.time_s[index : index + 2].tolist()
            count = max(1, ceil((end - begin) / (self.manner.step_s * _ROUNDING)))
            dt_s = (end - begin) / count
            for step in range(count):
                current_A = self._current(index, value)
                if self.profile.kind == "power" and abs(current_A) > burst.least_A:
                    burst.check(index, current_A, dt_s)
                battery.advance(current_A, dt_s)
                battery.time_s = end if step + 1 == count else begin + (step + 1) * dt_s
                self._record()
                yield battery.time_s
                if self.manner.at_limit == "stop" and (reason := battery.beyond()):
                    self.stopped = reason
                    return

    def _current(self, index: int, value: float) -> float:
        """The current of a value of the profile, held within the window if that is wanted."""
        current_A = value
        if self.profile.kind == "power":
            try:
                current_A = self.battery.current_for(value)
            except ValueError as error:
                raise self.profile.mistake(index, f"{error} here", "ask for less, or begin fuller") from error
        if self.manner.at_limit == "stop":
            return current_A
        charge_A, discharge_A = self.battery.window_A()
        return min(max(current_A, charge_A), discharge_A)

    def _record(self) -> None:
        if self.table.due(self.battery.time_s):
            extra = self.battery.string_currents() if self._strings else ()
            self.table.add((*self.battery.row(), *extra))

    def facts(self) -> Mapping[str, str]:
        """What was simulated."""
        config = self.battery.config
        return {
            "cell": self.battery.pack.cell.title,
            "layout": layout(config),
            "profile": f"{self.profile.path.name}, {len(self.profile.values)} values of {self.profile.kind}",
            "start": f"{100.0 * config.soc:.4g} %, {config.temperature_degC:g} °C",
            "ambient": f"{config.ambient_degC:g} °C",
            "window": f"{self.battery.low_V:g} to {self.battery.high_V:g} V ({config.profile})",
        }

    def summary(self) -> Sequence[Figure]:
        """The battery's books."""
        note = "" if not self.stopped else f"of {clock(self.duration_s)}"
        return [Figure("time", self.battery.time_s, "s", note), *self.battery.figures()]

    def panels(self) -> Sequence[Panel]:
        """The battery's, and the strings' currents."""
        panels = standard_panels(self.table, self.battery)
        if self._strings:
            names = [f"string_{n + 1}" for n in range(self.battery.config.strings)]
            traces = [Trace(name.replace("_", " "), self.table[name]) for name in names]
            panels.insert(1, Panel("strings", "A", traces))
        return panels


class _Burst:
    """Currents against what cell and fuse allow; how long a burst above the continuous current lasts."""

    def __init__(self, run: UnderProfile) -> None:
        battery = run.battery
        self._limits, self._profile, self._fuse_A = battery.limits, run.profile, run.manner.fuse_A
        self._rated_A = battery.pack.capacity_Ah
        self._since, self._lasts_s = -2, 0.0
        self.least_A = min(self._fuse_A, self._rated_A * min(self._limits.discharge_C, self._limits.charge_C))

    def check(self, index: int, current_A: float, duration_s: float) -> None:
        """One step of a row.

        Raises:
            UsageError: The current, or the time that it lasts, is too large.
        """
        limits = self._limits
        if abs(current_A) > self._fuse_A:
            raise self._mistake(index, current_A, f"beyond the fuse of {self._fuse_A:g} A")
        if -current_A > limits.charge_C * self._rated_A:
            raise self._mistake(index, current_A, self._most("charges", limits.charge_C))
        if current_A <= limits.discharge_C * self._rated_A:
            return
        if current_A > limits.pulse_C * self._rated_A:
            raise self._mistake(index, current_A, self._most("gives", limits.pulse_C))
        self._lasts_s = self._lasts_s + duration_s if index - self._since <= 1 else duration_s
        self._since = index
        if self._lasts_s > limits.pulse_s * _ROUNDING:
            most = self._most("gives", limits.discharge_C)
            raise self._mistake(index, current_A, f"{most} for longer than {limits.pulse_s:g} s")

    def _most(self, does: str, rate_C: float) -> str:
        return f"the cell {does} {rate_C:g} C at most, here {rate_C * self._rated_A:g} A"

    def _mistake(self, index: int, current_A: float, reason: str) -> UsageError:
        remedy = "more cells in parallel, or less current"
        return self._profile.mistake(index, f"{amount(current_A, 'A')}: {reason}", remedy)


def check_temperatures(battery: Battery) -> None:
    """Temperatures of the configuration against the cell's range.

    Raises:
        UsageError: One is out of it.
    """
    low, high = battery.limits.lowest_degC, battery.limits.highest_degC
    config = battery.config
    for option, value in (("--ambient", config.ambient_degC), ("--temperature", config.temperature_degC)):
        if not low <= value <= high:
            raise UsageError(
                f"{value:g} degC is out of the range of {config.cell}",
                key=option,
                remedy=f"its maker allows {low:g} to {high:g} degC",
            )


def layout(config: PackConfig) -> str:
    """In words: 2 strings of 96 in series, 3 in parallel."""
    if config.series * config.strings * config.parallel == 1:
        return "one cell"
    cells = f"{config.series} in series"
    if config.parallel > 1:
        cells += f", {config.parallel} in parallel each"
    return cells if config.strings == 1 else f"{config.strings} strings of {cells}"
