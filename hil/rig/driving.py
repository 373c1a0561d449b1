"""Drives the rig's vehicle along a cycle: the driver's targets, written as time goes by."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hil.clock import NS_PER_MS, NS_PER_S
from hil.errors import NotOfferedError, UsageError
from hil.host.contract import Host
from hil.rig.schema import RigConfig
from twins import cycles
from twins.cycles import Cycle
from twins.vehicle import load

_EVERY_NS = 100 * NS_PER_MS
_STOPS_NS = 60 * NS_PER_S  # more than brakes need from any speed
_KMH = 3.6


@dataclass(frozen=True)
class Driven:
    """What came of it.

    Attributes:
        distance_m: That the vehicle went.
        wanted_m: That the cycle would have gone in this time.
    """

    distance_m: float
    wanted_m: float


def open_cycle(cycle: Cycle | Path | str) -> Cycle:
    """A cycle, or the one of this name or in this file.

    Raises:
        UsageError: If there is none, or it is wrong.
    """
    if isinstance(cycle, Cycle):
        return cycle
    try:
        return cycles.load(cycle)
    except cycles.CycleError as error:
        raise UsageError(f"{error.place}: {error.reason}", remedy=error.remedy) from error


def drive(host: Host, config: RigConfig, cycle: Cycle, duration_ns: int | None) -> Driven:
    """Drive a cycle from its beginning, for a time; where it ends before that, again.

    Raises:
        NotOfferedError: If the rig has no vehicle.
    """
    vehicle = config.plant.vehicle
    if vehicle is None:
        raise NotOfferedError("the rig file has no [vehicle]")
    whole_ns = round(cycle.duration_s * NS_PER_S)
    end_ns = whole_ns if duration_ns is None else duration_ns
    targets = _Targets(host, cycle, load(vehicle.name)["driver.preview"])
    _stand(host)
    begin_ns, begin_m = host.now_ns, host.read("vehicle.distance")
    with _driver(host):
        while (past_ns := host.now_ns - begin_ns) < end_ns:
            targets.write(past_ns % whole_ns / NS_PER_S)
            host.run_until(begin_ns + min(past_ns + _EVERY_NS, end_ns))
    wanted_m = _way(cycle, end_ns, whole_ns)
    return Driven(host.read("vehicle.distance") - begin_m, wanted_m)


def _stand(host: Host) -> None:
    """Wait until the vehicle stands, should it still roll from the last drive."""
    end_ns = host.now_ns + _STOPS_NS
    while host.read("vehicle.speed") > 0.0 and host.now_ns < end_ns:
        host.run_until(host.now_ns + _EVERY_NS)


@contextmanager
def _driver(host: Host) -> Iterator[None]:
    """Someone sits at the wheel; whatever happens, nobody does in the end."""
    host.set("vehicle.driving", 1.0)
    try:
        yield
    finally:
        host.set("vehicle.driving", 0.0)


def _way(cycle: Cycle, duration_ns: int, whole_ns: int) -> float:
    rounds, rest_ns = divmod(duration_ns, whole_ns)
    at_s = np.append(cycle.time_s[cycle.time_s < rest_ns / NS_PER_S], rest_ns / NS_PER_S)
    speed = np.interp(at_s, cycle.time_s, cycle.speed_mps)
    return rounds * cycle.distance_m + float(np.sum(np.diff(at_s) * 0.5 * (speed[1:] + speed[:-1])))


class _Targets:
    """Writes to the vehicle what changes of speed, grade and payload."""

    def __init__(self, host: Host, cycle: Cycle, preview_s: float) -> None:
        self._host, self._cycle, self._preview_s = host, cycle, preview_s
        self._written: dict[str, float] = {}

    def write(self, at_s: float) -> None:
        """What holds at this time of the cycle; the driver looks ahead."""
        cycle = self._cycle
        speed = float(np.interp(at_s + self._preview_s, cycle.time_s, cycle.speed_mps))
        self._write("vehicle.target_speed", speed * _KMH)
        self._write("vehicle.grade", float(np.interp(at_s, cycle.time_s, cycle.grade)))
        if cycle.payload_kg is not None:
            last = int(np.searchsorted(cycle.time_s, at_s + 1e-9, "right")) - 1
            self._write("vehicle.payload", float(cycle.payload_kg[last]))

    def _write(self, port: str, value: float) -> None:
        if self._written.get(port) != value:
            self._host.set(port, value)
            self._written[port] = value
