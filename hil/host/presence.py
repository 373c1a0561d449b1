"""Whether there is anything to test: the buses are there, nobody else plays the rig, and the BMS is heard.

Without them each test of a run would wait for its own deadlines, and say nothing in the end. So a plant looks
before each test, and ends the run with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.bus.frame import Frame
from hil.bus.link import OWN
from hil.clock import NS_PER_MS, NS_PER_S
from hil.errors import BusError, FirmwareError, HealthError, HilError, RigTroubleError
from hil.frames.database import Message

if TYPE_CHECKING:
    from hil.host.watched import WatchedMedium
    from hil.rig.schema import RigConfig

RETURN_NS = 30 * NS_PER_S  # for an adapter to be plugged in again
LISTEN_NS = 500 * NS_PER_MS  # some cycles of nearly every message
_SHOWN = 4  # identifiers in a sentence

Pause = Callable[[int, list[int]], bool]
Names = Mapping[int, str]


@dataclass(frozen=True)
class _Counts:
    """What a bus had seen at some instant."""

    received: int
    errors: int
    untaken: int  # own frames without room or echo
    away_ns: int


class Presence:
    """Looks after one rig's buses and its BMS.

    Args:
        rig: The rig file.
        media: The buses by name.
        pause: Lets so much time pass, or less, as soon as something lies in a list; says whether it does.
    """

    def __init__(self, rig: RigConfig, media: Mapping[str, WatchedMedium], pause: Pause) -> None:
        self._rig = rig
        self._media = media
        self._pause = pause
        self._played = {name: self._names(name, played=True) for name in media}
        self._bms = {name: self._names(name, played=False) for name in media}
        self._intruders = -1  # none have been looked for yet

    def _names(self, bus: str, *, played: bool) -> dict[int, str]:
        node = self._rig.bms.node
        messages: Iterable[Message] = self._rig.buses[bus].database.messages.values()
        return {m.key: m.name for m in messages if (node not in m.senders and m.is_sent) is played}

    def await_buses(self) -> None:
        """Wait for buses that are away.

        Raises:
            BusError: If one does not come back within :data:`RETURN_NS`.
        """
        for name, medium in self._media.items():
            self._await_bus(name, medium)

    def _await_bus(self, name: str, medium: WatchedMedium) -> None:
        for _ in range(RETURN_NS // LISTEN_NS):
            if medium.is_up:
                return
            self._pause(LISTEN_NS, [])
        reason = f"has been away for {medium.away_ns / NS_PER_S:.0f} s: {medium.counters.last_error}"
        raise BusError(reason, place=f"bus {name}", remedy="plug the adapter in, or bring the interface up")

    def refuse_intruders(self) -> None:
        """Listen for others who send what the rig sends; at first, and when some were there before.

        Raises:
            BusError: If there are any.
        """
        before, self._intruders = self._intruders, self._seen_intruders()
        if self._intruders == before:
            return
        for name, medium in self._media.items():
            found = self._listen(medium, self._played[name])
            if found:
                reason = f"somebody else sends {_listed(found)}, which this rig sends too"
                remedy = "end the other rig, or unplug the real node; both at once say two things to the BMS"
                raise BusError(reason, place=f"bus {name}", remedy=remedy)
        self._intruders = self._seen_intruders()

    def _seen_intruders(self) -> int:
        return sum(sum(medium.intruders.values()) for medium in self._media.values())

    def _listen(self, medium: WatchedMedium, names: Names) -> list[str]:
        found: dict[int, str] = {}

        def tap(frame: Frame) -> None:
            if frame.key in names and frame.sender != OWN and not frame.error:
                found[frame.key] = f"{frame.id:X} ({names[frame.key]})"

        medium.taps.append(tap)
        try:
            self._pause(LISTEN_NS, [])
        finally:
            medium.taps.remove(tap)
        return list(found.values())

    def await_bms(self, since_ns: Callable[[], int | None]) -> None:
        """Wait for the first frame of a BMS that has just been switched on, or is on already.

        Args:
            since_ns: How long ago the BMS was last heard; ``None``: never.

        Raises:
            BusError: If the buses tell why none comes.
            FirmwareError: If the BMS is a process that says nothing.
            RigTroubleError: If the BMS says nothing.
            HealthError: If a bus went away meanwhile: it may come back.
        """
        wait_ns = self._rig.bms.heard_ns
        if not wait_ns:
            return
        before = {name: _counts(medium) for name, medium in self._media.items()}
        heard: list[int] = []
        taps = {name: self._tap(name, heard) for name in self._media}
        for name, tap in taps.items():
            self._media[name].taps.append(tap)
        try:
            if self._pause(wait_ns, heard):
                return
        finally:
            for name, tap in taps.items():
                self._media[name].taps.remove(tap)
        raise self._silence(before, since_ns())

    def _tap(self, bus: str, heard: list[int]) -> Callable[[Frame], None]:
        names = self._bms[bus]

        def tap(frame: Frame) -> None:
            if not heard and frame.key in names and not frame.error:
                heard.append(frame.t_ns)

        return tap

    def _silence(self, before: Mapping[str, _Counts], since_ns: int | None) -> HilError:
        """Why nothing of the BMS is heard, as far as the buses tell."""
        bms, wait = self._rig.bms, f"{self._rig.bms.heard_ns / NS_PER_S:g} s"
        last = "" if since_ns is None else f"; it was last heard {since_ns / NS_PER_S:.1f} s ago"
        for name, medium in self._media.items():
            if medium.away_ns != before[name].away_ns:
                return HealthError(f"bus {name}: it went away before the BMS was heard")
            told = _told(medium, before[name], self._bms[name])
            if told is not None:
                reason, remedy = told
                whole = f"nothing of the BMS within {wait}{last}: {reason}"
                return BusError(whole, place=f"bus {name}", remedy=remedy)
        reason = f"the BMS says nothing within {wait}{last}"
        if bms.kind == "process":
            return FirmwareError(reason, place=bms.name, key="bms.command", remedy="look at bms.log")
        remedy = "is it on, on this bus, and is bms.node its name in the DBC files?"
        return RigTroubleError(reason, place=bms.name, remedy=remedy)


def _counts(medium: WatchedMedium) -> _Counts:
    counters = medium.counters
    untaken = counters.tx_full + counters.unconfirmed
    return _Counts(counters.received, counters.error_frames, untaken, medium.away_ns)


def _told(medium: WatchedMedium, before: _Counts, names: Names) -> tuple[str, str] | None:
    """What a bus tells of the time since: reason and remedy; nothing if it is well, or not the BMS's."""
    after, counters = _counts(medium), medium.counters
    received, errors = after.received - before.received, after.errors - before.errors
    if not names:
        return None
    if errors and not received:
        kilo = f"{medium.bitrate / 1000:g} kbit/s"
        reason = f"only error frames come ({errors}, the last: {counters.last_error})"
        return reason, f"is the BMS on and wired to this bus, is {kilo} its bit rate, is the bus terminated?"
    if after.untaken - before.untaken and not received:
        reason = f"nobody takes what the rig sends ({counters.last_error or 'no echo'})"
        return reason, "is the BMS on, wired to this bus, and at its bit rate?"
    return None


def _listed(found: list[str]) -> str:
    more = len(found) - _SHOWN
    return ", ".join(found[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
