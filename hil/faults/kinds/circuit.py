"""Faults of the high-voltage circuit: isolation, interlock, contactors, precharge, fuse, charger."""

from __future__ import annotations

from hil.errors import NotOfferedError
from hil.faults.arguments import Celsius, Ohm, Time, time_of
from hil.faults.fault import Fault, Maker
from hil.faults.twin import TwinFault
from twins.circuit import Circuit
from twins.contactor import Contactor
from twins.plant import Plant


def isolation(pole: str, value: Ohm, side: str = "pack") -> Fault:
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


def isolation_inside(tap: int, value: Ohm) -> Fault:
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
    closing_ns = time_of("contactor.slow", closing)
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


def precharge_hot(temperature: Celsius) -> Fault:
    """The precharge resistor is at ``temperature`` degC, as after many attempts; it cools by itself."""
    return TwinFault(
        "precharge.hot",
        f"precharge resistor at {temperature:g} degC",
        "precharge resistor's temperature",
        lambda plant: plant.circuit.heat_precharge(temperature),
        lambda _plant: None,
        value=temperature,
        unit="degC",
        resumes=lambda _plant, _passed_ns: None,
    )


def pack_short(resistance: Ohm = 0.01) -> Fault:
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


def link_short(resistance: Ohm = 0.1) -> Fault:
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


def _fused(plant: Plant) -> Circuit:
    if plant.circuit.fuse is None:
        raise NotOfferedError("the pack has no fuse: the rig file has no section [fuse]")
    return plant.circuit


def _contactor(plant: Plant, name: str) -> Contactor:
    try:
        return plant.contactors[name]
    except KeyError:
        raise ValueError(f"there is no contactor {name!r}: {', '.join(plant.contactors)}") from None


NAMED: dict[str, Maker] = {
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
    "charger": charger,
}
