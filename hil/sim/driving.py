"""A vehicle on a cycle: cells, drive and vehicle together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf, isfinite

from hil.sim.battery import COLUMNS, Battery
from hil.sim.page import standard_panels
from hil.sim.scenario import Figure, Panel, Trace
from hil.sim.table import Column, Table, interval_s
from hil.sim.under_profile import check_temperatures, layout
from hil.sim.words import clock
from twins.cycles import Cycle
from twins.pack import PackConfig
from twins.vehicle import Run, Summary, VehicleParameters

_EXTRA = (Column("speed", "km/h"), Column("distance", "km"))
_LONGEST_S = 1000 * 3600.0
_BEHIND = 0.02  # of the wanted way: less is a driver's imprecision


@dataclass(frozen=True)
class Trip:
    """What is driven.

    Attributes:
        cycle: Again and again, if it is shorter than the hours.
        hours: ``None``: once through; infinite: until the pack is empty.
        payload_kg: Where the cycle says nothing of it; ``None``: the rated one.
    """

    cycle: Cycle
    hours: float | None = None
    payload_kg: float | None = None


class Driving:
    """The scenario.

    Raises:
        UsageError: Temperatures are out of the cell's range.
    """

    def __init__(
        self,
        vehicle: VehicleParameters,
        config: PackConfig,
        trip: Trip,
        step_s: float = 0.1,
        every_s: float | None = None,
    ) -> None:
        self.vehicle, self.trip = vehicle, trip
        self.battery = Battery(config)
        self.stopped = ""
        check_temperatures(self.battery)
        self.run = Run(vehicle, trip.cycle, self.battery.pack, step_s, trip.payload_kg)
        self.table = Table([*COLUMNS, *_EXTRA], interval_s(self._wanted_s, 1.0, every_s))

    @property
    def _wanted_s(self) -> float:
        hours = self.trip.hours
        return self.trip.cycle.duration_s if hours is None else min(3600.0 * hours, _LONGEST_S)

    @property
    def name(self) -> str:
        """For a folder."""
        return self.vehicle.name

    @property
    def title(self) -> str:
        """Vehicle and cycle."""
        return f"{self.vehicle.title}, cycle {self.trip.cycle.name}"

    @property
    def duration_s(self) -> float:
        """As wanted; unknown, one cycle, where it goes until the pack is empty."""
        hours = self.trip.hours
        return self.trip.cycle.duration_s if hours is None or not isfinite(hours) else 3600.0 * hours

    def steps(self) -> Iterator[float]:
        """Drive; after each second the time reached."""
        self._record()
        for time_s in self.run.bursts(self._wanted_s, 60.0):
            self.battery.look_at(time_s)
            self._record()
            yield time_s
        if self._summary.ended == "empty" and self.trip.hours != inf:
            self.stopped = "the pack is empty"

    @property
    def _summary(self) -> Summary:
        return self.run.result().summary

    def _record(self) -> None:
        if not self.table.due(self.battery.time_s):
            return
        _, way_m, speed_mps, _, volts, current_A, power_W, _ = self.run.sample()
        time_s, _, _, _, *cells = self.battery.row()
        self.table.add(
            (
                time_s,
                current_A,
                volts,
                power_W,
                100.0 * self.battery.soc,
                *cells[1:],
                3.6 * speed_mps,
                1e-3 * way_m,
            )
        )

    def facts(self) -> Mapping[str, str]:
        """What was simulated."""
        vehicle, trip, config = self.vehicle, self.trip, self.battery.config
        payload_kg = vehicle.payload_kg if trip.payload_kg is None else trip.payload_kg
        carried = f"{payload_kg:g} kg" if trip.cycle.payload_kg is None else "as the cycle says"
        guessed, km = len(vehicle.provisional), trip.cycle.distance_m / 1e3
        return {
            "vehicle": f"{vehicle.title}, {vehicle.mass_kg:g} kg",
            "payload": carried,
            "battery": f"{layout(config)} of {self.battery.pack.cell.title}",
            "cycle": f"{trip.cycle.name}: {clock(trip.cycle.duration_s)}, {km:.4g} km",
            "start": f"{100.0 * config.soc:.4g} %, {config.temperature_degC:g} °C",
            "parameters": f"{len(vehicle.values)}, {guessed} of them provisional",
        }

    def summary(self) -> Sequence[Figure]:
        """Way and energy, what held it back, the cells."""
        total = self._summary
        at = f"of {clock(self.duration_s)}" if self.stopped else ""
        return [
            Figure("time", total.duration_s, "s", at),
            Figure("distance", total.distance_m / 1e3, "km", _behind(total)),
            *self._per_way(total),
            Figure("energy out", total.drawn_J / 3.6e3, "Wh", "from the pack to the drive"),
            Figure("energy in", total.fed_J / 3.6e3, "Wh", "by braking" if not total.source_J else ""),
            *(_held(total)),
            Figure("peak discharge current", max(0.0, total.most_A), "A"),
            Figure("peak charge current", max(0.0, -total.least_A), "A"),
            Figure("rms current", total.rms_A, "A"),
            *self.battery.cell_figures(),
        ]

    def _per_way(self, total: Summary) -> list[Figure]:
        """Consumption and range; a vehicle with a generator has no range of its battery."""
        used = total.soc_begin - total.soc_end
        if total.distance_m < 100.0:
            return []
        per_m = total.energy_per_m + total.source_J / total.distance_m
        note = "of pack and generator" if total.source_J else ""
        figures = [Figure("consumption", per_m / 3.6, "Wh/km", note)]
        if total.source_J:
            figures.append(Figure("from the generator", total.source_J / 3.6e3, "Wh"))
        if used > 0.01 and not total.source_J:
            reach_km = total.distance_m / used / 1e3
            figures.append(Figure("range", reach_km, "km", "at this rate, from full to empty"))
        return figures

    def panels(self) -> Sequence[Panel]:
        """Speed before the battery's own."""
        table = self.table
        return [
            Panel("speed", "km/h", [Trace("speed", table["speed"], "stimulus")]),
            Panel("distance", "km", [Trace("distance", table["distance"])]),
            *standard_panels(table, self.battery),
        ]


def _behind(total: Summary) -> str:
    behind = total.wanted_m - total.distance_m
    return f"{behind / 1e3:.3g} km behind the cycle" if behind > _BEHIND * total.wanted_m else ""


def _held(total: Summary) -> list[Figure]:
    """How long a limit held the vehicle back."""
    names = {"discharge": "held by the discharge limit", "charge": "braking held by the charge limit"}
    return [Figure(label, total.held_s[key], "s") for key, label in names.items() if total.held_s[key] >= 1.0]


def with_payload(cycle: Cycle, payload_kg: float | None) -> Cycle:
    """A payload that the user names holds, whatever the cycle says."""
    return cycle if payload_kg is None else replace(cycle, payload_kg=None)
