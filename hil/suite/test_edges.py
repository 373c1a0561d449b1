"""What a fault alone does not show: traces of a refused reset, values beside an open wire."""

from __future__ import annotations

import pytest

from hil import Rig
from hil.suite.protections import PROTECTIONS, activate, frames_with, operate_watched, surely_past


@pytest.mark.case(45, 72)
def test_a_refused_reset_is_no_new_occurrence(rig: Rig) -> None:
    """While the cell is too high the fault does not end, so the fault memory counts it once."""
    rig.require("dtc.occurrences")
    limit = rig.limits["cell_overvoltage"]
    activate(rig, PROTECTIONS["cell_overvoltage"])
    with rig.fault("cell.voltage", cell=1, value=surely_past(rig, "cell_overvoltage")):
        rig.expect("fault.cell_overvoltage", True, within=limit.delay + limit.reaction)
        rig.request("mode", "standby")
        rig.run_for("500 ms")
        rig.pulse_reset()
        rig.run_for("2 s")
    rig.bounded("occurrences of the fault", rig.value("dtc.occurrences"), low=1, high=1)


@pytest.mark.case(46, 53)
@pytest.mark.parametrize("side", ["below", "above"])
@pytest.mark.parametrize("limit", ["cell_overvoltage", "cell_undervoltage"])
def test_a_voltage_beside_an_open_wire_is_not_believed(rig: Rig, side: str, limit: str) -> None:
    """The inputs on both sides of an open wire float: what is measured there is no cell's voltage."""
    tap = rig.series // 2
    sensor, value = rig.limits["cell_sensor"], surely_past(rig, limit)
    operate_watched(rig, limit, "cell_sensor")
    start_ns = rig.now_ns
    with rig.fault("cell.open_wire", tap=tap) as broken:
        rig.run_for("200 ms")
        with rig.fault("cell.voltage", cell=tap - 1 if side == "below" else tap, value=value):
            rig.expect("fault.cell_sensor", True, within=sensor.delay + sensor.reaction, since=broken)
            rig.run_for(rig.limits[limit].delay + rig.limits[limit].reaction)
    rig.bounded(f"frames with fault.{limit} set", frames_with(rig, f"fault.{limit}", 1, start_ns), high=0)
