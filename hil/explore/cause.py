"""Causes of faults as they stand on the wire: what the BMS was told, frame by frame."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import isnan
from typing import TYPE_CHECKING

from hil.errors import NotOfferedError
from hil.rig.limits import Limit

if TYPE_CHECKING:
    from hil.responses.signals import Values
    from hil.rig.rig import Rig
    from hil.rig.schema import RigConfig
    from hil.rig.wire import Wire

NEVER_NS = -(10**18)
_GONE_NS = 1_500_000_000


@dataclass(frozen=True)
class Source:
    """Where a number of the twins is on the wire."""

    index: int
    scale: float
    offset: float
    not_available: float | None
    lsb: float

    def read(self, values: Values) -> float | None:
        """The port's value in a frame; ``None``: not in this one, or not valid."""
        raw = values[self.index]
        if raw is None or raw == self.not_available or isnan(raw):
            return None
        return raw * self.scale + self.offset


@dataclass
class Cause:
    """Whether what a limit forbids is on the wire.

    Attributes:
        limit: The limit.
        sources: Places of its quantity, by message.
        beyond: Whether a value is past the threshold by more than a step of its signal.
        back: Whether a value is on the good side of the release level.
        valid: Place of what says whether the message's values are valid, if the rig sends it.
        since_ns: Since when a value is beyond without a break; ``None``: it is not.
        last_ns: Last frame with a value beyond.
        outside_ns: Last frame with a value not yet released.
        value: The last value, in the port's unit; ``None``: it was not valid.
        value_ns: When it came.
    """

    limit: Limit
    sources: Mapping[str, tuple[Source, ...]]
    beyond: Callable[[float, float], bool]
    back: Callable[[float], bool]
    valid: Mapping[str, Source] = field(default_factory=dict)
    since_ns: int | None = None
    last_ns: int = NEVER_NS
    outside_ns: int = NEVER_NS
    value: float | None = None
    value_ns: int = NEVER_NS
    _members: set[tuple[str, int]] = field(default_factory=set)

    def take(self, t_ns: int, message: str, values: Values) -> None:
        """A frame of one of its messages."""
        valid = self.valid.get(message)
        if valid is not None and not valid.read(values):
            return
        sources = self.sources[message]
        if len(sources) == 1:
            self.value, self.value_ns = sources[0].read(values), t_ns
        if self._members or not self._all_back(sources, values):
            self._look(t_ns, message, sources, values)

    def _all_back(self, sources: tuple[Source, ...], values: Values) -> bool:
        """Whether all values are on the good side, as they are nearly always."""
        read = [value for source in sources if (value := source.read(values)) is not None]
        return not read or (self.back(min(read)) and self.back(max(read)))

    def _look(self, t_ns: int, message: str, sources: tuple[Source, ...], values: Values) -> None:
        for source in sources:
            if values[source.index] is None:
                continue  # of another page
            value = source.read(values)
            member = (message, source.index)
            if value is not None and self.beyond(value, source.lsb):
                self._members.add(member)
                self.last_ns = t_ns
            else:
                self._members.discard(member)
            if value is not None and not self.back(value):
                self.outside_ns = t_ns
        if not self._members:
            self.since_ns = None
        elif self.since_ns is None:
            self.since_ns = t_ns

    @property
    def settle_ns(self) -> int:
        """How long after its end it is surely gone for the BMS."""
        return (self.limit.delay_ns or 0) + _GONE_NS

    def forget(self) -> None:
        """What was told is not known to have been heard."""
        self._members.clear()
        self.since_ns = None


# by limit: the twins' ports of its quantity; those of a current have a sign
_PORTS: dict[str, tuple[str, ...]] = {
    "cell_overvoltage": ("cell_monitor.voltage[",),
    "cell_undervoltage": ("cell_monitor.voltage[",),
    "deep_discharge": ("cell_monitor.voltage[",),
    "pack_overvoltage": ("current_sensor.voltage_pack",),
    "pack_undervoltage": ("current_sensor.voltage_pack",),
    "overtemperature_discharge": ("cell_monitor.temperature[",),
    "overtemperature_charge": ("cell_monitor.temperature[",),
    "undertemperature_charge": ("cell_monitor.temperature[",),
    "undertemperature_discharge": ("cell_monitor.temperature[",),
    "overcurrent_discharge": ("current_sensor.current",),
    "overcurrent_charge": ("current_sensor.current",),
    "isolation": ("isolation.plus", "isolation.minus"),
    "interlock": ("interlock.closed",),
}
_VALID = {"isolation": "isolation.valid"}
_NEGATIVE = {"overcurrent_charge"}


def causes_of(rig: Rig) -> tuple[dict[str, Cause], dict[str, str]]:
    """The causes that can be followed on the wire, and why others cannot."""
    found: dict[str, Cause] = {}
    lacking: dict[str, str] = {}
    for name in _PORTS:
        try:
            found[name] = _cause(rig, name)
        except NotOfferedError as error:
            lacking[name] = str(error)
    return found, lacking


def _cause(rig: Rig, name: str) -> Cause:
    limit = rig.limits[name]
    sources = _sources(rig.config, _PORTS[name])
    if not sources:
        raise NotOfferedError(f"the rig sends no {' or '.join(_PORTS[name]).rstrip('[')}")
    valid = _sources(rig.config, (_VALID[name],)) if name in _VALID else {}
    return Cause(limit, sources, *_levels(limit), {message: found[0] for message, found in valid.items()})


def _levels(limit: Limit) -> tuple[Callable[[float, float], bool], Callable[[float], bool]]:
    if limit.name == "interlock":
        return (lambda value, _: not value), bool
    threshold = limit.threshold
    release = limit.release if limit.has("release") else threshold
    sign = -1.0 if limit.name in _NEGATIVE else 1.0
    if limit.above:
        return (lambda v, lsb: sign * v > threshold + lsb), (lambda v: sign * v <= release)
    return (lambda v, lsb: sign * v < threshold - lsb), (lambda v: sign * v >= release)


def _sources(config: RigConfig, ports: tuple[str, ...]) -> dict[str, tuple[Source, ...]]:
    found: dict[str, list[Source]] = {}
    for wire in config.wires:
        if wire.direction == "out" and any(
            wire.port == p or (p[-1] == "[" and wire.port.startswith(p)) for p in ports
        ):
            found.setdefault(wire.message, []).append(_source(config, wire))
    return {message: tuple(sources) for message, sources in found.items()}


def _source(config: RigConfig, wire: Wire) -> Source:
    signal = config.buses[wire.bus].database.messages[wire.message].signals[wire.signal]
    return Source(signal.index, wire.scale, wire.offset, signal.not_available, signal.step * abs(wire.scale))
