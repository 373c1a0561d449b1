"""The five verdicts, and the exception by which a check says that the BMS failed."""

from __future__ import annotations

from enum import StrEnum

from hil.checks.check import CheckResult


class Verdict(StrEnum):
    """How a test ended."""

    PASS = "pass"
    FAIL = "fail"  # the BMS did not do what its limits promise
    ERROR = "error"  # the test or the rig broke
    INVALID = "invalid"  # the rig was out of its budget, one of its hooks went wrong, or its disk was full
    SKIPPED = "skipped"  # the BMS does not have what the test needs


class BmsFailure(AssertionError):
    """A check that the BMS did not meet; carries the evidence."""

    def __init__(self, result: CheckResult) -> None:
        self.result = result
        super().__init__(result.message())
