"""Who fills a bus: told from the frames that were on it, and from what the DBC files give the BMS."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.bus.wire_time import wire_s
from hil.clock import NS_PER_S
from hil.frames.design import design_load

if TYPE_CHECKING:
    from hil.bus.frame import Frame
    from hil.rig.schema import BusConfig

WINDOW_NS = NS_PER_S  # what is looked back on
_BMS_SENDS_AS = ("bms", "")  # its node in virtual time; on a real bus whoever is not the rig
_FULL = 0.9  # of its time a bus is busy: what has no priority waits
_MOST = 0.5  # of the time is the BMS's
_BEYOND_DESIGN = 1.5  # times what its cycle times take


@dataclass(frozen=True)
class Crowd:
    """A bus that the BMS fills.

    Attributes:
        bus: Its name.
        share: Part of the time that the BMS's frames take (0..1).
        busiest: Identifier of most of them, with its message's name if it has one.
        per_s: How many of that one come in a second.
    """

    bus: str
    share: float
    busiest: str
    per_s: float

    def __str__(self) -> str:
        share = f"{min(self.share, 1.0):.0%}".replace("%", " %")
        rate = f"{self.busiest}: {self.per_s:,.0f} frames/s"
        return f"the BMS's messages take {share} of bus {self.bus!r} ({rate})"


def is_of_bms(frame: Frame) -> bool:
    """Whether the BMS has sent it, and not the rig, a fault of the rig or one of its nodes."""
    return frame.sender in _BMS_SENDS_AS and not frame.error


def crowd_of(bus: BusConfig, bms: str, frames: Sequence[Frame], now_ns: int) -> Crowd | None:
    """Whether it is the BMS that fills a bus; ``None`` if the bus has room, or somebody else fills it.

    Args:
        bus: The bus.
        bms: The node under test.
        frames: All on the bus in the last :data:`WINDOW_NS`.
        now_ns: The present instant.
    """
    good = [frame for frame in frames if not frame.error]
    if not good:
        return None
    span_s = (now_ns - max(now_ns - WINDOW_NS, good[0].start_ns)) / NS_PER_S
    sent = [frame for frame in good if is_of_bms(frame) and not _is_anothers(frame, bus, bms)]
    share = _time_s(sent, bus) / span_s
    design = design_load(bus.database, bus.bitrate, bus.data_bitrate, bms)
    if share <= max(_MOST, _BEYOND_DESIGN * design) or _time_s(good, bus) / span_s < _FULL:
        return None
    (key, count), *_ = Counter(frame.key for frame in sent).most_common(1)
    return Crowd(bus.name, share, name_of(bus, key), count / span_s)


def _is_anothers(frame: Frame, bus: BusConfig, bms: str) -> bool:
    """Whether a frame of nobody knows whom has an identifier that the DBC files give somebody else."""
    message = bus.database.by_key.get(frame.key)
    return not frame.sender and message is not None and bms not in message.senders


def name_of(bus: BusConfig, key: int) -> str:
    """An identifier as people write it, with its message's name if a DBC file has it."""
    message = bus.database.by_key.get(key)
    number = f"0x{key & 0x1FFFFFFF:0{8 if key >> 31 else 3}X}"
    return f"{number} {message.name}" if message is not None else number


def _time_s(frames: Iterable[Frame], bus: BusConfig) -> float:
    """How long frames take on a bus."""
    return sum(wire_s(frame, bus.bitrate, bus.data_bitrate) for frame in frames)
