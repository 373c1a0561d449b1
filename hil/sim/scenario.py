"""Scenario: what every simulation offers to the one who runs it and writes it up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from hil.sim.table import Array, Table


@dataclass(frozen=True)
class Figure:
    """One line of a summary.

    Attributes:
        label: For people.
        value: In ``unit``; a text stands for itself.
        note: When and where.
    """

    label: str
    value: float | str
    unit: str = ""
    note: str = ""

    @property
    def key(self) -> str:
        """In JSON."""
        return self.label.lower().replace(" ", "_").replace(",", "")


@dataclass(frozen=True)
class Trace:
    """A line of a panel; ``values`` has the rows of the table."""

    label: str
    values: Array
    kind: str = "reaction"


@dataclass(frozen=True)
class Panel:
    """Traces of one unit on one axis, with limits as (label, value); a state has names for its values."""

    name: str
    unit: str
    traces: Sequence[Trace]
    limits: Sequence[tuple[str, float]] = ()
    names: Mapping[str, str] = field(default_factory=dict)


class Scenario(Protocol):
    """A simulation that can be stopped between any two steps."""

    @property
    def name(self) -> str:
        """Short, for a folder."""

    @property
    def title(self) -> str:
        """One line for people."""

    @property
    def duration_s(self) -> float:
        """How long it will take, in its own time."""

    @property
    def table(self) -> Table:
        """What is recorded."""

    @property
    def stopped(self) -> str:
        """Why it ended before its time; empty if it did not."""

    def steps(self) -> Iterator[float]:
        """Run; after each step the time reached, in s."""

    def facts(self) -> Mapping[str, str]:
        """What was simulated."""

    def summary(self) -> Sequence[Figure]:
        """What came out, up to where it was stopped."""

    def panels(self) -> Sequence[Panel]:
        """What its page shows, from top to bottom."""
