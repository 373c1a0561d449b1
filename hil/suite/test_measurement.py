"""A. Measurement accuracy, as the BMS reports it on the bus."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from statistics import fmean
from typing import Any

import pytest

from hil import Rig
from hil.suite.protections import within_limits


@pytest.mark.case(1, 2)
def test_every_cell_is_read_and_none_is_swapped(rig: Rig) -> None:
    """Each cell has a voltage of its own, and each is reported at its place.

    There is no room for so many voltages with more than the tolerance between all of them. So they are dealt
    out twice: two cells that are too near to be told apart once are far from each other the other time.
    """
    tolerance = rig.limits["accuracy_cell_voltage"].tolerance
    rig.require("cell.voltage[1]")
    for stride in _strides(rig.cells + 1):
        wanted = {cell: 3.100 + 0.004 * (cell * stride % (rig.cells + 1)) for cell in range(1, rig.cells + 1)}
        faults = [("cell.voltage", {"cell": cell, "value": volts}) for cell, volts in wanted.items()]
        _expect_each_at_its_place(rig, "cell.voltage", faults, wanted, tolerance)


def _strides(count: int) -> list[int]:
    """Two steps around a circle of so many places that meet each place once."""
    return [step for step in (37, 41, 43, 47, 53, 59) if math.gcd(step, count) == 1][:2]


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


@pytest.mark.case(5)
def test_every_temperature_sensor_is_read(rig: Rig) -> None:
    """Each sensor has a temperature of its own, and each is reported at its place."""
    tolerance = rig.limits["accuracy_temperature"].tolerance
    rig.require("cell.temperature[1]")
    low, high = rig.limits["undertemperature_discharge"], rig.limits["overtemperature_discharge"]
    step = (high.warning - low.warning) / (rig.temperature_sensors + 1)
    wanted = {
        sensor: round(2 * (low.warning + step * sensor)) / 2
        for sensor in range(1, rig.temperature_sensors + 1)
    }
    faults = [("temperature", {"sensor": sensor, "value": degrees}) for sensor, degrees in wanted.items()]
    _expect_each_at_its_place(rig, "cell.temperature", faults, wanted, tolerance)


def _expect_each_at_its_place(
    rig: Rig,
    role: str,
    faults: Iterable[tuple[str, dict[str, Any]]],
    wanted: Mapping[int, float],
    tolerance: float,
) -> None:
    """While the sensors show these values, the BMS says so of each member of the role."""
    with rig.faults(*faults):
        rig.settle("1 s")
        settled = rig.mark(f"{role}: each at its own value")
        rig.run_for(max(2_000_000_000, 2 * rig.cycle_ns(f"{role}[1]")))
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
    top = limit.threshold + 0.03
    rig.operate()
    with rig.fault("cell.voltage", cell=cell, value=top):
        rig.expect(f"balancing[{cell}]", True, within=limit.delay)
        wanted = {cell - 1: limit.threshold - 0.10, cell: top + 0.01, cell + 1: limit.threshold - 0.08}
        faults = [("cell.voltage", {"cell": one, "value": volts}) for one, volts in wanted.items()]
        _expect_each_at_its_place(rig, "cell.voltage", faults, wanted, tolerance)
        rig.stays(f"balancing[{cell}]", True, for_="300 ms")
        with rig.fault("cell.voltage", cell=cell, value=high.threshold + 0.05):
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


@pytest.mark.case(7)
def test_a_step_of_a_cell_voltage_is_on_the_bus_in_time(rig: Rig) -> None:
    """From the frame that carries a new voltage to the BMS's own with it: within its limit's delay."""
    limit = rig.limits["cell_overvoltage"]
    rig.require("cell.voltage_max")
    rig.operate()
    level = limit.warning - 0.05
    with rig.fault("cell.voltage", cell=1, value=level):
        rig.expect("cell.voltage_max", level, within=limit.delay)
