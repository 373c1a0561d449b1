"""What a search has done and found, in words and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hil.explore.bugs import Hit
    from hil.explore.search import Finding, Tally


def finding(found: Finding, path: Path) -> str:
    """A violation with its script."""
    acts = "\n".join(f"    {act}" for act in found.script)
    return f"VIOLATION {found.violation.key}\n  {found.violation.text}\n{acts}\n  replay: {path}"


def as_text(tally: Tally, lacking: Mapping[str, str]) -> str:
    """The whole of it, for people."""
    lines = [
        f"{tally.lives} lives, {tally.bus_hours:.2f} h of bus time, {sum(tally.acts.values())} events",
        *(f"not checked: {name}: {why}" for name, why in sorted(lacking.items())),
        "",
        *_coverage(tally),
        "",
        f"violations: {len(tally.findings) or 'none'}",
        *(f"  {found.violation.key}: {', '.join(map(str, found.script))}" for found in tally.findings),
    ]
    return "\n".join(lines)


def _coverage(tally: Tally) -> list[str]:
    """A table of events by the state of the BMS in which they began."""
    states = sorted({state for state, _ in tally.seen})
    width = max((len(kind) for _, kind in tally.seen), default=5)
    head = "  ".join(f"{state or '?':>9}" for state in states)
    lines = [f"{'event':<{width}}  {head}"]
    for kind in sorted({kind for _, kind in tally.seen}):
        row = "  ".join(f"{tally.seen[state, kind] or '-':>9}" for state in states)
        lines.append(f"{kind:<{width}}  {row}")
    return lines


def as_json(tally: Tally, lacking: Mapping[str, str], facts: Mapping[str, Any]) -> str:
    """The whole of it, for programs."""
    coverage: dict[str, dict[str, int]] = {}
    for (state, kind), count in sorted(tally.seen.items()):
        coverage.setdefault(kind, {})[state] = count
    content = {
        **facts,
        "lives": tally.lives,
        "bus_hours": round(tally.bus_hours, 4),
        "events": dict(sorted(tally.acts.items())),
        "coverage": coverage,
        "not_checked": dict(lacking),
        "violations": [_violation(found) for found in tally.findings],
    }
    return json.dumps(content, indent=1) + "\n"


def _violation(found: Finding) -> dict[str, Any]:
    return {
        "invariant": found.violation.invariant,
        "subject": found.violation.subject,
        "text": found.violation.text,
        "script": [str(act) for act in found.script],
        "lives": found.lives,
    }


def hit(found: Hit) -> str:
    """One bug, in words."""
    effort = f"{found.lives} lives, {found.seconds:.0f} s"
    if found.finding is None:
        return f"not found  {found.mutant.name}  ({effort})"
    word = "FOUND    " if found.is_found else "no proof "
    acts = ", ".join(map(str, found.finding.script))
    return "\n           ".join(
        (f"{word}  {found.mutant.name}  ({effort})", found.finding.violation.key, acts)
    )


def hits_as_json(hits: Sequence[Hit]) -> str:
    """All bugs, for programs."""
    rows = [
        {
            "bug": found.mutant.name,
            "found": found.is_found,
            "lives": found.lives,
            "seconds": round(found.seconds, 1),
            "file": found.file.name if found.file else None,
            "violation": _violation(found.finding) if found.finding else None,
        }
        for found in hits
    ]
    return json.dumps(rows, indent=1) + "\n"
