"""One dataclass per statement; ``str()`` of it is the sentence in the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from sys import float_info

from hil.clock import NS_PER_MS, NS_PER_S
from hil.errors import UsageError

Value = bool | int | float | str

_ROUNDING = 4 * float_info.epsilon  # of a number that a test has reckoned

UNHEARD = "nothing of the BMS came on any bus"  # of what came: the report looks for it


def is_kept(margin: float, *numbers: float) -> bool:
    """Whether a bound is kept, by a margin that is the difference of numbers: at the very edge it is."""
    return margin >= (-_ROUNDING * max(map(abs, numbers)) if isfinite(margin) else 0.0)


@dataclass(frozen=True)
class Expect:
    """The role takes the value within a time after the stimulus.

    Attributes:
        within_ns: The time that is promised.
        tolerance_ns: What is permitted beyond it, for a reason.
    """

    role: str
    value: Value
    within_ns: int
    tolerance_ns: int = 0
    reason: str = ""

    def __str__(self) -> str:
        more = f" + {say_ns(self.tolerance_ns)}" if self.tolerance_ns else ""
        return f"{self.role} becomes {say(self.value)} within {say_ns(self.within_ns)}{more}"

    @property
    def latest_ns(self) -> int:
        """The latest that is in time."""
        return self.within_ns + self.tolerance_ns


@dataclass(frozen=True)
class Stays:
    """Every frame of a time span carries the value."""

    role: str
    value: Value
    for_ns: int

    def __str__(self) -> str:
        return f"{self.role} stays {say(self.value)} for {say_ns(self.for_ns)}"


@dataclass(frozen=True)
class Never:
    """No frame of a time span carries the value."""

    role: str
    value: Value
    for_ns: int

    def __str__(self) -> str:
        return f"{self.role} is never {say(self.value)} for {say_ns(self.for_ns)}"


@dataclass(frozen=True)
class Agrees:
    """A reported number agrees with the truth to a tolerance."""

    role: str
    truth: float
    tolerance: float
    unit: str

    def __str__(self) -> str:
        return f"{self.role} is {self.truth:.6g} ± {self.tolerance:.6g} {self.unit}".rstrip()


@dataclass(frozen=True)
class Bounded:
    """A number lies between two bounds (either may be absent)."""

    what: str
    low: float | None
    high: float | None
    unit: str

    def __str__(self) -> str:
        if self.low is None:
            bounds = f"at most {self.high:.6g}"
        elif self.high is None:
            bounds = f"at least {self.low:.6g}"
        else:
            bounds = f"between {self.low:.6g} and {self.high:.6g}"
        return f"{self.what} is {bounds} {self.unit}".rstrip()


@dataclass(frozen=True)
class Heard:
    """The role is heard of at all within a time."""

    role: str
    within_ns: int

    def __str__(self) -> str:
        return f"a frame with {self.role} comes within {say_ns(self.within_ns)}"


Check = Expect | Stays | Never | Agrees | Bounded | Heard


@dataclass(frozen=True)
class FrameEvidence:
    """A frame that matters for a verdict."""

    t_ns: int
    id: int
    name: str
    data: str
    decoded: str


@dataclass(frozen=True)
class CheckResult:
    """What a check found: always with value, limit and margin where there is a number.

    Attributes:
        check: The statement.
        ok: Whether it held.
        actual: What was seen, in words.
        t_ns: Bus timestamp of the frame that decided.
        value: The number judged, in ``unit``.
        limit: Its limit; ``margin`` is positive where the limit is met.
        uncertainty: How far the true instant may lie before the frame that shows it, in ``unit``.
        spread: By how much a reaction may differ from run to run, as the BMS waits for frames of the rig and
            the stimulus falls anywhere in their cycles, in ``unit``.
        reaction_ns: Deciding frame's timestamp minus the stimulus's.
    """

    check: Check
    ok: bool
    actual: str
    t_ns: int | None = None
    value: float | None = None
    limit: float | None = None
    margin: float | None = None
    unit: str = ""
    uncertainty: float | None = None
    spread: float = 0.0
    reaction_ns: int | None = None
    stimulus: str = ""
    stimulus_ns: int | None = None
    frames: Sequence[FrameEvidence] = ()
    phases: Mapping[str, int] = field(default_factory=dict)

    def message(self) -> str:
        """The failure in words: what was expected, what came, when, and the last frames that matter."""
        lines = [f"expected: {self.check}", f"came:     {self.actual}"]
        if self.stimulus:
            when = "" if self.stimulus_ns is None else f", on the wire at {say_at(self.stimulus_ns)}"
            lines.append(f"stimulus: {self.stimulus}{when}")
        if self.frames:
            lines.append("last frames that matter:")
            lines += [
                f"  {say_at(f.t_ns)}  {f.id:03X}  {f.name:<22} {f.data:<16}  {f.decoded}" for f in self.frames
            ]
        return "\n".join(lines)


def bounded(
    what: str, value: float, low: float | None, high: float | None, unit: str, t_ns: int
) -> CheckResult:
    """Whether a number lies between bounds, of which the nearer one is the limit.

    Raises:
        UsageError: If there is no bound.
    """
    if low is None and high is None:
        raise UsageError(f"bounded({what!r}) has neither low nor high")
    below = [] if high is None else [(high - value, high)]
    above = [] if low is None else [(value - low, low)]
    margin, limit = min(below + above)
    return CheckResult(
        Bounded(what, low, high, unit),
        ok=is_kept(margin, value, limit),
        actual=f"{value:.6g} {unit}".rstrip(),
        t_ns=t_ns,
        value=value,
        limit=limit,
        margin=margin,
        unit=unit,
    )


def say(value: Value) -> str:
    """A value as the report writes it."""
    if isinstance(value, bool):
        return "set" if value else "clear"
    if isinstance(value, str):
        return value
    return f"{value:.6g}"


def say_ns(duration_ns: int) -> str:
    """A duration for people: ms below ten seconds, seconds above."""
    if duration_ns < 10 * NS_PER_S:
        return f"{duration_ns / NS_PER_MS:.6g} ms"
    return f"{duration_ns / NS_PER_S:.6g} s"


def say_at(instant_ns: int) -> str:
    """An instant of the run in seconds, to the microsecond."""
    return f"{instant_ns / NS_PER_S:.6f} s"
