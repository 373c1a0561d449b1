"""A life in its own process: firmware that crashes; and a finding as a test file that replays."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hil.errors import BmsError, FirmwareError
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
_IS_KILLED = replace(
    _CRASHES,
    name="it is killed",
    new=_CRASHES.new.replace("*(volatile int *)0 = 1;", "{ extern int raise(int); raise(9); }"),
)
_SCRIPT = (Act("breaks", ("interlock",)), Act("breaks", ("cell_overvoltage",)))


def test_a_crash_is_a_finding(player_of: Callable[[Mutant], Player]) -> None:
    outcome = player_of(_CRASHES).play(_SCRIPT, frozenset())
    assert not outcome.trouble
    assert outcome.violation is not None
    assert outcome.violation.text == "the firmware ends with SIGSEGV"


def test_a_life_that_somebody_kills_is_the_rigs_trouble(player_of: Callable[[Mutant], Player]) -> None:
    """As a system without memory does, whatever runs."""
    outcome = player_of(_IS_KILLED).play(_SCRIPT, frozenset())
    assert outcome.violation is None
    assert outcome.trouble == "the rig itself ends with SIGKILL"


@pytest.mark.parametrize(
    ("said", "key"),
    [
        ("bms_step returned -1 at bus time {}.250 s", "the firmware bears it: bms_step returned -1"),
        ("the BMS's messages take 10{} % of bus 'pack'", "the firmware bears it: flood"),
    ],
)
def test_an_error_of_the_firmware_is_one_finding_whenever_it_comes(
    whole: Player, monkeypatch: pytest.MonkeyPatch, said: str, key: str
) -> None:
    """Else it could not be shrunk, and each life would find it anew."""
    for number in (0, 1):

        def fail(_life: object, number: int = number) -> None:
            raise BmsError(said.format(number))

        monkeypatch.setattr("hil.explore.life.Life.heals", fail)
        outcome = whole.play((Act("heals"),), frozenset())
        assert outcome.violation is not None
        assert outcome.violation.key == key
        assert outcome.violation.text == said.format(number)


def test_firmware_that_never_begins_is_the_rigs_trouble(
    whole: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object, **_named: object) -> None:
        raise FirmwareError("bms_init returned 5")

    monkeypatch.setattr("hil.rig.rig.Rig.power_on", refuse)
    outcome = whole.play((), frozenset())
    assert (outcome.violation, outcome.trouble) == (None, "bms_init returned 5")


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
