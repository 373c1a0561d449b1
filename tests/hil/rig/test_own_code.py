"""Code of the user's own: what ends it, and that nothing is left of that."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from hil.rig import own_code
from hil.rig.own_code import TimeLimit


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timer of the system")
def test_a_timer_that_runs_out_at_the_very_end_is_not_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would end the process, for whose handler is in force then knows nothing of it."""
    set_timer = signal.setitimer

    def and_at_the_end_a_signal(which: int, seconds: float, interval: float = 0.0) -> tuple[float, float]:
        before = set_timer(which, seconds, interval)
        if seconds == 0:
            signal.raise_signal(signal.SIGALRM)
        return before

    monkeypatch.setattr(own_code.signal, "setitimer", and_at_the_end_a_signal)
    try:
        with TimeLimit(Path("hooks.py")).over(10**9):
            pass
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    finally:
        set_timer(signal.ITIMER_REAL, 0)
