"""Faults of what is measured: a reading that is wrong or lost."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from hil.clock import NS_PER_S
from hil.errors import UsageError
from hil.faults.arguments import Ampere, Celsius, Measure, Volt, measure_in
from hil.faults.content import SIDES
from hil.faults.fault import Bench, Fault, Maker
from hil.faults.sensor import BentSensor, HeldSensor, PortFault
from hil.frames.restbus import Bend
from twins.port import Port


def cell_voltage(cell: int, value: Volt) -> Fault:
    """The monitor measures ``value`` V on a cell (numbered from 1)."""
    return PortFault("cell.voltage", f"cell_monitor.voltage[{cell}]", value, "V")


def cell_invalid(cell: int) -> Fault:
    """The monitor has no valid voltage of a cell."""
    return PortFault("cell.invalid", f"cell_monitor.voltage[{cell}]", None, "V")


def temperature(sensor: int, value: Celsius) -> Fault:
    """A temperature sensor (numbered from 1) measures ``value`` degC."""
    return PortFault("temperature", f"cell_monitor.temperature[{sensor}]", value, "degC")


def temperature_invalid(sensor: int) -> Fault:
    """A temperature sensor has no valid value."""
    return PortFault("temperature.invalid", f"cell_monitor.temperature[{sensor}]", None, "degC")


def current(value: Ampere) -> Fault:
    """The current sensor measures ``value`` A; positive discharges the pack."""
    return PortFault("current", "current_sensor.current", value, "A")


def current_sensor_error() -> Fault:
    """The current sensor reports an error of its channel."""
    return PortFault("current_sensor.error", "current_sensor.channel_error", 1.0, "")


def pack_voltage(value: Volt) -> Fault:
    """The sensor on the pack's side measures ``value`` V."""
    return PortFault("pack.voltage", "current_sensor.voltage_pack", value, "V")


def link_voltage(value: Volt) -> Fault:
    """The sensor on the DC link's side measures ``value`` V."""
    return PortFault("link.voltage", "current_sensor.voltage_link", value, "V")


def port(port: str, value: Measure) -> Fault:
    """Any sensor output held at a value, for what has no name of its own."""
    return _stuck("port", port, value)


def sensor_stuck(port: str, value: Measure) -> Fault:
    """A sensor says ``value`` whatever it measures; in the port's unit, or with one."""
    return _stuck("sensor.stuck", port, value)


def _stuck(name: str, port: str, value: Measure) -> Fault:
    text = f"{port} = {value}" if isinstance(value, str) else f"{port} = {value:.6g}"
    return HeldSensor(name, port, text, lambda sensor: measure_in(name, value, sensor.unit))


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

    def end(sensor: Port) -> float:
        bound = sensor.maximum if side == "above" else sensor.minimum
        if math.isinf(bound):
            raise UsageError(f"fault 'sensor.range': the range of {port} has no end {side}")
        return bound

    return HeldSensor("sensor.range", port, f"{port} at the end of its range, {side}", end)


def sensor_offset(port: str, value: Measure) -> Fault:
    """A sensor says ``value`` more than it measures."""

    def begin(bench: Bench) -> Bend:
        offset = _difference("sensor.offset", value, bench.port(port))
        return lambda x: x + offset

    text = f"{port} off by {value}" if isinstance(value, str) else f"{port} off by {value:+g}"
    return _bent("sensor.offset", port, text, value, begin)


def sensor_gain(port: str, factor: float) -> Fault:
    """A sensor says ``factor`` times what it measures."""
    return _bent("sensor.gain", port, f"{port} times {factor:g}", factor, lambda _: lambda x: x * factor)


def sensor_drift(port: str, rate: float) -> Fault:
    """A sensor drifts away by ``rate`` per second, from now on."""

    def begin(bench: Bench) -> Bend:
        clock, begun_ns = bench.clock, bench.clock.now_ns
        return lambda x: x + rate * (clock.now_ns - begun_ns) / NS_PER_S

    return _bent("sensor.drift", port, f"{port} drifts by {rate:g} per second", rate, begin)


def sensor_noise(port: str, sigma: Measure, seed: int = 1) -> Fault:
    """Normal noise of a standard deviation is added to each value that a sensor says."""

    def begin(bench: Bench) -> Bend:
        deviation, chance = _difference("sensor.noise", sigma, bench.port(port)), random.Random(seed)
        if not deviation > 0.0:
            raise UsageError(f"fault 'sensor.noise': sigma {deviation:g} is not above 0")
        return lambda x: x + chance.gauss(0.0, deviation)

    return _bent("sensor.noise", port, f"{port} with noise of {sigma}", sigma, begin)


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


def _bent(name: str, port: str, text: str, value: Measure, begin: Callable[[Bench], Bend]) -> Fault:
    number = None if isinstance(value, str) else value
    if number is not None and not math.isfinite(number):
        raise UsageError(f"fault {name!r}: {number:g} is no number that a sensor can be off by")
    return BentSensor(name, (port,), text, lambda bench: (begin(bench),), number)


def _difference(name: str, value: Measure, sensor: Port) -> float:
    """By how much a sensor is off, in its unit; for a temperature a text is in K."""
    return measure_in(name, value, "K" if sensor.unit == "degC" else sensor.unit)


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
