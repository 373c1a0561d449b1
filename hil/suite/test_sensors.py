"""E. Sensor and monitor faults: data that is not to be trusted is not used, and is reported."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from hil import Rig
from hil.suite.protections import frames_with


@pytest.mark.case(46)
def test_every_open_sense_wire_is_found(rig: Rig) -> None:
    """Each tap of the chain, one after the other, is found to be open."""
    limit = rig.limits["cell_sensor"]
    for tap in range(1, rig.taps + 1):
        with rig.fault("cell.open_wire", tap=tap):
            rig.expect("fault.cell_sensor", True, within=limit.delay + limit.reaction)
        rig.settle("700 ms")
        rig.reset_faults()


@pytest.mark.case(46)
@pytest.mark.parametrize("which", ["adjacent", "all"])
def test_several_open_sense_wires_are_found(rig: Rig, which: str) -> None:
    """Two taps side by side, and the whole plug at once, are no more confusing than one."""
    limit = rig.limits["cell_sensor"]
    middle = rig.series // 2
    taps = [middle, middle + 1] if which == "adjacent" else range(1, rig.taps + 1)
    rig.operate()
    start_ns = rig.now_ns
    with ExitStack() as broken:
        for tap in taps:
            broken.enter_context(rig.fault("cell.open_wire", tap=tap))
        rig.expect("fault.cell_sensor", True, within=limit.delay + limit.reaction)
        rig.expect("contactor.main_plus", "open", within=limit.delay + limit.reaction)
        rig.run_for("1 s")
    _expect_no_cell_blamed(rig, start_ns)


@pytest.mark.case(46, 53)
def test_an_open_sense_wire_opens_the_contactors_and_blames_no_cell(rig: Rig) -> None:
    """The neighbours of an open tap have no voltage, rather than a wrong one."""
    limit = rig.limits["cell_sensor"]
    rig.operate()
    start_ns = rig.now_ns
    with rig.fault("cell.open_wire", tap=rig.series // 2):
        rig.expect("fault.cell_sensor", True, within=limit.delay)
        rig.expect("contactor.main_plus", "open", within=limit.delay + limit.reaction)
        rig.run_for("2 s")
    _expect_no_cell_blamed(rig, start_ns)


@pytest.mark.case(53)
def test_a_cell_marked_invalid_is_not_used(rig: Rig, cell: int) -> None:
    """"Not available" is no voltage of 8.191 V and no 0 V either; it is a sensor fault."""
    limit = rig.limits["cell_sensor"]
    rig.operate()
    start_ns = rig.now_ns
    with rig.fault("cell.invalid", cell=cell):
        rig.expect("fault.cell_sensor", True, within=limit.delay)
        rig.expect("contactor.main_plus", "open", within=limit.delay + limit.reaction)
        rig.run_for("1 s")
    _expect_no_cell_blamed(rig, start_ns)


@pytest.mark.case(53)
def test_a_temperature_marked_invalid_is_not_used(rig: Rig) -> None:
    """"Not available" is no 77.5 degC; it is a sensor fault."""
    limit = rig.limits["temperature_sensor"]
    rig.operate()
    start_ns = rig.now_ns
    with rig.fault("temperature.invalid", sensor=rig.temperature_sensors):
        rig.expect("fault.temperature_sensor", True, within=limit.delay)
        rig.expect("contactor.main_plus", "open", within=limit.delay + limit.reaction)
        rig.run_for("6 s")
    count = frames_with(rig, "fault.overtemperature_discharge", 1, start_ns)
    rig.bounded("frames with fault.overtemperature_discharge set", count, high=0)


@pytest.mark.case(53)
def test_a_current_marked_invalid_is_not_used(rig: Rig) -> None:
    """A current far beyond the limit from a sensor that reports an error is a sensor fault only."""
    limit = rig.limits["current_sensor"]
    value = rig.limits["overcurrent_discharge"].threshold * 1.5
    rig.operate()
    start_ns = rig.now_ns
    with rig.fault("current_sensor.error") as stimulus, rig.fault("current", value=value):
        rig.expect("fault.current_sensor", True, within=limit.delay, since=stimulus)
        rig.expect(
            "contactor.main_plus", "open", within=limit.delay + limit.reaction, since=stimulus
        )
        rig.run_for("1 s")
    count = frames_with(rig, "fault.overcurrent_discharge", 1, start_ns)
    rig.bounded("frames with fault.overcurrent_discharge set", count, high=0)


def _expect_no_cell_blamed(rig: Rig, since_ns: int) -> None:
    """A voltage that is not there is neither too high nor too low."""
    for name in ("cell_overvoltage", "cell_undervoltage"):
        count = frames_with(rig, f"fault.{name}", 1, since_ns)
        rig.bounded(f"frames with fault.{name} set", count, high=0)


@pytest.mark.case(53)
def test_isolation_marked_invalid_is_not_relied_on(rig: Rig) -> None:
    """A monitor that has no valid value any more does not keep the pack connected for ever."""
    limit = rig.limits["isolation"]
    within = int(limit.number("valid_within")) + limit.delay
    rig.operate()
    rig.run_for("1 s")
    with rig.fault("port", port="isolation.valid", value=0.0):
        rig.expect("fault.isolation", True, within=within + limit.reaction)
        rig.expect("contactor.main_plus", "open", within=within + limit.reaction)


@pytest.mark.case(53)
@pytest.mark.parametrize("channel", ["pack", "link"])
def test_a_voltage_marked_invalid_is_not_used(rig: Rig, channel: str) -> None:
    """A voltage far off, from a channel that reports an error, is a sensor fault and nothing else."""
    limit = rig.limits["current_sensor"]
    value = 1.5 * rig.limits["pack_overvoltage"].threshold
    within = int(limit.number("voltage_within"))
    rig.operate()
    start_ns = rig.now_ns
    with (
        rig.fault("port", port=f"current_sensor.{channel}_error", value=1.0) as stimulus,
        rig.fault(f"{channel}.voltage", value=value),
    ):
        rig.expect("fault.current_sensor", True, within=within, since=stimulus)
        rig.expect("contactor.main_plus", "open", within=within + limit.reaction, since=stimulus)
        rig.run_for("1 s")
    for name in ("pack_overvoltage", "voltage_plausibility"):
        count = frames_with(rig, f"fault.{name}", 1, start_ns)
        rig.bounded(f"frames with fault.{name} set", count, high=0)


@pytest.mark.case(3, 51)
@pytest.mark.parametrize("side", ["low", "high"])
def test_a_pack_sensor_that_disagrees_with_the_cells_is_found(rig: Rig, side: str) -> None:
    """The pack's voltage and the sum of the cells must agree, in either direction."""
    limit = rig.limits["voltage_plausibility"]
    off = limit.tolerance + 3.0
    rig.operate()
    value = rig.truth("pack.voltage") + (off if side == "high" else -off)
    with rig.fault("pack.voltage", value=value):
        rig.expect("fault.voltage_plausibility", True, within=limit.delay)
        rig.expect("contactor.main_plus", "open", within=limit.delay + limit.reaction)
