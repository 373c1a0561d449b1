"""The report as one HTML file that needs nothing from outside and works without scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from jinja2 import ChainableUndefined, Environment
from markupsafe import Markup

from hil.clock import NS_PER_MS, NS_PER_S
from hil.report import cells, matrix, plot, reactions, text
from hil.report.health import health_of
from hil.report.page import environment
from hil.report.record import Event
from hil.report.repeats import folded, shown
from hil.report.results import Outcome, Results, Row, gather, relative_margin, rows, trouble_line

_TIGHT = 0.05  # a margin below this part of the limit is tight: the next change may break it
_PLOTS = 6  # drawn of one test at most; the record has the rest
_MANY = 12  # with more checks than this, those that held are folded away
_TIGHTEST = 4  # but for so many
_ROOM = 492  # pixels that the summary's table may take on a screen 800 high
_UNITS_NS = {"ms": NS_PER_MS, "s": NS_PER_S}

WORDS = {
    "pass": "passed",
    "fail": "failed",
    "error": "error",
    "invalid": "invalid",
    "skipped": "skipped",
}
HEADLINES = {"pass": "Passed", "fail": "Failed", "error": "Error", "invalid": "Not valid"}


@dataclass(frozen=True)
class Group:
    """Tests of one file, as rows of the summary's table."""

    title: str
    rows: Sequence[Row]


def render(events: Sequence[Event]) -> str:
    """The report of a record.

    Args:
        events: The record, as ``read_events`` gives it; may end anywhere.
    """
    everything = gather(events)
    results = folded(everything)
    columns, health = _columns(results), health_of(results)
    notices = len(results.troubles) + bool(results.stopped) + bool(results.unheard)
    room = _ROOM - 70 * notices - (36 if health else 0)
    most = max((sum(1 + len(g.rows) for g in column) for column in columns), default=1)
    page = _environment().get_template("report.html")
    html = page.render(
        run=results,
        info=results.info,
        columns=columns,
        row_px=min(26, max(17, round(room / most, 1))),
        headline=HEADLINES[results.verdict],
        subtitle=_subtitle(results),
        simulated=results.info.get("simulated") or simulated(results.info),
        tight=_tight(results.outcomes),
        matrix=matrix.lines(results),
        cells=cells.rows(everything),
        reactions=reactions.reactions(results.outcomes),
        health=health,
        words=WORDS,
    )
    return html.encode("utf-8", "replace").decode().replace("\0", "�")


def simulated(info: Mapping[str, Any]) -> list[str]:
    """What was not real in the run, one sentence each."""
    sentences = []
    kind = (info.get("firmware") or {}).get("kind")
    if kind == "library":
        sentences.append(
            "The BMS is firmware compiled as a library for this computer and stepped in virtual"
            " time: its logic is tested, not its hardware, inputs or processor load."
        )
    elif kind:
        sentences.append(f"The BMS is of kind {kind}.")
    buses = (info.get("buses") or {}).items()
    virtual = [name for name, bus in buses if bus.get("interface") == "sim"]
    if virtual or not buses:
        which = f"CAN ({', '.join(virtual)})" if virtual else "CAN"
        sentences.append(f"{which} is simulated: frames take their exact time on the wire.")
    sentences.append("Cells, contactors, sensors, charger and drive are digital twins.")
    return sentences


def _environment() -> Environment:
    made = environment("report", undefined=ChainableUndefined)  # a record that stops early lacks much
    made.filters.update(
        duration=text.duration,
        instant=text.instant,
        number=text.number,
        percent=text.percent,
        sentence=text.sentence,
        relative=relative_margin,
        trouble=trouble_line,
        gauge=_gauge,
        tone=_tone,
        checks=_checks,
        reactions=reactions.reactions_of,
        shown=shown,
        groupby_test=_by_test,
        plots=_plots,
        phases=_phases,
        left_ns=_left_ns,
        since=_since,
    )
    return made


def _columns(results: Results) -> list[list[Group]]:
    """The groups in two columns of about the same height, in the order of the run."""
    groups = [Group(title, rows(outcomes)) for title, outcomes in results.groups.items()]
    heights = [1 + len(group.rows) for group in groups]
    cut = min(
        range(1, len(groups) + 1),
        key=lambda at: max(sum(heights[:at]), sum(heights[at:])),
        default=0,
    )
    return [column for column in (groups[:cut], groups[cut:]) if column]


def _subtitle(results: Results) -> str:
    """What the headline's word rests on."""
    counts, total = results.counts, len(results.outcomes)
    parts = [
        f"{counts[verdict]} {WORDS[verdict]}" for verdict in ("fail", "error", "invalid") if counts[verdict]
    ]
    if results.troubles:
        parts.append("ended by the rig's own trouble")
    elif results.interrupted:
        parts.append("interrupted")
    elif results.stopped:
        parts.append("stopped before its end")
    elif results.end is None:
        parts.append("the record stops before the end of the run")
    elif not counts["pass"]:
        parts.append("nothing passed")
    if not parts:
        return f"all {counts['pass']} tests that ran passed"
    return ", ".join(parts) + f"; {total} test{'s' * (total != 1)}"


def _tight(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Tests that passed with a tight margin."""
    return [
        one
        for one in outcomes
        if one.verdict == "pass" and any(_tone(check) == "tight" for check in one.all_checks)
    ]


def _tone(check: Event | None) -> str:
    """How a check stands: bad, tight, or good."""
    part = relative_margin(check) if check else None
    if check and (not check.get("ok") or (part is not None and part < 0)):
        return "bad"
    return "tight" if check and part is not None and part < _TIGHT else "good"


def _gauge(check: Event) -> Markup:
    """How much of the limit was used, as a bar: the line across it is the limit."""
    part = relative_margin(check)
    if part is None:
        return Markup("")
    width = min(max((1 - part) * 80, 2), 100)  # the limit is at 80 % of the width
    bar = '<span class="gauge {}" aria-hidden="true"><i style="width:{:.0f}%"></i></span>'
    return Markup(bar.format(_tone(check), width))


@dataclass(frozen=True)
class Checks:
    """The checks of a test: those that are shown at once, and those that are folded away.

    Each comes with whether it shows the phases of the reaction: one check per stimulus does.
    """

    shown: Sequence[tuple[Event, bool]]
    folded: Sequence[tuple[Event, bool]]


def _checks(outcome: Outcome) -> Checks:
    """Of many checks only those that broke and the tightest are shown at once."""
    checks = outcome.checks
    # The last check after a stimulus knows all its phases.
    phased = {check.get("stimulus_ns"): index for index, check in enumerate(checks)}
    pairs = [(check, phased[check.get("stimulus_ns")] == index) for index, check in enumerate(checks)]
    if len(checks) <= _MANY:
        return Checks(pairs, ())
    numbers = [index for index, check in enumerate(checks) if relative_margin(check) is not None]
    numbers.sort(key=lambda index: relative_margin(checks[index]) or 0.0)
    shown = {index for index, check in enumerate(checks) if not check.get("ok")}
    shown.update(numbers[:_TIGHTEST])
    return Checks(
        [pair for index, pair in enumerate(pairs) if index in shown],
        [(check, False) for index, check in enumerate(checks) if index not in shown],
    )


def _plots(outcome: Outcome) -> list[Markup]:
    """The plots of a test, and of its checks where they have their own, those that broke first."""
    checks = [check for check in outcome.checks if check.get("plot")]
    checks.sort(key=lambda check: bool(check.get("ok")))
    return [
        _draw(event["plot"], event.get("stimulus_ns"), outcome)
        for event in (*outcome.plots, *checks)[:_PLOTS]
        if event.get("plot")
    ]


def _draw(drawing: Mapping[str, Any], zero_ns: int | None, outcome: Outcome) -> Markup:
    """A plot whose zero is its stimulus, with the deadlines of what had to follow."""
    if zero_ns is None:
        marks = drawing.get("marks") or ()
        zero_ns = next((int(m["t_ns"]) for m in marks if m.get("label") == "stimulus"), None)
    if zero_ns is None:
        return plot.draw(drawing)
    deadlines = {
        int(zero_ns + check["limit"] * _UNITS_NS[check["unit"]])
        for check in outcome.checks
        if check.get("stimulus_ns") == zero_ns
        and check.get("kind") == "Expect"
        and check.get("limit") is not None
        and check.get("unit") in _UNITS_NS
    }
    return plot.draw(drawing, zero_ns, sorted(deadlines))


def _phases(check: Event) -> list[tuple[str, int, int]]:
    """Per phase its name, when it was reached after the stimulus, and how long it took; ns."""
    reached = sorted((check.get("phases") or {}).items(), key=lambda entry: int(entry[1]))
    before = [0, *(int(at) for _, at in reached)]
    return [(name, int(at), int(at) - start) for (name, at), start in zip(reached, before, strict=False)]


def _left_ns(check: Event) -> int:
    """How much of the time limit was left after the last phase, or 0."""
    unit_ns, limit = _UNITS_NS.get(check.get("unit") or ""), check.get("limit")
    last = max((check.get("phases") or {}).values(), default=0)
    return max(int(limit * unit_ns) - int(last), 0) if unit_ns and limit is not None else 0


def _by_test(
    found: Sequence[reactions.Reaction],
) -> list[tuple[Outcome, list[reactions.Reaction]]]:
    """Reactions, which come in the order of their tests, with each test once."""
    groups = [list(ones) for _, ones in groupby(found, key=lambda one: one.outcome.test)]
    return [(ones[0].outcome, ones) for ones in groups]


def _since(t_ns: int | None, zero_ns: int | None) -> str:
    return text.NOTHING if t_ns is None or zero_ns is None else text.duration(t_ns - zero_ns)
