"""What an earlier run must have in common with the one that goes on with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hil.report.record import Recorder
from hil.run.resume import Earlier


def test_a_record_rounds_numbers_and_is_still_of_the_same_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wiring = [{"port": "p", "bus": "b", "message": "m", "signal": "s", "direction": "out", "offset": 0.0}]
    facts: dict[str, Any] = {"rig": "r", "seed": 1, "dbc": {}, "firmware": {}}
    facts["wiring"] = [{**wiring[0], "scale": 0.123456789012345}]
    with Recorder(tmp_path / "record.jsonl") as recorder:
        recorder.run(**facts)
        recorder.test("t", 0)
    monkeypatch.setattr("hil.run.resume.run_facts", lambda *_, **__: facts)
    config: Any = None
    assert Earlier.of(tmp_path, config, 1, "blf").settled == frozenset()
