"""What the makers allow their cells: current by capacity, and temperature."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CellLimits:
    """Limits of a family of cells; a rate of 1 C is the nominal capacity in one hour.

    Attributes:
        discharge_C: Continuous.
        charge_C: Continuous.
        pulse_C: Discharge for at most ``pulse_s`` at a time.
        lowest_degC: Of a cell in use.
        highest_degC: Of a cell in use.
    """

    discharge_C: float
    charge_C: float
    pulse_C: float
    pulse_s: float
    lowest_degC: float
    highest_degC: float
    source: str


FAMILIES: dict[str, CellLimits] = {
    "winston-lyp": CellLimits(
        discharge_C=3.0,
        charge_C=3.0,
        pulse_C=10.0,
        pulse_s=5.0,
        lowest_degC=-45.0,
        highest_degC=85.0,
        source="maker, sheets of the 100 Ah (10C for 5 s) and 300 Ah cells (3C both ways, -45 to 85 degC)",
    ),
    "lfp-280": CellLimits(
        discharge_C=1.0,
        charge_C=1.0,
        pulse_C=2.0,
        pulse_s=30.0,
        lowest_degC=-20.0,
        highest_degC=55.0,
        source="maker, EVE LF280K: -20 to 55 degC; currents provisional, sheets of the class",
    ),
    "nmc-94": CellLimits(
        discharge_C=2.0,
        charge_C=2.0,
        pulse_C=4.0,
        pulse_s=10.0,
        lowest_degC=-40.0,
        highest_degC=60.0,
        source="SimSES 1.3.12, Samsung SDI 94 Ah: 2C both ways, -40 to 60 degC; pulse provisional",
    ),
    "lead-agm": CellLimits(
        discharge_C=1.0,
        charge_C=0.3,
        pulse_C=5.0,
        pulse_s=10.0,
        lowest_degC=-20.0,
        highest_degC=50.0,
        source="provisional: what makers of AGM blocks recommend",
    ),
}
UNKNOWN = CellLimits(
    discharge_C=3.0,
    charge_C=1.0,
    pulse_C=5.0,
    pulse_s=10.0,
    lowest_degC=-30.0,
    highest_degC=60.0,
    source="provisional: what most makers of large cells allow",
)


def limits_of(cell: str) -> CellLimits:
    """Limits of the family that a cell's name begins with; of a user's own cell the common ones."""
    return next((limits for family, limits in FAMILIES.items() if cell.startswith(family)), UNKNOWN)
