"""The guard as the plant holds it; what it does when the plant dies is tested with whole processes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("a guard is watched by what Linux has", allow_module_level=True)

from hil.clock import NS_PER_S
from hil.host.guard import Guard
from hil.realtime.clock import RealClock

pytestmark = pytest.mark.real_time


def test_a_guard_that_cannot_live_is_given_up_and_that_is_told(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    log, clock = tmp_path / "plant.log", RealClock()
    guard = Guard(tmp_path / "no_such_rig.toml", log)
    guard.start()
    guard.watch(clock)
    for _ in range(60):
        clock.run_until(clock.now_ns + NS_PER_S)
        if guard.pid is None:
            break
    events = [json.loads(line)["event"] for line in log.read_text("utf-8").splitlines()]
    assert events == ["guard died"] * 3 + ["guard given up"]
    assert "nobody asks for the safe state" in capfd.readouterr().err
    guard.dismiss()
