"""One line per test while a run goes on, and nothing more of pytest's own after the rig's trouble."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from hil.run.lines import line_of
from hil.run.pipe import discard_stdout

if TYPE_CHECKING:
    from hil.run.session import Session

class NothingToRun:
    """Keeps pytest from collecting, where a run could not even begin."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> bool:
        """There is nothing."""
        return True


class Progress:
    """Replaces pytest's dots.

    Args:
        run: What is run.
        writer: The terminal, past pytest's capturing.
    """

    def __init__(self, run: Session, writer: pytest.TerminalReporter) -> None:
        self._run = run
        self._writer = writer
        self._total = 0
        self._done = 0
        self._heard = True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Say what is about to run; nothing does where a test file could not be read."""
        if self._run.over:
            return True
        self._done = self._run.begin(len(session.items))
        self._total = self._done + len(session.items)
        if self._total and not self._done:
            tests = "1 test" if self._total == 1 else f"{self._total} tests"
            self._say(f"{self._run.config.title}: {tests}")
        return None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self) -> bool | None:
        """Pass over the tests that are left once the run is over; the report says why it is."""
        return True if self._run.over else None

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str]:
        """Keep pytest from writing letters of its own; it still counts."""
        return report.outcome if report.when == "call" or not report.passed else "", "", ""

    def show(self, test: str, verdict: str, reason: str) -> None:
        """A test ended."""
        self._done += 1
        self._say(line_of(self._done, self._total, test, verdict, reason))

    def _say(self, line: str) -> None:
        if not self._heard:
            return
        try:
            self._writer.write_line(line)
            self._writer.flush()
        except OSError as error:  # the reader, ``head`` say, has gone; the run goes on to its report
            self._heard = False
            if not isinstance(error, BrokenPipeError):
                sys.stderr.write(f"hil: standard output cannot be written: {error.strerror}\n")

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Pytest's own last lines go nowhere if the run's do."""
        self._discard()

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        """Nor does it, or Python, stumble over what is still buffered when the output is its own again."""
        self._discard()

    def _discard(self) -> None:
        if not self._heard:
            discard_stdout()
            self._writer.flush()
