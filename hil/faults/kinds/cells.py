"""Faults inside the pack and of its sense wires."""

from __future__ import annotations

from collections.abc import Callable

from hil.errors import UsageError
from hil.faults.arguments import Ohm
from hil.faults.fault import Fault, Maker
from hil.faults.twin import TwinFault
from twins.pack import Pack
from twins.plant import Plant


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


def cell_short(cell: int, resistance: Ohm = 0.1, branch: int = 1) -> Fault:
    """A cell is shorted inside by ``resistance`` Ohm, and warms by that."""
    return _inside(
        "cell.short",
        f"cell {cell}, branch {branch}: internal short of {resistance:g} Ohm",
        f"inside of cell {cell}, branch {branch}",
        lambda plant: lambda pack: pack.short_cell(plant.cell_number(cell, branch), resistance),
        lambda plant: lambda pack: pack.short_cell(plant.cell_number(cell, branch), None),
    )


def cell_joint(cell: int, resistance: Ohm) -> Fault:
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


NAMED: dict[str, Maker] = {
    "cell.open_wire": cell_open_wire,
    "cell.open": cell_open,
    "cell.short": cell_short,
    "cell.joint": cell_joint,
    "balancer.stuck": balancer_stuck,
    "string.open": string_open,
}
