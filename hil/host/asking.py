"""Asks something of the BMS step by step, as the rig file says, wherever plant and buses run."""

from __future__ import annotations

from typing import cast

from hil.host.contract import Host
from hil.host.stimulus import Stimulus
from hil.host.undeterred import Undeterred
from hil.rig.observe import Observer
from hil.rig.requests import Step
from hil.rig.schema import RigConfig


def ask(
    config: RigConfig, host: Host, request: str, value: float, *, to_the_end: bool = False
) -> tuple[Stimulus, str]:
    """Ask something of the BMS, by the request's signal or by its steps; time may pass.

    Args:
        config: The rig file.
        host: Where plant and buses run.
        request: One of the rig file's.
        value: Its number.
        to_the_end: Go on where the BMS does not come to say what is waited for: the way to the safe state.

    Returns:
        The stimulus of the last thing that was done, named as the request; and at which step it ended before
        its end, ``""`` if it did not.
    """
    manner, role, observer = config.manner(request), config.requests[request], Observer(config, host)
    steps = manner.steps.get(value)
    if steps is None and manner.owns_signal:
        return host.send(request, value), ""
    text = f"{request} = {role.name_of(value)}"
    last, stopped = None, ""
    for number, step in enumerate(steps or (), start=1):
        last = _act(host, step) or last
        reason = _missed(observer, host, step, host.now_ns if last is None else last.applied_ns)
        if reason and not stopped:
            stopped = f"{text} stopped at step {number} of {len(steps or ())}, {step.text}: {reason}"
        if reason and not to_the_end:
            break
    stimulus = last or Stimulus(request, text, host.now_ns)
    stimulus.name, stimulus.text, stimulus.value = request, text, value
    return stimulus, stopped


def ask_for_safety(config: RigConfig, host: Undeterred) -> tuple[dict[str, Stimulus | None], list[str]]:
    """Ask each request of the safe state, whatever becomes of the others; time may pass.

    Returns:
        What carries each of them, ``None`` where it could not be asked; and where steps ended.
    """
    asked: dict[str, Stimulus | None] = {}
    stopped: list[str] = []
    for request, value in config.safe_state.requests.items():
        asked[request] = None
        with host.going_on():
            asked[request], at = ask(config, cast("Host", host), request, value, to_the_end=True)
            stopped += [at] if at else []
    return asked, stopped


def _act(host: Host, step: Step) -> Stimulus | None:
    """What a step does to the BMS, or lets pass."""
    if step.kind == "signal":
        return host.send(step.name, step.value)
    if step.kind == "set":
        return host.set(step.name, step.value)
    if step.kind == "wait":
        host.run_until(host.now_ns + step.span_ns)
    return None


def _missed(observer: Observer, host: Host, step: Step, since_ns: int) -> str:
    """What the BMS says in place of what a step waits for; ``""``: it said that since then, or in time."""
    if step.kind != "until":
        return ""
    role = observer.role(step.name)
    matches = observer.matcher(role, step.value)
    said = observer.last_before(role, host.now_ns)
    if said is not None and matches(said[1]):
        return ""
    if observer.first(role, since_ns, host.now_ns + step.span_ns, matches) is not None:
        return ""
    said = observer.last_before(role, host.now_ns)
    return f"it says nothing of {role.name}" if said is None else f"{role.name} is {role.name_of(said[1])}"
