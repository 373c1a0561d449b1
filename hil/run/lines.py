"""The line of the terminal that says how a test ended, and words for those that are left."""

from __future__ import annotations

_SIGNS = {"pass": "ok", "fail": "FAIL", "error": "ERROR", "invalid": "INVALID", "skipped": "skip"}


def line_of(number: int, total: int, test: str, verdict: str, reason: str) -> str:
    """The test's number among all, its verdict and name, and why it did not pass."""
    name, bracket, parameters = test.rpartition("::")[2].removeprefix("test_").partition("[")
    words = name.replace("_", " ") + bracket + parameters
    line = f"[{number:3}/{total}] {_SIGNS.get(verdict, verdict):5} {words}"
    first = reason.splitlines()[0] if reason and verdict != "pass" else ""
    return f"{line}  ({first})" if first else line


def not_run(left: int) -> str:
    """What becomes of the tests that are left where a run stops."""
    return "the last one is not run" if left == 1 else f"the other {left} are not run"
