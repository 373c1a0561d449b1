"""The faults by name: what ``rig.fault("cell.voltage", cell=7, value=3.75)`` means."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any
from weakref import WeakKeyDictionary

from hil.errors import UsageError
from hil.faults.fault import Fault
from hil.faults.frame import MissingFrame, WrongProtection
from hil.faults.sensor import PortFault
from hil.faults.twin import TwinFault
from twins.contactor import Contactor
from twins.plant import Plant


def cell_voltage(cell: int, value: float) -> Fault:
    """The monitor measures ``value`` V on a cell (numbered from 1)."""
    return PortFault("cell.voltage", f"cell_monitor.voltage[{cell}]", value, "V")


def cell_invalid(cell: int) -> Fault:
    """The monitor has no valid voltage of a cell."""
    return PortFault("cell.invalid", f"cell_monitor.voltage[{cell}]", None, "V")


def cell_open_wire(tap: int) -> Fault:
    """The sense wire of a tap is open; tap k lies between cell k-1 and cell k."""
    return TwinFault(
        "cell.open_wire",
        f"sense wire of tap {tap} open",
        f"sense wire {tap}",
        lambda plant: plant.cell_monitor.open_tap(tap),
        lambda plant: plant.cell_monitor.open_tap(tap, broken=False),
        ("cell_monitor.open_wire", 1.0),
        "cell_monitor.voltage[1]",
    )


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


def isolation(pole: str, value: float) -> Fault:
    """A pole (``plus`` or ``minus``) leaks to the chassis: ``value`` Ohm of its isolation are left."""
    port = f"isolation.{pole}"
    return TwinFault(
        "isolation",
        f"{port} = {value:.6g} Ohm",
        f"isolation of {pole}",
        lambda plant: plant.junction_box.leak(pole, value),
        lambda plant: plant.junction_box.leak(pole, None),
        (port, value),
        value=value,
        unit="Ohm",
    )


def interlock() -> Fault:
    """The interlock loop is open."""
    return TwinFault(
        "interlock",
        "interlock loop open",
        "interlock loop",
        lambda plant: plant.junction_box.open_interlock(True),
        lambda plant: plant.junction_box.open_interlock(False),
        ("interlock.closed", 0.0),
        value=0.0,
    )


def contactor_weld(contactor: str) -> Fault:
    """The contacts are welded: they never open again."""
    return TwinFault(
        "contactor.weld",
        f"{contactor} welded",
        f"{contactor}: weld",
        lambda plant: _contactor(plant, contactor).weld(True),
        lambda plant: _contactor(plant, contactor).weld(False),
    )


def contactor_stuck_open(contactor: str) -> Fault:
    """The contactor does not close."""
    return TwinFault(
        "contactor.stuck_open",
        f"{contactor} stuck open",
        f"{contactor}: coil",
        lambda plant: _contactor(plant, contactor).stick_open(True),
        lambda plant: _contactor(plant, contactor).stick_open(False),
    )


def precharge_open() -> Fault:
    """The precharge resistor is burnt out."""
    return TwinFault(
        "precharge.open",
        "precharge resistor open",
        "precharge resistor",
        lambda plant: plant.circuit.set_precharge_open(True),
        lambda plant: plant.circuit.set_precharge_open(False),
    )


def link_short(resistance: float = 0.1) -> Fault:
    """The DC link is shorted by ``resistance`` Ohm."""
    return TwinFault(
        "link.short",
        f"DC link shorted by {resistance:g} Ohm",
        "DC link",
        lambda plant: plant.circuit.set_link_short(resistance),
        lambda plant: plant.circuit.set_link_short(None),
    )


def charger(mode: str) -> Fault:
    """The charger fails by one of :data:`twins.charger.FAILURES`."""
    return TwinFault(
        "charger",
        f"charger: {mode}",
        "charger",
        lambda plant: plant.charger.fail(mode),
        lambda plant: plant.charger.fail(None),
    )


def port(port: str, value: float) -> Fault:
    """Any sensor output held at a value, for what has no name of its own."""
    return PortFault("port", port, value, "")


def frame_missing(message: str) -> Fault:
    """The rig no longer sends a message."""
    return MissingFrame(message)


def frame_crc(message: str) -> Fault:
    """A message carries a wrong checksum."""
    return WrongProtection(message, "crc")


def frame_counter(message: str, mode: str = "frozen") -> Fault:
    """A message's alive counter is ``frozen``, ``skip`` or ``repeat``."""
    return WrongProtection(message, mode)


def _contactor(plant: Plant, name: str) -> Contactor:
    try:
        return plant.contactors[name]
    except KeyError:
        raise ValueError(f"there is no contactor {name!r}: {', '.join(plant.contactors)}") from None


CATALOGUE: dict[str, Callable[..., Fault]] = {
    "cell.voltage": cell_voltage,
    "cell.invalid": cell_invalid,
    "cell.open_wire": cell_open_wire,
    "temperature": temperature,
    "temperature.invalid": temperature_invalid,
    "current": current,
    "current_sensor.error": current_sensor_error,
    "pack.voltage": pack_voltage,
    "link.voltage": link_voltage,
    "isolation": isolation,
    "interlock": interlock,
    "contactor.weld": contactor_weld,
    "contactor.stuck_open": contactor_stuck_open,
    "precharge.open": precharge_open,
    "link.short": link_short,
    "charger": charger,
    "port": port,
    "frame.missing": frame_missing,
    "frame.crc": frame_crc,
    "frame.counter": frame_counter,
}


_KINDS: dict[str, tuple[str, tuple[type, ...]]] = {
    "int": ("a whole number", (Integral,)),
    "float": ("a number", (Real,)),
    "str": ("a text", (str,)),
}


def make_fault(name: str, arguments: dict[str, Any]) -> Fault:
    """The fault of a name.

    Raises:
        UsageError: If there is no such fault, or it does not take these arguments.
    """
    maker = CATALOGUE.get(name)
    if maker is None:
        near = difflib.get_close_matches(name, CATALOGUE, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"faults: {', '.join(CATALOGUE)}"
        raise UsageError(f"no fault is called {name!r}", remedy=hint)
    _check(name, inspect.signature(maker), arguments)
    fault = maker(**arguments)
    _recipes[fault] = (name, dict(arguments))
    return fault


def recipe_of(fault: Fault) -> tuple[str, dict[str, Any]]:
    """Name and arguments of a fault, from which another process can make it too.

    Raises:
        UsageError: If it is not of this catalogue.
    """
    try:
        return _recipes[fault]
    except (KeyError, TypeError):
        raise UsageError(
            f"fault {fault.name!r} is of the test's own making, and the plant is another process",
            remedy="use one of the catalogue, or fault 'port'",
        ) from None


_recipes: WeakKeyDictionary[Fault, tuple[str, dict[str, Any]]] = WeakKeyDictionary()


def _check(name: str, signature: inspect.Signature, arguments: dict[str, Any]) -> None:
    takes = ", ".join(signature.parameters) or "no arguments"
    try:
        signature.bind(**arguments)
    except TypeError as error:
        raise UsageError(f"fault {name!r}: {error}", remedy=f"it takes {takes}") from error
    for key, value in arguments.items():
        kind, types = _KINDS[signature.parameters[key].annotation]
        if not isinstance(value, types) or isinstance(value, bool):
            raise UsageError(f"fault {name!r}: {key} {value!r} is not {kind}")
