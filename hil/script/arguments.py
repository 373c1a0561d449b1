"""The arguments of a fault as a script writes them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from hil.errors import HilError, UnitError
from hil.faults.arguments import KINDS
from hil.faults.catalogue import CATALOGUE, make_fault
from hil.rig.limits import Limit
from hil.rig.mistakes import suggest
from hil.script.amount import Amount, check_finite, read_amount, read_span

if TYPE_CHECKING:
    from hil.script.file import StepSection

_PLAIN = {"int", "str"}  # in which there are no amounts

Mistake = tuple[tuple[str, ...], str, str]  # key within the step, reason, remedy


def mistakes_of_fault(step: StepSection) -> Iterator[Mistake]:
    """Whether there is such a fault, and takes these arguments."""
    if step.fault is None:
        return
    if step.fault not in CATALOGUE:
        yield ("fault",), f"no fault is called {step.fault!r}", suggest(step.fault, CATALOGUE, "faults")
        return
    found = list(_mistakes_of_arguments(step, step.fault))
    yield from found or _mistakes_of_values(step, step.fault)


def _mistakes_of_arguments(step: StepSection, fault: str) -> Iterator[Mistake]:
    """Each argument is there, is known, and is of its kind."""
    known = inspect.signature(CATALOGUE[fault]).parameters
    for key, parameter in known.items():
        if key not in step.with_ and parameter.default is parameter.empty:
            yield ("with",), f"{fault} needs {key}", f"it takes {', '.join(known)}"
    for key, value in step.with_.items():
        if key not in known:
            yield ("with", key), f"{fault} takes no such argument", suggest(key, known, "arguments")
            continue
        try:
            _read(fault, key, value)
        except HilError as error:
            yield ("with", key), error.reason, error.remedy


def _mistakes_of_values(step: StepSection, fault: str) -> Iterator[Mistake]:
    """Whether the fault can be made, as far as that does not depend on what a BMS promises."""
    read = {key: _read(fault, key, value) for key, value in step.with_.items()}
    if any(isinstance(value, Amount) and value.limits for value in read.values()):
        return
    try:
        make_fault(fault, {key: _resolved(fault, key, value, {}) for key, value in read.items()})
    except HilError as error:
        yield ("with",), error.reason, error.remedy


def arguments_of(step: StepSection, limits: Mapping[str, Limit]) -> dict[str, Any]:
    """The arguments as the fault takes them: a quantity with its unit, a time in ns.

    Raises:
        NotOfferedError: If the BMS does not promise a limit in one of them.
        UsageError: If one adds what cannot be added, or is a negative time.
    """
    fault = step.fault or ""
    return {key: _resolved(fault, key, _read(fault, key, value), limits) for key, value in step.with_.items()}


def _read(fault: str, key: str, value: Any) -> Any:
    """An argument: an amount that has to be resolved, or the value itself."""
    annotation = _annotation(fault, key)
    if isinstance(value, str) and annotation not in _PLAIN:
        return read_span(value) if annotation == "Time" else read_amount(value)
    kind = KINDS[annotation]
    if not isinstance(value, kind.types) or isinstance(value, bool) or annotation == "Time":
        raise UnitError(f"{value!r} is not {kind.said}")
    if isinstance(value, int | float):
        check_finite(value, value)
    return value


def _resolved(fault: str, key: str, value: Any, limits: Mapping[str, Limit]) -> Any:
    """As the fault takes it; a time where none is asked for keeps its unit, by which it is refused."""
    if not isinstance(value, Amount):
        return value
    return value.span(limits) if _annotation(fault, key) == "Time" else value.said(limits)


def _annotation(fault: str, key: str) -> str:
    """What kind of argument it is: a key of :data:`hil.faults.arguments.KINDS`."""
    return str(inspect.signature(CATALOGUE[fault]).parameters[key].annotation)
