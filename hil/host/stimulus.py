"""A stimulus and the frame that first carried it: the zero of every reaction time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from hil.bus.frame import Frame


@dataclass(frozen=True)
class Carrier:
    """Where a stimulus can be seen on the wire.

    Attributes:
        bus: Name of the bus.
        key: Identifier, with bit 31 set if extended.
        shows: Whether a frame with that key carries the stimulus.
        message: Name of the message.
        signal: Name of the signal that carries it, or ``""``.
    """

    bus: str
    key: int
    shows: Callable[[Frame], bool]
    message: str
    signal: str = ""


@dataclass
class Stimulus:
    """Something done to the BMS on purpose.

    Attributes:
        name: The fault's, request's or port's name.
        text: What was done, in words.
        applied_ns: When the rig did it.
        carriers: Where it shows; empty if it is physical only and shows by its consequences.
        on_wire_ns: Timestamp of the first frame that carried it; ``None`` until then.
        uncertainty_ns: How far it may lie before that frame, where the BMS itself sent it.
    """

    name: str
    text: str
    applied_ns: int
    carriers: tuple[Carrier, ...] = ()
    value: float | None = None
    unit: str = ""
    on_wire_ns: int | None = None
    uncertainty_ns: int = 0
    arrived: list[Frame] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.carriers and self.on_wire_ns is None:
            self.on_wire_ns = self.applied_ns

    def see(self, bus: str, key: int, frame: Frame) -> bool:
        """Look at a frame on the wire; returns whether it was the first to carry this stimulus."""
        for carrier in self.carriers:
            if carrier.key == key and carrier.bus == bus and carrier.shows(frame):
                self.on_wire_ns = frame.t_ns
                self.arrived.append(frame)
                return True
        return False
