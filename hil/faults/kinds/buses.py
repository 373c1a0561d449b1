"""Faults of a bus: errors, bus-off, load, a babbling node, a short."""

from __future__ import annotations

from hil.faults.arguments import Share, Time, time_of
from hil.faults.bus import BabblingNode, BusErrors, BusLoad, BusNoise, BusOff, BusShort
from hil.faults.fault import Fault, Maker


def bus_errors(count: int = 20, message: str = "", bus: str = "") -> Fault:
    """The next ``count`` frames, of one message or of all, are destroyed by error frames."""
    return BusErrors(count, message, bus=bus)


def bus_noise(share: Share, bus: str = "", seed: int = 1) -> Fault:
    """A share of all frames, 0 to 1, is destroyed by error frames; they are sent again."""
    return BusNoise(share, seed, bus=bus)


def bus_off(node: str = "bms", recovery: Time = 0, bus: str = "") -> Fault:
    """A node (``bms``, ``rig``) is off the bus; it is back soon by itself, or after ``recovery``."""
    return BusOff(node, time_of("bus.off", recovery), bus=bus)


def bus_load(share: Share, identifier: int = 0x7FF, bus: str = "") -> Fault:
    """The bus is busy for a share of its time, up to 1, by frames of an identifier that nobody else uses."""
    return BusLoad(share, identifier, bus=bus)


def bus_babbling(identifier: int = 0, bus: str = "") -> Fault:
    """A node sends without pause, and all with a higher identifier wait."""
    return BabblingNode(identifier, bus=bus)


def bus_short(bus: str = "") -> Fault:
    """The bus's two wires are shorted: no frame passes."""
    return BusShort(bus=bus)


NAMED: dict[str, Maker] = {
    "bus.errors": bus_errors,
    "bus.noise": bus_noise,
    "bus.off": bus_off,
    "bus.load": bus_load,
    "bus.babbling": bus_babbling,
    "bus.short": bus_short,
}
