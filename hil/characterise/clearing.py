"""How an answer ends: by itself or by a reset, and how far the value has to come back for that."""

from __future__ import annotations

from collections.abc import Callable

from hil.characterise.bisect import edge
from hil.characterise.measure import Probe
from hil.characterise.sheet import Clearing
from hil.characterise.trial import Trial, seconds
from hil.clock import NS_PER_S
from hil.errors import NotOfferedError

_WAIT_NS = NS_PER_S  # for a reset to show
_START_NS = 2 * NS_PER_S  # for a start to show


def _reset(trial: Trial) -> None:
    trial.rig.pulse_reset()
    trial.until(trial.now_ns + _WAIT_NS)


def _standby(trial: Trial) -> None:
    trial.rig.request("mode", "standby")
    trial.until(trial.now_ns + _WAIT_NS)


def _power_cycle(trial: Trial) -> None:
    trial.host.power_on(cold=False)
    trial.until(trial.now_ns + _START_NS)


def _cold_start(trial: Trial) -> None:
    trial.host.power_on(cold=True)
    trial.until(trial.now_ns + _START_NS)


# in the order in which they are tried, each after those before it
_WAYS: dict[str, Callable[[Trial], None]] = {
    "reset": _reset,
    "standby": _standby,
    "reset in standby": _reset,
    "power cycle": _power_cycle,
    "cold start": _cold_start,
}
_LEVELS: dict[
    str, tuple[Callable[[Trial], None], ...]
] = {  # those for which the value may matter, and what has to be done
    "reset": (_reset,),
    "standby": (_standby,),
    "reset in standby": (_standby, _reset),
}


def clearing(probe: Probe, near: int, far: int) -> Clearing:
    """How the answer ends.

    Args:
        probe: What is turned.
        near: The farthest raw number that is not answered.
        far: Its neighbour, which is.
    """
    way, after_ns = _way(probe, far)
    after = None if after_ns is None else seconds(after_ns)
    if probe.lever.is_switch or (way != "itself" and way not in _LEVELS):
        return Clearing(way, after=after)

    def ends(raw: int) -> bool:
        return _ends(probe, far, raw, way)

    if ends(near):
        return Clearing(way, probe.lever.value(near), None, after)
    if near == probe.neutral or not ends(probe.neutral):
        return Clearing(way, after=after)
    stays, clears = edge(near, probe.neutral, ends)
    return Clearing(way, probe.lever.value(clears), probe.lever.value(stays), after)


def _answered(probe: Probe, trial: Trial, far: int) -> bool:
    zero_ns = probe.turn(trial, far)
    return trial.answer(probe.role, zero_ns, zero_ns + probe.times.patience_ns) is not None


def _way(probe: Probe, far: int) -> tuple[str, int | None]:
    """Which way ends it with the value at rest; and how long that takes by itself, in ns."""
    with probe.trial() as trial:
        if not _answered(probe, trial, far):
            return "nothing", None
        trial.let_go()  # and not held at rest: a contactor that has opened must be seen to
        back_ns = trial.now_ns
        gone = trial.answer(probe.role, back_ns, back_ns + probe.times.patience_ns, on=False)
        if gone is not None:
            return "itself", gone.t_ns - back_ns
        for way, act in _WAYS.items():
            try:
                act(trial)
            except NotOfferedError:  # there is no such request
                continue
            trial.until(trial.now_ns + 2 * probe.cycle_ns)  # what is judged came after it
            if trial.says(probe.role) is False:
                return way, None
    return "nothing", None


def _ends(probe: Probe, far: int, raw: int, way: str) -> bool:
    """Whether it ends with the value brought back to a raw number."""
    with probe.trial() as trial:
        if not _answered(probe, trial, far):
            return False
        back_ns = probe.turn(trial, raw)
        if way == "itself":
            within_ns = back_ns + probe.times.patience_ns
            return trial.answer(probe.role, back_ns, within_ns, on=False) is not None
        trial.until(back_ns + 2 * probe.slack_ns)
        for act in _LEVELS[way]:
            act(trial)
        trial.until(trial.now_ns + 2 * probe.cycle_ns)
        return trial.says(probe.role) is False
