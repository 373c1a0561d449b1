"""The energy books of the circuit: where each joule came from and went to.

Every entry is an integral of its own over the step, so that the balance is a check of the solution and
not a definition.
"""

from __future__ import annotations

from collections import defaultdict

SOURCES = ("cells", "charger")
"""What gives energy: the cells' EMF, and a charger at the pack's terminals. All other entries take it."""


class Books:
    """Energy by what it went through since the books were opened, in J.

    Attributes:
        joules: By name: what :data:`SOURCES` gave, what the others took. ``link`` is what the capacitor
            holds more than at the beginning, ``loads`` what drive and loads took less what a charger on
            the link gave.
    """

    def __init__(self) -> None:
        self.joules: dict[str, float] = defaultdict(float)

    def enter(self, **joules: float) -> None:
        """Add what one step has moved."""
        for name, value in joules.items():
            self.joules[name] += value

    @property
    def given_J(self) -> float:
        """What the sources gave."""
        return sum(self.joules[name] for name in SOURCES)

    @property
    def residual_J(self) -> float:
        """What is missing: 0 but for rounding."""
        return self.given_J - sum(value for name, value in self.joules.items() if name not in SOURCES)

    @property
    def moved_J(self) -> float:
        """The sum of all that moved, whichever way: what the residual is measured by."""
        return sum(abs(value) for value in self.joules.values())
