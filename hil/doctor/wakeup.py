"""How late this computer wakes: the loop of a rig, without a rig."""

from __future__ import annotations

import time
from dataclasses import dataclass

from hil.clock import NS_PER_MS, NS_PER_S
from hil.doctor.finding import Finding, State
from hil.doctor.machine import Machine, stolen
from hil.realtime.sleep import Lateness, Now, SleepUntil, sleep_until

PERIOD_NS = NS_PER_MS
GOOD_NS = NS_PER_MS // 2  # p99 up to which frames of 10 ms are within 5 % of their cycle
BAD_NS = 5 * NS_PER_MS  # p99 from which verdicts on reaction times would be invalid again and again


@dataclass(frozen=True)
class Wakeups:
    """One measurement.

    Attributes:
        title: With which rights.
        lateness: Of each time it woke.
        missed: Deadlines that had passed before it woke.
        stolen: Share of the time that the hypervisor gave to others.
    """

    title: str
    lateness: Lateness
    missed: int
    stolen: float = 0.0

    def finding(self, *, judged: bool) -> Finding:
        """In words; ``judged``: whether this is how the rig would run."""
        p99 = self.lateness.quantile(0.99)
        state: State = "ok" if p99 <= GOOD_NS or not judged else "warn" if p99 <= BAD_NS else "bad"
        total = self.lateness.count + self.missed
        text = f"{self.lateness}; {self.missed} of {total} deadlines missed"
        if self.stolen >= 0.0005:
            text += f"; {self.stolen:.1%} stolen"
        if state == "ok":
            return Finding(f"late, {self.title}", state, text)
        return Finding(
            f"late, {self.title}", state, text, "frames leave late: do what else is listed here", "", 10
        )


def measure(
    title: str,
    duration_ns: int,
    machine: Machine,
    *,
    now: Now = time.monotonic_ns,
    sleep: SleepUntil = sleep_until,
) -> Wakeups:
    """Wake each millisecond at absolute deadlines; late ones are left out, as in a rig.

    Args:
        title: With which rights.
        duration_ns: For how long.
        machine: Where stolen time is told.
        now: CLOCK_MONOTONIC.
        sleep: Waits until an instant of it.
    """
    lateness, missed = Lateness(), 0
    lost, total = stolen(machine)
    deadline_ns = now()
    end_ns = deadline_ns + duration_ns
    while deadline_ns < end_ns:
        deadline_ns += PERIOD_NS
        sleep(deadline_ns)
        late_ns = now() - deadline_ns
        lateness.add(late_ns)
        skipped = late_ns // PERIOD_NS
        missed += skipped
        deadline_ns += skipped * PERIOD_NS
    lost_then, total_then = stolen(machine)
    return Wakeups(title, lateness, missed, (lost_then - lost) / max(total_then - total, 1))


def as_data(wakeups: Wakeups) -> dict[str, float | int | str]:
    """For a program to read; times in seconds."""
    lateness = wakeups.lateness
    return {
        "rights": wakeups.title,
        "count": lateness.count,
        "missed": wakeups.missed,
        "p50_s": lateness.quantile(0.5) / NS_PER_S,
        "p99_s": lateness.quantile(0.99) / NS_PER_S,
        "max_s": lateness.max_ns / NS_PER_S,
        "stolen": wakeups.stolen,
    }
