"""How well the rig itself did during a test, and whether that was good enough for a verdict.

In real time a rig may be late, leave slots out, or lose frames. It counts all of that; a test in which it was
worse than its budget says nothing about the BMS.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from hil.clock import NS_PER_MS, NS_PER_S
from hil.realtime.sleep import Lateness


@dataclass(frozen=True)
class Budget:
    """What the rig allows itself during one test; beyond it the verdict is ``invalid``.

    Attributes:
        frame_late_ns: The latest frame after its slot.
        frame_late_p99_ns: The same for 99 of 100 frames.
        step_late_ns: The latest step of the twins.
        test_late_ns: The latest of what the test did, after the instant at which it meant to do it.
        bms_wait_ns: How long the BMS's process may wait for a processor between two looks, 100 ms apart.
        missed_frames: Share of the slots that were left out.
        missed_steps: Share of the twins' steps that came a whole step late.
        lost_frames: Frames lost on their way in or out.
        bus_errors: Error frames.
        clock_jumps: How often the computer's clock may be set, after which frames bear their time of receipt.
        retries: How often a test is run again that was invalid.
        if_failed: Share of the latest frame, step and act within which a failure is the BMS's: a late rig can
            hold up a reaction, but not bring one about, so that a failure is doubted earlier than a pass.
    """

    frame_late_ns: int = 50 * NS_PER_MS
    frame_late_p99_ns: int = 10 * NS_PER_MS
    step_late_ns: int = 100 * NS_PER_MS
    test_late_ns: int = 50 * NS_PER_MS
    bms_wait_ns: int = 80 * NS_PER_MS
    missed_frames: float = 0.01
    missed_steps: float = 0.01
    lost_frames: int = 0
    bus_errors: int = 0
    clock_jumps: int = 0
    retries: int = 1
    if_failed: float = 1.0

    def of_a_failure(self) -> Budget:
        """What a test that failed is measured by."""
        return replace(
            self,
            frame_late_ns=round(self.frame_late_ns * self.if_failed),
            step_late_ns=round(self.step_late_ns * self.if_failed),
            test_late_ns=round(self.test_late_ns * self.if_failed),
        )


class Punctuality:
    """How a row of deadlines was kept.

    Attributes:
        lateness: Of those that were kept.
        missed: Deadlines that were not kept.
        max_ns: The latest of all that came.
        worst: What that was.
    """

    def __init__(self) -> None:
        self.lateness = Lateness()
        self.missed = 0
        self.max_ns = 0
        self.worst = ""

    def keep(self, late_ns: int, what: str = "") -> None:
        """A deadline was kept, if late."""
        if late_ns > self.max_ns:
            self.max_ns, self.worst = late_ns, what
        self.lateness.add(late_ns)

    def miss(self, late_ns: int, what: str = "") -> None:
        """What was due came too late to count as kept."""
        if late_ns > self.max_ns:
            self.max_ns, self.worst = late_ns, what
        self.missed += 1

    def numbers(self) -> dict[str, Any]:
        """As a record has them."""
        late = self.lateness
        return {
            "count": late.count,
            "missed": self.missed,
            "p50_ns": late.quantile(0.5),
            "p99_ns": late.quantile(0.99),
            "p999_ns": late.quantile(0.999),
            "max_ns": self.max_ns,
            "worst": self.worst,
        }


@dataclass(frozen=True)
class BusHealth:
    """What went wrong on one bus, and how full it was.

    Attributes:
        load: Share of the time that it was busy.
        frames: All frames.
        overruns: Received frames lost before they could be read.
        refused: Own frames that found no room.
        unconfirmed: Own frames whose echo never came.
        errors: Error frames.
        bus_off: How often the controller went off the bus.
        garbage: What made no sense.
        clock_jumps: How often the computer's clock was set, so that stamps are those of receipt.
        intruders: Frames of others with identifiers that the rig sends.
        away_ns: How long the bus was not there.
        stamps: Which clock stamped the frames.
        last_error: The latest of all this, in words.
    """

    load: float = 0.0
    frames: int = 0
    overruns: int = 0
    refused: int = 0
    unconfirmed: int = 0
    errors: int = 0
    bus_off: int = 0
    garbage: int = 0
    clock_jumps: int = 0
    intruders: int = 0
    away_ns: int = 0
    stamps: str = ""
    last_error: str = ""


@dataclass(frozen=True)
class Health:
    """The rig during one test.

    Attributes:
        from_ns: Where the test began on the rig's time line.
        to_ns: Where it ended.
        frames: The restbus's slots, as :meth:`Punctuality.numbers` has them.
        steps: The twins' steps, likewise.
        acts: What the test did, likewise.
        buses: Each bus by name.
        cpu: Share of one processor that the host took.
        bms_wait_ns: The longest that a BMS which is a process of this computer waited for a processor.
        lost: Frames that a test process was too slow to take.
        troubles: What else went wrong, in sentences.
    """

    from_ns: int
    to_ns: int
    frames: Mapping[str, Any]
    steps: Mapping[str, Any]
    acts: Mapping[str, Any]
    buses: Mapping[str, BusHealth]
    cpu: float = 0.0
    bms_wait_ns: int = 0
    lost: int = 0
    troubles: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """For a message or a record."""
        return asdict(self)

    @classmethod
    def from_dict(cls, numbers: Mapping[str, Any]) -> Health:
        """What :meth:`as_dict` gave."""
        buses = {name: BusHealth(**bus) for name, bus in numbers["buses"].items()}
        return cls(**{**numbers, "buses": buses})

    def beyond(self, budget: Budget) -> list[str]:
        """What was worse than the budget allows, in sentences; nothing if all was well."""
        found = [*_late("frame", self.frames, budget.frame_late_ns, budget.frame_late_p99_ns)]
        found += _missed("slots of frames were left out", self.frames, budget.missed_frames)
        found += _late("step of the twins", self.steps, budget.step_late_ns, None)
        found += _missed("steps of the twins came a step late", self.steps, budget.missed_steps)
        found += _late("act of the test", self.acts, budget.test_late_ns, None)
        if self.bms_wait_ns > budget.bms_wait_ns:
            found.append(
                f"the BMS's process waited {_ms(self.bms_wait_ns)} for a processor, "
                f"{_ms(budget.bms_wait_ns)} are allowed"
            )
        for name, bus in self.buses.items():
            found += (f"bus {name}: {text}" for text in _of_bus(bus, budget))
        if self.lost > budget.lost_frames:
            found.append(f"the test was too slow to take {self.lost} frames")
        return found + self.troubles


def _late(what: str, numbers: Mapping[str, Any], most_ns: int, p99_ns: int | None) -> Iterator[str]:
    if numbers["max_ns"] > most_ns:
        worst = f" ({numbers['worst']})" if numbers["worst"] else ""
        yield f"the latest {what}{worst} was {_ms(numbers['max_ns'])} late, {_ms(most_ns)} are allowed"
    if p99_ns is not None and numbers["p99_ns"] > p99_ns:
        yield f"1 % of the {what}s were {_ms(numbers['p99_ns'])} late or more, {_ms(p99_ns)} are allowed"


def _missed(what: str, numbers: Mapping[str, Any], share: float) -> Iterator[str]:
    all_of_them = numbers["count"] + numbers["missed"]
    if numbers["missed"] > share * all_of_them:
        yield f"{numbers['missed']} of {all_of_them} {what}, {share:.2g} of them may"


def _of_bus(bus: BusHealth, budget: Budget) -> Iterator[str]:
    lost = bus.overruns + bus.refused + bus.unconfirmed
    if lost > budget.lost_frames:
        yield (
            f"{lost} frames lost ({bus.overruns} unread, {bus.refused} without room, "
            f"{bus.unconfirmed} without echo)"
        )
    if bus.errors > budget.bus_errors:
        yield f"{bus.errors} error frames, the last: {bus.last_error}"
    if bus.clock_jumps > budget.clock_jumps:
        yield f"{bus.clock_jumps} times the computer's clock was set: frames bear their time of receipt"
    counted = (
        (bus.bus_off, "times off the bus"),
        (bus.garbage, "times what came made no sense"),
        (bus.intruders, "frames of somebody else with identifiers that the rig sends"),
    )
    yield from (f"{count} {text}" for count, text in counted if count)
    if bus.away_ns:
        yield f"it was away for {bus.away_ns / 1e9:.1f} s"


def _ms(value_ns: int) -> str:
    return f"{value_ns / NS_PER_MS:.3g} ms" if value_ns < NS_PER_S else f"{value_ns / NS_PER_S:.3g} s"
