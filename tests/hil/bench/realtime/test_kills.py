"""When a kill ended well, by what is recorded of it; the kills themselves are for ``hil bench``."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

if sys.platform != "linux":
    pytest.skip("real time is measured on Linux", allow_module_level=True)

from hil.bench.realtime.kills import _is_safe, _parent, _processes

pytestmark = pytest.mark.real_time

OPEN = {"contactor.main_plus": "open", "contactor.main_minus": "open"}


def _event(event: str, **more: Any) -> dict[str, Any]:
    return {"event": event, "who": "plant", "reason": "the plant process died", "contactors": OPEN} | more


LEFT = _event("reached", reason="test 4711 has gone without a goodbye")
GUARDED = _event("reached", who="guard")
DIED = _event("guard died")
STEP = {"event": "step", "text": "safe state reached: asked for mode = standby; the BMS says standby"}
BAD_STEP = {"event": "step", "text": "safe state not reached: asked for mode = standby; the BMS says nothing"}


@pytest.mark.parametrize(
    ("victim", "code", "log", "record", "safe"),
    [
        ("test", 3, [LEFT], [], True),
        ("test", 3, [_event("reached")], [], False),
        ("test", 0, [LEFT], [], False),
        ("test", 3, [_event("not reached"), LEFT], [], False),
        ("test", 3, [], [STEP], False),
        ("host", 3, [GUARDED], [], True),
        ("host", 3, [GUARDED | {"who": "plant"}], [], False),
        ("host", 3, [GUARDED | {"contactors": OPEN | {"contactor.main_plus": "closed"}}], [], False),
        ("host", 3, [GUARDED | {"contactors": OPEN | {"contactor.main_plus": ""}}], [], False),
        ("BMS", 3, [], [STEP], True),
        ("BMS", 0, [], [STEP], False),
        ("BMS", 3, [], [], False),
        ("BMS", 3, [], [BAD_STEP], False),
        ("guard", 0, [DIED], [STEP], True),
        ("guard", 0, [], [STEP], False),
        ("guard", 0, [DIED], [], False),
        ("guard", 3, [DIED], [STEP], False),
    ],
)
def test_what_the_record_must_say(
    victim: str,
    code: int,
    log: list[dict[str, Any]],
    record: list[dict[str, Any]],
    safe: bool,
    tmp_path: Path,
) -> None:
    _write(tmp_path / "safe_state.jsonl", log)
    _write(tmp_path / "record.jsonl", record)
    assert _is_safe(tmp_path, victim, code) is safe


def _write(path: Path, events: list[dict[str, Any]]) -> None:
    lines = [json.dumps(event) + "\n" for event in events]
    path.write_text("".join(lines) + '{"event": "rea')  # the last line is half written


def test_processes_are_found_by_what_is_in_their_command_line() -> None:
    own = Path("/proc/self/cmdline").read_bytes().decode().split("\0")[0]
    assert os.getpid() not in _processes(own)
    assert _processes("no command line has this text") == []
    assert _parent(os.getpid()) == os.getppid()
