"""What an invariant says when it does not hold."""

from __future__ import annotations

from dataclasses import dataclass

from hil.checks.check import Check, CheckResult
from hil.checks.verdict import BmsFailure


@dataclass(frozen=True)
class Violation:
    """An invariant that did not hold.

    Attributes:
        invariant: Its name.
        subject: Of what: a role or limit; the same invariant and subject are the same finding.
        check: What was to be.
        actual: What was, in words.
        t_ns: Bus timestamp of the frame that shows it.
    """

    invariant: str
    subject: str
    check: Check | None
    actual: str
    t_ns: int = 0

    @property
    def key(self) -> str:
        """What makes two findings one."""
        return f"{self.invariant}: {self.subject}" if self.subject else self.invariant

    @property
    def text(self) -> str:
        """In one line."""
        return f"expected: {self.check}; came: {self.actual}" if self.check else self.actual

    def failure(self) -> BmsFailure:
        """As a test fails with it."""
        if self.check is None:
            raise AssertionError("the end of a firmware fails no check")
        return BmsFailure(CheckResult(self.check, ok=False, actual=self.actual, t_ns=self.t_ns))
