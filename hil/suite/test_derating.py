"""C. Derating: the current that the BMS offers, over charge, temperature and voltage."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from hil import Rig
from hil.suite.protections import CELLS, HEAT, surely_inside

_UNDER, _OVER = "undertemperature_", "overtemperature_"
# what opens the contactors in operation where a curve goes on
_WATCHED_BY: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "temperature_min": {"": (f"{_UNDER}discharge", f"{_UNDER}charge")},
    "temperature_max": {"": (f"{_OVER}discharge", f"{_OVER}charge")},
    "voltage": {"discharge_current": ("cell_undervoltage",), "charge_current": ("cell_overvoltage",)},
}
_SAID = {
    "soc": "soc",
    "temperature_min": "cell.temperature_min",
    "temperature_max": "cell.temperature_max",
    "voltage": "cell.voltage_min",
}
_FOLLOWS_NS = 100_000_000  # what a BMS needs beside the cycle of its frame


@pytest.mark.case(16, 30)
@pytest.mark.parametrize("of", ["soc", "temperature_min", "temperature_max", "voltage"])
@pytest.mark.parametrize("name", ["discharge_current", "charge_current"])
def test_the_offered_current_follows_its_curve(rig: Rig, name: str, of: str) -> None:
    """What is offered is what the curve says, at its points and between them, and goes one way only."""
    limit, role = rig.limits[name], f"limit.{name}"
    curve = limit.curve(of)
    rig.require(role)
    if of != "soc":
        rig.operate()
    seen = []
    for value in _walk(rig, name, of):
        with _at(rig, name, of, value):
            reached, step = _reached(rig, name, of, value)
            low, high = curve.around(reached, step)
            most = min((_most(rig, name, other) for other in limit.curves if other != of), default=math.inf)
            off = curve.tolerance + rig.resolution(role)
            offered = abs(rig.value(role))
            what = f"offered at {reached:.6g} {curve.unit}"
            rig.bounded(what, offered, low=min(low, most) - off, high=min(high, most) + off, unit="A")
            seen.append((reached, offered))
    seen.sort(key=lambda point: (-point[0] if curve.is_rising else point[0], -point[1]))
    _expect_one_way(rig, role, [offered for _, offered in seen])


def _walk(rig: Rig, name: str, of: str) -> list[float]:
    """The points of a curve and the middles between them, none where a protection opens the contactors."""
    values = rig.limits[name].curve(of).walk()
    watched = _WATCHED_BY.get(of, {})
    for limit in watched.get(name, watched.get("", ())):
        if not rig.has(limit) or not rig.limits.beside(limit).has("threshold"):
            continue
        promise = rig.limits.beside(limit)
        if promise.states and "operate" not in promise.states:
            continue
        edge = surely_inside(rig, limit)
        values = [min(value, edge) if promise.above else max(value, edge) for value in values]
    return list(dict.fromkeys(values))


@contextmanager
def _at(rig: Rig, name: str, of: str, value: float) -> Iterator[None]:
    """The BMS measures a value, and has had the time to offer what it gives there."""
    if of == "soc":
        known = rig.limits.beside("accuracy_soc").time("first_within")
        rig.require("soc")
        rig.set("pack.soc", value)
        rig.power_on()  # it knows nothing but this pack
        rig.run_for(known)
        rig.operate()
        _wait(rig, name, of)
        yield
        return
    with rig.faults(*_strokes(rig, name, of, value)) as stimuli:
        for stimulus in stimuli:
            rig.on_wire(stimulus)
        _wait(rig, name, of)
        yield


def _strokes(rig: Rig, name: str, of: str, value: float) -> list[tuple[str, dict[str, float]]]:
    """One cell or sensor at a value, and with it those that are beyond it as they are."""
    lowest = of == "temperature_min" or (of == "voltage" and name == "discharge_current")
    port = "cell_monitor.voltage" if of == "voltage" else "cell_monitor.temperature"
    fault, place = ("cell.voltage", "cell") if of == "voltage" else ("temperature", "sensor")
    count = rig.cells if of == "voltage" else rig.temperature_sensors
    now = {number: rig.truth(f"{port}[{number}]") for number in range(1, count + 1)}
    beyond = [n for n, there in now.items() if (there < value if lowest else there > value)]
    struck = [(fault, {place: number, "value": value}) for number in dict.fromkeys([1, *beyond])]
    if of == "voltage" and beyond:  # cells and pack agree, or the BMS would rightly doubt the sensor
        struck.append(("pack.voltage", {"value": value * rig.series}))
    return struck


def _wait(rig: Rig, name: str, of: str) -> None:
    """As long as the offer takes to follow."""
    within_ns = rig.limits[name].curve(of).within_ns
    rig.run_for(2 * rig.cycle_ns(f"limit.{name}") + _FOLLOWS_NS if within_ns is None else within_ns)


def _reached(rig: Rig, name: str, of: str, value: float) -> tuple[float, float]:
    """Where on the curve the BMS is, as a wire rounds it or as the BMS says it; and by how much it is off."""
    if of == "soc":
        return rig.value("soc") / 100, rig.resolution("soc") / 100
    port = "cell_monitor.voltage[1]" if of == "voltage" else "cell_monitor.temperature[1]"
    shown = rig.value(port) if rig.has(port) else value
    role = _said(name, of)
    if not rig.has(role):
        return shown, 0.0
    told, step = rig.value(role), rig.resolution(role)
    error = (CELLS if of == "voltage" else HEAT).error(rig, shown)
    rig.bounded(f"{role} off", abs(told - shown), high=error + step / 2)
    return (shown, 0.0) if abs(told - shown) < step else (told, step / 2)


def _most(rig: Rig, name: str, of: str) -> float:
    """What another curve leaves, by what the BMS says that it measures."""
    role = _said(name, of)
    if not rig.has(role):
        return math.inf
    value = rig.value(role)
    return rig.limits[name].curve(of).at(value / 100 if of == "soc" else value)


def _said(name: str, of: str) -> str:
    """The role in which the BMS says what a curve follows."""
    return "cell.voltage_max" if (of, name) == ("voltage", "charge_current") else _SAID[of]


def _expect_one_way(rig: Rig, role: str, offered: list[float]) -> None:
    """From where most is offered to where least is nothing comes back."""
    back = max((after - before for before, after in itertools.pairwise(offered)), default=0.0)
    rig.bounded("offered more on the way to less", back, high=rig.resolution(role), unit="A")
