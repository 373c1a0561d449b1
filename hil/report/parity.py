"""Two runs of one suite side by side: the same verdicts, and the same reactions as far as a bus can tell.

A frame shows a reaction up to one cycle after it took place, so two rigs that are alike still differ by up to
one cycle of the message that shows it. A record's uncertainty is that cycle, and what the stamps of its rig
add. A reaction that waits for frames of the rig in its turn also differs by where in their cycles the
stimulus fell: the spread that its test states. What one of the rigs cannot do, as disturb a bus that is not
virtual, tells nothing about likeness: it is shown with its reason, and counted by itself.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from difflib import SequenceMatcher
from typing import Any

from hil.clock import NS_PER_MS
from hil.report import text
from hil.report.record import Event
from hil.report.results import Outcome, Results, gather, trouble_line

_NUMBER = re.compile(r"(?<![\w\[.])[-+]?\d[\d.,]*(?:e[-+]?\d+)?")
_ABSENT = "–"
_UNDECIDED = {"invalid", "error"}
_SKIPPED = "skipped"
_NARROWEST = 80
_COLUMNS = 48  # of the figures beside a check
_ASCII = str.maketrans(
    {"✓": "+", "✗": "x", "−": "-", "–": "-", "…": "~", "─": "-", "°": "", "±": "+-", "×": "x"}
)


@dataclass(frozen=True)
class Reaction:
    """One reaction in both runs.

    Attributes:
        check: The sentence, as the first of the runs has it.
        a_ns: From stimulus to the deciding frame; ``None``: that run has no such reaction.
        b_ns: The same of the other run.
        allowed_ns: How far the two may be apart.
    """

    check: str
    a_ns: int | None
    b_ns: int | None
    allowed_ns: int

    @property
    def difference_ns(self) -> int | None:
        """By how much the second one is later."""
        return None if self.a_ns is None or self.b_ns is None else self.b_ns - self.a_ns

    @property
    def ok(self) -> bool:
        """Whether both reacted alike."""
        return self.difference_ns is not None and abs(self.difference_ns) <= self.allowed_ns


@dataclass(frozen=True)
class Pair:
    """One test in both runs.

    Attributes:
        test: Its node id.
        a: The first run's verdict; empty if the test is not in it.
        b: The other run's verdict.
        reactions: In the order of the test.
        reasons: Why, per run, where the verdicts differ.
    """

    test: str
    a: str
    b: str
    reactions: tuple[Reaction, ...] = ()
    reasons: tuple[str, str] = ("", "")

    @property
    def in_both(self) -> bool:
        """Whether both runs have it."""
        return bool(self.a and self.b)

    @property
    def undecided(self) -> bool:
        """Whether one of the runs says nothing of the BMS, because the rig or the test was in trouble."""
        return self.in_both and not _UNDECIDED.isdisjoint((self.a, self.b))

    @property
    def left_out(self) -> bool:
        """Whether one of the rigs cannot do it, and only that one."""
        return self.in_both and self.a != self.b and _SKIPPED in (self.a, self.b)

    @property
    def ok(self) -> bool:
        """The same verdict, and all reactions alike."""
        return self.in_both and self.a == self.b and all(reaction.ok for reaction in self.reactions)


@dataclass(frozen=True)
class Parity:
    """Two runs side by side.

    Attributes:
        a: What the first run is called.
        b: What the other one is called.
        pairs: The tests in the order of the first run, then what the other has more.
        troubles: Why one of the runs is no whole run.
    """

    a: str
    b: str
    pairs: tuple[Pair, ...]
    troubles: tuple[str, ...] = ()

    @property
    def reactions(self) -> list[Reaction]:
        """Of all tests."""
        return [reaction for pair in self.pairs for reaction in pair.reactions]

    @property
    def compared(self) -> list[Pair]:
        """Tests that both rigs can do, or that one of the runs does not have."""
        return [pair for pair in self.pairs if not pair.left_out]

    @property
    def ok(self) -> bool:
        """Whether the runs are alike; nothing compared is not."""
        return bool(self.compared) and not self.troubles and all(pair.ok for pair in self.compared)

    @property
    def undecided(self) -> list[Pair]:
        """Tests that differ or not, nobody knows: a verdict is the rig's own trouble."""
        return [pair for pair in self.compared if pair.undecided and not pair.ok]

    @property
    def ok_so_far(self) -> bool:
        """Whether the runs are alike as far as there are verdicts on the BMS, and there are some."""
        decided = [pair for pair in self.compared if not pair.undecided]
        return bool(decided) and not self.troubles and all(pair.ok for pair in decided)


def compare(a: Sequence[Event], b: Sequence[Event]) -> Parity:
    """Two records side by side; of a test that was run again its last run counts."""
    first, second = gather(a), gather(b)
    names = _names(first, second)
    left, right = ({o.test: o for o in results.outcomes} for results in (first, second))
    pairs = [_pair(test, left.get(test), right.get(test)) for test in dict.fromkeys([*left, *right])]
    troubles = (f"{n}: {line}" for n, r in zip(names, (first, second), strict=True) for line in _troubles(r))
    return Parity(*names, tuple(pairs), tuple(troubles))


def _names(first: Results, second: Results) -> tuple[str, str]:
    a, b = (str(results.info.get("rig") or "?") for results in (first, second))
    return (a, b) if a != b else (f"{a} A", f"{b} B")


def _troubles(results: Results) -> Iterator[str]:
    yield from (trouble_line(trouble) for trouble in results.troubles)
    if results.interrupted:
        yield "the run was interrupted"
    if results.stopped:
        yield results.stopped
    elif results.end is None:
        yield "the record stops before the end of the run"


def _pair(test: str, a: Outcome | None, b: Outcome | None) -> Pair:
    if a is None or b is None:
        return Pair(test, a.verdict if a else "", b.verdict if b else "")
    reasons = (a.reason, b.reason) if a.verdict != b.verdict else ("", "")
    pair = Pair(test, a.verdict, b.verdict, reasons=reasons)
    return pair if pair.left_out else replace(pair, reactions=tuple(_reactions(a.checks, b.checks)))


def _reactions(a: Sequence[Event], b: Sequence[Event]) -> Iterator[Reaction]:
    for left, right in _aligned(a, b):
        if any(check is not None and check.get("reaction_ns") is not None for check in (left, right)):
            sentence = str((left or right or {}).get("check"))
            yield Reaction(sentence, _reaction_ns(left), _reaction_ns(right), _allowed_ns(left, right))


def _reaction_ns(check: Event | None) -> int | None:
    """From stimulus to reaction; what was so when the stimulus came, as a check may allow, took no time."""
    if check is None:
        return None
    reaction_ns: int | None = check.get("reaction_ns")
    return 0 if reaction_ns is None and check.get("ok") else reaction_ns


def _allowed_ns(a: Event | None, b: Event | None) -> int:
    """One cycle, which is in the uncertainty of both, what the worse of the stamps adds, and the spread."""
    worst = (max(_ms(check, name) for check in (a, b)) for name in ("uncertainty", "spread"))
    return round(sum(worst) * NS_PER_MS)


def _ms(check: Event | None, name: str) -> float:
    return 0.0 if check is None or check.get("unit") != "ms" else float(check.get(name) or 0.0)


def _aligned(a: Sequence[Event], b: Sequence[Event]) -> Iterator[tuple[Event | None, Event | None]]:
    """The checks that belong together, by order and sentence; numbers may differ from run to run."""
    matcher = SequenceMatcher(None, [*map(_shape, a)], [*map(_shape, b)], autojunk=False)
    for kind, i, i_end, j, j_end in matcher.get_opcodes():
        if kind == "equal":
            yield from zip(a[i:i_end], b[j:j_end], strict=True)
        else:
            yield from ((check, None) for check in a[i:i_end])
            yield from ((None, check) for check in b[j:j_end])


def _shape(check: Event) -> str:
    """The sentence without what is measured or allowed; the number of a cell stays."""
    return _NUMBER.sub("#", f"{check.get('kind')} {check.get('check')}")


def as_data(parity: Parity) -> dict[str, Any]:
    """For a program to read."""
    return {
        "a": parity.a,
        "b": parity.b,
        "ok": parity.ok,
        "troubles": parity.troubles,
        "tests": [
            {
                "test": pair.test,
                "a": pair.a or None,
                "b": pair.b or None,
                "ok": pair.ok,
                "left_out": pair.left_out,
                "reactions": [
                    {**asdict(reaction), "difference_ns": reaction.difference_ns, "ok": reaction.ok}
                    for reaction in pair.reactions
                ],
            }
            for pair in parity.pairs
        ],
    }


def render(parity: Parity, width: int = 110, encoding: str = "utf-8") -> str:
    """The table: each test with both verdicts, below it its reactions, those said alike on one line.

    Args:
        parity: What was compared.
        width: Columns of the terminal.
        encoding: What it can show; without ``✓`` in it the table is plain ASCII.
    """
    room = max(width, _NARROWEST) - _COLUMNS
    head = _line("  test", room, parity.a, parity.b, "difference", "allowed")
    lines = [head, "─" * (room + _COLUMNS)]
    module = ""
    for pair in parity.pairs:
        if (file := pair.test.partition("::")[0]) != module:
            lines += [file]
            module = file
        lines += _rows(pair, room)
    lines += ["", *parity.troubles, *_summary(parity)]
    return _fit("\n".join(line.rstrip() for line in lines) + "\n", encoding)


def _rows(pair: Pair, room: int) -> Iterator[str]:
    note = "" if pair.in_both else "in one only"
    name = pair.test.partition("::")[2].removeprefix("test_") or pair.test
    sign = _ABSENT if pair.left_out else _sign(pair.ok)
    yield _line(f"{sign} {name}", room, pair.a or _ABSENT, pair.b or _ABSENT, note, "")
    for verdict, reason in zip((pair.a, pair.b), pair.reasons, strict=True):
        if reason:
            yield f"    {verdict}: {' '.join(reason.split())}"
    folded: dict[str, list[Reaction]] = {}
    for reaction in pair.reactions:
        folded.setdefault(reaction.check, []).append(reaction)
    for check, reactions in folded.items():
        worst = max(reactions, key=_distance)
        many = f"  ×{len(reactions)}" if len(reactions) > 1 else ""
        figures = (text.duration(worst.a_ns), text.duration(worst.b_ns), _signed(worst.difference_ns))
        yield _line(f"  {_sign(worst.ok)} {check}{many}", room, *figures, text.duration(worst.allowed_ns))


def _signed(ns: int | None) -> str:
    """A difference; less than a tenth of a millisecond is none."""
    if ns is not None and abs(ns) < NS_PER_MS // 20:
        ns = 0
    return f"{'+' if ns and ns > 0 else ''}{text.duration(ns)}"


def _distance(reaction: Reaction) -> float:
    """How far apart in parts of what is allowed; one alone is farther than any two."""
    if reaction.difference_ns is None:
        return float("inf")
    return abs(reaction.difference_ns) / max(1, reaction.allowed_ns)


def _summary(parity: Parity) -> Iterator[str]:
    both = [pair for pair in parity.compared if pair.in_both]
    same = Counter(pair.a for pair in both if pair.a == pair.b)
    reactions = parity.reactions
    kinds = ", ".join(f"{count} {verdict}" for verdict, count in same.items())
    yield f"{same.total()} of {len(both)} tests with the same verdict{f' ({kinds})' if kinds else ''}"
    for name, of in ((parity.a, _in_a), (parity.b, _in_b)):
        alone = sum(of(pair) for pair in parity.pairs if not pair.in_both)
        if alone:
            yield f"{alone} tests in {name} only"
    for name, left in ((parity.a, "a"), (parity.b, "b")):
        missing = sum(pair.left_out and getattr(pair, left) == _SKIPPED for pair in parity.pairs)
        if missing:
            yield f"{missing} tests that {name} cannot do, each with its reason above"
    yield f"{sum(one.ok for one in reactions)} of {len(reactions)} reactions within what is allowed"
    worst = max(reactions, key=_distance, default=None)
    if worst is not None and worst.difference_ns is not None:
        far = f"{_signed(worst.difference_ns)} of {text.duration(worst.allowed_ns)}"
        yield f"the two are the farthest apart in: {worst.check} ({far})"
    yield f"{parity.a} and {parity.b} are {_conclusion(parity)}"


def _conclusion(parity: Parity) -> str:
    if parity.ok:
        return "alike"
    if parity.ok_so_far:
        number = len(parity.undecided)
        tests = "one test" if number == 1 else f"{number} tests"
        return f"alike but for {tests} in which the rig itself was in trouble"
    return "not alike"


def _in_a(pair: Pair) -> bool:
    return bool(pair.a)


def _in_b(pair: Pair) -> bool:
    return bool(pair.b)


def _sign(ok: bool) -> str:
    return "✓" if ok else "✗"


def _line(words: str, room: int, *columns: str) -> str:
    if len(words) >= room:
        tail = room // 2
        words = f"{words[: room - tail - 2]}…{words[-tail:]}"
    return f"{words:<{room}}" + "".join(f"{column[:11]:>12}" for column in columns)


def _fit(table: str, encoding: str) -> str:
    try:
        table.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return table.translate(_ASCII).encode("ascii", "replace").decode()
    return table
