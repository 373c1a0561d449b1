"""Faults of the auxiliary supply."""

from __future__ import annotations

from collections.abc import Callable

from hil.errors import NotOfferedError
from hil.faults.arguments import Time, Volt, time_of
from hil.faults.fault import Fault, Maker
from hil.faults.twin import TwinFault
from twins.plant import Plant
from twins.supply import Supply


def supply_voltage(value: Volt) -> Fault:
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


def supply_dip(value: Volt, lasts: Time = "10 ms") -> Fault:
    """The auxiliary supply falls to ``value`` V for a time, and comes back by itself."""
    lasts_ns = time_of("supply.dip", lasts)
    return _passing(
        "supply.dip",
        f"supply falls to {value:g} V for {lasts_ns / 1e6:g} ms",
        lambda supply, passed_ns: supply.dip(value, lasts_ns, passed_ns),
        value,
    )


def supply_cranking(lowest: Volt = 4.5, plateau: Volt = 6.5, lasts: Time = "10 s") -> Fault:
    """An engine is cranked: the supply falls to ``lowest`` V, then stays at ``plateau`` V for a time."""
    lasts_ns = time_of("supply.cranking", lasts)
    return _passing(
        "supply.cranking",
        f"cranking: {lowest:g} V, then {plateau:g} V for {lasts_ns / 1e9:g} s",
        lambda supply, passed_ns: supply.crank(lowest, plateau, lasts_ns, passed_ns),
        lowest,
    )


def supply_power_cycle(off: Time = "1 s") -> Fault:
    """The auxiliary supply is off for a time, and comes back by itself."""
    off_ns = time_of("supply.power_cycle", off)
    return _passing(
        "supply.power_cycle",
        f"supply off for {off_ns / 1e6:g} ms",
        lambda supply, passed_ns: supply.dip(0.0, off_ns, passed_ns),
        off_ns / 1e9,
        "s",
    )


def supply_brown_out(
    lowest: Volt, falls: Time = "1 s", stays: Time = "100 ms", rises: Time = "1 s"
) -> Fault:
    """The auxiliary supply sinks slowly to ``lowest`` V, stays there, and rises slowly again by itself."""
    name = "supply.brown_out"
    down_ns = time_of(name, falls)
    up_ns = down_ns + time_of(name, stays)
    end_ns = up_ns + time_of(name, rises)

    def sink(supply: Supply, passed_ns: int) -> None:
        supply.follow([(down_ns, lowest), (up_ns, lowest), (end_ns, supply.requested_V)], passed_ns)

    return _passing(
        name,
        f"supply sinks to {lowest:g} V in {down_ns / 1e6:g} ms and is back after {end_ns / 1e6:g} ms",
        sink,
        lowest,
    )


def _passing(
    name: str, text: str, course: Callable[[Supply, int], None], value: float, unit: str = "V"
) -> Fault:
    """What passes by itself; ``course`` lets the supply go along it from so many ns after its beginning."""
    return TwinFault(
        name,
        text,
        "supply",
        lambda plant: course(_supply(plant), 0),
        lambda plant: _supply(plant).recover(),
        value=value,
        unit=unit,
        resumes=lambda plant, passed_ns: course(_supply(plant), passed_ns),
    )


def _supply(plant: Plant) -> Supply:
    if plant.supply is None:
        raise NotOfferedError("there is no auxiliary supply: the rig file has no section [supply]")
    return plant.supply


NAMED: dict[str, Maker] = {
    "supply.voltage": supply_voltage,
    "supply.dip": supply_dip,
    "supply.cranking": supply_cranking,
    "supply.power_cycle": supply_power_cycle,
    "supply.brown_out": supply_brown_out,
}
