"""What a test may ask of the place where plant and buses run, be it this process or another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

from hil.bus.frame import Frame
from hil.faults.fault import Fault
from hil.frames.database import Database
from hil.host.stimulus import Stimulus
from hil.responses.signals import Flaw, Sample, Values


class Host(Protocol):
    """One small interface: act on the plant and the BMS, hear what is on the bus, let time pass."""

    @property
    def now_ns(self) -> int:
        """The present instant."""

    def power_on(self, *, cold: bool = True) -> None:
        """Start the restbus and switch the BMS on; ``cold`` forgets its fault memory."""

    def set(self, port: str, value: float | str) -> Stimulus:
        """Write a set point of a twin: a number in the port's unit, or a text with its own."""

    def inject(self, fault: Fault, lasts_ns: int | None = None) -> Stimulus:
        """Break something, until it is mended or for a time."""

    def inject_all(self, faults: Sequence[Fault]) -> list[Stimulus]:
        """Break several things at one instant; if one cannot be broken, none is."""

    def clear(self, fault: Fault) -> None:
        """Mend it."""

    def clear_all(self, faults: Sequence[Fault]) -> None:
        """Mend them at one instant, the last one first."""

    def send(self, request: str, value: float) -> Stimulus:
        """Put a request to the BMS into the frame that carries it."""

    def subscribe(
        self, bus: str, message: str, watcher: Callable[[Frame, Values], None]
    ) -> Callable[[], None]:
        """Hear every good frame of a message; returns the way to stop hearing."""

    def precision_ns(self, bus: str) -> int:
        """How far a frame's timestamp may lie from its end on the wire."""

    def database(self, bus: str) -> Database:
        """The layouts of a bus."""

    def history(self, bus: str, message: str, since_ns: int) -> list[Sample]:
        """Good frames of a message after an instant, oldest first."""

    def arrivals(self, message: str, since_ns: int) -> list[int]:
        """Bus timestamps of a message of the BMS after an instant, good frames and bad."""

    def heard(self, bus: str, since_ns: int) -> list[Frame]:
        """All frames on a bus after an instant, of whomever, oldest first."""

    def rejected(self, bus: str, message: str, since_ns: int) -> Counter[Flaw]:
        """How many frames of a message of the BMS were rejected after an instant, and for what."""

    def broken(self, bus: str, message: str, since_ns: int) -> list[tuple[int, str]]:
        """When after an instant, and why, long messages of a name did not get through, oldest first."""

    def frames(self, bus: str, key: int, from_ns: int, to_ns: int) -> list[Frame]:
        """Good frames of one identifier within a time span."""

    def last_frames(self, bus: str, key: int, count: int) -> list[Frame]:
        """The last good frames of one identifier, oldest first."""

    def read(self, port: str) -> float:
        """A twin port's present value: the truth."""

    def run_until(self, instant_ns: int, found: Sequence[object] = ()) -> bool:
        """Let time pass, to the instant or until something lies in ``found``."""

    def stop(self) -> None:
        """Go to the safe state and switch off."""
