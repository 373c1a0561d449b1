"""A life in its own process: firmware that crashes; and a finding as a test file that replays."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hil.explore.act import Act
from hil.explore.play import Player
from hil.explore.write import test_file as written
from hil.mutants.mutant import Mutant
from hil.rig.load import load_rig
from hil.rig.schema import RigConfig
from tests.hil.explore.conftest import Broken

_CRASHES = Mutant(
    "it crashes with an open interlock",
    "interlock",
    "protect.c",
    "b->latched |= present;",
    "b->latched |= present;\n    if (b->latched)\n        *(volatile int *)0 = 1;",
    "interlock",
)
_SCRIPT = (Act("breaks", ("interlock",)), Act("breaks", ("cell_overvoltage",)))


def test_a_crash_is_a_finding(player_of: Callable[[Mutant], Player]) -> None:
    outcome = player_of(_CRASHES).play(_SCRIPT, frozenset())
    assert not outcome.trouble
    assert outcome.violation is not None
    assert outcome.violation.text == "the firmware ends with SIGSEGV"


def test_an_act_that_raises_is_the_rigs_trouble(whole: Player, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hil.explore.life.Life.heals", lambda _: 1 / 0)
    outcome = whole.play((Act("heals"),), frozenset())
    assert outcome.violation is None
    assert outcome.trouble.strip().endswith("ZeroDivisionError: division by zero")


def test_a_saved_test_fails_again_and_passes_on_a_good_bms(
    config: RigConfig,
    build: Broken,
    bugs: dict[str, Mutant],
    player_of: Callable[[Mutant], Player],
    tmp_path: Path,
) -> None:
    bug = bugs["a second fault is not latched beside the first"]
    violation = player_of(bug).play(_SCRIPT, frozenset()).violation
    assert violation is not None
    saved = tmp_path / "test_saved.py"
    saved.write_text(written("laptop", violation, _SCRIPT, 1))
    broken = tmp_path / "broken.toml"
    broken.write_text(f'extends = "{config.path}"\n[bms]\nlibrary = "{build(bug)}"\n')
    assert load_rig(broken).limits.keys() == config.limits.keys()
    for rig, code in ((broken, 1), ("laptop", 0)):
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rig", str(rig), str(saved)]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout
        assert (violation.actual.partition(",")[0] in done.stdout) is bool(code)
