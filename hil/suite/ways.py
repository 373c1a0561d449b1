"""The ways from a state of the BMS to another one that can be asked for, legal or not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import pytest

from hil import Rig, RigConfig
from hil.suite.protections import break_

_BETWEEN = ("precharge", "fault")  # states that no request asks for
_ELSE_NS = 5_000_000_000  # to a mode of which the rig file promises no time


@dataclass(frozen=True)
class Way:
    """A request in a state.

    Attributes:
        state: Where the BMS is when it is asked.
        mode: What it is asked for; the state of that name is where it would come to.
        towards: In precharge, what it is on its way to.
        followed: Whether it goes there, by the rig file.
    """

    state: str
    mode: str
    towards: str
    followed: bool

    def __str__(self) -> str:
        towards = f"-for-{self.towards}" if self.towards else ""
        return f"{self.state}{towards}-to-{self.mode}"


def ways(config: RigConfig) -> Iterator[Way]:
    """Each mode asked for in each state that can be reached, but for where it is or is on its way to."""
    state, mode = config.roles.get("state"), config.requests.get("mode")
    if state is None or mode is None:
        return
    known = [name for name in mode.values or () if name in (state.values or ())]
    closing = [name for name in ("operate", "charge") if name in known]
    for begin in (*known, *(name for name in _BETWEEN if name in (state.values or ()))):
        for towards in closing if begin == "precharge" else ("",):
            for end in known:
                if end not in {begin, towards}:
                    yield Way(begin, end, towards, end in config.transitions.follows(begin))


def come_to(rig: Rig, way: Way) -> None:
    """From standby to where a way begins."""
    if way.state == "precharge":
        prepare(rig, way.towards)
        rig.request("mode", way.towards)
        rig.expect("state", "precharge", within=rig.limits.beside("precharge").timeout)
    elif way.state == "fault":
        rig.operate()
        _fall_ill(rig)
        if way.mode == "operate" and "standby" not in rig.config.transitions.follows("fault"):
            rig.on_wire(rig.request("mode", "standby"))  # it was asked for before the fault: to be asked anew
    else:
        reach(rig, way.state)


def prepare(rig: Rig, mode: str) -> None:
    """Let nothing but the BMS's state be against a mode."""
    if mode == "charge":
        rig.set("charger.plugged", 1.0)


def reach(rig: Rig, mode: str) -> None:
    """Ask for a mode and wait for the state of its name, as long as it may take."""
    known: Mapping[str, Callable[[], None]] = {
        "standby": rig.standby,
        "operate": rig.operate,
        "charge": rig.charge,
    }
    if mode in known:
        known[mode]()
    else:
        rig.request("mode", mode)
        rig.expect("state", mode, within=_ELSE_NS, already=True)


def _fall_ill(rig: Rig) -> None:
    """Into the fault state; the cause is gone at the end, and no reset was asked for."""
    name = _curable(rig)
    limit = rig.limits.beside(name)
    total = limit.delay + limit.reaction
    with break_(rig, name):
        rig.expect("state", "fault", within=total)
    rig.run_for(total)


def _curable(rig: Rig) -> str:
    """A fault that only a reset ends."""
    for name in ("interlock", "cell_overvoltage"):
        if rig.has(name) and rig.limits.beside(name).clears == "reset" and _holds_in_operation(rig, name):
            return name
    what = "neither an interlock nor a cell overvoltage of operation that a reset clears"
    pytest.skip(f"the rig file has {what}")


def _holds_in_operation(rig: Rig, name: str) -> bool:
    states = rig.limits.beside(name).states
    return not states or "operate" in states
