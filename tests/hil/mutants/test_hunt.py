"""What counts as killed, and what the matrix says of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from hil.errors import UsageError
from hil.mutants import matrix
from hil.mutants.build import Workshop, compiler
from hil.mutants.hunt import Failure, Fate, Found, Hunt, failures_of, is_check
from hil.mutants.mutant import Mutant
from hil.report.record import read_events
from hil.rig.schema import RigConfig
from hil.rig.shipped import find_rig

_MUTANT = Mutant("weld check <removed>", "contactor_weld", "conditions.c", "a", "b", "weld")
_EQUIVALENT = Mutant("1 LSB late", "cell_overvoltage", "config.c", "a", "b", equivalent="within tolerance")


@pytest.mark.parametrize(
    ("failure", "check"),
    [
        (Failure("fail", "expected: main_plus open within 100 ms"), True),
        (Failure("fail", "AssertionError: 1 == 2"), False),
        (Failure("fail", "the firmware crashed (SIGSEGV) in bms_step at bus time 1.000 s"), False),
        (Failure("error", "the firmware crashed (SIGSEGV)"), False),
        (Failure("invalid", "expected: main_plus open"), False),
    ],
)
def test_only_a_failed_check_is_the_right_reason(failure: Failure, check: bool) -> None:
    assert is_check(failure) is check


@pytest.mark.parametrize(
    ("mutant", "fate", "good"),
    [
        (_MUTANT, Fate.KILLED, True),
        (_MUTANT, Fate.OTHERWISE, False),
        (_MUTANT, Fate.SURVIVED, False),
        (_MUTANT, Fate.TIMED_OUT, False),
        (_MUTANT, Fate.NOT_BUILT, False),
        (_EQUIVALENT, Fate.SURVIVED, True),
        (_EQUIVALENT, Fate.OTHERWISE, False),
    ],
)
def test_which_fates_are_good(mutant: Mutant, fate: Fate, good: bool) -> None:
    assert Found(mutant, fate).good is good


def test_the_summary_counts_and_names_what_is_not_good() -> None:
    rows = [Found(_MUTANT, Fate.SURVIVED), Found(_EQUIVALENT, Fate.SURVIVED)]
    said = matrix.summary(rows)
    assert "0 of 1 killed for the right reason" in said
    assert "1 of 1 survived" in said
    assert "1 equivalent" in said
    assert "not good: weld check <removed>: survived" in said


def test_the_matrix_is_there_for_machines_and_for_eyes() -> None:
    rows = [Found(_MUTANT, Fate.KILLED, "test_contactors.py::test_weld[a]", "expected: open\ncame: closed")]
    (row,) = json.loads(matrix.as_json("laptop", rows))["mutants"]
    assert (row["fate"], row["test"], row["reason"]) == (Fate.KILLED, "test_weld[a]", "expected: open")
    page = matrix.as_page("laptop", rows)
    assert "weld check &lt;removed&gt;" in page
    assert "test_weld[a]" in page


def test_a_run_without_a_verdict_proves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no test was run"):
        failures_of(tmp_path)
    assert failures_of(tmp_path, may_be_none=True) == {}


@pytest.mark.skipif(compiler() is None, reason="no C compiler on this machine")
def test_only_rigs_of_the_reference_bms_have_mutants(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no rig of the shipped reference_bms") as refused:
        Hunt(find_rig("storage"), Workshop(tmp_path / "unbroken"), 1.0)
    assert refused.value.key == "bms.library"


@pytest.mark.skipif(compiler() is None, reason="no C compiler on this machine")
def test_files_beside_the_rig_are_found_with_a_mutant_too(tmp_path: Path, laptop: RigConfig) -> None:
    (tmp_path / "limits.csv").write_text("name,key,value\ninterlock,delay,100 ms\n", "utf-8")
    rig = tmp_path / "mine.toml"
    rig.write_text('extends = "laptop"\n[limits]\nfile = "limits.csv"\n', "utf-8")
    library, out = tmp_path / "mutant.so", tmp_path / "run"
    shutil.copy(laptop.bms.firmware, library)
    hunt = Hunt(rig, Workshop(tmp_path / "unbroken"), 60.0)
    assert hunt.failures(library, "bursts_on_the_interlock", out) == {}
    head = read_events(out / "record.jsonl")[0]
    assert (head["firmware"]["file"], head["paths"]["rig"]) == ("mutant.so", str(rig))


_MARGIN = Mutant("margin", "", "config.h", "#define MARGIN 30", "#define MARGIN 31", equivalent="a")
_DUE = Mutant("link", "", "config.h", "#define LINK_UP", "#define  LINK_UP", equivalent="b")


@pytest.mark.skipif(compiler() is None, reason="no C compiler on this machine")
@pytest.mark.parametrize(
    ("seen", "runs"),
    [({}, 1), ({"t": Failure("fail", "expected: open")}, 3), (None, 3)],
    ids=["unseen", "seen", "timed out"],
)
def test_equivalent_ones_share_a_run_until_a_test_sees_them(tmp_path, monkeypatch, seen, runs):
    libraries: list[bytes] = []

    def failures(_hunt, library, *_args, **_options):
        libraries.append((library.parent / "broken" / "config.h").read_bytes())
        return seen if len(libraries) == 1 else {}

    monkeypatch.setattr(Hunt, "failures", failures)
    hunt = Hunt(find_rig("laptop"), Workshop(tmp_path / "unbroken"), 1.0)
    found = hunt.hunt_equivalent([_MARGIN, _DUE], tmp_path / "together")
    assert [row.mutant for row in found] == [_MARGIN, _DUE]
    assert all(row.good for row in found)
    assert len(libraries) == runs
    assert _MARGIN.new.encode() in libraries[0]
    assert _DUE.new.encode() in libraries[0]
    assert not (tmp_path / "together").exists()
