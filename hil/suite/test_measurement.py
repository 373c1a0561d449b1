"""A. Measurement accuracy, as the BMS reports it on the bus."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from statistics import fmean
from typing import Any

import pytest

from hil import Rig
from hil.suite.protections import (
    AMPERES,
    CELLS,
    operate_watched,
    surely_balanced,
    surely_inside,
    surely_past,
    within_limits,
)

_CELL_STEPS, _TEMPERATURE_STEPS = 12, 8  # of one cell, of one sensor, through the range of what it watches
_PHASE_NS = 37_000_000
_BEYOND_V, _BEYOND_K = 0.3, 10.0  # how far past a threshold a reading must still be right


@pytest.mark.case(1, 2)
def test_every_cell_is_read_and_none_is_swapped(rig: Rig) -> None:
    """Between its two thresholds each cell is reported as it is, at its place, wherever the others are.

    Each has a voltage of its own, and goes through the whole range in steps. There is no room for so many
    voltages with more than the tolerance between all of them. So they are dealt out once more at the end: two
    cells that were too near to be told apart are far from each other then.
    """
    tolerance = rig.limits["accuracy_cell_voltage"].tolerance
    rig.require("cell.voltage[1]")
    span = surely_inside(rig, "cell_undervoltage"), surely_inside(rig, "cell_overvoltage")
    first, other = _strides(rig.cells + 1)
    rounds = [(first, step / _CELL_STEPS) for step in range(_CELL_STEPS)] + [(other, 0.0)]
    for stride, shift in rounds:
        wanted = _dealt(rig.cells, span, stride, shift)
        with _pack_as_its_cells(rig, wanted.values()):
            _expect_the_worst_to_agree(rig, "cell.voltage", _cell_faults(wanted), wanted, tolerance)


@pytest.mark.case(1)
@pytest.mark.parametrize("name", ["cell_undervoltage", "cell_overvoltage"])
def test_every_cell_is_read_beyond_its_limit(rig: Rig, name: str) -> None:
    """Past its threshold a cell is not out of the range of what is measured: whoever mends it reads this."""
    tolerance, limit = rig.limits["accuracy_cell_voltage"].tolerance, rig.limits.beside(name)
    rig.require("cell.voltage[1]")
    _keep_from_service(rig, name)
    reach = _BEYOND_V if limit.above else -min(_BEYOND_V, _room_below(rig, limit.threshold))
    (stride, *_) = _strides(rig.cells + 1)
    wanted = _dealt(rig.cells, (limit.threshold, limit.threshold + reach), stride, 0.0)
    _expect_the_worst_to_agree(rig, "cell.voltage", _cell_faults(wanted), wanted, tolerance)


def _strides(count: int) -> list[int]:
    """Two steps around a circle of so many places that meet each place once."""
    return [step for step in (37, 41, 43, 47, 53, 59) if math.gcd(step, count) == 1][:2]


def _dealt(count: int, span: tuple[float, float], stride: int, shift: float) -> dict[int, float]:
    """A value for each place, evenly over the span; ``shift``, from 0 to 1, moves all around it."""
    low, high = span
    places = {place: (place * stride / (count + 1) + shift) % 1.0 for place in range(1, count + 1)}
    return {place: round(low + (high - low) * share, 3) for place, share in places.items()}


def _room_below(rig: Rig, threshold: float) -> float:
    """How far a cell may be below its threshold, and not be lost for good by a deep discharge."""
    if not rig.has("deep_discharge"):
        return math.inf
    return max(0.0, threshold - rig.limits.beside("deep_discharge").threshold - 0.05)


def _keep_from_service(rig: Rig, *names: str) -> None:
    """Skip a test that would leave a real BMS with a fault that only a workshop clears."""
    for name in names:
        if rig.limits.beside(name).clears == "service":
            pytest.skip(f"the rig file has {name!r} cleared by service only")


def _cell_faults(wanted: Mapping[int, float]) -> list[tuple[str, dict[str, Any]]]:
    return [("cell.voltage", {"cell": cell, "value": volts}) for cell, volts in wanted.items()]


def _pack_as_its_cells(rig: Rig, cells: Iterable[float]) -> AbstractContextManager[Any]:
    """Let the pack's sensor agree with cells that have other voltages than in truth."""
    if not rig.has("current_sensor.voltage_pack"):
        return nullcontext()
    return rig.fault("pack.voltage", value=fmean(cells) * rig.series)


@pytest.mark.case(3)
def test_pack_voltage_agrees_with_the_sum_of_the_cells(rig: Rig) -> None:
    """The reported pack voltage is that of the cells in series."""
    share = rig.limits["accuracy_pack_voltage"].tolerance
    rig.run_for("2 s")
    cells = [rig.history(f"cell.voltage[{cell}]")[-1][1] for cell in range(1, rig.cells + 1)]
    total = sum(cells) / len(cells) * rig.series
    rig.agrees("measured.pack_voltage", total, share * total)
    rig.agrees("measured.pack_voltage", rig.truth("pack.voltage"), share * total)


@pytest.mark.case(4)
def test_pack_current_and_its_sign(rig: Rig) -> None:
    """Current really drawn from the pack or fed into it is reported with the right sign, on average."""
    limit = rig.limits["accuracy_current"]
    rig.operate()
    rig.set("drive.enable", 1.0)
    for wanted in (0.0, 1.5, 10.0, 150.0, 300.0, -1.5, -10.0, -100.0):
        current = within_limits(rig, wanted)
        rig.set("drive.current_request", current)
        rig.run_for("1 s")
        truth, settled_ns = rig.truth("pack.current"), rig.now_ns
        rig.bounded("current off what was asked", abs(truth - current), high=1.0, unit="A")
        rig.run_for(10 * rig.cycle_ns("measured.current"))  # the sensor's noise is not the BMS's
        told = fmean(amps for _, amps in rig.history("measured.current", settled_ns))
        tolerance = max(limit.number("offset"), limit.tolerance * abs(truth))
        rig.bounded(f"measured current off its {truth:.4g} A", abs(told - truth), high=tolerance, unit="A")


@pytest.mark.case(4)
@pytest.mark.parametrize("name", ["overcurrent_discharge", "overcurrent_charge"])
def test_a_current_is_read_up_to_its_limit(rig: Rig, name: str) -> None:
    """From zero to just below the overcurrent, by what the sensor says: more than is drawn in truth."""
    rig.limits["accuracy_current"].number("offset")
    rig.require("measured.current")
    sign = 1 if name == "overcurrent_discharge" else -1
    inside = surely_inside(rig, name)
    rig.operate()
    for share in (0.0, 0.001, 0.01, 0.1, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0):
        current = round(sign * share * inside, 1)
        tolerance = AMPERES.error(rig, current) + rig.resolution("measured.current") / 2
        with rig.fault("current", value=current):  # too short for what is offered to be passed
            rig.run_for(2 * rig.cycle_ns("measured.current"))
            rig.agrees("measured.current", current, tolerance)
        rig.run_for(2 * rig.cycle_ns("measured.current"))
    rig.stays("state", "operate", for_="200 ms")


@pytest.mark.case(5)
def test_every_temperature_sensor_is_read(rig: Rig) -> None:
    """Each sensor goes through the range between its thresholds in steps, and is reported at its place."""
    tolerance = rig.limits["accuracy_temperature"].tolerance
    rig.require("cell.temperature[1]")
    coldest, hottest = "undertemperature_discharge", "overtemperature_discharge"
    span = surely_inside(rig, coldest), surely_inside(rig, hottest)
    (stride, *_) = _strides(rig.temperature_sensors + 1)
    for step in range(_TEMPERATURE_STEPS):
        wanted = _halves(_dealt(rig.temperature_sensors, span, stride, step / _TEMPERATURE_STEPS))
        _expect_the_worst_to_agree(rig, "cell.temperature", _sensor_faults(wanted), wanted, tolerance)


@pytest.mark.case(5)
@pytest.mark.parametrize("name", ["undertemperature_discharge", "overtemperature_discharge"])
def test_every_temperature_sensor_is_read_beyond_its_limit(rig: Rig, name: str) -> None:
    """Past its threshold a temperature is reported as it is, as far as the sensors can tell it."""
    tolerance, limit = rig.limits["accuracy_temperature"].tolerance, rig.limits.beside(name)
    rig.require("cell.temperature[1]")
    _keep_from_service(rig, name)
    sensors = rig.config.plant.sensors
    coldest, hottest = sensors.temperature_min_degC + tolerance, sensors.temperature_max_degC - tolerance
    reach = _BEYOND_K if limit.above else -_BEYOND_K
    end = min(max(limit.threshold + reach, coldest), hottest)
    (stride, *_) = _strides(rig.temperature_sensors + 1)
    wanted = _halves(_dealt(rig.temperature_sensors, (limit.threshold, end), stride, 0.0))
    _expect_the_worst_to_agree(rig, "cell.temperature", _sensor_faults(wanted), wanted, tolerance)


def _halves(wanted: Mapping[int, float]) -> dict[int, float]:
    """The same to half a degree, which frames can carry."""
    return {sensor: round(2 * degrees) / 2 for sensor, degrees in wanted.items()}


def _sensor_faults(wanted: Mapping[int, float]) -> list[tuple[str, dict[str, Any]]]:
    return [("temperature", {"sensor": sensor, "value": degrees}) for sensor, degrees in wanted.items()]


@contextmanager
def _all_at_once(
    rig: Rig, role: str, faults: Iterable[tuple[str, dict[str, Any]]], least_ns: int = 0
) -> Iterator[Any]:
    """The sensors show these values, and the BMS has had two cycles, or longer, to say so."""
    with rig.faults(*faults):
        rig.settle("1 s")
        settled = rig.mark(f"{role}: each at its own value")
        rig.run_for(max(least_ns, 2 * rig.cycle_ns(f"{role}[1]")))
        yield settled


def _expect_the_worst_to_agree(
    rig: Rig,
    role: str,
    faults: Iterable[tuple[str, dict[str, Any]]],
    wanted: Mapping[int, float],
    tolerance: float,
) -> None:
    """While the sensors show these values, that member of the role which is furthest off agrees, too."""
    with _all_at_once(rig, role, faults) as settled:

        def off(place: int) -> float:
            frames = rig.history(f"{role}[{place}]", settled.applied_ns)
            return abs(frames[-1][1] - wanted[place]) if frames else math.inf

        worst = max(wanted, key=off)
        rig.agrees(f"{role}[{worst}]", wanted[worst], tolerance, since=settled)


def _expect_each_at_its_place(
    rig: Rig,
    role: str,
    faults: Iterable[tuple[str, dict[str, Any]]],
    wanted: Mapping[int, float],
    tolerance: float,
) -> None:
    """While the sensors show these values, the BMS says so of each member of the role."""
    with _all_at_once(rig, role, faults, 2_000_000_000) as settled:
        for place, value in wanted.items():
            rig.agrees(f"{role}[{place}]", value, tolerance, since=settled)


@pytest.mark.case(6)
def test_the_isolation_of_both_poles_is_read(rig: Rig) -> None:
    """Each pole's isolation is reported as its own, near the level at which it counts and far from it."""
    share, limit = rig.limits["accuracy_isolation"].tolerance, rig.limits["isolation"]
    rig.require("measured.isolation_plus", "measured.isolation_minus")
    for plus, minus in ((1.5, 4.0), (4.0, 1.5), (10.0, 20.0)):
        wanted = {"plus": plus * limit.threshold, "minus": minus * limit.threshold}
        with rig.faults(*(("isolation", {"pole": pole, "value": ohms}) for pole, ohms in wanted.items())):
            rig.settle("1 s")
            for pole, ohms in wanted.items():
                truth = rig.truth(f"isolation.{pole}")
                rig.agrees(f"measured.isolation_{pole}", truth, share * truth)
                rig.bounded(f"isolation of {pole}, as a share of its leak", truth / ohms, high=1.01)


@pytest.mark.case(8)
def test_cells_are_read_and_protected_while_they_are_balanced(rig: Rig) -> None:
    """While it balances each cell is still reported at its place, and an overvoltage answered in time."""
    limit, high = rig.limits["balancing"], rig.limits["cell_overvoltage"]
    tolerance = rig.limits["accuracy_cell_voltage"].tolerance
    rig.require("balancing[1]", "cell.voltage[1]")
    cell = rig.cells // 2
    top = surely_balanced(rig)
    operate_watched(rig, "cell_overvoltage")
    with rig.fault("cell.voltage", cell=cell, value=top):
        rig.expect(f"balancing[{cell}]", True, within=limit.delay)
        wanted = {cell - 1: limit.threshold - 0.10, cell: top + 0.01, cell + 1: limit.threshold - 0.08}
        faults = [("cell.voltage", {"cell": one, "value": volts}) for one, volts in wanted.items()]
        _expect_each_at_its_place(rig, "cell.voltage", faults, wanted, tolerance)
        rig.stays(f"balancing[{cell}]", True, for_="300 ms")
        with rig.fault("cell.voltage", cell=cell, value=surely_past(rig, "cell_overvoltage")):
            rig.expect("fault.cell_overvoltage", True, within=high.delay)
            rig.expect("contactor.main_plus", "open", within=high.delay + high.reaction)


@pytest.mark.case(9)
def test_link_voltage_is_read_open_and_closed(rig: Rig) -> None:
    """The DC link's reading follows the truth: discharged in standby, at the pack's voltage in operation."""
    share = rig.limits["accuracy_pack_voltage"].tolerance
    rig.require("measured.link_voltage")
    tolerance = share * rig.truth("pack.voltage")
    rig.run_for("1 s")
    rig.agrees("measured.link_voltage", rig.truth("link.voltage"), tolerance)
    rig.operate()
    rig.run_for("1 s")
    rig.agrees("measured.link_voltage", rig.truth("link.voltage"), tolerance)


@pytest.mark.case(9)
def test_the_link_voltage_is_read_over_its_range(rig: Rig) -> None:
    """From a link that is discharged, by one too low for the pack, to one above what the pack may have."""
    share = rig.limits["accuracy_pack_voltage"].tolerance
    top = rig.limits.beside("pack_overvoltage").threshold
    rig.require("measured.link_voltage", "current_sensor.voltage_link")
    for level in (0.0, 0.1, 0.3, 0.5, 0.8, 0.95, 1.0, 1.1):
        with rig.fault("link.voltage", value=level * top):
            rig.settle("300 ms")
            rig.agrees("measured.link_voltage", level * top, share * top)


@pytest.mark.case(7)
@pytest.mark.parametrize(
    ("role", "fault", "step", "accuracy"),
    [
        ("cell.voltage_max", "cell.voltage", 0.03, "accuracy_cell_voltage"),
        ("measured.current", "current", 20.0, "accuracy_current"),
    ],
    ids=["cell voltage", "current"],
)
def test_a_new_value_is_passed_on_at_once(
    rig: Rig, role: str, fault: str, step: float, accuracy: str
) -> None:
    """From the frame that brings it to the BMS's next but one, unless the rig file gives it a delay."""
    limit = rig.limits[accuracy]
    rig.require(role)
    rig.operate()
    within = limit.delay if limit.has("delay") else 2 * rig.cycle_ns(role)
    for phase in range(5):
        value = rig.value(role) + step
        place = {"cell": 1 + phase % rig.cells} if fault == "cell.voltage" else {}
        with rig.fault(fault, value=value, **place) as stimulus:
            carried_ns = rig.on_wire(stimulus)
            rig.run_for(2 * within)
            near = [t_ns for t_ns, seen in rig.history(role, carried_ns) if abs(seen - value) < step / 2]
            after_ns = (near[0] if near else rig.now_ns) - carried_ns
            rig.bounded(f"{role} shows it after", after_ns / 1e6, high=within / 1e6, unit="ms")
        rig.run_for(2 * within + phase * _PHASE_NS)  # each time at another phase of its cycle


@pytest.mark.case(7)
def test_a_step_of_a_cell_voltage_is_on_the_bus_in_time(rig: Rig) -> None:
    """From the frame that carries a new voltage to the BMS's own with it: within its limit's delay."""
    limit = rig.limits["cell_overvoltage"]
    rig.require("cell.voltage_max")
    rig.operate()
    level = limit.warning - 0.05
    error = CELLS.error(rig, level) + rig.resolution("cell.voltage_max") / 2
    with rig.fault("cell.voltage", cell=1, value=level) as stimulus:
        carried_ns = rig.on_wire(stimulus)
        rig.run_for(limit.delay)
        shown = [
            t_ns for t_ns, seen in rig.history("cell.voltage_max", carried_ns) if abs(seen - level) <= error
        ]
        after_ns = (shown[0] if shown else rig.now_ns) - carried_ns
        rig.bounded("frames with the new voltage", len(shown), low=1)
        rig.bounded("new voltage shown after", after_ns / 1e6, high=limit.delay.latest / 1e6, unit="ms")
