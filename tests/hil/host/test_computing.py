"""A function that goes wrong in real time: it is told once, and called again in the next test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from hil.errors import HookError
from hil.host.client import RemoteHost
from hil.rig.computed import ComputedSignal, Input
from hil.rig.schema import RigConfig
from tests.hil.served import Plant


def test_the_next_test_calls_it_again(start: Callable[..., Plant], laptop: RigConfig) -> None:
    calls: list[float] = []
    wrong = ["it is"]

    def goes_wrong(current: float) -> float:
        calls.append(current)
        if wrong:
            raise HookError("raised ZeroDivisionError", place="own.py", key="status")
        return 1.0

    wire = next(w for w in laptop.wires if w.port == "current_sensor.over_current")
    given = (Input("pack.current", ("pack.current",)),)
    computed = ComputedSignal(wire.bus, wire.message, wire.signal, "status", given, call=goes_wrong)
    wires = tuple(one for one in laptop.wires if one is not wire)
    plant = start(replace(laptop, wires=wires, computed=(computed,)))
    assert len(calls) == 1  # when it was tried whether all can be packed
    connection = plant.connection()
    host = RemoteHost(plant.rig, connection, 1)
    with pytest.raises(HookError, match=r"own\.py: status: raised ZeroDivisionError"):
        _run(host)
    assert len(calls) == 2
    wrong.clear()
    again = RemoteHost(plant.rig, connection, 2)
    _run(again)
    assert len(calls) > 2
    again.stop()


def _run(host: RemoteHost) -> None:
    host.power_on()
    host.run_until(host.now_ns + 500_000_000)
