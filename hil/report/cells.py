"""Cell × fault × state: which cells were struck by which fault in which state, and how the BMS answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hil.report.record import Event
from hil.report.results import Results

_NS_PER_MS = 1e6


@dataclass(frozen=True)
class Struck:
    """How the BMS answered to one cell's fault, in the worst of the tests that struck it.

    Attributes:
        cell: Its number, from 1.
        verdict: ``pass``, ``fail`` or, if no test struck it, ``""``.
        told: In words.
        anchor: Of the test, in the report.
    """

    cell: int
    verdict: str
    told: str
    anchor: str = ""


@dataclass(frozen=True)
class Row:
    """One fault in one state.

    Attributes:
        cells: All cells of the pack, in order.
    """

    fault: str
    state: str
    cells: Sequence[Struck]

    @property
    def count(self) -> str:
        """How many cells of all were struck."""
        return f"{sum(bool(cell.verdict) for cell in self.cells)} of {len(self.cells)}"


def rows(results: Results) -> list[Row]:
    """The map: a row for each fault and state that a test struck a cell with."""
    found: dict[tuple[str, str], dict[int, tuple[Event, str]]] = {}
    for outcome in results.outcomes:
        for event in outcome.cells:
            row = found.setdefault((event["fault"], event["state"]), {})
            before = row.get(event["cell"])
            if before is None or _badness(event) > _badness(before[0]):
                row[event["cell"]] = event, outcome.anchor
    last = max((cell for row in found.values() for cell in row), default=0)
    total = max(int(results.info.get("cells") or 0), last)
    return [
        Row(fault, state, [_struck(cell, row.get(cell)) for cell in range(1, total + 1)])
        for (fault, state), row in sorted(found.items())
    ]


def _badness(event: Event) -> tuple[bool, int]:
    """One that failed is worse than a slow one, and that worse than a fast one."""
    return not event["ok"], event.get("reaction_ns") or 0


def _struck(cell: int, found: tuple[Event, str] | None) -> Struck:
    if found is None:
        return Struck(cell, "", f"cell {cell}: not struck")
    event, anchor = found
    reaction_ns = event.get("reaction_ns")
    told = "" if reaction_ns is None else f", flagged after {reaction_ns / _NS_PER_MS:.4g} ms"
    verdict = "pass" if event["ok"] else "fail"
    return Struck(cell, verdict, f"cell {cell}: {verdict}{told}", anchor)
