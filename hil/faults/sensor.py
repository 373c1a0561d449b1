"""Sensor faults: a measurement is forced to a value, or lost."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hil.errors import UsageError
from hil.faults.fault import Bench
from hil.host.stimulus import Carrier


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
