"""Asks something of the BMS step by step, as the rig file says, wherever plant and buses run."""

from __future__ import annotations

from hil.bus.frame import Frame
from hil.clock import NS_PER_MS
from hil.frames.database import Message
from hil.host.contract import Host
from hil.host.stimulus import Stimulus
from hil.responses.signals import Values
from hil.rig.requests import Step
from hil.rig.roles import Role
from hil.rig.schema import RigConfig

_SILENT_NS = 100 * NS_PER_MS  # a cycle, where the DBC files give none


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
    manner, role = config.manner(request), config.requests[request]
    steps = manner.steps.get(value)
    if steps is None and manner.owns_signal:
        return host.send(request, value), ""
    text = f"{request} = {role.name_of(value)}"
    last, stopped = None, ""
    for number, step in enumerate(steps or (), start=1):
        last = _act(host, step) or last
        reason = _missed(config, host, step, host.now_ns if last is None else last.applied_ns)
        if reason and not stopped:
            stopped = f"{text} stopped at step {number} of {len(steps or ())}, {step.text}: {reason}"
        if reason and not to_the_end:
            break
    stimulus = last or Stimulus(request, text, host.now_ns)
    stimulus.name, stimulus.text, stimulus.value = request, text, value
    return stimulus, stopped


def _act(host: Host, step: Step) -> Stimulus | None:
    """What a step does to the BMS, or lets pass."""
    if step.kind == "signal":
        return host.send(step.name, step.value)
    if step.kind == "set":
        return host.set(step.name, step.value)
    if step.kind == "wait":
        host.run_until(host.now_ns + step.span_ns)
    return None


def _missed(config: RigConfig, host: Host, step: Step, since_ns: int) -> str:
    """What the BMS says in place of what a step waits for; ``""``: it said that since then, or in time."""
    if step.kind != "until":
        return ""
    role = config.roles[step.name]
    message = config.buses[role.bus].database.messages[role.message]
    rows = host.history(role.bus, role.message, since_ns)
    if step.value in (_says(host, role, message), *(role.reading.of(values) for _, values in rows)):
        return ""
    found: list[float] = []

    def watch(_frame: Frame, values: Values) -> None:
        if role.reading.of(values) == step.value:
            found.append(step.value)

    stop = host.subscribe(role.bus, role.message, watch)
    try:
        if host.run_until(host.now_ns + step.span_ns, found):
            return ""
    finally:
        stop()
    said = _says(host, role, message)
    return f"it says nothing of {role.name}" if said is None else f"{role.name} is {role.name_of(said)}"


def _says(host: Host, role: Role, message: Message) -> float | None:
    """The value of a role in its last frame, if that is no older than it may be."""
    holds = message.on_change is not None and not message.cycle_ns
    span_ns = (message.cycle_ns or _SILENT_NS) * (role.frames_of(message) + 1)
    rows = host.history(role.bus, role.message, 0 if holds else host.now_ns - span_ns)
    said = (role.reading.of(values) for _, values in reversed(rows))
    return next((value for value in said if value is not None), None)
