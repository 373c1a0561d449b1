"""The suite's tests of the supply: the reference BMS passes, and they can fail."""

from __future__ import annotations

from pathlib import Path

import pytest

import hil.suite
from hil.cli import main
from hil.report.record import read_events

SUITE = Path(hil.suite.__file__).parent / "test_supply.py"
RIG = """extends = "laptop.toml"
[limits.supply_loss]
reaction = "{reaction}"
"""


@pytest.fixture
def run(tmp_path: Path):
    def run(reaction: str, select: str) -> tuple[int, dict[str, str]]:
        rig, out = tmp_path / "rig.toml", tmp_path / "out"
        rig.write_text(RIG.format(reaction=reaction), encoding="utf-8")
        code = main(["run", str(rig), "--out", str(out), "-k", select, "--", str(SUITE)])
        events = read_events(out / "record.jsonl")
        verdicts = {e["test"].partition("::")[2]: e["verdict"] for e in events if e["event"] == "verdict"}
        return code, verdicts

    return run


def test_the_reference_bms_lives_with_a_weak_supply(run):
    code, verdicts = run("50 ms", "lost or weak")
    assert code == 0
    assert list(verdicts.values()) == ["pass"] * 6


def test_contactors_that_take_longer_than_promised_fail(run):
    code, verdicts = run("5 ms", "lost")
    assert code == 1
    assert list(verdicts.values()) == ["fail"]
