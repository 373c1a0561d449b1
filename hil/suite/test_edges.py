"""What a fault alone does not show: traces of a refused reset, values beside an open wire, cells swapped."""

from __future__ import annotations

import itertools
import math
from contextlib import ExitStack

import pytest

from hil import Rig
from hil.suite.protections import frames_with

_BEYOND_V = 0.05  # far enough past a threshold for any permitted accuracy
_LOWEST_V, _SPAN_V = 3.100, 0.384  # where no cell of any chemistry here trips


def _refused_reset(rig: Rig) -> int:
    """Overvoltage, and a reset while the cell is still too high; when the reset began (ns)."""
    limit = rig.limits["cell_overvoltage"]
    rig.operate()
    with rig.fault("cell.voltage", cell=1, value=limit.threshold + _BEYOND_V):
        rig.expect("fault.cell_overvoltage", True, within=limit.delay + limit.reaction)
        rig.request("mode", "standby")
        rig.run_for("500 ms")
        begun_ns = rig.now_ns
        rig.pulse_reset()
        rig.run_for("500 ms")
    return begun_ns


@pytest.mark.case(45)
def test_a_refused_reset_does_not_clear_the_fault_for_a_moment(rig: Rig) -> None:
    """While the cause is there no frame is without the fault, not even the first after the reset."""
    begun_ns = _refused_reset(rig)
    rig.bounded("frames without the fault", frames_with(rig, "fault.cell_overvoltage", 0, begun_ns), high=0)


@pytest.mark.case(45, 72)
def test_a_refused_reset_is_no_new_occurrence(rig: Rig) -> None:
    """The fault never ended, so the fault memory counts it once."""
    rig.require("dtc.occurrences")
    _refused_reset(rig)
    rig.run_for("2 s")
    rig.bounded("occurrences of the fault", rig.value("dtc.occurrences"), low=1, high=1)


@pytest.mark.case(46, 53)
@pytest.mark.parametrize("side", ["below", "above"])
@pytest.mark.parametrize("limit", ["cell_overvoltage", "cell_undervoltage"])
def test_a_voltage_beside_an_open_wire_is_not_believed(rig: Rig, side: str, limit: str) -> None:
    """The inputs on both sides of an open wire float: what is measured there is no cell's voltage."""
    tap = rig.cells // 2
    sensor, threshold = rig.limits["cell_sensor"], rig.limits[limit].threshold
    value = threshold + (_BEYOND_V if limit == "cell_overvoltage" else -_BEYOND_V)
    rig.operate()
    start_ns = rig.now_ns
    with rig.fault("cell.open_wire", tap=tap) as broken:
        rig.run_for("200 ms")
        with rig.fault("cell.voltage", cell=tap - 1 if side == "below" else tap, value=value):
            rig.expect("fault.cell_sensor", True, within=sensor.delay + sensor.reaction, since=broken)
            rig.run_for(rig.limits[limit].delay + rig.limits[limit].reaction)
    rig.bounded(f"frames with fault.{limit} set", frames_with(rig, f"fault.{limit}", 1, start_ns), high=0)


@pytest.mark.case(2)
def test_no_two_cells_are_swapped(rig: Rig) -> None:
    """Cells that are near each other in number, and so in a frame, are far apart in voltage."""
    tolerance = rig.limits["accuracy_cell_voltage"].tolerance
    rig.require("cell.voltage[1]")
    levels = _apart(rig.cells)
    wanted = {cell: _LOWEST_V + _SPAN_V * level / rig.cells for cell, level in enumerate(levels, 1)}
    with ExitStack() as held:
        for cell, volts in wanted.items():
            held.enter_context(rig.fault("cell.voltage", cell=cell, value=volts))
        rig.run_for("1 s")
        settled = rig.mark("neighbours far apart")
        rig.run_for("2 s")
        for cell, volts in wanted.items():
            rig.agrees(f"cell.voltage[{cell}]", volts, tolerance, since=settled)


def _apart(count: int) -> list[int]:
    """The numbers from 1 to ``count`` by steps of a golden section: neighbours differ much."""
    modulus = count + 1
    stride = next(s for s in itertools.count(round(0.382 * modulus)) if math.gcd(s, modulus) == 1)
    return [place * stride % modulus for place in range(1, modulus)]


@pytest.mark.case(64)
def test_no_more_voltage_is_asked_for_than_promised(rig: Rig) -> None:
    """A charger that gives all that it is asked for is never asked for more than the cells take."""
    limit = rig.limits["charge"]
    rig.require("charger.voltage")
    rig.charge()
    rig.run_for("5 s")
    asked = max(volts for _, volts in rig.history("charger.voltage"))
    rig.bounded("voltage asked for", asked, low=0.9 * limit.threshold, high=1.005 * limit.threshold, unit="V")
