"""C and G. Heat: cooling, and what warns long before a temperature is too high."""

from __future__ import annotations

import pytest

from hil import Rig
from hil.suite.protections import HEAT, PROTECTIONS, expect_open, frames_with, operate_watched, surely_past


@pytest.mark.case(69)
def test_a_warm_pack_is_cooled_until_it_is_cool(rig: Rig) -> None:
    """Cooling begins above its threshold, goes on until the release level, and ends there."""
    limit = rig.limits["cooling"]
    rig.require("cooling")
    between, step = (limit.threshold + limit.release) / 2, HEAT.error(rig, limit.threshold)
    rig.operate()
    for degrees, cooled in (
        (between, False),
        (limit.threshold + step, True),
        (between, True),
        (limit.release - step, False),
    ):
        with rig.fault("temperature", sensor=rig.temperature_sensors, value=degrees):
            rig.run_for(limit.delay)
            rig.stays("cooling", cooled, for_="500 ms")


@pytest.mark.case(69)
def test_a_pack_whose_cooling_fails_gives_less_and_is_disconnected(rig: Rig) -> None:
    """Cooled in vain: cooling stays on, the current limit shrinks, in the end the contactors open."""
    limit, sensor = rig.limits["overtemperature_discharge"], rig.temperature_sensors
    rig.require("cooling", "limit.discharge_current")
    operate_watched(rig, "overtemperature_discharge")
    full = rig.value("limit.discharge_current")
    hot = PROTECTIONS["overtemperature_discharge"].taken_for(rig, (limit.derate + limit.threshold) / 2)
    with rig.fault("temperature", sensor=sensor, value=hot):
        rig.run_for(limit.delay)
        rig.stays("cooling", True, for_="500 ms")
        rig.bounded("offered current", rig.value("limit.discharge_current"), high=0.9 * full, unit="A")
    with rig.fault("temperature", sensor=sensor, value=surely_past(rig, "overtemperature_discharge")):
        expect_open(rig, "overtemperature_discharge")
        rig.stays("cooling", True, for_="500 ms")


@pytest.mark.case(34)
def test_a_spread_of_temperatures_warns(rig: Rig) -> None:
    """One sensor far above all others warns, and a smaller distance does not; nothing opens."""
    limit, role = rig.limits["temperature_spread"], "warning.temperature_spread"
    rig.require(role)
    port, coldest = "cell_monitor.temperature[1]", rig.value("cell.temperature_min")
    surely = HEAT.error(rig, coldest + limit.threshold)
    rig.operate()
    start_ns = rig.now_ns
    with rig.fault("temperature", sensor=1, value=coldest + limit.threshold - surely):
        rig.run_for(2 * limit.delay)
    rig.bounded(f"frames with {role} set", frames_with(rig, role, 1, start_ns), high=0)
    with rig.fault("temperature", sensor=1, value=coldest + limit.threshold + surely):
        rig.expect(role, True, within=limit.delay, through=[port])
        rig.stays("contactor.main_plus", "closed", for_="1 s")
    rig.expect(role, False, within=limit.delay, since=rig.mark("all sensors alike"), through=[port])


@pytest.mark.case(34)
def test_a_fast_rise_of_a_temperature_warns(rig: Rig) -> None:
    """One sensor that rises fast warns, at whatever temperature; a step, and a slow rise, do not."""
    limit, role = rig.limits["temperature_rise"], "warning.temperature_rise"
    rig.require(role)
    port = f"cell_monitor.temperature[{rig.temperature_sensors}]"
    rig.operate()
    start_ns = rig.now_ns
    with rig.fault("sensor.offset", port=port, value=5 * limit.threshold):
        rig.run_for(2 * limit.delay)
    with rig.fault("sensor.drift", port=port, rate=limit.threshold / 3):
        rig.run_for(2 * limit.delay)
    rig.bounded(f"frames with {role} set", frames_with(rig, role, 1, start_ns), high=0)
    with rig.fault("sensor.drift", port=port, rate=2 * limit.threshold):
        rig.expect(role, True, within=limit.delay, through=[port])  # a rise is that from frame to frame
        rig.stays("contactor.main_plus", "closed", for_="500 ms")


@pytest.mark.case(70)
def test_a_hot_sensor_that_goes_on_rising_raises_the_alarm(rig: Rig) -> None:
    """The precursor of a thermal runaway is told at once and stays; a sensor that is only hot is none."""
    limit, role = rig.limits["thermal_runaway"], "alarm.thermal_runaway"
    rise = rig.limits["temperature_rise"].threshold
    rig.require(role)
    rig.operate()
    start_ns = rig.now_ns
    with rig.fault("temperature", sensor=1, value=limit.threshold + 2.0):
        rig.run_for("10 s")
    rig.run_for("2 s")
    rig.bounded(f"frames with {role} set", frames_with(rig, role, 1, start_ns), high=0)
    port = "cell_monitor.temperature[1]"
    with rig.fault("sensor.drift", port=port, rate=2 * rise):
        rig.crosses(port, above=limit.threshold + HEAT.error(rig, limit.threshold), within="60 s")
        rig.expect(role, True, within=limit.delay, already=True)  # not before it drifted, see above
    rig.stays(role, True, for_="5 s")


@pytest.mark.case(70)
def test_a_rising_temperature_beside_a_cell_that_breaks_down_raises_the_alarm(rig: Rig) -> None:
    """A cell whose voltage collapses while a sensor rises is on its way, however cool that one still is."""
    limit, role = rig.limits["thermal_runaway"], "alarm.thermal_runaway"
    rise = rig.limits["temperature_rise"]
    rig.require(role)
    rig.operate()
    with (
        rig.fault("sensor.drift", port="cell_monitor.temperature[1]", rate=2 * rise.threshold),
        rig.fault("cell.voltage", cell=1, value=rig.limits["deep_discharge"].threshold) as down,
    ):
        rig.expect(role, True, within=rise.delay + limit.delay, since=down)
