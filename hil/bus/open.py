"""From the rig file's bus to the wire."""

from __future__ import annotations

from hil.bus.medium import Medium
from hil.clock import VirtualClock
from hil.errors import RigFileError


def open_medium(
    name: str, interface: str, bitrate: int, clock: VirtualClock, seed: int
) -> Medium:
    """The wire of a bus in virtual time.

    Raises:
        RigFileError: If the interface is not ``sim``: a real bus cannot follow virtual time.
    """
    if interface != "sim":
        raise RigFileError(
            f"interface {interface!r} is a real bus, but the rig's time is virtual",
            key=f"bus.{name}.interface",
            remedy='use interface = "sim"; real buses need time = "real"',
        )
    return Medium(clock, name, bitrate, seed)
