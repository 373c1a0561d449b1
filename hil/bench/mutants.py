"""Bugs put into the reference BMS: how many of a few the suite notices. For all: ``hil mutants laptop``."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hil.bench import Figure
from hil.mutants.build import Workshop
from hil.mutants.hunt import Hunt
from hil.mutants.mutant import catalogue
from hil.rig.shipped import find_rig

FEW = (
    "overvoltage debounce three times as long",
    "weld check removed",
    "one cell is never looked at",
    "checksums not checked",
    "interlock not debounced",
)
_LIMIT_S = 400.0


def run() -> list[Figure]:
    """How many of these bugs are killed for the right reason."""
    mutants = [mutant for mutant in catalogue() if mutant.name in FEW]
    with tempfile.TemporaryDirectory(prefix="hil-mutants-") as name:
        hunt = Hunt(find_rig("laptop"), Workshop(Path(name) / "unbroken"), _LIMIT_S)
        count = sum(hunt.hunt(mutant, Path(name) / str(n)).good for n, mutant in enumerate(mutants))
    total = len(FEW)
    return [Figure("bugs in the BMS noticed", count, f"of {total}", f"{total}", count == total > 0)]
