"""The log of safe states: when the rig went there, why, and whether it got there. JSON lines, added to."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hil.host.real import SafeState

NAME = "safe_state.jsonl"


class SafeLog:
    """Writes the log; a line is in the file before the method returns.

    A log that cannot be written keeps nobody from the safe state: the line goes to stderr then.

    Args:
        path: The file.
        who: ``plant`` or ``guard``.
    """

    def __init__(self, path: Path, who: str) -> None:
        self.path = path
        self._who = who

    def entered(self, reason: str, t_ns: int | None = None) -> None:
        """The way to the safe state begins."""
        self._write({"event": "entered", "reason": reason, "t_ns": t_ns})

    def reached(self, reason: str, t_ns: int, safe: SafeState) -> None:
        """It has been gone to its end."""
        event = "reached" if safe.is_reached else "not reached"
        self._write({"event": event, "reason": reason, "t_ns": t_ns} | asdict(safe))

    def note(self, event: str, **more: Any) -> None:
        """Anything else that belongs there."""
        self._write({"event": event, **more})

    def _write(self, line: dict[str, Any]) -> None:
        head = {"date": datetime.now(tz=UTC).isoformat(timespec="milliseconds"), "who": self._who}
        text = json.dumps(head | {"pid": os.getpid()} | line) + "\n"
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            sys.stderr.write(f"{self.path}: {error.strerror}: {text}")
            sys.stderr.flush()
