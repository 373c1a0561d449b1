"""Physical faults: a welded contactor, an open wire, a short; they show by their consequences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hil.errors import UsageError
from hil.faults.fault import Bench
from hil.host.stimulus import Carrier
from twins.plant import Plant


@dataclass(frozen=True, eq=False)
class TwinFault:
    """A switch of a twin is thrown.

    Attributes:
        target: What is broken.
        on: Breaks the twin.
        off: Mends it.
        shows: Port and value in which the fault first appears on the wire, if it does.
        loses: Port that is not available then.
        resumes: Of what passes by itself: goes on with it where it is after so many ns.
    """

    name: str
    text: str
    target: str
    on: Callable[[Plant], None]
    off: Callable[[Plant], None]
    shows: tuple[str, float] | None = None
    loses: str = ""
    value: float | None = None
    unit: str = ""
    resumes: Callable[[Plant, int], None] | None = None

    def apply(self, bench: Bench) -> tuple[Carrier, ...]:
        """Throw the switch.

        Raises:
            UsageError: If the twin has no such part, or cannot break like that.
            NotOfferedError: If a signal has no raw number for "not available", and needs one then.
        """
        if self.loses:
            bench.carriers_of_port(self.loses, None)  # skips the test where no frame can say so
        try:
            self.on(bench.plant)
        except ValueError as error:
            raise UsageError(f"fault {self.name!r}: {error}") from error
        return bench.carriers_of_port(*self.shows) if self.shows else ()

    def resume(self, bench: Bench, passed_ns: int) -> None:
        """Break it again after a later fault in its place; what passes by itself is not begun anew."""
        if self.resumes is None:
            self.on(bench.plant)
        else:
            self.resumes(bench.plant, passed_ns)

    def clear(self, bench: Bench) -> None:
        """Throw it back."""
        self.off(bench.plant)
