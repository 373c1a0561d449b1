"""Machines: for each preset the published figure and the twin's, side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from math import inf

import numpy as np

from hil.sim.charging import Charging, Supply, Warmth
from hil.sim.words import clock
from twins import cycles, vehicle
from twins.cycles import Cycle
from twins.pack import Pack, PackConfig
from twins.terminals import window_currents
from twins.vehicle import VehicleParameters

MILE_KM = 1.609344
_SHEET = Warmth(cold_degC=-45.0, cool_degC=-45.0, warm_degC=80.0, hot_degC=85.0)  # 85 degC: Winston's sheet
_LIFE_degC = 20.0
_MOST_CYCLES = 20_000
_STEPS = 240  # of a half cycle: a minute each


@dataclass(frozen=True)
class Answer:
    """What the twin says: a number in the question's unit, or that it never gets there."""

    value: float
    note: str = ""


@dataclass(frozen=True)
class Question:
    """One figure of one machine.

    Attributes:
        published: In ``unit``; ``None``: nobody published one.
        unit: ``km``, ``kWh``, ``s``, ``%``, ``cycles`` or ``°C``.
        ask: What the twin says.
        condition: Under which it was asked.
        source: Of the published figure.
    """

    machine: str
    figure: str
    published: float | None
    unit: str
    ask: Callable[[], Answer]
    condition: str
    source: str


@dataclass(frozen=True)
class Comparison:
    """A question with its answer."""

    question: Question
    answer: Answer

    @property
    def difference(self) -> str:
        """How far the twin is off, of the published figure."""
        if self.question.published is None:
            return ""
        if self.answer.value == inf:
            return "never"
        part = self.answer.value / self.question.published - 1.0
        return f"{100.0 * part:+.0f} %".replace("-", "−")


def questions() -> Iterator[Question]:
    """All of them, in the order of the page."""
    yield from _xe20()
    yield from _e30_and_m150()
    yield from _rv()
    yield from _unpublished()
    yield from _lives()
    yield from _ovens()


def compare(question: Question) -> Comparison:
    """Ask the twin."""
    return Comparison(question, question.ask())


def say(value: float | None, unit: str) -> str:
    """A figure of a table."""
    if value is None:
        return "–"
    if value == inf:
        return "never"
    if unit == "s":
        return clock(value)
    return f"{value:,.0f} {unit}" if value >= 1000.0 else f"{value:.3g} {unit}"


def markdown(comparisons: list[Comparison]) -> str:
    """A table."""
    names = ("machine", "figure", "published", "twin", "difference", "condition", "source")
    head = f"| {' | '.join(names)} |\n{'|---' * len(names)}|\n"
    return head + "".join(row(one) for one in comparisons)


def row(one: Comparison) -> str:
    """One line of the table."""
    asked = one.question
    condition = f"{asked.condition}; {one.answer.note}" if one.answer.note else asked.condition
    cells = (
        asked.machine,
        asked.figure,
        say(asked.published, asked.unit),
        say(one.answer.value, asked.unit),
        one.difference,
        condition,
        asked.source,
    )
    return f"| {' | '.join(cells)} |\n"


# --- the machines -----------------------------------------------------------------------------


def _xe20() -> Iterator[Question]:
    xe20 = vehicle.load("xe20")
    said, yard = xe20.published, cycles.load("yard")
    loaded, empty = said["range_loaded"], said["range_empty"]
    yield Question(
        "XE20", "energy of the pack", said["energy"].value / 3.6e6, "kWh", lambda: _energy(xe20),
        "discharged at C/5 from full to 2.5 V, 25 °C", said["energy"].source,
    )  # fmt: skip
    yield from _steady(xe20, "XE20", "range loaded", loaded.value, (25, 30e3), loaded.source)
    yield from _steady(xe20, "XE20", "range empty", empty.value, (25, 0.0), empty.source)
    yield Question(
        "XE20", "range in the yard", loaded.value / 1e3, "km", lambda: _range(xe20, yard, None),
        "cycle `yard`: containers on and off, queues", loaded.source,
    )  # fmt: skip
    yield Question(
        "XE20", "60 % charged", 3600.0, "s", lambda: _charge(xe20, "fast", 0.6),
        "its charger `fast`: 84 kW, from empty", said["quick_charge"].source,
    )  # fmt: skip
    yield Question(
        "XE20", "full", 7 * 3600.0, "s", lambda: _charge(xe20, "onboard", 1.0),
        "its charger `onboard`: 20 kW, from empty; published 6 to 8 h", "greenlaunches 2010-04-09",
    )  # fmt: skip


def _e30_and_m150() -> Iterator[Question]:
    e30, m150 = vehicle.load("e30"), vehicle.load("m150")
    loaded = e30.published["range_loaded"]
    yield from _steady(e30, "E30", "range loaded", loaded.value, (40, 30e3), loaded.source)
    yield from _steady(e30, "E30", "range loaded", loaded.value, (25, 30e3), loaded.source)
    for figure, payload_kg in (("loaded", 7e3), ("empty", 0.0)):
        said = m150.published[f"range_{figure}"]
        for mph in (55, 35):
            at = (mph, payload_kg)
            yield from _steady(m150, "Mule M150", f"range {figure}", said.value, at, said.source)


def _rv() -> Iterator[Question]:
    rv = vehicle.load("rv")
    said = rv.published
    for mph in (65, 55):
        yield from _steady(rv, "RV", "range", said["range"].value, (mph, rv.payload_kg), said["range"].source)
    slow, fast = said["charge_time"], said["fast_charge_time"]
    yield Question(
        "RV", "full", slow.value, "s", lambda: _charge(rv, "onboard", 1.0),
        "its charger `onboard`: 30 kW, from empty", slow.source,
    )  # fmt: skip
    yield Question(
        "RV", "full, fast", fast.value, "s", lambda: _charge(rv, "fast", 0.95),
        "its charger `fast`: 3C, to 95 %; 3.65 V, current fades from 45 to 60 °C", fast.source,
    )  # fmt: skip
    yield Question(
        "RV", "full, fast", fast.value, "s", lambda: _charge(rv, "fast", 0.95, sheet=True),
        "the same by the cells' sheet: 4.0 V, up to 85 °C", fast.source,
    )  # fmt: skip


def _unpublished() -> Iterator[Question]:
    town = cycles.load("ece-15")
    driven = (
        ("truck-50t", cycles.load("drayage"), "cycle `drayage`"),
        ("city-bus", town, "cycle `ece-15`"),
        ("micro-bus", town, "cycle `ece-15`"),
        ("automobile", town, "cycle `ece-15`"),
        ("motorcycle", town, "cycle `ece-15`"),
        ("forklift", _at(12.0), "steady 12 km/h"),
        ("e-bike", _at(22.0), "steady 22 km/h"),
    )
    for name, cycle, condition in driven:
        one = vehicle.load(name)
        under = f"{condition}, rated payload, at the rate of its first hours"
        source = "nothing published: the preset is of its class, not of a make"
        yield Question(one.title, "range", None, "km", _asking(one, cycle), under, source)


def _lives() -> Iterator[Question]:
    press = "press release; the sheet of the 300 Ah cell: 5000 and more"
    rows = (
        ("winston-lyp-100", 2000.0, press),
        ("lead-agm-100", 400.0, "press release: SLA"),
        ("lfp-280", 6000.0, "maker, EVE LF280K, at 0.5 C"),
        ("nmc-94", None, "nothing published here"),
    )
    for name, published, source in rows:
        yield Question(
            name, "cycles to 80 % capacity", published, "cycles", partial(_cycles, name),
            f"80 % deep, C/5, {_LIFE_degC:g} °C", source,
        )  # fmt: skip


def _ovens() -> Iterator[Question]:
    source = "evpulse.co.in: LFP runs away some 90 K later than NMC811"
    for name in ("winston-lyp-100", "nmc-94"):
        for oven in (130.0, 140.0, 150.0):
            yield Question(
                name, f"hottest in an oven of {oven:g} °C", None, "°C", partial(_oven, name, oven),
                "full, six hours", source,
            )  # fmt: skip


def _asking(one: VehicleParameters, cycle: Cycle) -> Callable[[], Answer]:
    return partial(_at_this_rate, one, cycle)


def _steady(
    one: VehicleParameters, machine: str, figure: str, said_m: float, at: tuple[float, float], source: str
) -> Iterator[Question]:
    """The range at a speed in mph with a load in kg."""
    mph, load_kg = at
    cycle = _at(mph * MILE_KM)
    condition = f"steady {mph:g} mph ({mph * MILE_KM:.0f} km/h), {load_kg / 1e3:g} t, level road"
    yield Question(
        machine, figure, said_m / 1e3, "km", lambda: _range(one, cycle, load_kg), condition, source
    )


# --- how the twin is asked --------------------------------------------------------------------


def _at(km_h: float) -> Cycle:
    """An hour at one speed, with half a minute to get there."""
    time_s = np.array([0.0, 30.0, 3600.0])
    return Cycle(f"steady {km_h:g} km/h", time_s, np.array([0.0, km_h, km_h]) / 3.6, np.zeros(3))


def _range(one: VehicleParameters, cycle: Cycle, payload_kg: float | None) -> Answer:
    """From full until the vehicle can no longer follow; without a driver who creeps on."""
    run = vehicle.Run(one, cycle, Pack(one.pack_config(soc=1.0)), 0.1, payload_kg)
    for time_s in run.bursts(1000 * 3600.0, 60.0):
        if time_s % 60.0 < 0.5 and _cannot_follow(run):
            break
    total = run.result().summary
    return Answer(total.distance_m / 1e3, f"{total.energy_per_m / 3.6:.0f} Wh/km")


def _at_this_rate(one: VehicleParameters, cycle: Cycle) -> Answer:
    """An hour of the cycle, or once through what is longer; the rest of the charge at the same rate."""
    hours = None if cycle.duration_s > 3600.0 else 1.0
    total = vehicle.simulate(one, cycle, hours=hours, soc=0.9, sample_s=60.0).summary
    reach_km = total.distance_m / 1e3 / (total.soc_begin - total.soc_end)
    return Answer(reach_km, f"{total.energy_per_m / 3.6:.0f} Wh/km")


def _cannot_follow(run: vehicle.Run) -> bool:
    total = run.result().summary
    return total.wanted_m - total.distance_m > max(0.02 * total.wanted_m, 1000.0)


def _charge(one: VehicleParameters, charger: str, target: float, *, sheet: bool = False) -> Answer:
    """Time until a state of charge; infinite if it is never reached."""
    own = one.chargers[charger]
    supply = Supply(charger, own.voltage_V, own.current_A, own.power_W, own.efficiency)
    cold, warm, hot = (one[f"bms.{key}"] for key in ("cold", "warm", "hot"))
    warmth = _SHEET if sheet else Warmth(cold, cold, warm, hot)
    config = one.pack_config(soc=0.0, profile="sheet" if sheet else "practice")
    scenario = Charging(config, supply, warmth, target)
    for _ in scenario.steps():
        pass
    soc, hottest_degC = scenario.battery.soc, scenario.battery.tally.hottest.value
    reached = soc >= target - 0.005
    note = f"{_at_mark(scenario, 1200.0)}hottest cell {hottest_degC:.0f} °C"
    return Answer(scenario.battery.time_s if reached else inf, note)


def _at_mark(scenario: Charging, time_s: float) -> str:
    """The state of charge at an instant, where that lies well before the end."""
    table = scenario.table
    if scenario.battery.pack.current_A == 0.0 or table["time"][-1] > 3 * 3600.0:
        return ""
    soc = float(np.interp(time_s, table["time"], table["soc"]))
    return f"{soc:.0f} % after {clock(time_s)}; "


def _energy(one: VehicleParameters) -> Answer:
    """At the terminals, C/5 from full until a cell is at the end of its window."""
    pack = Pack(one.pack_config(soc=1.0))
    current_A, out_J = pack.capacity_Ah / 5.0, 0.0
    while window_currents(pack, *pack.window_V)[1] > current_A:
        out_J += 10.0 * current_A * pack.advance(current_A, 1.0, 10)
    return Answer(out_J / 3.6e6)


def _cycles(name: str) -> Answer:
    """Until a fifth of the capacity is gone; temperature held, depth by the capacity that is left."""
    config = PackConfig(name, 1, soc=0.9, temperature_degC=_LIFE_degC, ambient_degC=_LIFE_degC)
    pack = Pack(config)
    current_A, cycles_done = 0.2 * pack.capacity_Ah, 0
    while float(pack.loss.max()) < 0.2 and cycles_done < _MOST_CYCLES:
        left_Ah = pack.capacity_Ah * (1.0 - float(pack.loss.max()))
        step_s = 3600.0 * 0.8 * left_Ah / current_A / _STEPS
        for sign in (1.0, -1.0):
            pack.advance(sign * current_A, step_s, _STEPS)
            pack.set_temperature(_LIFE_degC)
        cycles_done += 1
    days = 2.0 * 0.8 * 5.0 / 24.0 * cycles_done
    return Answer(float(cycles_done), f"{days / 365.25:.1f} years of cycling without a pause")


def _oven(name: str, oven_degC: float) -> Answer:
    """A full cell at rest in a hot oven: the hottest that it becomes, and when it leaves the oven behind."""
    pack = Pack(PackConfig(name, 1, soc=1.0))
    pack.ambient_degC = pack.coolant_degC = oven_degC
    hottest, away_s = 25.0, inf
    for second in range(0, 6 * 3600, 5):
        pack.advance(0.0, 1.0, 5)
        hottest = max(hottest, float(pack.temperatures_degC.max()))
        if hottest > oven_degC + 50.0 and away_s == inf:
            away_s = float(second)
    return Answer(hottest, "no runaway" if away_s == inf else f"50 K above the oven after {clock(away_s)}")
