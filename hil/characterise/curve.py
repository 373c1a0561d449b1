"""What the BMS advertises, such as a current limit, over what it measures: where that falls, and how far."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from math import isfinite

from hil.characterise.bisect import edge, outward
from hil.characterise.sheet import Curve, Level
from hil.characterise.stimulus import Lever
from hil.characterise.trial import Bench, Trial, roles_of
from hil.clock import NS_PER_MS
from hil.rig.roles import Role

_STATE = "standby"  # no current flows, so that what is advertised follows at once
_POINTS = 24  # of a drawn curve, between its ends
_SOCS = [0.001, *(k / 100 for k in (*range(1, 13), *range(16, 89, 8), *range(90, 100))), 0.999]


@dataclass
class Sweep:
    """Reads what is advertised at one number after the other, in one world as long as there is no fault."""

    bench: Bench
    lever: Lever
    role: Role
    neutral: int
    _stack: ExitStack = field(default_factory=ExitStack)
    _trial: Trial | None = None
    _seen: dict[int, float | None] = field(default_factory=dict)

    def close(self) -> None:
        """There is nothing more to read."""
        self._stack.close()

    @property
    def step(self) -> float:
        """What the role's signal can tell apart."""
        return self.bench.signal(self.role).step * abs(self.role.reading.scale)

    @property
    def points(self) -> tuple[tuple[float, float], ...]:
        """All that was read."""
        rows = sorted(self._seen.items())
        return tuple((self.lever.value(raw), value) for raw, value in rows if value is not None)

    def read(self, raw: int) -> float | None:
        """What is advertised once that number has been on the wire.

        ``None``: there is a fault by then, or what is advertised is no number, as a float signal can say.
        """
        if raw not in self._seen:
            used = self._trial is not None
            self._seen[raw] = self._once(raw)
            if self._seen[raw] is None and used:  # it may have been brought on by what was read before
                self._seen[raw] = self._once(raw)
        return self._seen[raw]

    def falls(self, raw: int, full: float) -> bool:
        """Whether less than that is advertised."""
        value = self.read(raw)
        return value is not None and full - value > 0.5 * self.step

    def _once(self, raw: int) -> float | None:
        if self._trial is None:
            self._trial = self._stack.enter_context(self.bench.trial(_STATE))
        trial = self._trial
        zero_ns = trial.turn(self.lever.faults(raw, self.neutral))
        trial.until(zero_ns + self.lever.cycle_ns + 2 * self.bench.cycle_ns(self.role) + 50 * NS_PER_MS)
        if any(trial.last(fault) for fault in roles_of(self.bench.config.roles, "fault")):
            self._stack.close()
            self._trial = None
            return None
        return _number(trial.last(self.role.name))


def curves(bench: Bench, levers: Sequence[Lever], role: Role) -> Iterator[Curve]:
    """How a role follows the levers, either way; nothing of those that it does not follow."""
    rest = bench.rest(_STATE)
    if rest is None:
        return
    for lever in levers:
        neutral = lever.neutral(rest)
        for end in (lever.high, lever.low):
            sweep = Sweep(bench, lever, role, neutral)
            try:
                found = _followed(sweep, end)
            finally:
                sweep.close()
            if found is not None:
                yield found


def _followed(sweep: Sweep, end: int) -> Curve | None:
    full, lever = sweep.read(sweep.neutral), sweep.lever
    if not full:
        return None
    read: list[int] = [sweep.neutral]
    values: list[float] = [full]
    for raw in outward(sweep.neutral, end):
        value = sweep.read(raw)
        if value is None:
            break
        read.append(raw)
        values.append(value)
    lower = next((k for k, value in enumerate(values) if full - value > 1.5 * sweep.step), None)
    if lower is None:
        return None
    begins = edge(read[lower - 1], read[lower], lambda raw: sweep.falls(raw, full))
    least = min(values)
    above = least + sweep.step
    ends = edge(begins[0], read[values.index(least)], lambda raw: sweep.falls(raw, above))
    span = ends[1] - begins[0]
    for k in range(_POINTS + 1):
        sweep.read(begins[0] + round(span * k / _POINTS))
    return Curve(
        sweep.role.name,
        lever.quantity,
        "rising" if end > sweep.neutral else "falling",
        lever.unit,
        sweep.role.unit,
        _STATE,
        full,
        sweep.points,
        Level(*map(lever.value, begins)),
        Level(*map(lever.value, ends)),
        least,
    )


def over_soc(bench: Bench, roles: Sequence[Role]) -> Iterator[Curve]:
    """How roles follow the state of charge that the BMS itself says, switched on with all cells at rest."""
    if "soc" not in bench.config.roles or bench.rest(_STATE) is None:
        return
    rows: list[tuple[float, list[float | None]]] = []
    for soc in _SOCS:
        with bench.trial(_STATE, soc=soc) as trial:
            trial.until(trial.now_ns + 4 * max(bench.cycle_ns(role) for role in roles))
            said = _number(trial.last("soc"))
            if said is not None:
                rows.append((said, [_number(trial.last(role.name) or 0.0) for role in roles]))
    unit = bench.config.roles["soc"].unit
    for index, role in enumerate(roles):
        points = sorted({(said, value) for said, values in rows if (value := values[index]) is not None})
        full = max((value for _, value in points), default=0.0)
        if full > min((value for _, value in points), default=0.0):
            yield Curve(role.name, "state of charge", "", unit, role.unit, _STATE, full, tuple(points))


def _number(value: float | None) -> float | None:
    """What can be drawn and kept: a float signal can also say that it has no number."""
    return value if value is not None and isfinite(value) else None
