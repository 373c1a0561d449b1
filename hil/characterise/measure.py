"""Everything about one answer of the BMS to one lever: levels, times, pulses, how it ends, and where."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from math import ceil
from statistics import median

from hil.characterise.bisect import edge, steps
from hil.characterise.sheet import Level, Reaction, Span, Stage
from hil.characterise.stimulus import Lever
from hil.characterise.trial import Answer, Bench, Trial, roles_of, seconds
from hil.clock import NS_PER_S

_REPEATS = 3
_OPEN_NS = NS_PER_S  # a contactor that has not opened by then does not open for this


@dataclass(frozen=True)
class Times:
    """How long an answer is waited for.

    Attributes:
        patience_ns: What has not been answered by then never is.
    """

    patience_ns: int

    def quick(self, seen_ns: int, slack_ns: int) -> int:
        """How long to wait where an answer that took ``seen_ns`` elsewhere is expected."""
        return min(self.patience_ns, seen_ns + seen_ns // 2 + 2 * slack_ns)


@dataclass
class Probe:
    """One lever in one state, and the role that answers.

    Attributes:
        neutral: Raw number at rest.
        farthest: The farthest raw number that was seen to be answered.
    """

    bench: Bench
    times: Times
    lever: Lever
    role: str
    state: str
    neutral: int
    farthest: int
    _found: dict[int, int] = field(default_factory=dict)  # raw number → time to the answer

    @property
    def sign(self) -> int:
        """Which way it is turned."""
        return 1 if self.farthest > self.neutral else -1

    @cached_property
    def cycle_ns(self) -> int:
        """Time between two frames in which the answer can show."""
        return self.bench.cycle_ns(self.bench.config.roles[self.role])

    @property
    def slack_ns(self) -> int:
        """Differences of time up to this say nothing."""
        return self.cycle_ns + self.lever.cycle_ns

    def trial(self) -> AbstractContextManager[Trial]:
        """A fresh world in which nothing has been turned yet."""
        return self.bench.trial(self.state, still=self.lever.still(self.neutral))

    def turn(self, trial: Trial, raw: int) -> int:
        """Put the lever there; when that was on the wire."""
        return trial.turn(self.lever.faults(raw, self.neutral))

    def time(self, raw: int, within_ns: int) -> int | None:
        """How long the answer takes at a raw number, in a fresh world."""
        with self.trial() as trial:
            zero_ns = self.turn(trial, raw)
            answer = trial.answer(self.role, zero_ns, zero_ns + within_ns)
        if answer is None:
            return None
        self._found[raw] = answer.t_ns - zero_ns
        return self._found[raw]

    def answers(self, raw: int, within_ns: int) -> bool:
        """Whether there is an answer in time."""
        return self.time(raw, within_ns) is not None

    def curve(self) -> tuple[tuple[float, float], ...]:
        """All times that were seen, by value."""
        return tuple((self.lever.value(raw), seconds(ns)) for raw, ns in sorted(self._found.items()))

    def level(self, near: int, far: int) -> Level:
        """Two neighbours on the wire as values."""
        return Level(self.lever.value(near), self.lever.value(far))


def stages(probe: Probe, quiet: int) -> list[tuple[int, int]]:
    """All levels as neighbours on the wire, nearest first.

    Args:
        probe: Whose farthest number is answered.
        quiet: A number nearer to rest that was not answered however long it was waited for, or rest itself.
    """
    far, patience_ns = probe.farthest, probe.times.patience_ns
    if probe.lever.is_switch:
        return [(probe.neutral, far)]
    seen_ns = probe.time(far, patience_ns)
    if seen_ns is None:
        return []
    quick_ns = probe.times.quick(seen_ns, probe.slack_ns)
    found = [edge(quiet, far, lambda raw: probe.answers(raw, quick_ns))]
    while found[0][0] != quiet and quick_ns < patience_ns and probe.answers(found[0][0], patience_ns):
        found.insert(0, edge(quiet, found[0][0], lambda raw: probe.answers(raw, patience_ns)))
    slower = lambda raw: probe.time(raw, patience_ns)  # noqa: E731 - named for what it finds
    beyond = steps(found[-1][1], far, slower, probe.slack_ns)
    return found + [(raw - probe.sign, raw) for raw in beyond]


def stage(probe: Probe, near: int, far: int, *, opens: bool) -> Stage | None:
    """Level and times of one stage; ``None`` if it is not answered again."""
    seen: list[tuple[int, Answer]] = []
    opened: list[tuple[int, Answer]] = []
    company: dict[str, Answer] = {}
    for repeat in range(_REPEATS):
        with probe.trial() as trial:
            trial.until(trial.now_ns + repeat * probe.lever.cycle_ns // _REPEATS)
            zero_ns = probe.turn(trial, far)
            answer = trial.answer(probe.role, zero_ns, zero_ns + probe.times.patience_ns)
            if answer is None:
                return None
            seen.append((zero_ns, answer))
            company |= trial.answers(_faults_of(probe), zero_ns)
            last = _opened(trial, zero_ns, answer.t_ns + _OPEN_NS) if opens else None
            if last is not None:
                opened.append((zero_ns, last))
    reaction = reacted(seen)
    pulse = shortest_pulse(probe, far, reaction)
    return Stage(
        probe.level(near, far),
        reaction,
        reacted(opened) if opened else None,
        None if pulse is None else Span(*(seconds(k * probe.lever.cycle_ns) for k in (pulse - 1, pulse))),
        None if pulse is None or pulse < 2 else forgetting(probe, far, pulse - 1, reaction),
        tuple(sorted(company)),
    )


def _faults_of(probe: Probe) -> list[str]:
    """The faults but the one that is looked at."""
    return [role for role in roles_of(probe.bench.config.roles, "fault") if role != probe.role]


def reacted(seen: Sequence[tuple[int, Answer]]) -> Reaction:
    """Times of some trials, each with its zero."""
    times = [seconds(answer.t_ns - zero_ns) for zero_ns, answer in seen]
    # what came before the stimulus cannot be an answer to it
    unsure = max(answer.t_ns - max(answer.before_ns, zero_ns) for zero_ns, answer in seen)
    return Reaction(min(times), median(times), max(times), seconds(unsure), len(times))


def _opened(trial: Trial, zero_ns: int, until_ns: int) -> Answer | None:
    """When the last of the contactors that were closed was told to open; ``None`` if one was not."""
    roles = trial.rig.config.roles
    closed = [
        name
        for name, role in roles.items()
        if name.startswith("contactor.") and _was(trial, name, (role.values or {}).get("closed"), zero_ns)
    ]
    answers = [trial.named(name, "open", zero_ns, until_ns) for name in closed]
    there = [answer for answer in answers if answer is not None]
    return max(there, key=lambda answer: answer.t_ns) if there and len(there) == len(answers) else None


def _was(trial: Trial, role: str, value: float | None, at_ns: int) -> bool:
    seen = trial.last(role, at_ns)
    return value is not None and seen == value


def shortest_pulse(probe: Probe, far: int, reaction: Reaction) -> int | None:
    """Of how many frames the shortest pulse is that is answered; ``None`` if none so long as the delay is."""
    most = ceil(reaction.maximum * NS_PER_S / probe.lever.cycle_ns) + 1
    for longest in (most, 2 * most):
        if _pulsed(probe, far, longest, 0):
            return edge(0, longest, lambda frames: _pulsed(probe, far, frames, 0))[1]
    return None


def forgetting(probe: Probe, far: int, frames: int, reaction: Reaction) -> Span | None:
    """The gap after which a pulse no longer adds to one before it, each a frame too short to be answered."""
    cycle_ns = probe.lever.cycle_ns
    most = max(2, ceil(1.5 * reaction.maximum * NS_PER_S / cycle_ns))
    if not _pulsed(probe, far, frames, 1):
        return Span(0.0, seconds(cycle_ns))
    if _pulsed(probe, far, frames, most):
        return Span(seconds(most * cycle_ns), None)
    adds = edge(most, 1, lambda gap: _pulsed(probe, far, frames, gap))[1]
    return Span(seconds(adds * cycle_ns), seconds((adds + 1) * cycle_ns))


def _pulsed(probe: Probe, far: int, frames: int, gap: int) -> bool:
    """Whether a pulse of so many frames is answered; with a gap: two of them, so many frames apart."""
    cycle_ns = probe.lever.cycle_ns
    with probe.trial() as trial:
        zero_ns = start_ns = probe.turn(trial, far)
        if gap:
            _end_pulse(probe, trial, zero_ns + frames * cycle_ns)
            trial.until(zero_ns + (frames + gap) * cycle_ns - cycle_ns // 2)
            zero_ns = probe.turn(trial, far)
        end_ns = zero_ns + frames * cycle_ns
        _end_pulse(probe, trial, end_ns)
        return trial.answer(probe.role, start_ns, end_ns + 2 * probe.cycle_ns) is not None


def _end_pulse(probe: Probe, trial: Trial, end_ns: int) -> None:
    """Let the frame at that instant be the first one without it."""
    trial.until(end_ns - probe.lever.cycle_ns // 2)
    probe.turn(trial, probe.neutral)
