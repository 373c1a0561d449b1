"""From the rig file's bus to the wire; and where the wires of this process are found by name."""

from __future__ import annotations

from typing import Protocol
from weakref import WeakValueDictionary

from hil.bus.medium import Medium
from hil.clock import VirtualClock
from hil.errors import BusError, RigFileError

DEFAULT_BITRATE = 500_000


class BusSettings(Protocol):
    """What a rig file says of a bus."""

    @property
    def interface(self) -> str:
        """The python-can interface."""

    @property
    def bitrate(self) -> int:
        """Bits per second."""

    @property
    def data_bitrate(self) -> int:
        """Of the data of CAN FD frames; 0 on a classic bus."""


def open_medium(name: str, bus: BusSettings, clock: VirtualClock, seed: int) -> Medium:
    """The wire of a rig's bus in virtual time; python-can finds it by ``name`` while the rig lives.

    Raises:
        RigFileError: If the interface is not ``sim``: a real bus cannot follow virtual time.
    """
    if bus.interface != "sim":
        raise RigFileError(
            f"interface {bus.interface!r} is a real bus, but the rig's time is virtual",
            key=f"bus.{name}.interface",
            remedy='use interface = "sim"; real buses need time = "real"',
        )
    medium = Medium(clock, name, bus.bitrate, seed, bus.data_bitrate)
    _of_rigs[name] = medium
    return medium


def close_medium(medium: Medium) -> None:
    """Let no one find a rig's wire any more; who hangs on it stays there."""
    if _of_rigs.get(medium.name) is medium:
        del _of_rigs[medium.name]


def join_medium(
    name: str, bitrate: int | None, data_bitrate: int | None = None, *, fd: bool = False
) -> Medium:
    """The wire called ``name``: a rig's, or one that lone scripts share until :func:`leave_medium`.

    All wires of lone scripts run on one clock of their own.

    Raises:
        BusError: If the wire runs at another bit rate, or CAN FD is wanted of a classic one.
    """
    medium = _of_rigs.get(name) or _of_scripts.get(name)
    if medium is None:
        clock = next((m.clock for m in _of_scripts.values()), None) or VirtualClock()
        slow = bitrate or DEFAULT_BITRATE
        fast = (data_bitrate or slow) if fd else 0
        medium = _of_scripts[name] = Medium(clock, name, slow, data_bitrate=fast)
    if bitrate not in (None, medium.bitrate):
        raise BusError(
            f"the bus runs at {medium.bitrate} bit/s, not at {bitrate}",
            place=f"bus {name}",
            remedy="give the same bit rate, or none",
        )
    if (fd and data_bitrate not in (None, medium.data_bitrate)) or (fd and not medium.data_bitrate):
        at = f"has data at {medium.data_bitrate} bit/s" if medium.data_bitrate else "is classic CAN"
        raise BusError(f"the bus {at}", place=f"bus {name}", remedy="give fd = true where it is opened first")
    return medium


def leave_medium(medium: Medium) -> None:
    """Forget a lone script's wire once its last node has left."""
    if not medium.nodes and _of_scripts.get(medium.name) is medium:
        del _of_scripts[medium.name]


def media() -> list[str]:
    """Names of the wires that python-can can join now."""
    return sorted({*_of_rigs, *_of_scripts})


_of_rigs: WeakValueDictionary[str, Medium] = WeakValueDictionary()
_of_scripts: dict[str, Medium] = {}
