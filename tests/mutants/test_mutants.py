"""A bug put into the reference BMS must make the suite fail, in a test that is about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.bench.mutants import MUTANTS, Mutant, accused, build, compiler, failing

pytestmark = pytest.mark.skipif(compiler() is None, reason="no C compiler on this machine")


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_suite_notices(mutant: Mutant, tmp_path: Path) -> None:
    found = failing(build(mutant, tmp_path), tmp_path, ["-k", mutant.reason.partition("[")[0]])
    assert accused(mutant, found), f"only these did not pass: {found}"


def test_the_unbroken_bms_passes_the_same_tests(tmp_path: Path) -> None:
    """Else the mutants would fail for another reason than their bug."""
    unbroken = Mutant("none", "config.c", "#define MARGIN 30", "#define MARGIN 30", "")
    select = " or ".join(mutant.reason.partition("[")[0] for mutant in MUTANTS)
    assert failing(build(unbroken, tmp_path), tmp_path, ["-k", select]) == {}
