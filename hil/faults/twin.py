"""Physical faults: a welded contactor, an open wire, a short; they show by their consequences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hil.faults.fault import Bench
from hil.host.stimulus import Carrier
from twins.plant import Plant


@dataclass(frozen=True)
class TwinFault:
    """A switch of a twin is thrown.

    Attributes:
        on: Breaks the twin.
        off: Mends it.
        shows: Port and value in which the fault first appears on the wire, if it does.
    """

    name: str
    text: str
    on: Callable[[Plant], None]
    off: Callable[[Plant], None]
    shows: tuple[str, float] | None = None
    value: float | None = None
    unit: str = ""

    def apply(self, bench: Bench) -> tuple[Carrier, ...]:
        """Throw the switch."""
        self.on(bench.plant)
        return bench.carriers_of_port(*self.shows) if self.shows else ()

    def clear(self, bench: Bench) -> None:
        """Throw it back."""
        self.off(bench.plant)
