"""What every kind of BMS offers the rig: it is a program behind a bus, and the rig can power it."""

from __future__ import annotations

from typing import Protocol

from hil.bus.frame import Frame


class Bms(Protocol):
    """A BMS that the rig can switch on and off; everything else goes over the bus."""

    def power_on(self, *, cold: bool) -> None:
        """Switch on; ``cold`` forgets the fault memory (a factory-fresh controller)."""

    def on_frame(self, frame: Frame) -> None:
        """Take a frame from the bus."""

    def power_off(self) -> None:
        """Switch off: nothing is received, stepped or sent any more."""
