"""Firmware that does not return is noticed, and firmware that does is not."""

from __future__ import annotations

from threading import Event, Thread

import pytest

from hil.bms.heartbeat import Heartbeat
from hil.characterise.watchdog import watched


@pytest.mark.parametrize("count", [1, 7])
def test_a_call_that_does_not_return_is_told(count: int) -> None:
    beat, hung = Heartbeat().view, Event()
    beat[0] = count
    with watched(beat, hung.set, limit_s=0.05):
        assert hung.wait(10)


def test_a_firmware_that_is_not_called_does_not_hang() -> None:
    beat, hung = Heartbeat().view, Event()
    beat[0] = 8
    with watched(beat, hung.set, limit_s=0.02):
        assert not hung.wait(0.3)


def test_long_work_of_many_calls_does_not_hang() -> None:
    beat, hung, over = Heartbeat().view, Event(), Event()

    def work() -> None:
        while not over.wait(0.005):
            beat[0] += 2  # odd whenever it is looked at, but never the same for long

    beat[0] = 1
    thread = Thread(target=work)
    thread.start()
    with watched(beat, hung.set, limit_s=2.0):
        assert not hung.wait(0.5)
    over.set()
    thread.join()
