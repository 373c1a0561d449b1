"""Faults of what is measured: a reading that is wrong or lost."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from hil.clock import NS_PER_S
from hil.errors import UsageError
from hil.faults.content import SIDES
from hil.faults.fault import Bench, Fault, Maker
from hil.faults.sensor import BentSensor, HeldSensor, PortFault
from hil.frames.restbus import Bend
from twins.port import Port


def cell_voltage(cell: int, value: float) -> Fault:
    """The monitor measures ``value`` V on a cell (numbered from 1)."""
    return PortFault("cell.voltage", f"cell_monitor.voltage[{cell}]", value, "V")


def cell_invalid(cell: int) -> Fault:
    """The monitor has no valid voltage of a cell."""
    return PortFault("cell.invalid", f"cell_monitor.voltage[{cell}]", None, "V")


def temperature(sensor: int, value: float) -> Fault:
    """A temperature sensor (numbered from 1) measures ``value`` degC."""
    return PortFault("temperature", f"cell_monitor.temperature[{sensor}]", value, "degC")


def temperature_invalid(sensor: int) -> Fault:
    """A temperature sensor has no valid value."""
    return PortFault("temperature.invalid", f"cell_monitor.temperature[{sensor}]", None, "degC")


def current(value: float) -> Fault:
    """The current sensor measures ``value`` A; positive discharges the pack."""
    return PortFault("current", "current_sensor.current", value, "A")


def current_sensor_error() -> Fault:
    """The current sensor reports an error of its channel."""
    return PortFault("current_sensor.error", "current_sensor.channel_error", 1.0, "")


def pack_voltage(value: float) -> Fault:
    """The sensor on the pack's side measures ``value`` V."""
    return PortFault("pack.voltage", "current_sensor.voltage_pack", value, "V")


def link_voltage(value: float) -> Fault:
    """The sensor on the DC link's side measures ``value`` V."""
    return PortFault("link.voltage", "current_sensor.voltage_link", value, "V")


def port(port: str, value: float) -> Fault:
    """Any sensor output held at a value, for what has no name of its own."""
    return PortFault("port", port, value, "")


def sensor_stuck(port: str, value: float) -> Fault:
    """A sensor says ``value`` whatever it measures; in the port's unit."""
    return PortFault("sensor.stuck", port, value, "")


def sensor_frozen(port: str) -> Fault:
    """A sensor says for ever what it says now."""
    return HeldSensor("sensor.frozen", port, f"{port} frozen", lambda sensor: sensor.value)


def sensor_open(port: str) -> Fault:
    """A sensor's wire is open: a temperature reads coldest, as of an NTC resistor; all else reads 0."""
    return HeldSensor("sensor.open", port, f"{port}: wire open", lambda sensor: _broken(sensor, hot=False))


def sensor_short(port: str) -> Fault:
    """A sensor's wires touch: a temperature reads hottest, as of an NTC resistor; all else reads 0."""
    return HeldSensor(
        "sensor.short", port, f"{port}: wires shorted", lambda sensor: _broken(sensor, hot=True)
    )


def sensor_range(port: str, side: str = "above") -> Fault:
    """A sensor is at the end of its range, ``above`` or ``below``."""
    if side not in SIDES:
        raise UsageError(
            f"fault 'sensor.range': there is no side {side!r}", remedy=f"sides: {', '.join(SIDES)}"
        )
    return HeldSensor(
        "sensor.range",
        port,
        f"{port} at the end of its range, {side}",
        lambda sensor: sensor.maximum if side == "above" else sensor.minimum,
    )


def sensor_offset(port: str, value: float) -> Fault:
    """A sensor says ``value`` more than it measures."""
    return _bent("sensor.offset", port, f"{port} off by {value:+g}", value, lambda _: lambda x: x + value)


def sensor_gain(port: str, factor: float) -> Fault:
    """A sensor says ``factor`` times what it measures."""
    return _bent("sensor.gain", port, f"{port} times {factor:g}", factor, lambda _: lambda x: x * factor)


def sensor_drift(port: str, rate: float) -> Fault:
    """A sensor drifts away by ``rate`` per second, from now on."""

    def begin(bench: Bench) -> Bend:
        clock, begun_ns = bench.clock, bench.clock.now_ns
        return lambda x: x + rate * (clock.now_ns - begun_ns) / NS_PER_S

    return _bent("sensor.drift", port, f"{port} drifts by {rate:g} per second", rate, begin)


def sensor_noise(port: str, sigma: float, seed: int = 1) -> Fault:
    """Normal noise of a standard deviation is added to each value that a sensor says."""
    if not sigma > 0.0:
        raise UsageError(f"fault 'sensor.noise': sigma {sigma:g} is not above 0")

    def begin(_bench: Bench) -> Bend:
        chance = random.Random(seed)
        return lambda x: x + chance.gauss(0.0, sigma)

    return _bent("sensor.noise", port, f"{port} with noise of {sigma:g}", sigma, begin)


def sensor_swapped(port: str, other: str) -> Fault:
    """Two sensors are swapped: each says what the other one measures."""
    if port == other:
        raise UsageError("fault 'sensor.swapped': a sensor cannot be swapped with itself")

    def begin(bench: Bench) -> tuple[Bend, Bend]:
        first, second = bench.port(port), bench.port(other)
        if first.unit != second.unit:
            units = f"{first.unit or 'a number'} and {second.unit or 'a number'}"
            raise UsageError(f"fault 'sensor.swapped': {port} and {other} measure {units}")
        return (lambda _: second.value), (lambda _: first.value)

    return BentSensor("sensor.swapped", (port, other), f"{port} and {other} swapped", begin)


def _bent(name: str, port: str, text: str, value: float, begin: Callable[[Bench], Bend]) -> Fault:
    if not math.isfinite(value):
        raise UsageError(f"fault {name!r}: {value:g} is no number that a sensor can be off by")
    return BentSensor(name, (port,), text, lambda bench: (begin(bench),), value)


def _broken(sensor: Port, *, hot: bool) -> float:
    """What a sensor says whose wires are open or, ``hot``, shorted."""
    if sensor.unit == "degC":
        return sensor.maximum if hot else sensor.minimum
    return min(max(0.0, sensor.minimum), sensor.maximum)


NAMED: dict[str, Maker] = {
    "cell.voltage": cell_voltage,
    "cell.invalid": cell_invalid,
    "temperature": temperature,
    "temperature.invalid": temperature_invalid,
    "current": current,
    "current_sensor.error": current_sensor_error,
    "pack.voltage": pack_voltage,
    "link.voltage": link_voltage,
    "port": port,
    "sensor.stuck": sensor_stuck,
    "sensor.frozen": sensor_frozen,
    "sensor.offset": sensor_offset,
    "sensor.gain": sensor_gain,
    "sensor.drift": sensor_drift,
    "sensor.noise": sensor_noise,
    "sensor.open": sensor_open,
    "sensor.short": sensor_short,
    "sensor.swapped": sensor_swapped,
    "sensor.range": sensor_range,
}
