"""The record's events, gathered per test: what each writer starts from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from hil.checks.check import UNHEARD
from hil.report.record import Event, requirements_of

VERDICTS = ("pass", "fail", "error", "invalid", "skipped")
WORST_FIRST = ("fail", "error", "invalid", "pass", "skipped")  # passed if some passed and others were skipped
_UNHEARD = (
    "the BMS was never heard on any bus: is it on and wired to these buses, is their bit rate right, is node "
    "in [bms] its name in the DBC files?"
)
_UNFINISHED = "the run ended before this test did"


@dataclass
class Outcome:
    """All that the record says of one test.

    Attributes:
        test: Its node id, as pytest takes it.
        title: First line of its docstring, or ``""``.
        cases: Its numbers in the catalogue of BMS tests.
        actions: ``step`` and ``stimulus`` events, in the order of the record.
        checks: ``check`` events, in the order of the record.
        plots: ``plot`` events: what was done and what followed, over time.
        cells: ``cell`` events: what single cells were judged by.
        sim_ns: How much bus time it took.
        repeats: Of a repetition: the test's node id without its number.
        repetition: That number, from 1.
        seed: Of the repetition's noise.
        times: Where it stands for all repetitions: these.
    """

    test: str
    title: str = ""
    cases: Sequence[int] = ()
    requirements: Sequence[str] = ()
    t_ns: int | None = None
    actions: list[Event] = field(default_factory=list)
    checks: list[Event] = field(default_factory=list)
    plots: list[Event] = field(default_factory=list)
    cells: list[Event] = field(default_factory=list)
    verdict: str = "error"
    reason: str = _UNFINISHED
    sim_ns: int | None = None
    anchor: str = ""
    repeats: str = ""
    repetition: int = 1
    seed: int | None = None
    times: Sequence[Outcome] = ()

    @property
    def module(self) -> str:
        """Path of the test's file, as the node id has it."""
        return self.test.partition("::")[0]

    @property
    def group(self) -> str:
        """What the tests of its file are about: the file's name in words."""
        words = PurePosixPath(self.module).stem.removeprefix("test_").replace("_", " ").strip()
        return words[:1].upper() + words[1:]

    @property
    def function(self) -> str:
        """Name of the test with its parameters, as ``-k`` and the eye look for it."""
        return self.test.rpartition("::")[2] if "[" not in self.test else self._parametrised()

    @property
    def parameters(self) -> str:
        """What stands in brackets in the node id, or ``""``."""
        _, bracket, rest = self.test.partition("[")
        return rest.removesuffix("]") if bracket else ""

    @property
    def name(self) -> str:
        """The function's name in words; never empty."""
        words = self.function.partition("[")[0].removeprefix("test_").replace("_", " ").strip()
        return words[:1].upper() + words[1:] or self.test

    @property
    def why(self) -> str:
        """First line of why it did not pass; empty if it did."""
        return "" if self.verdict == "pass" else self.reason.partition("\n")[0]

    @property
    def failed_checks(self) -> list[Event]:
        """The checks that did not hold."""
        return [check for check in self.checks if not check.get("ok")]

    @property
    def likeness(self) -> tuple[str, ...]:
        """What tests that failed in the same way have in common: verdict, what was expected and what came."""
        told = [f"{check.get('check')}: {check.get('actual')}" for check in self.failed_checks]
        return (self.verdict, *(told if self.verdict == "fail" and told else [self.reason]))

    @property
    def was_unheard(self) -> bool:
        """Whether it failed because nothing came of the BMS."""
        return self.verdict == "fail" and any(UNHEARD in str(c.get("actual")) for c in self.failed_checks)

    @property
    def all_checks(self) -> list[Event]:
        """Its checks, those of all its repetitions if it stands for them."""
        return [check for one in self.times for check in one.checks] if self.times else self.checks

    @property
    def tightest(self) -> Event | None:
        """The check with the least margin in relation to its limit, if one has a number."""
        return tightest(self._judged)

    @property
    def reaction(self) -> Event | None:
        """Of the checks with a reaction the one with the least margin."""
        return tightest(check for check in self._judged if check.get("reaction_ns") is not None)

    @property
    def _judged(self) -> list[Event]:
        """The checks that count: those of a test that was skipped half way do not."""
        return [] if self.verdict == "skipped" else self.all_checks

    def _parametrised(self) -> str:
        stem, _, rest = self.test.partition("[")
        return f"{stem.rpartition('::')[2]}[{rest}"


@dataclass(frozen=True)
class Row:
    """A line of a summary: one test, or the variants of one test that passed or were skipped."""

    outcomes: Sequence[Outcome]

    @property
    def first(self) -> Outcome:
        """The first of the variants."""
        return self.outcomes[0]

    @property
    def verdict(self) -> str:
        """The verdict, which all variants share."""
        return self.first.verdict

    @property
    def tightest(self) -> Event | None:
        """The tightest check of all variants."""
        return tightest(one.tightest for one in self.outcomes if one.tightest is not None)

    @property
    def reaction(self) -> Event | None:
        """The reaction with the least margin of all variants."""
        return tightest(one.reaction for one in self.outcomes if one.reaction is not None)

    @property
    def cases(self) -> list[int]:
        """The catalogue's numbers of all variants."""
        return sorted({case for outcome in self.outcomes for case in outcome.cases})

    @property
    def variant(self) -> str:
        """What tells it from other rows of the same name: parameters, or how many there are."""
        return self.first.parameters if len(self.outcomes) == 1 else f"×{len(self.outcomes)}"


def rows(outcomes: Iterable[Outcome]) -> list[Row]:
    """Tests as lines: variants of one function share a line unless one needs a look of its own."""
    folded: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in outcomes:
        alone = outcome.verdict not in ("pass", "skipped")
        function = outcome.test if alone else outcome.test.partition("[")[0]
        folded.setdefault((function, outcome.verdict), []).append(outcome)
    return [Row(members) for members in folded.values()]


@dataclass(frozen=True)
class Results:
    """One run.

    Attributes:
        info: The ``run`` event, or ``{}``.
        outcomes: The tests in the order of the run.
        troubles: The rig's own troubles; each ended a run.
        end: The ``end`` event; ``None`` if the record just stops.
        health: ``health`` events, also those of tests that were run again; none in virtual time.
    """

    info: Event
    outcomes: list[Outcome]
    troubles: list[Event]
    end: Event | None
    health: list[Event] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """Number of tests by verdict, all verdicts named."""
        counts = dict.fromkeys(VERDICTS, 0)
        for outcome in self.outcomes:
            counts[outcome.verdict] = counts.get(outcome.verdict, 0) + 1
        return counts

    @property
    def groups(self) -> dict[str, list[Outcome]]:
        """The tests by what their file is about, in the order of the run."""
        groups: dict[str, list[Outcome]] = {}
        for outcome in self.outcomes:
            groups.setdefault(outcome.group, []).append(outcome)
        return groups

    @property
    def interrupted(self) -> bool:
        """Whether somebody stopped the run."""
        return bool(self.end and self.end.get("interrupted"))

    @property
    def stopped(self) -> str:
        """Why some tests were not run, though nobody stopped the run; or ``""``."""
        return str(self.end.get("stopped", "")) if self.end else ""

    @property
    def unheard(self) -> str:
        """In a sentence that no test has ever heard the BMS, if that is so; or ``""``."""
        judged = [outcome for outcome in self.outcomes if outcome.verdict != "skipped"]
        return _UNHEARD if judged and all(outcome.was_unheard for outcome in judged) else ""

    @property
    def sim_ns(self) -> int:
        """Bus time that the tests took."""
        return sum(one.sim_ns or 0 for outcome in self.outcomes for one in outcome.times or (outcome,))

    @property
    def verdict(self) -> str:
        """The run's verdict. Nothing passed is not a pass; the rig's trouble hides no failure."""
        counts = self.counts
        if counts["fail"]:
            return "fail"
        if self.troubles or counts["error"] or self.end is None:
            return "error"
        if self.interrupted or counts["invalid"] or not counts["pass"]:
            return "invalid"
        return "pass"

    @property
    def tightest(self) -> tuple[Outcome, Event] | None:
        """The check with the least relative margin of all, and its test."""
        found = [
            (relative_margin(check) or 0.0, index, outcome, check)
            for index, outcome in enumerate(self.outcomes)
            if (check := outcome.tightest) is not None
        ]
        return min(found, key=lambda entry: entry[:2])[2:] if found else None


def gather(events: Iterable[Event]) -> Results:
    """The events of a record as results; a test without a verdict is an error, with the cause."""
    results = Results({}, [], [], None)
    latest: dict[str, Outcome] = {}
    for event in events:
        results = _take(results, latest, event)
    for outcome in latest.values():
        if outcome.reason is _UNFINISHED and results.troubles:
            outcome.reason = f"{_UNFINISHED}: {trouble_line(results.troubles[-1])}"
    name_anchors(results.outcomes)
    return results


def relative_margin(check: Event) -> float | None:
    """Margin in parts of the limit: 0.1 is ten per cent left, below 0 is a failure."""
    margin, limit = check.get("margin"), check.get("limit")
    if margin is None or not limit:
        return None
    return float(margin) / abs(float(limit))


def tightest(checks: Iterable[Event]) -> Event | None:
    """The check with the least relative margin; ``None`` if none has a number."""
    return min(
        (check for check in checks if relative_margin(check) is not None),
        key=lambda check: relative_margin(check) or 0.0,
        default=None,
    )


def trouble_line(trouble: Event) -> str:
    """A trouble on one line: place, key, reason, remedy."""
    where = ": ".join(part for key in ("place", "key") if (part := trouble.get(key)))
    reason = str(trouble.get("reason", ""))
    line = f"{where}: {reason}" if where else reason
    return f"{line} ({trouble['remedy']})" if trouble.get("remedy") else line


def _take(results: Results, latest: dict[str, Outcome], event: Event) -> Results:
    kind = event["event"]
    if kind == "run":
        return replace(results, info=event)
    if kind == "end":
        return replace(results, end=event)
    if kind == "trouble":
        results.troubles.append(event)
    elif kind == "health":
        results.health.append(event)
    elif kind == "test":
        former = latest.get(event["test"])
        if former is not None and former.verdict == "invalid":  # it was run again
            results.outcomes.remove(former)
        latest[event["test"]] = _start(event)
        results.outcomes.append(latest[event["test"]])
    elif (outcome := latest.get(event.get("test", ""))) is not None:
        _add(outcome, event)
    return results


def _start(event: Event) -> Outcome:
    return Outcome(
        test=event["test"],
        title=event.get("title") or "",
        cases=event.get("cases") or (),
        requirements=event.get("requirements") or (),
        t_ns=event.get("t_ns"),
        repeats=event.get("repeats") or "",
        repetition=event.get("repetition") or 1,
        seed=event.get("seed"),
    )


def _add(outcome: Outcome, event: Event) -> None:
    if event["event"] == "cell":
        outcome.cells.append(event)
    elif event["event"] == "proves":
        proven = requirements_of(event["requirement"])
        outcome.requirements = tuple(dict.fromkeys([*outcome.requirements, *proven]))
    elif event["event"] in ("step", "stimulus"):
        outcome.actions.append(event)
    elif event["event"] in ("check", "plot"):
        (outcome.checks if event["event"] == "check" else outcome.plots).append(event)
    elif event["event"] == "verdict":
        outcome.verdict = event.get("verdict", "error")
        outcome.reason = event.get("reason") or ""
        outcome.sim_ns = event.get("sim_ns")


def name_anchors(outcomes: Iterable[Outcome]) -> None:
    """Anchors come from the node ids, so that a link holds from run to run."""
    used: dict[str, int] = {}
    for outcome in outcomes:
        slug = re.sub(r"[^a-z0-9]+", "-", outcome.test.lower()).strip("-") or "test"
        used[slug] = used.get(slug, 0) + 1
        outcome.anchor = slug if used[slug] == 1 else f"{slug}--{used[slug]}"
