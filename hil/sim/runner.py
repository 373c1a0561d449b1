"""Run a scenario with a progress bar, until its end or Ctrl-C; either way what ran is written."""

from __future__ import annotations

import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType
from typing import NoReturn

from tqdm import tqdm

from hil.sim.scenario import Scenario

_BAR = "{desc}: {percentage:3.0f} % |{bar:30}| {remaining} left{postfix}"


@dataclass(frozen=True)
class Ending:
    """How a run went.

    Attributes:
        interrupted: By Ctrl-C, or a request to terminate.
        wall_s: What it took.
    """

    interrupted: bool
    wall_s: float


class _Stop:
    """Whether someone asked to stop: between two steps, so that no row is half written."""

    asked = False

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        """A signal came; a second one is not waited for."""
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


def run(scenario: Scenario, *, quiet: bool = False) -> Ending:
    """Run it.

    Args:
        scenario: Just made.
        quiet: No progress bar; there is none either where standard error is no terminal.
    """
    began = time.perf_counter()
    with _listening() as stop, _bar(scenario, quiet=quiet) as bar:
        for time_s in scenario.steps():
            bar.set_postfix_str(f"{_said(time_s)} simulated", refresh=False)
            bar.update(time_s - bar.n)
            if stop.asked:
                break
    return Ending(stop.asked, time.perf_counter() - began)


def _said(time_s: float) -> str:
    hours, rest = divmod(round(time_s), 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}"


def _bar(scenario: Scenario, *, quiet: bool) -> tqdm[NoReturn]:
    return tqdm(
        total=scenario.duration_s,
        desc=scenario.name,
        file=sys.stderr,
        bar_format=_BAR,
        mininterval=0.2,
        ncols=shutil.get_terminal_size((100, 24)).columns,  # a terminal may not know its width
        disable=True if quiet else None,
        leave=False,
    )


@contextmanager
def _listening() -> Iterator[_Stop]:
    """Signals are heard by the stop; the handlers of before come back afterwards."""
    stop, before = _Stop(), {}
    with suppress(ValueError):  # not in the main thread, as in tests
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, stop)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
