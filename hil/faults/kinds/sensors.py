"""Faults of what is measured: a reading that is wrong or lost."""

from __future__ import annotations

from hil.faults.fault import Fault, Maker
from hil.faults.sensor import PortFault


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
}
