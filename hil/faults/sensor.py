"""Sensor faults: a measurement is forced to a value, lost, or bent on its way to the bus."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from hil.errors import NotOfferedError, UsageError
from hil.faults.fault import Bench
from hil.frames.restbus import Bend
from hil.host.stimulus import Carrier
from twins.port import Port


@dataclass(frozen=True, eq=False)
class PortFault:
    """A sensor's output is held at ``value``; NaN means that it has no valid value."""

    name: str
    port: str
    value: float | None
    unit: str

    @property
    def target(self) -> str:
        """The port."""
        return self.port

    @property
    def text(self) -> str:
        """The fault in words."""
        if self.value is None or math.isnan(self.value):
            return f"{self.port} not available"
        return f"{self.port} = {self.value:.6g} {self.unit}".rstrip()

    def apply(self, bench: Bench) -> tuple[Carrier, ...]:
        """Force the port.

        Raises:
            UsageError: If there is no such port, or it is no sensor's.
            NotOfferedError: If its signal has no raw number for "not available".
        """
        port = bench.port(self.port)
        carriers = bench.carriers_of_port(self.port, self.value)
        try:
            port.force(math.nan if self.value is None else self.value)
        except ValueError as error:
            raise UsageError(f"fault {self.name!r}: {error}") from error
        return carriers

    def clear(self, bench: Bench) -> None:
        """Let the sensor measure again."""
        bench.port(self.port).release()


@dataclass(frozen=True, eq=False)
class HeldSensor:
    """A sensor's output is held at what is known of it only when the fault begins.

    Attributes:
        choose: The value at which a port is held.
        text: The fault in words.
    """

    name: str
    port: str
    text: str
    choose: Callable[[Port], float]
    unit: str = ""
    _found: list[float] = field(default_factory=list, init=False, repr=False)

    @property
    def target(self) -> str:
        """The port."""
        return self.port

    @property
    def value(self) -> float | None:
        """The value, once it is held."""
        return self._found[0] if self._found else None

    def apply(self, bench: Bench) -> tuple[Carrier, ...]:
        """Hold the port; a second time where it was held the first time.

        Raises:
            UsageError: If there is no such port, it is no sensor's, or it cannot be held there.
            NotOfferedError: If its signal has no raw number for "not available", and needs one.
        """
        port = bench.port(self.port)
        value = self._found[0] if self._found else self.choose(port)
        carriers = bench.carriers_of_port(self.port, value)
        try:
            port.force(value)
        except ValueError as error:
            raise UsageError(f"fault {self.name!r}: {error}") from error
        if not self._found:
            self._found.append(value)
        return carriers

    def clear(self, bench: Bench) -> None:
        """Let the sensor measure again."""
        bench.port(self.port).release()


@dataclass(frozen=True, eq=False)
class BentSensor:
    """What sensors say is changed on its way to the bus; several such faults of one sensor add up.

    Attributes:
        ports: The sensors' outputs.
        bends: Makes, when the fault begins, what changes the value of each of them.
        text: The fault in words.
    """

    name: str
    ports: tuple[str, ...]
    text: str
    bends: Callable[[Bench], tuple[Bend, ...]]
    value: float | None = None
    unit: str = ""

    @property
    def target(self) -> str:
        """A place of its own."""
        return f"bent sensor {id(self)}"

    def apply(self, bench: Bench) -> tuple[Carrier, ...]:
        """Change what they say from now on; the next frame of each shows it.

        Raises:
            UsageError: If there is no such port.
            NotOfferedError: If no signal of the rig carries it.
        """
        signals = [self._signals(bench, port) for port in self.ports]
        carriers: list[Carrier] = []
        for bend, found in zip(self.bends(bench), signals, strict=True):
            for message, signal in found:
                bench.entry(message).bend((self.target, message, signal), signal, bend)
                carriers += bench.carrier_of_message(message, lambda *_: True)
        return tuple(carriers)

    def _signals(self, bench: Bench, port: str) -> tuple[tuple[str, str], ...]:
        bench.port(port)
        found = bench.signals_of_port(port)
        if not found:
            raise NotOfferedError(f"no signal that the rig sends carries {port}")
        return found

    def clear(self, bench: Bench) -> None:
        """Let them say again what they measure."""
        for port in self.ports:
            for message, signal in bench.signals_of_port(port):
                bench.entry(message).straighten((self.target, message, signal))
