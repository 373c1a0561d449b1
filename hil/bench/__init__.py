"""What this machine reaches, measured: each part has ``run() -> list[Figure]``."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One measured figure.

    Attributes:
        name: What was measured.
        value: The figure, in `unit`.
        unit: Unit of the value.
        goal: What it should be, in words: "<= 6".
        ok: Whether it is; None if there is no goal.
    """

    name: str
    value: float
    unit: str
    goal: str
    ok: bool | None
