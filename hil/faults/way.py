"""Faults on a message's way to the bus, as a gateway makes them: delayed, doubled, held back, in a burst."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from hil.bus.frame import Frame
from hil.clock import Alarm
from hil.errors import UsageError
from hil.faults.fault import Bench
from hil.frames.database import Message
from hil.frames.restbus import Detour
from hil.host.stimulus import Carrier

_MOST_FRAMES = 100
Put = Callable[[bytes], None]


@dataclass(frozen=True, eq=False)
class _OnTheWay:
    """What the three have in common: one of them at a time is in a message's way."""

    message: str

    @property
    def target(self) -> str:
        """The message's way to the bus."""
        return f"{self.message}: way"

    def _divert(self, bench: Bench, detour: Detour) -> None:
        bench.entry(self.message).detour = detour

    def clear(self, bench: Bench) -> None:
        """Let the message go straight to the bus; what is still on its way is lost."""
        bench.entry(self.message).detour = None


@dataclass(frozen=True, eq=False)
class DelayedFrames(_OnTheWay):
    """Frames come late: by ``delay_ns``, and by up to ``jitter_ns`` more, which the same seed repeats."""

    delay_ns: int
    jitter_ns: int = 0
    seed: int = 1
    name: str = "frame.delay"
    unit: str = "s"
    _alarms: set[Alarm] = field(default_factory=set, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.delay_ns + self.jitter_ns == 0:
            raise UsageError(f"fault {self.name!r}: neither delay nor jitter is above 0")

    @property
    def value(self) -> float | None:
        """The delay in s."""
        return self.delay_ns / 1e9

    @property
    def text(self) -> str:
        """The fault in words."""
        jitter = f" to {(self.delay_ns + self.jitter_ns) / 1e6:g} ms" if self.jitter_ns else " ms"
        return f"{self.message} late by {self.delay_ns / 1e6:g}{jitter}"

    def apply(self, bench: Bench) -> tuple[Carrier, ...]:
        """Delay the frames from now on; the first one that is late shows it."""
        chance, clock = random.Random(self.seed), bench.clock
        first_ns = clock.now_ns + self.delay_ns
        last_ns = first_ns

        def delay(data: bytes, put: Put) -> None:
            nonlocal last_ns
            late_ns = self.delay_ns + round(chance.random() * self.jitter_ns)
            last_ns = max(last_ns, clock.now_ns + late_ns)  # none overtakes another one

            def ring(_event: object) -> None:
                self._alarms.discard(alarm)
                put(data)

            alarm = Alarm(clock, ring)
            self._alarms.add(alarm)
            clock.set_alarm(alarm, last_ns)

        self._divert(bench, delay)
        return bench.carrier_of_message(self.message, lambda _, frame: frame.t_ns > first_ns)

    def clear(self, bench: Bench) -> None:
        """Send in time again; what is late now does not come any more."""
        super().clear(bench)
        self.forget_late()

    def forget_late(self) -> None:
        """What is late now does not come any more."""
        for alarm in self._alarms:
            alarm.cancel()
        self._alarms.clear()


@dataclass(frozen=True, eq=False)
class DuplicateFrames(_OnTheWay):
    """Each frame comes ``times`` times in a row."""

    times: int = 2
    name: str = "frame.duplicate"
    unit: str = ""

    def __post_init__(self) -> None:
        if not 2 <= self.times <= _MOST_FRAMES:
            raise UsageError(f"fault {self.name!r}: times {self.times} is not 2 to {_MOST_FRAMES}")

    @property
    def value(self) -> float | None:
        """How often it comes."""
        return float(self.times)

    @property
    def text(self) -> str:
        """The fault in words."""
        return f"{self.message}: each frame {self.times} times"

    def apply(self, bench: Bench) -> tuple[Carrier, ...]:
        """Double the frames; the first copy shows it."""

        def repeat(data: bytes, put: Put) -> None:
            for _ in range(self.times):
                put(data)

        self._divert(bench, repeat)
        return bench.carrier_of_message(self.message, _close_together())


@dataclass(frozen=True, eq=False)
class FrameBursts(_OnTheWay):
    """A gateway stalls: no frame comes until ``count`` have gathered, then all come at once."""

    count: int = 10
    name: str = "frame.burst"
    unit: str = ""

    def __post_init__(self) -> None:
        if not 2 <= self.count <= _MOST_FRAMES:
            raise UsageError(f"fault {self.name!r}: count {self.count} is not 2 to {_MOST_FRAMES}")

    @property
    def value(self) -> float | None:
        """How many come at once."""
        return float(self.count)

    @property
    def text(self) -> str:
        """The fault in words."""
        return f"{self.message} in bursts of {self.count} frames"

    def apply(self, bench: Bench) -> tuple[Carrier, ...]:
        """Begin to gather frames; the second frame of the first burst shows it."""
        gathered: list[bytes] = []

        def gather(data: bytes, put: Put) -> None:
            gathered.append(data)
            if len(gathered) >= self.count:
                for held in gathered:
                    put(held)
                gathered.clear()

        self._divert(bench, gather)
        return bench.carrier_of_message(self.message, _close_together())


def _close_together() -> Callable[[Message, Frame], bool]:
    """Whether a frame comes within half a cycle of the one before it."""
    last_ns: int | None = None

    def shows(message: Message, frame: Frame) -> bool:
        nonlocal last_ns
        before_ns, last_ns = last_ns, frame.t_ns
        cycle_ns = message.cycle_ns or message.active_cycle_ns or 0
        return before_ns is not None and 2 * (frame.t_ns - before_ns) < cycle_ns

    return shows
