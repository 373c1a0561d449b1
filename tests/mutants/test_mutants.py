"""A bug put into the reference BMS must make the suite fail, in a test that is about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.bench.mutants import FEW
from hil.mutants.build import Workshop, compiler
from hil.mutants.hunt import Fate, Hunt
from hil.mutants.mutant import Mutant, catalogue
from hil.rig.shipped import find_rig

pytestmark = pytest.mark.skipif(compiler() is None, reason="no C compiler on this machine")

_MUTANTS = {mutant.name: mutant for mutant in catalogue()}


@pytest.fixture
def hunt(tmp_path: Path) -> Hunt:
    return Hunt(find_rig("laptop"), Workshop(tmp_path / "unbroken"), 300.0)


@pytest.mark.parametrize("name", FEW)
def test_the_suite_notices(name: str, hunt: Hunt, tmp_path: Path) -> None:
    found = hunt.hunt(_MUTANTS[name], tmp_path / "mutant")
    assert found.fate is Fate.KILLED, found


def test_the_unbroken_bms_passes_the_same_tests(hunt: Hunt, tmp_path: Path) -> None:
    """Else the mutants would fail for another reason than their bug."""
    kills = " or ".join(f"({_MUTANTS[name].kill})" for name in FEW)
    margin = "#define MARGIN 30"
    folder = tmp_path / "mutant"
    folder.mkdir()
    unbroken = Mutant("none", "", "config.h", margin, margin, equivalent="it is the same")
    out = folder / "run"
    library = hunt.workshop.build(unbroken, folder)
    assert hunt.failures(library, kills, out) == {}


def test_a_bug_that_crashes_is_killed_for_another_reason(hunt: Hunt, tmp_path: Path) -> None:
    old = "m->max_cell = (uint8_t)(e.high_at + 1);"
    crash = Mutant("crash", "", "measure.c", old, "*(volatile int *)0 = 1;", "bursts_on_the_interlock")
    assert hunt.hunt(crash, tmp_path / "mutant").fate is Fate.OTHERWISE
