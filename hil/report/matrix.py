"""Requirement × test × verdict: what was asked, what looked at it, what came of it."""

from __future__ import annotations

import csv
import io
import json
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from hil.report.record import Event
from hil.report.repeats import folded
from hil.report.results import VERDICTS, WORST_FIRST, Outcome, Results, gather

_PREFIX = "BMS-"
_NONE = "no test"


@dataclass(frozen=True)
class Line:
    """One requirement and its tests.

    Attributes:
        requirement: Its id: ``BMS-18`` of the suite's catalogue, or as a test's mark has it.
        title: What it asks, where the catalogue says so.
        outcomes: The tests that name it.
    """

    requirement: str
    title: str
    outcomes: Sequence[Outcome]

    @property
    def verdict(self) -> str:
        """The worst of its tests; passed if some passed and the others were skipped."""
        verdicts = {outcome.verdict for outcome in self.outcomes}
        return next((verdict for verdict in WORST_FIRST if verdict in verdicts), _NONE)

    @property
    def counts(self) -> str:
        """How many of its tests came to which verdict."""
        verdicts = [outcome.verdict for outcome in self.outcomes]
        counted = [f"{verdicts.count(verdict)} {verdict}" for verdict in VERDICTS if verdict in verdicts]
        return ", ".join(counted) or "–"

    @property
    def reasons(self) -> list[str]:
        """Why tests were skipped or did not pass, each reason once."""
        return list(dict.fromkeys(outcome.why for outcome in self.outcomes if outcome.verdict != "pass"))


def case_id(number: int) -> str:
    """The id of a case of the suite's catalogue, as a requirement."""
    return f"{_PREFIX}{number}"


@cache
def titles() -> dict[int, str]:
    """The suite's catalogue: number of a case and what it asks."""
    text = (files("hil") / "suite" / "cases.toml").read_text(encoding="utf-8")
    return {int(number): title for number, title in tomllib.loads(text)["cases"].items()}


def lines(results: Results) -> list[Line]:
    """All cases of the catalogue and requirements of the rig file, tested or not; then those of tests.

    Each id has one line: one of the rig file or of a test that is a case's, too, is that case.
    """
    outcomes = results.outcomes
    asked = {case_id(number): [title] for number, title in titles().items()}
    for name, title in (results.info.get("requirements") or {}).items():
        asked.setdefault(name, []).append(title)
    for name in (name for outcome in outcomes for name in outcome.requirements):
        asked.setdefault(name, [])
    named = [(outcome, ids_of(outcome)) for outcome in outcomes]
    return [
        Line(name, "; ".join(filter(None, told)), [outcome for outcome, names in named if name in names])
        for name, told in asked.items()
    ]


def as_json(events: Sequence[Event]) -> str:
    """The matrix for machines."""
    return json.dumps(
        [
            {
                "requirement": line.requirement,
                "title": line.title,
                "verdict": line.verdict,
                "tests": {outcome.test: outcome.verdict for outcome in line.outcomes},
                "reasons": line.reasons,
            }
            for line in lines(folded(gather(events)))
        ],
        indent=2,
        ensure_ascii=False,
    )


def as_csv(events: Sequence[Event]) -> str:
    """One row per requirement and test; a requirement without a test has one row, too."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["requirement", "title", "verdict", "test", "test verdict", "reason"])
    for line in lines(folded(gather(events))):
        if not line.outcomes:
            writer.writerow([line.requirement, line.title, line.verdict, "", "", ""])
        for outcome in line.outcomes:
            tested = [outcome.test, outcome.verdict, outcome.why]
            writer.writerow([line.requirement, line.title, line.verdict, *tested])
    return out.getvalue()


def ids_of(outcome: Outcome) -> list[str]:
    """All ids that a test names, each once: its cases', then others."""
    return list(dict.fromkeys([*map(case_id, outcome.cases), *outcome.requirements]))
