"""False alarms counted: from records that are there, and by runs."""

import json
import sys
from pathlib import Path

import pytest

from hil.bench import seeds
from hil.errors import UsageError

SAID: list[str] = []


def record(folder: Path, verdicts: dict[str, str], code: int = 0) -> None:
    """A run that ended, as its record says."""
    events = [{"event": "verdict", "test": test, "verdict": verdict} for test, verdict in verdicts.items()]
    folder.mkdir(parents=True)
    lines = [json.dumps(event) for event in [*events, {"event": "end", "exit_code": code}]]
    (folder / "record.jsonl").write_text("\n".join(lines) + "\n", "utf-8")


def figures(out: Path, rigs: list[str], which: range) -> dict[str, tuple[float, str, bool | None]]:
    found = seeds.run(rigs, which, 1, out, SAID.append)
    return {figure.name: (figure.value, figure.unit, figure.ok) for figure in found}


def test_runs_that_ended_are_counted_and_not_repeated(tmp_path: Path) -> None:
    SAID.clear()
    record(tmp_path / "laptop-1", {"a": "pass", "b": "skipped"})
    record(tmp_path / "laptop-2", {"a": "fail", "b": "pass", "c": "error"}, code=1)
    assert figures(tmp_path, ["laptop"], range(1, 3)) == {
        "laptop: false alarms, 2 seeds": (1, "of 4", False),
        "laptop: tests without a verdict": (1, "of 4", False),
    }
    assert "a with seed 2" in SAID[-1]
    assert "c with seed 2 (error)" in SAID[-1]


def test_a_run_that_was_interrupted_is_run_again(tmp_path: Path) -> None:
    record(tmp_path / "missing-1", {"a": "pass"}, code=130)
    with pytest.raises(UsageError, match=r"no test was run: .*missing"):
        figures(tmp_path, ["missing"], range(1, 2))
    assert not (tmp_path / "missing-1").exists()


def test_a_run_without_a_verdict_ends_it_and_no_other_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = tmp_path / "begun"
    monkeypatch.setattr(seeds, "HIL", (sys.executable, "-c", f"open({str(begun)!r}, 'a').write('x')"))
    with pytest.raises(UsageError, match="no test was run"):
        figures(tmp_path, ["laptop"], range(1, 1000))
    assert 0 < len(begun.read_text()) < 10


def test_rigs_of_one_name_are_refused(tmp_path: Path) -> None:
    """Their records would be taken for each other's."""
    with pytest.raises(UsageError, match="it is named as laptop is") as refused:
        figures(tmp_path, ["laptop", "mine/laptop.toml"], range(1, 2))
    assert refused.value.place == "mine/laptop.toml"
