"""One line per test while a run goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from hil.rig.schema import RigConfig

_SIGNS = {"pass": "ok", "fail": "FAIL", "error": "ERROR", "invalid": "INVALID", "skipped": "skip"}


class Progress:
    """Replaces pytest's dots.

    Args:
        config: The rig file, for the first line.
        writer: The terminal, past pytest's capturing.
    """

    def __init__(self, config: RigConfig, writer: pytest.TerminalReporter) -> None:
        self._config = config
        self._writer = writer
        self._total = 0
        self._done = 0

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Say what is about to run."""
        self._total = len(session.items)
        cells = self._config.plant.pack.series
        self._say(f"{self._config.title}: {self._total} tests, {cells} cells, in virtual time")

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self) -> tuple[str, str, str]:
        """Keep pytest from writing letters of its own."""
        return "", "", ""

    def show(self, test: str, verdict: str, reason: str) -> None:
        """A test ended."""
        self._done += 1
        name = test.rpartition("::")[2].removeprefix("test_").replace("_", " ")
        line = f"[{self._done:3}/{self._total}] {_SIGNS.get(verdict, verdict):5} {name}"
        first = reason.splitlines()[0] if reason and verdict != "pass" else ""
        self._say(f"{line}  ({first})" if first else line)

    def _say(self, line: str) -> None:
        self._writer.write_line(line)
        self._writer.flush()


