"""What a rig tells whoever writes the record: the rig knows no file and no format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from hil.checks.check import CheckResult
from hil.host.stimulus import Stimulus


class Journal(Protocol):
    """Takes what happens in a test, in order; times are bus time in nanoseconds."""

    def step(self, test: str, t_ns: int, text: str) -> None:
        """The test did something."""

    def stimulus(self, test: str, stimulus: Stimulus) -> None:
        """Something was done to the BMS on purpose; told once it is on the wire."""

    def check(self, test: str, result: CheckResult) -> None:
        """A statement about the BMS was judged."""

    def cell(self, test: str, cell: int, place: Mapping[str, str], result: CheckResult) -> None:
        """How the BMS answers to a fault of one cell was judged; ``place``: ``fault`` and ``state``."""

    def proves(self, test: str, requirement: str) -> None:
        """The test has taken a limit that a requirement promises."""

    def plot(self, test: str, plot: Mapping[str, Any]) -> None:
        """What the report draws for the test."""


class Silent:
    """The journal of a run that keeps no record."""

    def step(self, test: str, t_ns: int, text: str) -> None:
        """Nothing is kept."""

    def stimulus(self, test: str, stimulus: Stimulus) -> None:
        """Nothing is kept."""

    def check(self, test: str, result: CheckResult) -> None:
        """Nothing is kept."""

    def cell(self, test: str, cell: int, place: Mapping[str, str], result: CheckResult) -> None:
        """Nothing is kept."""

    def proves(self, test: str, requirement: str) -> None:
        """Nothing is kept."""

    def plot(self, test: str, plot: Mapping[str, Any]) -> None:
        """Nothing is kept."""
