"""A test that was invalid, because the rig was late, is run again as often as the rig file allows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from _pytest.runner import runtestprotocol

from hil.checks.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.run.session import Session, TestInfo

Outcome = pytest.StashKey[tuple[str, str]]


class Retries:
    """Runs each test, some of them again; only the last time counts.

    Args:
        run: What is run.
        outcome: Where verdict and reason of a test are kept.
        describe: What the record says of a test.
    """

    def __init__(self, run: Session, outcome: Outcome, describe: Callable[[pytest.Item], TestInfo]) -> None:
        self._run = run
        self._outcome = outcome
        self._describe = describe

    @pytest.hookimpl
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        """Run a test, until the rig was good enough."""
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
        for _ in range(self._run.config.health.retries):
            verdict, reason = item.stash[self._outcome]
            if verdict != Verdict.INVALID or self._run.over:
                break
            self._run.run_again(self._describe(item), reason)
            item.stash[self._outcome] = ("error", "interrupted")
            again: Any = item
            again._initrequest()  # noqa: SLF001 - pytest has no public way to run a test twice
            reports = runtestprotocol(item, log=False, nextitem=nextitem)
        for report in reports:
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True
