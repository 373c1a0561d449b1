"""One thing that was looked at, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warn", "bad", "?"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        topic: What was looked at.
        state: ``ok``; ``warn``: costs something; ``bad``: does not work; ``?``: cannot be looked at here.
        text: What was found.
        change: What to change, in words; empty if nothing.
        command: The same as a command for the shell, where there is one.
        gain: How much the change brings, compared with the others; 0 to 100.
        blocks: Whether the rig that was asked about cannot run because of it.
    """

    topic: str
    state: State
    text: str
    change: str = ""
    command: str = ""
    gain: int = 0
    blocks: bool = False


def changes(findings: Iterable[Finding]) -> list[Finding]:
    """What there is to change, most gain first; what keeps the rig from running before all else."""
    wanted = [finding for finding in findings if finding.change]
    return sorted(wanted, key=lambda finding: (not finding.blocks, -finding.gain))


def render(findings: Iterable[Finding]) -> str:
    """For the terminal: a table, then what to change."""
    found = list(findings)
    width = max((len(finding.topic) for finding in found), default=0)
    lines = [f"  {finding.state:4}  {finding.topic:{width}}  {finding.text}" for finding in found]
    todo = changes(found)
    lines += ["", "What to change, most gain first:" if todo else "Nothing to change."]
    for number, finding in enumerate(todo, 1):
        lines.append(f"{number:3}. {finding.topic}: {finding.change}")
        if finding.command:
            lines.append(f"       {finding.command}")
    return "\n".join(lines)
