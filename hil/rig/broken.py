"""What a test has broken and not yet mended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from hil.faults.fault import Fault
from hil.host.contract import Host
from hil.host.stimulus import Stimulus

Struck = tuple[int, str]  # a cell, and the state in which the BMS was


class Broken:
    """The faults that are on.

    Args:
        host: Where they are put in, and cleared.

    Attributes:
        cell: Whose fault is on now, and in which state of the BMS it came; ``None``: no cell's, or several's.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._on: list[Fault] = []
        self.cell: Struck | None = None

    @contextmanager
    def struck(self, cell: Struck | None) -> Iterator[None]:
        """What is broken in the block strikes this cell; after it the one around it is struck again."""
        around, self.cell = self.cell, cell
        try:
            yield
        finally:
            self.cell = around

    def inject(self, fault: Fault, lasts_ns: int | None) -> Stimulus:
        """Put one in; it goes by itself after ``lasts_ns``, if that is given."""
        stimulus = self._host.inject(fault, lasts_ns)
        self._on.append(fault)
        return stimulus

    def inject_all(self, faults: Sequence[Fault]) -> list[Stimulus]:
        """Put several in at one instant."""
        stimuli = self._host.inject_all(faults)
        self._on += faults
        return stimuli

    def mend(self, faults: Sequence[Fault]) -> list[Fault]:
        """Clear those of them that are still on, at one instant; returns them."""
        left = [fault for fault in faults if fault in self._on]
        self._on = [fault for fault in self._on if fault not in left]
        if len(left) == 1:
            self._host.clear(left[0])
        elif left:
            self._host.clear_all(left)
        return left

    def mend_all(self) -> None:
        """Clear all that are on, the last one first."""
        for fault in reversed(self._on):
            self._host.clear(fault)
        self._on.clear()
