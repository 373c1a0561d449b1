"""E. Sensor and monitor faults: data that is not to be trusted is not used, and is reported."""

from __future__ import annotations

from typing import Any

import pytest

from hil import Rig
from hil.suite.protections import (
    CELLS,
    PACK,
    PROTECTIONS,
    activate,
    expect_open,
    frames_with,
    operate_watched,
    surely_inside,
)

_INNER_SHORT_Ohm = 0.5e-3
_SAID_BY = ("cell_monitor.open_wire",)  # a wire is open when this says so, whatever the voltages are by then


@pytest.mark.case(46)
def test_every_open_sense_wire_is_found(rig: Rig) -> None:
    """Each tap of the chain, one after the other, is found to be open."""
    limit = rig.limits["cell_sensor"]
    for tap in range(1, rig.taps + 1):
        with rig.fault("cell.open_wire", tap=tap):
            within = limit.delay + limit.reaction
            rig.expect("fault.cell_sensor", True, within=within, through=_SAID_BY)
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
    within = limit.delay + limit.reaction
    with rig.faults(*(("cell.open_wire", {"tap": tap}) for tap in taps)):
        rig.expect("fault.cell_sensor", True, within=within, through=_SAID_BY)
        rig.expect("contactor.main_plus", "open", within=within, through=_SAID_BY)
        rig.run_for("1 s")
    _expect_no_cell_blamed(rig, start_ns)


@pytest.mark.case(46, 53)
def test_an_open_sense_wire_opens_the_contactors_and_blames_no_cell(rig: Rig) -> None:
    """The neighbours of an open tap have no voltage, rather than a wrong one."""
    limit = rig.limits["cell_sensor"]
    rig.operate()
    start_ns = rig.now_ns
    with rig.fault("cell.open_wire", tap=rig.series // 2):
        rig.expect("fault.cell_sensor", True, within=limit.delay, through=_SAID_BY)
        rig.expect("contactor.main_plus", "open", within=limit.delay + limit.reaction, through=_SAID_BY)
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
def test_every_cell_marked_invalid_is_missed(rig: Rig) -> None:
    """Whichever cell has no voltage any more: it is missed in time, and none is blamed."""
    limit = rig.limits["cell_sensor"]
    start_ns = rig.now_ns
    for cell in range(1, rig.cells + 1):
        with rig.fault("cell.invalid", cell=cell):
            rig.expect("fault.cell_sensor", True, within=limit.delay)
        rig.settle("300 ms")
        rig.reset_faults()
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
        rig.expect("contactor.main_plus", "open", within=limit.delay + limit.reaction, since=stimulus)
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
    within = limit.time("valid_within") + limit.delay
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
    within = limit.time("voltage_within")
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
    off = _surely_astray(rig)
    rig.operate()
    value = rig.truth("pack.voltage") + (off if side == "high" else -off)
    with rig.fault("pack.voltage", value=value):
        rig.expect("fault.voltage_plausibility", True, within=limit.delay)
        rig.expect("contactor.main_plus", "open", within=limit.delay + limit.reaction)


@pytest.mark.case(13, 42)
@pytest.mark.parametrize("direction", ["discharge", "charge"])
def test_a_current_through_open_contactors_is_an_error_of_its_sensor(rig: Rig, direction: str) -> None:
    """Where nothing can flow a small offset is tolerated; a large one is found, and nothing closes."""
    limit = rig.limits["current_sensor"]
    offset, within = limit.number("open_current"), limit.time("open_within")
    if direction == "charge":
        offset = -offset
    port = "current_sensor.current"
    start_ns = rig.now_ns
    with rig.fault("sensor.offset", port=port, value=0.5 * offset):
        rig.run_for(3 * within)
    count = frames_with(rig, "fault.current_sensor", 1, start_ns)
    rig.bounded("frames with fault.current_sensor set", count, high=0)
    with rig.fault("sensor.offset", port=port, value=1.5 * offset):
        rig.expect("fault.current_sensor", True, within=within)
        rig.request("mode", "operate")
        rig.stays("contactor.main_plus", "open", for_="1 s")


@pytest.mark.case(47)
@pytest.mark.parametrize("how", ["shorted or reversed", "above its range"])
def test_a_cell_input_at_the_end_of_its_range_is_answered(rig: Rig, how: str) -> None:
    """A shorted input reads 0 V, and so does a reversed one where no frame carries less: no healthy cell."""
    names = ("cell_sensor", "cell_overvoltage" if how == "above its range" else "cell_undervoltage")
    within = max(rig.limits[name].delay for name in names)
    side = "above" if how == "above its range" else "below"
    rig.operate()
    with rig.fault("sensor.range", port=f"cell_monitor.voltage[{rig.cells // 2}]", side=side):
        rig.expect("fault", True, within=within)
        rig.expect("contactor.main_plus", "open", within=within + rig.limits[names[0]].reaction)
        rig.stays("contactor.main_plus", "open", for_="1 s")


@pytest.mark.case(47)
def test_a_cell_with_an_inner_short_opens_the_contactors(rig: Rig) -> None:
    """A real cell that is shorted inside, not only its input: as soon as its voltage is too low."""
    limit = rig.limits["cell_undervoltage"]
    cell = rig.cells // 2
    activate(rig, PROTECTIONS["cell_undervoltage"])
    with rig.fault("cell.short", cell=cell, resistance=_INNER_SHORT_Ohm):
        rig.crosses(f"cell_monitor.voltage[{cell}]", below=limit.threshold)
        expect_open(rig, "cell_undervoltage")


@pytest.mark.case(48)
@pytest.mark.parametrize("how", ["offset", "gain", "drift"])
def test_a_pack_voltage_that_goes_astray_is_found(rig: Rig, how: str) -> None:
    """However its sensor goes wrong: once it is off by more than permitted, the cells say so in time."""
    limit, truth = rig.limits["voltage_plausibility"], rig.truth("pack.voltage")
    port, off = "current_sensor.voltage_pack", _surely_astray(rig)
    arguments: dict[str, dict[str, Any]] = {
        "offset": {"value": -off},
        "gain": {"factor": 1 + off / truth},
        "drift": {"rate": off},
    }
    rig.operate()
    with rig.fault(f"sensor.{how}", port=port, **arguments[how]):
        if how == "drift":
            rig.crosses(port, above=rig.truth("pack.voltage") + off)
        drifts = how == "drift"  # it may be found before it is surely astray
        total = limit.delay + limit.reaction
        rig.expect("fault.voltage_plausibility", True, within=limit.delay, already=drifts)
        rig.expect("contactor.main_plus", "open", within=total, already=drifts)


def _surely_astray(rig: Rig) -> float:
    """By how much the pack's voltage must be off the cells' to be so by each of their readings, in V."""
    pack = rig.truth("pack.voltage")
    permitted = rig.limits.beside("voltage_plausibility").tolerance
    return permitted + PACK.error(rig, pack) + rig.series * CELLS.error(rig, pack / rig.series)


@pytest.mark.case(48)
def test_noise_of_the_pack_voltage_is_tolerated(rig: Rig) -> None:
    """Noise that is well within the permitted difference is no fault."""
    limit = rig.limits["voltage_plausibility"]
    rig.operate()
    start_ns = rig.now_ns
    with rig.fault("sensor.noise", port="current_sensor.voltage_pack", sigma=limit.tolerance / 5):
        rig.run_for(5 * limit.delay)
    count = frames_with(rig, "fault.voltage_plausibility", 1, start_ns)
    rig.bounded("frames with fault.voltage_plausibility set", count, high=0)


@pytest.mark.case(48)
@pytest.mark.parametrize(("level", "fault"), [("low", "precharge"), ("high", "contactor_weld")])
def test_a_link_voltage_that_is_stuck_lets_nothing_close(rig: Rig, level: str, fault: str) -> None:
    """Stuck at 0 it never lets a precharge end; at the pack's voltage it looks like a welded contactor."""
    limit = rig.limits["precharge"]
    rig.require(fault)
    value = rig.truth("pack.voltage") if level == "high" else 0.0
    start_ns = rig.now_ns
    with rig.fault("sensor.stuck", port="current_sensor.voltage_link", value=value):
        rig.run_for("500 ms")
        rig.request("mode", "operate")
        rig.expect(f"fault.{fault}", True, within=limit.timeout + limit.reaction)
        rig.never("state", "operate", for_="2 s")
    count = frames_with(rig, "contactor.main_plus", 1, start_ns)
    rig.bounded("frames with main plus closed", count, high=0)


@pytest.mark.case(48)
@pytest.mark.parametrize(
    ("port", "name", "rate"),
    [
        ("cell_monitor.voltage[1]", "cell_overvoltage", 0.1),
        ("cell_monitor.temperature[1]", "overtemperature_discharge", 2.0),
        ("current_sensor.current", "overcurrent_discharge", 100.0),
    ],
)
def test_a_reading_that_drifts_is_answered_at_its_limit(rig: Rig, port: str, name: str, rate: float) -> None:
    """A drift is found at the latest when the reading passes its limit; so it is for as long as it drifts."""
    limit, begun_ns = rig.limits[name], rig.now_ns
    operate_watched(rig, name)
    with rig.fault("sensor.drift", port=port, rate=rate):
        rig.crosses(port, above=surely_inside(rig, name), within="30 s")
        early = frames_with(rig, f"fault.{name}", 1, begun_ns)
        rig.bounded(f"frames with fault.{name} set while it was inside", early, high=0)
        rig.crosses(port, above=PROTECTIONS[name].past(rig, limit.threshold), within="30 s")
        rig.expect(f"fault.{name}", True, within=limit.delay, already=True)
        rig.expect("contactor.main_plus", "open", within=limit.delay + limit.reaction, already=True)


@pytest.mark.case(49)
@pytest.mark.parametrize("place", ["first", "last"])
@pytest.mark.parametrize("how", ["open", "short"])
def test_a_broken_temperature_sensor_is_no_temperature(rig: Rig, how: str, place: str) -> None:
    """An NTC resistor whose wire is open or shorted is at an end of its range: broken, not cold or hot."""
    limit = rig.limits["temperature_sensor"]
    sensor = 1 if place == "first" else rig.temperature_sensors
    rig.operate()
    start_ns = rig.now_ns
    with rig.fault(f"sensor.{how}", port=f"cell_monitor.temperature[{sensor}]"):
        rig.expect("fault.temperature_sensor", True, within=limit.delay)
        rig.expect("contactor.main_plus", "open", within=limit.delay + limit.reaction)
        rig.run_for(rig.limits["overtemperature_discharge"].delay + limit.reaction)
    for name in ("overtemperature_discharge", "undertemperature_discharge"):
        count = frames_with(rig, f"fault.{name}", 1, start_ns)
        rig.bounded(f"frames with fault.{name} set", count, high=0)
