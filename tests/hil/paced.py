"""Real time in a test's hand: a monotonic clock that moves only while the loop waits, or stalls."""

from __future__ import annotations

import select
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

import pytest

from hil.bms.contract import Bms
from hil.bms.heartbeat import Heartbeat
from hil.bms.library import Firmware, LibraryBms
from hil.bus.frame import Frame
from hil.bus.link import OWN, LinkCounters, LinkFullError, Stamps
from hil.bus.medium import Medium
from hil.bus.node import FrameHandler
from hil.clock import NS_PER_S
from hil.errors import BusError, HilError
from hil.host.real import RealWorld
from hil.host.watched import WatchedMedium
from hil.realtime.clock import RealClock
from hil.rig.schema import RigConfig

WAITS = select.select


class Pace:
    """CLOCK_MONOTONIC of a test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_ns = 5_000_000_003
        self.stalls: deque[tuple[int, int]] = deque()  # at, for
        monkeypatch.setattr("hil.realtime.clock.select.select", self._select)

    def __call__(self) -> int:
        return self.now_ns

    def stall(self, at_ns: int, for_ns: int) -> None:
        """The computer does something else for a while, once the clock has come to an instant."""
        self.stalls.append((at_ns, for_ns))

    def _select(
        self, readers: list[int], _w: object, _x: object, timeout: float
    ) -> tuple[list[int], list[int], list[int]]:
        ready = WAITS(readers, (), (), 0)[0] if readers else []
        if not ready:
            self.now_ns += round(timeout * 1e9)
            if self.stalls and self.now_ns >= self.stalls[0][0]:
                self.now_ns += self.stalls.popleft()[1]
        return ready, [], []


class EchoLink:
    """A bus in memory: what is sent comes back at once, as an echo; ``full`` and ``gone`` are a test's."""

    stamps: Stamps = "kernel"
    data_bitrate = 0
    precision_ns = 0

    def __init__(self, pace: Callable[[], int], name: str = "can0", bitrate: int = 500_000) -> None:
        self.name, self.bitrate, self.counters = name, bitrate, LinkCounters()
        self.full = self.gone = False
        self.closed = False
        self._pace = pace
        self._waiting: list[Frame] = []

    def fileno(self) -> int | None:
        return None

    def send(self, frame: Frame) -> None:
        self._check()
        if self.full:
            self.counters.tx_full += 1
            raise LinkFullError("is full")
        self.counters.sent += 1
        echo = Frame(frame.id, frame.data, frame.extended, OWN)
        echo.t_ns = self._pace()
        self._waiting.append(echo)

    def say(self, frame: Frame) -> None:
        """Somebody else sends a frame."""
        frame.t_ns = self._pace()
        self._waiting.append(frame)

    def receive(self) -> Sequence[Frame]:
        self._check()
        frames, self._waiting = self._waiting, []
        return frames

    def _check(self) -> None:
        if self.gone:
            raise BusError("is down", place=f"interface {self.name}")

    def set_filters(self, identifiers: Iterable[tuple[int, bool]] | None) -> None: ...

    def reopen(self) -> bool:
        return not self.gone

    def close(self) -> None:
        self.closed = True


class PatientBms(LibraryBms):
    """One whose controller does not mind that the bus is away, and whose time does not run back.

    Late steps have their own instant, while frames bear the present: firmware would hear of the future.
    """

    def receiver(self, bus: int = 0) -> FrameHandler:
        hear = super().receiver(bus)

        def on_frame(frame: Frame) -> None:
            heard = Frame(frame.id, frame.data, frame.extended, frame.sender)
            heard.error, heard.remote = frame.error, frame.remote
            heard.t_ns = self._clock.now_ns
            hear(heard)

        return on_frame

    def _send(self, *frame: Any) -> None:
        with suppress(BusError):
            super()._send(*frame)


def paced_clock(pace: Pace) -> RealClock:
    """The rig's real clock on a test's time."""
    return RealClock(pace)


class MuteBms:
    """One that says nothing."""

    def attach(self, medium: Medium) -> None: ...

    def power_on(self, *, cold: bool) -> None: ...

    def power_off(self) -> None: ...

    def supply(self, on: bool) -> None: ...


class Bench:
    """The reference BMS beside the rig on one controller: on a bus in memory both see each other's frames."""

    def __init__(self, rig: RigConfig, monkeypatch: pytest.MonkeyPatch, bms: Bms | None = None) -> None:
        self.pace = Pace(monkeypatch)
        self.clock = paced_clock(self.pace)
        self.links = {n: EchoLink(self.pace, n, bus.bitrate) for n, bus in rig.buses.items()}
        self.link = self.links["pack"]
        self.told: list[tuple[HilError, bool]] = []
        if bms is None:
            bms = PatientBms(self.clock, Firmware(rig.bms.firmware), rig.bms.step_ns, Heartbeat())
        media = {name: WatchedMedium(self.clock, link) for name, link in self.links.items()}
        self.world = RealWorld(rig, self.clock, media, bms, lambda *what: self.told.append(what))

    def start(self) -> RealWorld:
        self.world.renew(1)
        self.world.power_on()
        self.pass_time(NS_PER_S)
        assert self.state == "standby"
        return self.world

    def pass_time(self, span_ns: int) -> None:
        self.world.run_until(self.world.now_ns + span_ns)

    @property
    def state(self) -> str:
        return str(self.world.summary()["state"])
