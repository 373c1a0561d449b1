"""How fast the BMS reacts: each reaction by its phases, over all repetitions, with margin and uncertainty.

A reaction is what a test expects after a stimulus. What one test expects in the same words, in all its
repetitions and for all its cells, counts together.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from hil.clock import NS_PER_MS
from hil.report.matrix import ids_of
from hil.report.record import Event
from hil.report.repeats import folded
from hil.report.results import Outcome, gather

STIMULUS = "stimulus"


@dataclass(frozen=True)
class Spread:
    """Times in ns."""

    low: float
    middle: float
    high: float

    @classmethod
    def of(cls, times: Sequence[float]) -> Spread:
        """The spread of at least one time."""
        return cls(min(times), median(times), max(times))


@dataclass(frozen=True)
class Reaction:
    """One reaction.

    Attributes:
        outcome: Its test.
        statement: What is expected.
        role: What shows it; its phase.
        n: How often it came.
        missed: How often it did not.
        total: From the stimulus on the wire; ``None`` if it never came.
        after: The phase before, or ``stimulus``.
        phase: From there.
        uncertainty_ns: How much earlier the BMS may have reacted than the frame says.
        limit_ns: The latest that is permitted.
        tolerance_ns: How much of that is beyond what is promised.
        reason: Why that much is permitted.
    """

    outcome: Outcome
    statement: str
    role: str
    n: int
    missed: int
    total: Spread | None
    after: str
    phase: Spread | None
    uncertainty_ns: float | None
    limit_ns: float
    tolerance_ns: float = 0.0
    reason: str = ""

    @property
    def margin_ns(self) -> float | None:
        """What the slowest one left of the limit; less than nothing is not known of those that never came."""
        return None if self.total is None else self.limit_ns - self.total.high

    @property
    def ok(self) -> bool:
        """Whether it came each time, and in time."""
        return not self.missed

    @property
    def what(self) -> str:
        """What is expected, without the time in which it is."""
        return self.statement.partition(" within ")[0]

    @property
    def once(self) -> bool:
        """Whether it was to come a single time: then its check says all of it."""
        return self.n + self.missed == 1

    @property
    def as_check(self) -> Mapping[str, Any]:
        """Its slowest one as a check of the record, for what shows margins."""
        return {"ok": self.ok, "margin": self.margin_ns, "limit": self.limit_ns}


def reactions(outcomes: Sequence[Outcome]) -> list[Reaction]:
    """The reactions of tests, in the order of the run."""
    return [reaction for outcome in outcomes for reaction in reactions_of(outcome)]


def reactions_of(outcome: Outcome) -> list[Reaction]:
    """The reactions of one test, in the order in which it expects them."""
    found: dict[str, list[Event]] = {}
    for check in outcome.all_checks:
        if check.get("kind") == "Expect" and (check.get("reaction_ns") is not None or not check.get("ok")):
            found.setdefault(check["check"], []).append(check)
    return [
        _reaction(outcome, statement, checks)
        for statement, checks in found.items()
        if any(check.get("stimulus_ns") is not None for check in checks)
    ]


def _reaction(outcome: Outcome, statement: str, checks: Sequence[Event]) -> Reaction:
    came = [check for check in checks if check.get("reaction_ns") is not None]
    role = statement.partition(" becomes ")[0]
    befores = [_before(check, role) for check in came]
    after = befores[0][0] if befores else STIMULUS
    pairs = zip(came, befores, strict=True)
    phases = [check["reaction_ns"] - at for check, (name, at) in pairs if name == after]
    uncertainties = [check["uncertainty"] for check in came if check.get("uncertainty") is not None]
    return Reaction(
        outcome,
        statement,
        role,
        n=len(came),
        missed=len(checks) - len(came),
        total=Spread.of([check["reaction_ns"] for check in came]) if came else None,
        after=after,
        phase=Spread.of(phases) if phases else None,
        uncertainty_ns=max(uncertainties) * NS_PER_MS if uncertainties else None,
        limit_ns=checks[0]["limit"] * NS_PER_MS,
        tolerance_ns=checks[0].get("tolerance", 0.0) * NS_PER_MS,
        reason=checks[0].get("tolerance_reason", ""),
    )


def _before(check: Event, role: str) -> tuple[str, int]:
    """The phase before a reaction, and when it was reached after the stimulus."""
    phases = dict(check.get("phases") or {})
    names = list(phases)
    place = names.index(role) if role in phases else 0
    return (names[place - 1], int(phases[names[place - 1]])) if place else (STIMULUS, 0)


def as_json(events: Sequence[Event]) -> str:
    """All reactions for machines; times in ms."""
    return json.dumps([dict(row) for row in _rows(events)], indent=2, ensure_ascii=False)


def as_csv(events: Sequence[Event]) -> str:
    """One row for each reaction; times in ms."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for row in _rows(events):
        cells = {**row, "requirements": " ".join(row["requirements"])}
        writer.writerow(["" if cells[column] is None else cells[column] for column in _COLUMNS])
    return out.getvalue()


_COLUMNS = (
    "test", "requirements", "statement", "reaction", "n", "missed", "min_ms", "median_ms", "max_ms",
    "after", "phase_min_ms", "phase_median_ms", "phase_max_ms", "uncertainty_ms", "limit_ms", "margin_ms",
    "tolerance_ms", "tolerance_reason",
)  # fmt: skip


def _rows(events: Sequence[Event]) -> Iterator[Mapping[str, Any]]:
    for reaction in reactions(folded(gather(events)).outcomes):
        outcome = reaction.outcome
        cells = (
            outcome.test,
            ids_of(outcome),
            reaction.statement,
            reaction.role,
            reaction.n,
            reaction.missed,
            *_ms(reaction.total),
            reaction.after,
            *_ms(reaction.phase),
            _as_ms(reaction.uncertainty_ns),
            _as_ms(reaction.limit_ns),
            _as_ms(reaction.margin_ns),
            _as_ms(reaction.tolerance_ns),
            reaction.reason,
        )
        yield dict(zip(_COLUMNS, cells, strict=True))


def _ms(spread: Spread | None) -> tuple[float | None, ...]:
    if spread is None:
        return None, None, None
    return _as_ms(spread.low), _as_ms(spread.middle), _as_ms(spread.high)


def _as_ms(ns: float | None) -> float | None:
    return None if ns is None else round(ns / NS_PER_MS, 6)
