"""What every kind of BMS offers the rig: it is a program behind a bus, and the rig can power it."""

from __future__ import annotations

from typing import Protocol

from hil.bus.medium import Medium


class Bms(Protocol):
    """A BMS that the rig can switch on and off; everything else goes over the bus."""

    def power_on(self, *, cold: bool) -> None:
        """Switch on; ``cold`` forgets the fault memory (a factory-fresh controller)."""

    def attach(self, medium: Medium) -> None:
        """Put the BMS on a bus."""

    def power_off(self) -> None:
        """Switch off: nothing is received, stepped or sent any more."""

    def supply(self, on: bool) -> None:
        """Its supply fails, or comes back: it stops at once, and starts by itself with its memory.

        Takes no time, and does nothing to a BMS that is switched off, or whose supply is not the rig's.
        """
