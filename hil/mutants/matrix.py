"""The kill matrix: as lines, as JSON, and as a page."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from hil.mutants.hunt import Fate, Found
from hil.report.page import environment

_MARKS = {Fate.KILLED: "✓", Fate.OTHERWISE: "~", Fate.SURVIVED: "✗", Fate.TIMED_OUT: "✗", Fate.NOT_BUILT: "!"}


def line(found: Found, number: int, total: int) -> str:
    """One mutant's line for the terminal."""
    mark = "=" if found.mutant.equivalent and found.good else _MARKS[found.fate]
    seen = _test(found) or found.reason
    return f"[{number:3}/{total}] {mark} {found.mutant.name}: {found.fate}  ({seen})"


def summary(rows: Sequence[Found]) -> str:
    """How many met which fate, and what is not as it must be."""
    wrong = [f"     not good: {found.mutant.name}: {found.fate}" for found in rows if not found.good]
    return "\n".join([*counts(rows), *wrong])


def counts(rows: Sequence[Found]) -> list[str]:
    """How many met which fate."""
    counted = Counter(found.fate for found in rows if not found.mutant.equivalent)
    equivalent = [found for found in rows if found.mutant.equivalent]
    whole = len(rows) - len(equivalent)
    lines = [f"{counted[fate]:4} of {whole} {fate}" for fate in Fate if counted[fate] or fate is Fate.KILLED]
    lines += [f"{len(equivalent):4} equivalent, no requirement forbids them"] if equivalent else []
    return lines


def as_json(rig: str, rows: Sequence[Found]) -> str:
    """The matrix for machines."""
    return json.dumps({"rig": rig, "mutants": [_row(found) for found in rows]}, indent=2, ensure_ascii=False)


def as_page(rig: str, rows: Sequence[Found]) -> str:
    """The matrix as one HTML file with nothing from outside."""
    worst_first = sorted(rows, key=lambda found: (found.good, found.mutant.file))
    return environment("mutants").get_template("matrix.html").render(
        rig=rig, rows=[_row(found) for found in worst_first], counts=counts(rows)
    )


def _test(found: Found) -> str:
    return found.test.rpartition("::")[2]


def _row(found: Found) -> dict[str, Any]:
    mutant = found.mutant
    return {
        "name": mutant.name,
        "violates": mutant.violates,
        "file": mutant.file,
        "old": mutant.old,
        "new": mutant.new,
        "sequence": mutant.sequence,
        "equivalent": mutant.equivalent,
        "fate": str(found.fate),
        "good": found.good,
        "test": _test(found),
        "reason": found.reason.partition("\n")[0],
        "seconds": round(found.seconds, 2),
    }
