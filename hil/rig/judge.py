"""Judges statements about roles on what was on the bus; knows nothing of tests or records."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from hil.checks.check import (
    Agrees,
    CheckResult,
    Expect,
    Heard,
    Never,
    Stays,
    Value,
    is_kept,
    say,
)
from hil.clock import NS_PER_MS
from hil.errors import BmsError, UsageError
from hil.host.contract import Host
from hil.host.stimulus import Stimulus
from hil.rig.absence import Seen
from hil.rig.evidence import frames_that_matter
from hil.rig.observe import Observer
from hil.rig.reading import UNNAMED
from hil.rig.roles import Role
from hil.rig.silence import Silence
from hil.rig.timing import latest, timing_of

_ON_WIRE_LIMIT_NS = 10_000 * NS_PER_MS  # a stimulus that no frame carries by then never will be


@dataclass
class Reactions:
    """What followed a stimulus so far, by role: the phases of a reaction."""

    stimulus: Stimulus | None
    phases: dict[str, int] = field(default_factory=dict)


class Judge:
    """Judges checks; each returns a :class:`CheckResult` and raises nothing about the BMS.

    Args:
        host: Where the buses run.
        observer: Finds roles on them.
    """

    def __init__(self, host: Host, observer: Observer) -> None:
        self._host = host
        self._observer = observer
        self._silence = Silence(observer.config, host)

    def on_wire(self, stimulus: Stimulus) -> int:
        """The instant from which a stimulus counts; time passes until a frame carries it.

        Raises:
            BmsError: If no frame carries it, because the BMS fills the bus.
            UsageError: If no frame carries it: the test asks for what the wire cannot show.
        """
        if stimulus.on_wire_ns is None:
            self._host.run_until(self._host.now_ns + _ON_WIRE_LIMIT_NS, stimulus.arrived)
        if stimulus.on_wire_ns is None:
            self.refuse_crowd(stimulus.text, {carrier.bus for carrier in stimulus.carriers})
            raise UsageError(
                f"no frame carried the stimulus {stimulus.text!r} within 10 s",
                key=stimulus.name,
                remedy="does the wire's signal reach this value, and is its message sent?",
            )
        return stimulus.on_wire_ns

    def refuse_crowd(self, awaited: str, buses: Iterable[str]) -> None:
        """To be called where something of the rig did not come on a bus in time.

        Raises:
            BmsError: If that is because the BMS fills one of the buses.
        """
        for bus in sorted(buses):
            crowd = self._silence.crowd(bus)
            if crowd is not None:
                raise BmsError(f"{crowd}; {awaited!r} did not come on the bus")

    def expect(
        self,
        role: Role,
        value: Value,
        within_ns: int,
        reactions: Reactions,
        already: bool = False,
    ) -> CheckResult:
        """Whether the role takes the value in time; judged on frames after the stimulus.

        What held before the stimulus and goes on to hold is no reaction: it is only good enough with
        ``already``. A promised time may be missed by its tolerance: the limit is that much later.
        """
        timing = timing_of(within_ns)
        check = Expect(role.name, value, int(within_ns), timing.tolerance_ns, timing.reason)
        within_ns = latest(within_ns)
        stimulus = reactions.stimulus
        start_ns = self._host.now_ns if stimulus is None else self.on_wire(stimulus)
        matches = self._observer.matcher(role, value)
        seen = self._seen_in_time(role, start_ns, within_ns, matches)
        stamps_ns = 2 * self._host.precision_ns(role.bus)  # of the stimulus and of the reaction
        zero_ns = 0 if stimulus is None else stimulus.uncertainty_ns
        uncertainty = (zero_ns + self._observer.fresh_ns(role) + stamps_ns) / NS_PER_MS
        if seen is None:
            return self._missed(check, role, start_ns, stimulus)
        if stimulus is not None and self._held_all_along(role, seen, start_ns, matches):
            return self._no_reaction(check, role, seen, stimulus, already)
        reaction_ns = seen[0] - start_ns
        reactions.phases[role.name] = reaction_ns
        return CheckResult(
            check,
            ok=True,
            actual=f"{self._say(role, seen[1])} after {reaction_ns / NS_PER_MS:.3f} ms",
            t_ns=seen[0],
            value=reaction_ns / NS_PER_MS,
            limit=within_ns / NS_PER_MS,
            margin=(within_ns - reaction_ns) / NS_PER_MS,
            unit="ms",
            uncertainty=uncertainty,
            reaction_ns=reaction_ns,
            stimulus=stimulus.text if stimulus else "",
            stimulus_ns=start_ns if stimulus else None,
            phases=dict(reactions.phases),
        )

    def _seen_in_time(
        self, role: Role, start_ns: int, within_ns: int, matches: Callable[[float], bool]
    ) -> Seen | None:
        """The first frame that matches, or what the last one before still says, if no other need come."""
        held = self._observer.held(role, start_ns)
        if held is not None and matches(held[1]) and not self._observer.since(role, start_ns):
            return start_ns, held[1]
        return self._observer.first(role, start_ns, start_ns + within_ns, matches)

    def _no_reaction(
        self, check: Expect, role: Role, seen: Seen, stimulus: Stimulus, already: bool
    ) -> CheckResult:
        return CheckResult(
            check,
            ok=already,
            actual=f"{self._say(role, seen[1])} all along, before the stimulus too",
            t_ns=seen[0],
            limit=check.latest_ns / NS_PER_MS,
            unit="ms",
            stimulus=stimulus.text,
            stimulus_ns=stimulus.on_wire_ns,
            frames=() if already else frames_that_matter(self._host, role, stimulus),
        )

    def _held_all_along(
        self, role: Role, seen: Seen, start_ns: int, matches: Callable[[float], bool]
    ) -> bool:
        """Whether the value was there before the stimulus and in the first frame after it: no reaction."""
        before = self._observer.last_before(role, start_ns)
        first = next(iter(self._observer.since(role, start_ns)), seen)
        return before is not None and matches(before[1]) and first == seen

    def _missed(self, check: Expect, role: Role, start_ns: int, stimulus: Stimulus | None) -> CheckResult:
        rows = self._observer.since(role, start_ns)
        by = f"by {(self._host.now_ns - start_ns) / NS_PER_MS:.0f} ms"
        if rows:
            actual = f"{len(rows)} frames, the last one {self._say(role, rows[-1][1])}, {by}"
            why = self._silence.doubts(role, start_ns)
        else:
            actual = f"no frame with {role.name}, {by}"
            why = self._silence.why(role, start_ns)
        return CheckResult(
            check,
            ok=False,
            actual=f"{actual}; {why}" if why else actual,
            t_ns=rows[-1][0] if rows else None,
            limit=check.latest_ns / NS_PER_MS,
            unit="ms",
            stimulus=stimulus.text if stimulus else "",
            stimulus_ns=start_ns if stimulus else None,
            frames=frames_that_matter(self._host, role, stimulus),
        )

    def stays(self, role: Role, value: Value, for_ns: int) -> CheckResult:
        """Whether every frame of a span carries the value; a span without frames does not."""
        for_ns = self._long_enough(role, for_ns)
        check = Stays(role.name, value, for_ns)
        matches = self._observer.matcher(role, value)
        return self._over_span(check, role, for_ns, lambda seen: not matches(seen))

    def never(self, role: Role, value: Value, for_ns: int) -> CheckResult:
        """Whether no frame of a span carries the value."""
        for_ns = self._long_enough(role, for_ns)
        return self._over_span(
            Never(role.name, value, for_ns), role, for_ns, self._observer.matcher(role, value)
        )

    def _long_enough(self, role: Role, span_ns: int) -> int:
        """A span in which at least one frame comes, however slow the role's message is."""
        return max(span_ns, 2 * self._observer.cycle_ns(role))

    def _over_span(
        self,
        check: Stays | Never,
        role: Role,
        for_ns: int,
        breaks: Callable[[float], bool],
    ) -> CheckResult:
        start_ns = self._host.now_ns
        held = self._observer.held(role, start_ns)
        broken = (start_ns, held[1]) if held is not None and breaks(held[1]) else None
        broken = broken or self._observer.first(role, start_ns, start_ns + for_ns, breaks)
        rows = self._observer.since(role, start_ns) or ([] if held is None else [held])
        if broken is not None:
            at_ms = (broken[0] - start_ns) / NS_PER_MS
            actual = f"{self._say(role, broken[1])} after {at_ms:.3f} ms"
        elif rows:
            actual = f"{len(rows)} frames, all {self._kinds(role, rows)}"
        else:
            why = self._silence.why(role, start_ns)
            actual = f"no frame with {role.name} came{why and f'; {why}'}"
        ok = broken is None and bool(rows)
        return CheckResult(
            check,
            ok=ok,
            actual=actual,
            t_ns=broken[0] if broken else None,
            frames=() if ok else frames_that_matter(self._host, role, None),
        )

    def agrees(
        self, role: Role, truth: float, tolerance: float, unit: str, since: Stimulus | None
    ) -> CheckResult:
        """Whether a number agrees with the truth: of the last frame since a stimulus, or of the next one."""
        check = Agrees(role.name, truth, tolerance, unit)
        known = self._observer.since(role, self.on_wire(since)) if since is not None else []
        seen = known[-1] if known else self.fresh(role)
        if seen is None:
            return replace(self.silence(role), check=check)
        error = abs(seen[1] - truth)
        ok = is_kept(tolerance - error, seen[1], truth)
        return CheckResult(
            check,
            ok=ok,
            actual=f"{seen[1]:.6g} {unit}".rstrip(),
            t_ns=seen[0],
            value=error,
            limit=tolerance,
            margin=tolerance - error,
            unit=unit,
            frames=() if ok else frames_that_matter(self._host, role, None),
        )

    def fresh(self, role: Role) -> Seen | None:
        """The role's next frame, waiting at most three of its cycles; the last one, if no other need come."""
        start_ns = self._host.now_ns
        held = self._observer.held(role, start_ns)
        if held is not None:
            return held
        limit_ns = start_ns + self._silence_ns(role)
        return self._observer.first(role, start_ns, limit_ns, lambda _: True)

    def silence(self, role: Role) -> CheckResult:
        """That nothing fresh came."""
        check = Heard(role.name, self._silence_ns(role))
        frames = frames_that_matter(self._host, role, None)
        why = self._silence.why(role, self._host.now_ns - check.within_ns)
        actual = f"none came; {why}" if why else "none came"
        return CheckResult(check, ok=False, actual=actual, frames=frames)

    def _silence_ns(self, role: Role) -> int:
        return 3 * self._observer.cycle_ns(role)

    def _kinds(self, role: Role, rows: list[Seen]) -> str:
        values = {value for _, value in rows}
        if len(values) == 1:
            return self._say(role, values.pop())
        return f"between {say(min(values))} and {say(max(values))}"

    def _say(self, role: Role, value: float) -> str:
        """A value in words: of a single bit without names it is set or clear."""
        signal, reading = self._observer.signal(role), role.reading
        if not role.values and signal.length == 1:
            return say(bool(value))
        if signal.is_absent((value - reading.offset) / reading.scale):
            return "not available"
        if role.values and value not in role.values.values():
            return "one without a name" if value == UNNAMED else f"{value:.6g}, which has no name"
        return role.name_of(value)
