"""The table that a run ends with on the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hil.checks.verdict import Verdict
from hil.report import text
from hil.report.record import Event
from hil.report.repeats import folded, shown
from hil.report.results import Outcome, Results, gather, rows, trouble_line

_SIGNS = {"pass": "✓", "fail": "✗", "error": "!", "invalid": "?", "skipped": "-"}
_COLOURS = {"pass": "32", "fail": "1;31", "error": "1;35", "invalid": "1;33", "skipped": "2"}
_ASCII = str.maketrans(
    {"✓": "+", "✗": "x", "−": "-", "–": "-", "…": "~", "─": "-", "°": "", "Ω": "Ohm", "±": "+-",
     "·": "|", "→": "->", "×": "x"}
)  # fmt: skip
_NARROWEST = 50
_ALIKE = 4  # tests that failed in the same way are told once from so many on


@dataclass(frozen=True)
class _Style:
    width: int
    color: bool

    def paint(self, words: str, verdict: str) -> str:
        """The words in the verdict's colour."""
        code = _COLOURS.get(verdict)
        return f"\x1b[{code}m{words}\x1b[0m" if self.color and code else words

    def bold(self, words: str) -> str:
        """The words in bold."""
        return f"\x1b[1m{words}\x1b[0m" if self.color else words


def render(events: Sequence[Event], width: int = 80, color: bool = False, encoding: str = "utf-8") -> str:
    """The table of a record: tests with verdict, margin and reaction; failures; counts.

    Args:
        events: The record.
        width: Columns of the terminal; no line of the table is longer.
        color: Whether the terminal takes ANSI colours.
        encoding: What the terminal can show; without ``✓`` in it the table is plain ASCII.
    """
    results = folded(gather(events))
    style = _Style(max(width, _NARROWEST), color)
    lines = [*_tests(results, style), *_failures(results, style), *_end(results, style)]
    table = "\n".join(line.rstrip() for line in lines) + "\n"
    return _fit(table, encoding)


def _tests(results: Results, style: _Style) -> Iterator[str]:
    if not results.outcomes:
        return
    name_width = style.width - 38
    yield style.bold(f"{'verdict':<12}{'test':<{name_width}}{'margin':>10}{'reaction':>14}")
    yield "─" * (style.width - 2)
    for row in rows(results.outcomes):
        sign = f"{_SIGNS.get(row.verdict, '?')} {row.verdict:<9} "
        margin = text.margin_percent(row.tightest)
        reaction = text.duration(row.reaction["reaction_ns"] if row.reaction else None)
        name = _label(row.first)
        if len(row.outcomes) > 1:
            name = f"{name.partition('[')[0]} {row.variant}"
        name = _short(name, name_width - 1)
        yield style.paint(sign, row.verdict) + f"{name:<{name_width}}{margin:>10}{reaction:>14}"


def _failures(results: Results, style: _Style) -> Iterator[str]:
    bad = [outcome for outcome in results.outcomes if outcome.verdict in ("fail", "error", "invalid")]
    alike = Counter(outcome.likeness for outcome in bad)
    for outcome in bad:
        count = alike[outcome.likeness]
        if count < 0:
            continue
        yield ""
        kind = outcome.verdict
        if count >= _ALIKE:
            kind += f" of {count} tests alike, the first is"
            alike[outcome.likeness] = -1  # told
        yield style.paint(_short(f"{kind}: {outcome.test}", style.width), outcome.verdict)
        if outcome.times:
            yield from _wrap("  ", shown(outcome), style.width)
        yield from _evidence(outcome, style.width)
    yield from _skipped(results, style)


def _skipped(results: Results, style: _Style) -> Iterator[str]:
    """The reasons, each once: a rig file that is new lacks one limit for dozens of tests."""
    by_reason: dict[str, list[Outcome]] = {}
    for outcome in results.outcomes:
        if outcome.verdict == "skipped":
            by_reason.setdefault(outcome.reason, []).append(outcome)
    if by_reason:
        yield ""
    for reason, outcomes in by_reason.items():
        which = _label(outcomes[0]) if len(outcomes) == 1 else f"{len(outcomes)} tests"
        yield from _wrap("skipped: ", f"{which}: {reason}", style.width)


def _evidence(outcome: Outcome, width: int) -> Iterator[str]:
    if not outcome.failed_checks or outcome.verdict != "fail":
        for line in outcome.reason.splitlines():
            yield from _wrap("  ", line, width)
    for check in outcome.failed_checks:
        yield from _wrap("  expected  ", str(check.get("check")), width)
        yield from _wrap("  came      ", str(check.get("actual")), width)
        if check.get("t_ns") is not None:
            yield from _wrap("  when      ", _when(check), width)
        if check.get("stimulus"):
            yield from _wrap("  stimulus  ", str(check["stimulus"]), width)


def _when(check: Event) -> str:
    at, zero = check["t_ns"], check.get("stimulus_ns")
    after = "" if zero is None else f", {text.duration(at - zero)} after the stimulus"
    return text.instant(at) + after


def _end(results: Results, style: _Style) -> Iterator[str]:
    for trouble in results.troubles:
        yield ""
        for line in _wrap("", f"The rig's own trouble: {trouble_line(trouble)}", style.width):
            yield style.paint(line, "error")
    if results.unheard:
        yield ""
        for line in _wrap("", text.sentence(results.unheard), style.width):
            yield style.paint(line, "fail")
    if results.stopped:
        yield ""
        for line in _wrap("", f"Stopped: {results.stopped}", style.width):
            yield style.paint(line, "fail")
    yield ""
    yield from _counts(results, style)
    if results.outcomes and all(outcome.verdict == Verdict.SKIPPED for outcome in results.outcomes):
        yield "nothing was judged: all of these tests were skipped, for the reasons above"


def _counts(results: Results, style: _Style) -> Iterator[str]:
    words = [(f"{count} {verdict}", verdict) for verdict, count in results.counts.items() if count]
    words = words or [("no test ran", "invalid")]
    if results.info.get("repeat"):
        words.append((f"{results.info['repeat']} repetitions of each", ""))
    if results.interrupted:
        words.append(("interrupted", "invalid"))
    elif results.end is None:
        words.append(("the record stops before the end", "error"))
    words.append((f"{text.duration(results.sim_ns)} of bus time", ""))
    line, used = "", 0
    for word, verdict in words:
        if used and used + 3 + len(word) > style.width:
            yield line
            line, used = "", 0
        line += (" · " if used else "") + style.paint(word, verdict)
        used += len(word) + (3 if used else 0)
    yield line


def _label(outcome: Outcome) -> str:
    """The test's name in words; its parameters as they are."""
    name, bracket, parameters = outcome.function.removeprefix("test_").partition("[")
    return name.replace("_", " ") + bracket + parameters


def _short(words: str, width: int) -> str:
    """The words in at most ``width`` columns, cut in the middle: both ends tell tests apart."""
    words = _one_line(words)
    if len(words) <= width:
        return words
    tail = width // 3
    return f"{words[: width - tail - 1]}…{words[-tail:]}"


def _wrap(indent: str, words: str, width: int) -> Iterator[str]:
    """The words, broken at spaces where there are some, under a hanging indent."""
    room = width - len(indent)
    rest, head = _one_line(words), indent
    while rest:
        cut = len(rest) if len(rest) <= room else rest.rfind(" ", room // 2, room + 1)
        cut = room if cut < 0 else cut
        yield head + rest[:cut]
        rest, head = rest[cut:].lstrip(), " " * len(indent)


def _one_line(words: str) -> str:
    """Without control characters: a name from a file must not steer the terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in words)


def _fit(table: str, encoding: str) -> str:
    try:
        "✓✗−–…─°Ω±·→".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return table.translate(_ASCII).encode("ascii", "replace").decode()
    return table.encode(encoding, "replace").decode(encoding)
