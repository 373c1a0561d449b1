"""What a host in real time measures of itself, from the start of one test to its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from simpy.events import Event

from hil.clock import Alarm
from hil.realtime.health import BusHealth, Health, Punctuality

if TYPE_CHECKING:
    from hil.frames.punctual import PunctualRestbus
    from hil.host.watched import WatchedMedium
    from hil.realtime.clock import RealClock

_Counts = dict[str, int]


class Vitals:
    """Lateness, losses and load since :meth:`begin`.

    Args:
        clock: The one time line.
        media: The buses by name.
        restbuses: What sends on them.
        step_ns: Time between two steps of the twins.
        cpu_ns: Processor time that this process has taken.

    Attributes:
        troubles: What else went wrong, in sentences.
    """

    def __init__(
        self,
        clock: RealClock,
        media: Mapping[str, WatchedMedium],
        restbuses: Sequence[PunctualRestbus],
        step_ns: int,
        cpu_ns: Callable[[], int] = time.process_time_ns,
    ) -> None:
        self._clock = clock
        self._media = media
        self._restbuses = restbuses
        self._step_ns = step_ns
        self._cpu_ns = cpu_ns
        self._alarm = Alarm(clock, self._on_step)
        self.begin()

    def begin(self) -> None:
        """Begin anew, with a plant that has just been reset."""
        self.troubles: list[str] = []
        self._from_ns = self._clock.now_ns
        self._cpu_before_ns = self._cpu_ns()
        self._before = {name: _counts(medium) for name, medium in self._media.items()}
        self.counts_steps = True  # not while there is no BMS that a late step could mislead
        self._steps = Punctuality()
        self._frames = Punctuality()
        self._acts = Punctuality()
        self._bms_wait_ns = 0
        for restbus in self._restbuses:
            restbus.punctuality = self._frames
        self._alarm.cancel()
        self._alarm = Alarm(self._clock, self._on_step)
        self._clock.set_alarm(self._alarm, self._from_ns + self._step_ns)

    def _on_step(self, _event: Event) -> None:
        """The twins are about to step; this alarm was set before theirs."""
        late_ns = self._clock.late_ns
        self._clock.set_alarm(self._alarm, self._clock.now_ns + self._step_ns)
        if not self.counts_steps:
            return
        if late_ns < self._step_ns:
            self._steps.keep(late_ns)
        else:
            self._steps.miss(late_ns)

    def note(self, trouble: str) -> None:
        """Something went wrong that no number tells."""
        self.troubles.append(trouble)

    def acted(self, at_ns: int, what: str) -> None:
        """A test has done something that it meant to do at an instant."""
        self._acts.keep(max(0, self._clock.real_ns - at_ns), what)

    def bms_waited(self, wait_ns: int) -> None:
        """The BMS's process had to wait for a processor."""
        self._bms_wait_ns = max(self._bms_wait_ns, wait_ns)

    def health(self) -> Health:
        """All of it until now."""
        now_ns = self._clock.now_ns
        span_ns = max(1, now_ns - self._from_ns)
        return Health(
            from_ns=self._from_ns,
            to_ns=now_ns,
            frames=self._frames.numbers(),
            steps=self._steps.numbers(),
            acts=self._acts.numbers(),
            buses={name: self._bus(name, span_ns) for name in self._media},
            cpu=(self._cpu_ns() - self._cpu_before_ns) / span_ns,
            bms_wait_ns=self._bms_wait_ns,
            troubles=list(self.troubles),
        )

    def _bus(self, name: str, span_ns: int) -> BusHealth:
        medium = self._media[name]
        after, before = _counts(medium), self._before[name]
        since = {key: after[key] - before[key] for key in after}
        bits = since.pop("bits")
        is_ill = any(count for key, count in since.items() if key != "frames")
        counters = medium.counters
        return BusHealth(
            load=round(medium.bits_ns(bits) / span_ns, 4),
            stamps=medium.link.stamps,
            last_error=counters.last_error if is_ill else "",
            **since,
        )


def _counts(medium: WatchedMedium) -> _Counts:
    counters = medium.counters
    return {
        "bits": medium.busy_bits,
        "frames": medium.frames,
        "overruns": counters.rx_overruns,
        "refused": counters.tx_full,
        "unconfirmed": counters.unconfirmed,
        "errors": counters.error_frames,
        "bus_off": counters.bus_off,
        "garbage": counters.garbage,
        "clock_jumps": counters.clock_jumps,
        "intruders": sum(medium.intruders.values()),
        "away_ns": medium.away_ns,
    }
