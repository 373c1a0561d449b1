"""The faults by name: what ``rig.fault("cell.voltage", cell=7, value=3.75)`` means."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any
from weakref import WeakKeyDictionary

from hil.errors import NotOfferedError, UnitError, UsageError
from hil.faults.fault import Fault
from hil.faults.frame import LostFrames, MissingFrame, WrongLength, WrongProtection, WrongValue
from hil.faults.node import SilentNode, WrongState
from hil.faults.sensor import PortFault
from hil.faults.twin import TwinFault
from hil.units import time_ns
from twins.circuit import Circuit
from twins.contactor import Contactor
from twins.pack import Pack
from twins.plant import Plant
from twins.supply import Supply

Time = str | int  # with a unit, or in ns


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


def cell_open(cell: int, branch: int = 1) -> Fault:
    """A cell's weld is open: others in parallel carry on; alone, its string is open."""
    return _inside(
        "cell.open",
        f"cell {cell}, branch {branch}: weld open",
        f"weld of cell {cell}, branch {branch}",
        lambda plant: lambda pack: pack.open_cell(plant.cell_number(cell, branch)),
        lambda plant: lambda pack: pack.open_cell(plant.cell_number(cell, branch), False),
    )


def cell_short(cell: int, resistance: float = 0.1, branch: int = 1) -> Fault:
    """A cell is shorted inside by ``resistance`` Ohm, and warms by that."""
    return _inside(
        "cell.short",
        f"cell {cell}, branch {branch}: internal short of {resistance:g} Ohm",
        f"inside of cell {cell}, branch {branch}",
        lambda plant: lambda pack: pack.short_cell(plant.cell_number(cell, branch), resistance),
        lambda plant: lambda pack: pack.short_cell(plant.cell_number(cell, branch), None),
    )


def cell_joint(cell: int, resistance: float) -> Fault:
    """The joint after a cell has ``resistance`` Ohm: corroded or loose; from 1 GOhm on it is open."""
    return _inside(
        "cell.joint",
        f"joint after cell {cell}: {resistance:g} Ohm",
        f"joint after cell {cell}",
        lambda plant: lambda pack: pack.loosen_link(plant.cell_number(cell, 1), resistance),
        lambda plant: lambda pack: pack.loosen_link(plant.cell_number(cell, 1), None),
    )


def balancer_stuck(cell: int, mode: str = "on") -> Fault:
    """The balancing switch of a cell stays ``on``, or ``off``, whatever the BMS asks for."""
    if mode not in {"on", "off"}:
        raise UsageError(f"fault 'balancer.stuck': there is no mode {mode!r}", remedy="modes: on, off")
    return _inside(
        "balancer.stuck",
        f"balancing of cell {cell} stuck {mode}",
        f"balancing switch of cell {cell}",
        lambda plant: lambda pack: pack.stick_balancer(plant.cell_number(cell, 1), mode == "on"),
        lambda plant: lambda pack: pack.stick_balancer(plant.cell_number(cell, 1), None),
    )


def string_open(string: int) -> Fault:
    """The contactor of a string (numbered from 1) is open; with all of them open, the pack is."""

    def switch(on: bool) -> Callable[[Plant], Callable[[Pack], None]]:
        def act(plant: Plant) -> Callable[[Pack], None]:
            strings = plant.pack.config.strings
            if not 1 <= string <= strings:
                raise ValueError(f"there is no string {string}: they are numbered 1 to {strings}")
            return lambda pack: pack.switch_string(string - 1, on)

        return act

    place = f"contactor of string {string}"
    return _inside("string.open", f"{place} open", place, switch(False), switch(True))


def _inside(
    name: str,
    text: str,
    target: str,
    on: Callable[[Plant], Callable[[Pack], None]],
    off: Callable[[Plant], Callable[[Pack], None]],
) -> Fault:
    """A change inside the pack, at the instant at which it happens."""
    return TwinFault(
        name,
        text,
        target,
        lambda plant: plant.change_pack(on(plant)),
        lambda plant: plant.change_pack(off(plant)),
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


def isolation(pole: str, value: float, side: str = "pack") -> Fault:
    """A pole (``plus`` or ``minus``) leaks to the chassis: ``value`` Ohm of its isolation are left.

    On the ``link``'s side of the contactors that is so only while they are closed.
    """
    port = f"isolation.{pole}"
    where = "" if side == "pack" else f" on the {side}'s side"
    return TwinFault(
        "isolation",
        f"{port} = {value:.6g} Ohm{where}",
        f"isolation of {pole}{where}",
        lambda plant: plant.leak(pole, value, side),
        lambda plant: plant.leak(pole, None, side),
        (port, value),
        value=value,
        unit="Ohm",
    )


def isolation_inside(tap: int, value: float) -> Fault:
    """The pack leaks to the chassis between two cells; ``value`` Ohm would be left if it were at a pole."""
    return TwinFault(
        "isolation.inside",
        f"leak at tap {tap}: {value:.6g} Ohm",
        "isolation inside the pack",
        lambda plant: plant.leak_inside(tap, value),
        lambda plant: plant.leak_inside(tap, None),
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


def contactor_slow(contactor: str, closing: Time = "300 ms") -> Fault:
    """The contacts take so long to close, from the next command on."""
    closing_ns = _time("contactor.slow", closing)
    return TwinFault(
        "contactor.slow",
        f"{contactor} closes in {closing_ns / 1e6:g} ms",
        f"{contactor}: closing time",
        lambda plant: _contactor(plant, contactor).slow(closing_ns),
        lambda plant: _contactor(plant, contactor).slow(None),
        value=closing_ns / 1e9,
        unit="s",
    )


def contactor_bounce(contactor: str, times: int = 3) -> Fault:
    """The contacts part again so often when they close, from the next closing on."""
    return TwinFault(
        "contactor.bounce",
        f"{contactor} bounces {times} times",
        f"{contactor}: bounce",
        lambda plant: _contactor(plant, contactor).bounce(times),
        lambda plant: _contactor(plant, contactor).bounce(None),
        value=times,
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


def precharge_hot(temperature: float) -> Fault:
    """The precharge resistor is at ``temperature`` degC, as after many attempts; it cools by itself."""
    return TwinFault(
        "precharge.hot",
        f"precharge resistor at {temperature:g} degC",
        "precharge resistor's temperature",
        lambda plant: plant.circuit.heat_precharge(temperature),
        lambda _plant: None,
        value=temperature,
        unit="degC",
    )


def pack_short(resistance: float = 0.01) -> Fault:
    """The pack is shorted by ``resistance`` Ohm before its contactors; only its fuse can end that."""
    return TwinFault(
        "pack.short",
        f"pack shorted by {resistance:g} Ohm",
        "pack's terminals",
        lambda plant: plant.circuit.set_pack_short(resistance),
        lambda plant: plant.circuit.set_pack_short(None),
        value=resistance,
        unit="Ohm",
    )


def fuse_blown() -> Fault:
    """The pack's fuse has blown; when mended, a new one is put in."""
    return TwinFault(
        "fuse.blown",
        "fuse blown",
        "fuse",
        lambda plant: _fused(plant).set_fuse_blown(True),
        lambda plant: _fused(plant).set_fuse_blown(False),
    )


def supply_voltage(value: float) -> Fault:
    """The auxiliary supply has ``value`` V."""
    return TwinFault(
        "supply.voltage",
        f"supply at {value:g} V",
        "supply",
        lambda plant: _supply(plant).dip(value),
        lambda plant: _supply(plant).recover(),
        ("supply.voltage", value),
        value=value,
        unit="V",
    )


def supply_dip(value: float, lasts: Time = "10 ms") -> Fault:
    """The auxiliary supply falls to ``value`` V for a time, and comes back by itself."""
    lasts_ns = _time("supply.dip", lasts)
    return TwinFault(
        "supply.dip",
        f"supply falls to {value:g} V for {lasts_ns / 1e6:g} ms",
        "supply",
        lambda plant: _supply(plant).dip(value, lasts_ns),
        lambda plant: _supply(plant).recover(),
        value=value,
        unit="V",
    )


def supply_cranking(lowest: float = 4.5, plateau: float = 6.5, lasts: Time = "10 s") -> Fault:
    """An engine is cranked: the supply falls to ``lowest`` V, then stays at ``plateau`` V for a time."""
    lasts_ns = _time("supply.cranking", lasts)
    return TwinFault(
        "supply.cranking",
        f"cranking: {lowest:g} V, then {plateau:g} V for {lasts_ns / 1e9:g} s",
        "supply",
        lambda plant: _supply(plant).crank(lowest, plateau, lasts_ns),
        lambda plant: _supply(plant).recover(),
        value=lowest,
        unit="V",
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


def node_silent(node: str) -> Fault:
    """A node of the rig file says nothing any more."""
    return SilentNode(node)


def node_state(node: str, state: str) -> Fault:
    """A node of the rig file is in a state whatever the others do."""
    return WrongState(node, state)


def frame_missing(message: str) -> Fault:
    """The rig no longer sends a message."""
    return MissingFrame(message)


def frame_lost(message: str, share: float, seed: int = 1) -> Fault:
    """A share of a message's frames, 0 to 1, is lost by chance."""
    return LostFrames(message, share, seed)


def frame_length(message: str, length: int) -> Fault:
    """A message has another number of bytes than its DBC says."""
    return WrongLength(message, length)


def frame_value(message: str, signal: str, value: float) -> Fault:
    """A signal carries a value, in the DBC's unit, under a right checksum."""
    return WrongValue(message, signal, value)


def frame_not_available(message: str, signal: str) -> Fault:
    """A signal says that it has no value."""
    return WrongValue(message, signal, None)


def frame_crc(message: str) -> Fault:
    """A message carries a wrong checksum."""
    return WrongProtection(message, "crc")


def frame_counter(message: str, mode: str = "frozen") -> Fault:
    """A message's alive counter is ``frozen``, ``skip`` or ``repeat``."""
    return WrongProtection(message, mode)


def _time(name: str, value: Time) -> int:
    try:
        return time_ns(value)
    except UnitError as error:
        raise UsageError(f"fault {name!r}: {error.reason}", remedy=error.remedy) from error


def _fused(plant: Plant) -> Circuit:
    if plant.circuit.fuse is None:
        raise NotOfferedError("the pack has no fuse: the rig file has no section [fuse]")
    return plant.circuit


def _supply(plant: Plant) -> Supply:
    if plant.supply is None:
        raise NotOfferedError("there is no auxiliary supply: the rig file has no section [supply]")
    return plant.supply


def _contactor(plant: Plant, name: str) -> Contactor:
    try:
        return plant.contactors[name]
    except KeyError:
        raise ValueError(f"there is no contactor {name!r}: {', '.join(plant.contactors)}") from None


CATALOGUE: dict[str, Callable[..., Fault]] = {
    "cell.voltage": cell_voltage,
    "cell.invalid": cell_invalid,
    "cell.open_wire": cell_open_wire,
    "cell.open": cell_open,
    "cell.short": cell_short,
    "cell.joint": cell_joint,
    "balancer.stuck": balancer_stuck,
    "string.open": string_open,
    "temperature": temperature,
    "temperature.invalid": temperature_invalid,
    "current": current,
    "current_sensor.error": current_sensor_error,
    "pack.voltage": pack_voltage,
    "link.voltage": link_voltage,
    "isolation": isolation,
    "isolation.inside": isolation_inside,
    "interlock": interlock,
    "contactor.weld": contactor_weld,
    "contactor.stuck_open": contactor_stuck_open,
    "contactor.slow": contactor_slow,
    "contactor.bounce": contactor_bounce,
    "precharge.open": precharge_open,
    "precharge.hot": precharge_hot,
    "pack.short": pack_short,
    "fuse.blown": fuse_blown,
    "link.short": link_short,
    "supply.voltage": supply_voltage,
    "supply.dip": supply_dip,
    "supply.cranking": supply_cranking,
    "charger": charger,
    "port": port,
    "node.silent": node_silent,
    "node.state": node_state,
    "frame.missing": frame_missing,
    "frame.lost": frame_lost,
    "frame.length": frame_length,
    "frame.value": frame_value,
    "frame.not_available": frame_not_available,
    "frame.crc": frame_crc,
    "frame.counter": frame_counter,
}


_KINDS: dict[str, tuple[str, tuple[type, ...]]] = {
    "int": ("a whole number", (Integral,)),
    "float": ("a number", (Real,)),
    "str": ("a text", (str,)),
    "Time": ("a time such as '300 ms'", (str, Integral)),
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
