"""What is wrong with the steps of a script's test, apart from the types of their values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from hil.rig.mistakes import suggest
from hil.script.arguments import Mistake, mistakes_of_fault

if TYPE_CHECKING:
    from hil.script.file import StepSection

ACTIONS = ("reach", "request", "set", "fault", "end", "reset", "power", "wait")
CHECKS = ("expect", "stays", "never")
_OF_A_FAULT = {"with_": "with", "for_": "for", "name": "name"}


def mistakes_in(steps: Sequence[StepSection]) -> Iterator[tuple[int, tuple[str, ...], str, str]]:
    """Place of the step, key within it, reason and remedy of each mistake."""
    last_ns = -1
    named: set[str] = set()  # faults that have not ended
    for place, step in enumerate(steps):
        found = [*_actions(step), *_checks(step), *mistakes_of_fault(step), *_names(step, named)]
        if step.at is not None:
            if step.at <= last_ns:
                found.append(
                    (("at",), "is not after the step before", "steps stand in the order of their times")
                )
            last_ns = step.at
        for key, reason, remedy in found:
            yield place, key, reason, remedy


def _actions(step: StepSection) -> Iterator[Mistake]:
    """A step does one thing."""
    given = step.given
    actions = [key for key in ACTIONS if key in given]
    if len(actions) > 1:
        yield (), f"does several things at once: {', '.join(actions)}", "write a step for each"
    if not given & {*ACTIONS, *CHECKS, "note"}:
        yield (), "does nothing", f"one of {', '.join(ACTIONS + CHECKS)}"
    if "fault" not in given:
        for key, written in _OF_A_FAULT.items():
            if key in given:
                yield (written,), "belongs to a fault", ""


def _checks(step: StepSection) -> Iterator[Mistake]:
    """Each check has its time."""
    given = step.given
    watches = not given.isdisjoint({"stays", "never"})
    if "expect" in given and "within" not in given:
        yield ("within",), "is missing", 'such as within = "500 ms"'
    if "within" in given and "expect" not in given:
        yield ("within",), "belongs to expect", ""
    if watches and "through" not in given:
        yield ("through",), "is missing", 'for how long, such as through = "1 s"'
    if "through" in given and not watches:
        yield ("through",), "belongs to stays or never", ""


def _names(step: StepSection, named: set[str]) -> Iterator[Mistake]:
    """What is ended was begun, and has not ended."""
    if step.fault is not None and step.name:
        if step.name in named:
            yield ("name",), f"a fault named {step.name!r} has not ended", "end it, or take another name"
        named.add(step.name)
    if step.end is not None:
        if step.end not in named:
            remedy = suggest(step.end, named, "names of faults that have not ended")
            yield ("end",), f"no fault before it is named {step.end!r}", remedy
        named.discard(step.end)
